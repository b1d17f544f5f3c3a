//! Deed: what a task can do to the process that it runs in.

use std::hint::{black_box, spin_loop};
use std::io::{self, Write};
use std::{array, process, thread};

use super::{Ending, Trespass};

/// What a task can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskDeed {
    /// Nothing, but for what the caller does before it.
    Wait,
    /// Aborts.
    Abort,
    /// Ends as the system ends a process.
    End(Ending),
    /// Panics.
    Panic,
    /// Panics in another thread, and waits for it.
    PanicInThread,
    /// Panics again while it unwinds.
    PanicTwice,
    /// Recurses without an end.
    OverflowStack,
    /// Recurses without an end in another thread.
    OverflowStackOfThread,
    /// Asks for more memory than there is.
    ExhaustMemory,
    /// Ends the process as if all were well.
    Exit,
    /// Waits for what never comes.
    Hang,
    /// Runs in a circle.
    Spin,
    /// Keeps 10 MB for ever.
    Leak,
    /// Writes 100 MB to standard error.
    Flood,
    /// Tries what a sandbox refuses.
    Trespass(Trespass),
}

impl TaskDeed {
    /// The deed of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "wait" => Self::Wait,
            "abort" => Self::Abort,
            "panic" => Self::Panic,
            "panic-twice" => Self::PanicTwice,
            "panic-in-thread" => Self::PanicInThread,
            "overflow-stack" => Self::OverflowStack,
            "overflow-stack-of-thread" => Self::OverflowStackOfThread,
            "exhaust-memory" => Self::ExhaustMemory,
            "exit" => Self::Exit,
            "hang" => Self::Hang,
            "spin" => Self::Spin,
            "leak" => Self::Leak,
            "flood" => Self::Flood,
            _ => {
                let trespass = || Trespass::named(name).map(Self::Trespass);
                return Ending::named(name).map(Self::End).or_else(trespass);
            }
        })
    }

    /// Does it; `input` is the attachment of the task.
    pub(crate) fn commit(self, input: Option<&[u8]>) -> io::Result<()> {
        match self {
            Self::Trespass(trespass) => trespass.commit(input)?,
            Self::Wait => {}
            Self::Abort => process::abort(),
            Self::End(ending) => ending.commit()?,
            Self::Panic => panic!("asked to panic"),
            Self::PanicTwice => {
                let _second = PanicsWhenDropped;
                panic!("asked to panic");
            }
            Self::PanicInThread => {
                let ended = thread::spawn(|| panic!("asked to panic in a thread")).join();
                return Err(io::Error::other(format!("the thread ended with {ended:?}")));
            }
            Self::OverflowStack => {
                black_box(depth(1));
            }
            Self::OverflowStackOfThread => {
                let ended = thread::spawn(|| black_box(depth(1))).join();
                return Err(io::Error::other(format!("the thread ended with {ended:?}")));
            }
            Self::ExhaustMemory => {
                black_box(vec![1_u8; 1 << 46]);
            }
            Self::Exit => process::exit(0),
            Self::Hang => loop {
                thread::park();
            },
            Self::Spin => loop {
                spin_loop();
            },
            Self::Leak => {
                black_box(Box::leak(vec![1_u8; 10_000_000].into_boxed_slice()));
            }
            Self::Flood => {
                let line = vec![b'!'; 1 << 16];
                let mut stderr = io::stderr().lock();
                for _ in 0..100_000_000 / line.len() {
                    stderr.write_all(&line)?;
                }
            }
        }
        Ok(())
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("asked to panic twice");
    }
}

/// Takes up some stack at each level, of which there are too many.
fn depth(level: u64) -> u64 {
    if level == u64::MAX {
        return level;
    }
    let room: [u64; 64] = array::from_fn(|_| level);
    black_box(depth(level + 1)) + black_box(room)[0]
}
