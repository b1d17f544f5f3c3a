//! Child: one process, from its birth to the end of its channel. It reports and decides nothing.
//!
//! Three threads watch a child and tell the [`Watcher`]: one reads its messages, one waits for its
//! death, one keeps the tail of its standard error. Death is what the operating system says; the
//! end of the channel is only a hint, and what was sent before the death is still read.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{mem, thread};

pub(super) use crate::channel::Sender;
use crate::channel::{self, ChannelError, Listener, Receiver};
use crate::expected_panic::catch_expected_panic;
use crate::invitation::{Invitation, VARIABLE};
use crate::protocol::{FromChild, Role, ToChild};
use crate::slots::Region;

use super::process::{Inherited, Process, Tie};
use super::vitals::Vitals;

/// How much of a child's standard error is kept.
const STDERR_TAIL: usize = 4 << 10;

/// How long a child's death and the ends of its channel and its standard error may be apart. They
/// follow each other at once, but on a busy machine our threads may not; only what escapes from a
/// child's group, and a child that closes its channel and lives on, ever take the whole time.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Stack of the threads that only wait and pass on.
const SMALL_STACK: usize = 256 << 10;

/// What a child is given of its rings.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Inherited, numbered from [`FIRST_RING`](super::process::FIRST_RING) on.
    pub(super) descriptors: Vec<Inherited>,
    /// Sent once it has connected.
    pub(super) regions: Vec<Region>,
}

/// Receives what happens to a child. Called from the child's threads.
pub(super) trait Watcher: Send + Sync + 'static {
    /// The child has connected.
    fn connected(&self, sender: Sender<ToChild>);
    /// The child has said something.
    fn message(&self, generation: u32, message: FromChild);
    /// The child has sent what is no message, or the channel is broken.
    fn breach(&self, reason: String);
    /// The child is dead, and its channel has run dry or could not be waited for.
    fn ended(&self, remains: Remains);
}

/// What is left of a child.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) pid: u32,
    pub(super) status: ExitStatus,
    /// Processor time of its life.
    pub(super) cpu: Option<Duration>,
    /// The last that it wrote to its standard error.
    pub(super) stderr: Vec<u8>,
}

/// A living child.
#[derive(Debug)]
pub(super) struct Child {
    process: Arc<Process>,
    server: String,
}

impl Child {
    /// Starts a child. To be called from a thread that lives as long as the child shall: the child
    /// dies with it.
    pub(super) fn spawn(
        (role, program): (Role, &Path),
        lifeline: Tie,
        rings: Handover,
        watcher: Arc<dyn Watcher>,
    ) -> io::Result<Self> {
        let (listener, server) = Listener::new()?;
        let invitation = Invitation { role, supervisor: process::id(), server: server.clone() };
        let Handover { descriptors, regions } = rings;
        let mut command = Command::new(program);
        command
            .env(VARIABLE, invitation.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let (process, stderr) = Process::start(command, lifeline, descriptors)?;
        let child = Self { process: Arc::new(process), server };

        let begun = child.watch((listener, regions), stderr, watcher);
        if begun.is_err() {
            // There is no waiter, so this thread cleans up.
            child.kill();
            channel::abandon(&child.server);
            child.process.wait();
        }
        begun.map(|()| child)
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Kills the child and whatever it has started, if it still lives.
    pub(super) fn kill(&self) {
        self.process.kill();
    }

    /// Asks them to end, in a way that they may refuse.
    pub(super) fn terminate(&self) {
        self.process.terminate();
    }

    /// Stops them, until they may go on.
    pub(super) fn stop(&self) {
        self.process.stop();
    }

    /// Lets them go on.
    pub(super) fn go_on(&self) {
        self.process.go_on();
    }

    /// What the system says of it, if it has not been reaped.
    pub(super) fn vitals(&self) -> Vitals {
        self.process.vitals()
    }

    fn watch(
        &self,
        awaited: (Listener, Vec<Region>),
        stderr: Option<process::ChildStderr>,
        watcher: Arc<dyn Watcher>,
    ) -> io::Result<()> {
        let name = |what: &str| format!("{what} {}", self.pid());
        let spawn = |what: &str| thread::Builder::new().name(name(what)).stack_size(SMALL_STACK);

        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let (written, silent) = mpsc::channel::<()>();
        spawn("stderr").spawn({
            let tail = Arc::clone(&tail);
            move || {
                keep_tail(stderr, &tail);
                drop(written);
            }
        })?;
        let (done, drained) = mpsc::channel::<()>();
        let (alive, dead) = mpsc::channel::<()>();
        spawn("reader").spawn({
            let watcher = Arc::clone(&watcher);
            move || {
                // No other thread would say that the child is not read any more.
                let reading = std::panic::AssertUnwindSafe(|| read(awaited, watcher.as_ref()));
                let end = std::panic::catch_unwind(reading)
                    .unwrap_or_else(|_| Some("its reader has panicked".to_owned()));
                drop(done);
                // The end of the channel is most often the end of the child.
                let still_alive =
                    || dead.recv_timeout(DRAIN_TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout);
                match end {
                    Some(breach) => watcher.breach(breach),
                    None if still_alive() => watcher.breach("closed its channel".to_owned()),
                    None => {}
                }
            }
        })?;
        let (process, server) = (Arc::clone(&self.process), self.server.clone());
        spawn("waiter").spawn(move || {
            let (status, cpu) = process.wait();
            let pid = process.id();
            drop(alive);
            channel::abandon(&server);
            // Nothing is ever sent: the waits end when the other threads do.
            let _: Result<(), _> = drained.recv_timeout(DRAIN_TIMEOUT);
            let _: Result<(), _> = silent.recv_timeout(DRAIN_TIMEOUT);
            let stderr = mem::take(&mut *tail.lock().unwrap_or_else(PoisonError::into_inner));
            watcher.ended(Remains { pid, status, cpu, stderr: stderr.into() });
        })?;
        Ok(())
    }
}

/// Hands the regions over and reads until the channel ends; says what was wrong with it, if
/// anything was.
fn read((listener, regions): (Listener, Vec<Region>), watcher: &dyn Watcher) -> Option<String> {
    let no_packet = || Some("a packet that cannot be received".to_owned());
    let Some(accepted) = catch_expected_panic(|| listener.accept(regions)) else {
        return no_packet();
    };
    let receiver: Receiver<FromChild> = match accepted {
        Ok((sender, receiver)) => {
            watcher.connected(sender);
            receiver
        }
        Err(ChannelError::Abandoned) => return None,
        Err(error) => return Some(error.to_string()),
    };
    loop {
        let Some(received) = catch_expected_panic(|| receiver.recv()) else {
            return no_packet();
        };
        match received {
            Ok((generation, message)) => watcher.message(generation, message),
            Err(ChannelError::Closed) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
}

fn keep_tail(stderr: Option<process::ChildStderr>, tail: &Mutex<VecDeque<u8>>) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = [0; 4 << 10];
    loop {
        match stderr.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend(&buffer[..n]);
                let excess = tail.len().saturating_sub(STDERR_TAIL);
                tail.drain(..excess);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
