//! Child: one process, from its birth to the end of its channel. It reports and decides nothing.
//!
//! Three threads watch a child and tell the [`Watcher`]: one reads its messages, one waits for its
//! death, one keeps the tail of its standard error. Death is what the operating system says; the
//! end of the channel is only a hint, and what was sent before the death is still read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{mem, thread};

use audiopool_worker::channel::{self, ChannelError, Listener, Receiver, Sender};
use audiopool_worker::invitation::{Invitation, VARIABLE};
use audiopool_worker::lifeline;
use audiopool_worker::protocol::{FromChild, Role, ToChild};
use audiopool_worker::slots::Region;
use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::evidence::{End, Sender as Killer};
use super::quiet::unless_it_panics;
use super::vitals::{self, Vitals};

/// How much of a child's standard error is kept.
const STDERR_TAIL: usize = 4 << 10;

/// How long a child's death and the ends of its channel and its standard error may be apart. They
/// follow each other at once, but on a busy machine our threads may not; only what escapes from a
/// child's group, and a child that closes its channel and lives on, ever take the whole time.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Stack of the threads that only wait and pass on.
const SMALL_STACK: usize = 256 << 10;

/// The first descriptor after the lifeline; the rings follow in order.
pub(super) const FIRST_RING: i32 = lifeline::DESCRIPTOR + 1;

/// What a child is given of its rings.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Inherited, from [`FIRST_RING`] on.
    pub(super) descriptors: Vec<OwnedFd>,
    /// Sent once it has connected.
    pub(super) regions: Vec<Region>,
}

/// Whoever wants to know how a child is doing. Called from the child's threads.
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
    pid: u32,
    process: Arc<Mutex<Option<process::Child>>>,
    server: String,
}

impl Child {
    /// Starts a child. To be called from a thread that lives as long as the child shall: the child
    /// dies with it.
    pub(super) fn spawn(
        (role, program): (Role, &Path),
        lifeline: OwnedFd,
        rings: Handover,
        watcher: Arc<dyn Watcher>,
    ) -> io::Result<Self> {
        let (listener, server) = Listener::new()?;
        let invitation = Invitation { role, supervisor: process::id(), server: server.clone() };
        let Handover { descriptors, regions } = rings;
        let descriptors = (lifeline::DESCRIPTOR..).zip([lifeline].into_iter().chain(descriptors));
        let mappings =
            descriptors.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();

        let mut command = Command::new(program);
        command
            .env(VARIABLE, invitation.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .fd_mappings(mappings)
            .map_err(io::Error::other)?;
        let mut process = command.spawn()?;
        drop(command); // and with it our copies of the descriptors
        let pid = process.id();
        let stderr = process.stderr.take();
        let child = Self { pid, process: Arc::new(Mutex::new(Some(process))), server };

        let begun = child.watch((listener, regions), stderr, watcher);
        if begun.is_err() {
            // There is no waiter: nobody else will clean up.
            kill_group(pid);
            channel::abandon(&child.server);
            let process = child.process.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(process.map(|mut process| process.wait()));
        }
        begun.map(|()| child)
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the child and whatever it has started, if it still lives.
    pub(super) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Asks them to end, in a way that they may refuse.
    pub(super) fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Stops them, until they may go on.
    pub(super) fn stop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets them go on.
    pub(super) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        // While the process is not reaped, nobody else can have its number.
        if self.process.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            signal_group(self.pid, signal);
        }
    }

    /// What the system says of it, if it has not been reaped.
    pub(super) fn vitals(&self) -> Vitals {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.as_ref().map_or_else(Vitals::default, |_| vitals::of(self.pid))
    }

    fn watch(
        &self,
        awaited: (Listener, Vec<Region>),
        stderr: Option<process::ChildStderr>,
        watcher: Arc<dyn Watcher>,
    ) -> io::Result<()> {
        let name = |what: &str| format!("{what} {}", self.pid);
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
                // Nobody else would say that the child is not read any more.
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
        let (pid, process, server) = (self.pid, Arc::clone(&self.process), self.server.clone());
        spawn("waiter").spawn(move || {
            let (status, cpu) = wait(pid, &process);
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

fn kill_group(pid: u32) {
    signal_group(pid, Signal::SIGKILL);
}

fn signal_group(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // ESRCH: everybody in the group is gone already.
        let _: nix::Result<()> = killpg(Pid::from_raw(pid), signal);
    }
}

/// Hands the regions over and reads until the channel ends; says what was wrong with it, if
/// anything was.
fn read((listener, regions): (Listener, Vec<Region>), watcher: &dyn Watcher) -> Option<String> {
    let no_packet = || Some("a packet that cannot be received".to_owned());
    let Some(accepted) = unless_it_panics(|| listener.accept(regions)) else { return no_packet() };
    let receiver: Receiver<FromChild> = match accepted {
        Ok((sender, receiver)) => {
            watcher.connected(sender);
            receiver
        }
        Err(ChannelError::Abandoned) => return None,
        Err(error) => return Some(error.to_string()),
    };
    loop {
        let Some(received) = unless_it_panics(|| receiver.recv()) else {
            return no_packet();
        };
        match received {
            Ok((generation, message)) => watcher.message(generation, message),
            Err(ChannelError::Closed) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Waits for the death, cleans up the child's group, and only then releases the process id. Says
/// how it died, and what it had used.
fn wait(pid: u32, process: &Mutex<Option<process::Child>>) -> (ExitStatus, Option<Duration>) {
    if let Ok(id) = i32::try_from(pid) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(Pid::from_raw(id)), flags) == Err(nix::errno::Errno::EINTR) {}
    }
    let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
    kill_group(pid);
    let cpu = vitals::of(pid).cpu;
    let status = process.take().and_then(|mut process| process.wait().ok());
    (status.unwrap_or_else(|| ExitStatus::from_raw(0)), cpu)
}

fn keep_tail(stderr: Option<process::ChildStderr>, tail: &Mutex<VecDeque<u8>>) {
    let Some(stderr) = stderr else { return };
    let mut stderr = File::from(OwnedFd::from(stderr));
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

/// A pipe whose writing end nobody but this process has: when it is gone, so is the other end's.
#[derive(Debug)]
pub(super) struct Lifeline {
    reader: OwnedFd,
    _writer: OwnedFd,
}

impl Lifeline {
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader: reader.into(), _writer: writer.into() })
    }

    /// The end for a child.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        debug_assert!(self.reader.as_raw_fd() > 2);
        self.reader.try_clone()
    }
}

/// How a process ended; `condemned` if we have tried to kill it.
pub(super) fn end(status: ExitStatus, condemned: bool) -> End {
    let Some(number) = status.signal() else {
        return End::Exit { code: status.code().unwrap_or_default() };
    };
    let signal = Signal::try_from(number);
    let name = signal.map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
    let sender = match signal {
        Ok(Signal::SIGKILL) if condemned => Killer::Audiopool,
        // What the kernel sends for a deed of the process itself, and the process to itself.
        Ok(
            Signal::SIGABRT
            | Signal::SIGBUS
            | Signal::SIGFPE
            | Signal::SIGILL
            | Signal::SIGSEGV
            | Signal::SIGSYS
            | Signal::SIGTRAP
            | Signal::SIGXCPU
            | Signal::SIGXFSZ
            | Signal::SIGPIPE
            | Signal::SIGALRM,
        ) => Killer::Itself,
        _ => Killer::Somebody,
    };
    End::Signal { number, name, sender }
}
