//! Deed: what a task can do to the process that it runs in.

use std::hint::{black_box, spin_loop};
use std::io::{self, Write};
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;
use std::{array, thread};

use audiopool_worker::analyze::Partials;
use audiopool_worker::board;
use audiopool_worker::measure::Measure;
use audiopool_worker::pcm::Pcm;
use audiopool_worker::task::{Task, TaskFailure};
use nix::sys::signal::{Signal, raise};
use serde::{Deserialize, Serialize};

use crate::request::{Request, What};
use crate::wire;

/// What a task can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskDeed {
    /// Nothing, but for the gate before it.
    Wait,
    Abort,
    Raise(Signal),
    Panic,
    PanicInThread,
    /// Panics again while it unwinds.
    PanicTwice,
    OverflowStack,
    ExhaustMemory,
    /// Ends the process as if all were well.
    Exit,
    Hang,
    Spin,
    /// Writes 100 MB to standard error.
    Flood,
    /// Leaves a process behind that holds every descriptor, and aborts.
    Grandchild,
}

impl TaskDeed {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "wait" => Self::Wait,
            "abort" => Self::Abort,
            "sigsegv" => Self::Raise(Signal::SIGSEGV),
            "sigbus" => Self::Raise(Signal::SIGBUS),
            "sigill" => Self::Raise(Signal::SIGILL),
            "sigfpe" => Self::Raise(Signal::SIGFPE),
            "sigkill" => Self::Raise(Signal::SIGKILL),
            "sigstop" => Self::Raise(Signal::SIGSTOP),
            "panic" => Self::Panic,
            "panic-twice" => Self::PanicTwice,
            "panic-in-thread" => Self::PanicInThread,
            "overflow-stack" => Self::OverflowStack,
            "exhaust-memory" => Self::ExhaustMemory,
            "exit" => Self::Exit,
            "hang" => Self::Hang,
            "spin" => Self::Spin,
            "flood" => Self::Flood,
            "grandchild" => Self::Grandchild,
            _ => return None,
        })
    }

    fn commit(self) -> io::Result<()> {
        match self {
            Self::Wait => {}
            Self::Abort => process::abort(),
            // The first SIGSEGV or SIGBUS only takes away the handler of Rust's runtime.
            Self::Raise(signal) => {
                raise(signal)?;
                raise(signal)?;
            }
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
            Self::Flood => {
                let line = vec![b'!'; 1 << 16];
                let mut stderr = io::stderr().lock();
                for _ in 0..100_000_000 / line.len() {
                    stderr.write_all(&line)?;
                }
            }
            Self::Grandchild => {
                let kept = wire::inheritable_sockets()?;
                let grandchild = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn()?;
                black_box((kept, grandchild));
                process::abort();
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

/// The real task, with a deed before it where one is due.
#[derive(Serialize, Deserialize)]
pub(crate) struct RogueMeasure(Measure);

impl Task for RogueMeasure {
    const NAME: &'static str = Measure::NAME;
    type Output = Partials;

    fn run(self, audio: Option<Pcm<'_>>) -> Result<Partials, TaskFailure> {
        misbehave(audio.map_or(0, |audio| audio.first_frame())).map_err(TaskFailure::new)?;
        self.0.run(audio)
    }
}

fn misbehave(first_frame: u64) -> Result<(), String> {
    static REQUEST: OnceLock<Result<Request, String>> = OnceLock::new();
    let request = REQUEST.get_or_init(Request::of_this_process).as_ref()?;
    if let What::Task(deed) = request.what
        && request.is_due(first_frame).map_err(|error| error.to_string())?
    {
        board::stage("the rogue's deed");
        request.pass_gate().and_then(|()| deed.commit()).map_err(|error| error.to_string())?;
    }
    Ok(())
}
