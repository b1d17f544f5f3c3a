//! A child on Unix: a process group of its own, that inherits descriptors.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::lifeline;
use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::Sent;
use crate::parent::evidence::{End, Sender};
use crate::parent::vitals::{self, Vitals};

/// What a child can inherit.
pub(in crate::parent) type Inherited = OwnedFd;

/// What a child is given of the lifeline.
pub(in crate::parent) type Tie = OwnedFd;

/// The first descriptor after the lifeline; the rings follow in order.
pub(in crate::parent) const FIRST_RING: i32 = lifeline::DESCRIPTOR + 1;

/// A child that has not been reaped, or one that has.
#[derive(Debug)]
pub(in crate::parent) struct Process {
    pid: u32,
    unreaped: Mutex<Option<Child>>,
}

impl Process {
    /// Starts it, with what it inherits. It dies with the thread that calls this.
    pub(in crate::parent) fn start(
        mut command: Command,
        lifeline: Tie,
        rings: Vec<Inherited>,
    ) -> io::Result<(Self, Option<ChildStderr>)> {
        let inherited = (lifeline::DESCRIPTOR..).zip([lifeline].into_iter().chain(rings));
        let mappings =
            inherited.map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd }).collect();
        command.process_group(0).fd_mappings(mappings).map_err(io::Error::other)?;
        let mut process = command.spawn()?;
        drop(command); // and with it our copies of the descriptors
        let stderr = process.stderr.take();
        Ok((Self { pid: process.id(), unreaped: Mutex::new(Some(process)) }, stderr))
    }

    /// The process id.
    pub(in crate::parent) fn id(&self) -> u32 {
        self.pid
    }

    /// Kills it and whatever it has started, if it still lives.
    pub(in crate::parent) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Asks them to end, in a way that they may refuse.
    pub(in crate::parent) fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Stops them, until they may go on.
    pub(in crate::parent) fn stop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets them go on.
    pub(in crate::parent) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        // While the process is not reaped, no other process can have its number.
        if self.lock().is_some() {
            signal_group(self.pid, signal);
        }
    }

    /// What the system says of it, if it has not been reaped.
    pub(in crate::parent) fn vitals(&self) -> Vitals {
        self.lock().as_ref().map_or_else(Vitals::default, |_| vitals::of(self.pid))
    }

    /// Waits for the death, cleans up the child's group, and only then releases the process id.
    /// Says how it died, and what it had used.
    pub(in crate::parent) fn wait(&self) -> (ExitStatus, Option<Duration>) {
        if let Ok(id) = i32::try_from(self.pid) {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            while waitid(Id::Pid(Pid::from_raw(id)), flags) == Err(nix::errno::Errno::EINTR) {}
        }
        let mut unreaped = self.lock();
        signal_group(self.pid, Signal::SIGKILL);
        let cpu = vitals::of(self.pid).cpu;
        let status = unreaped.take().and_then(|mut process| process.wait().ok());
        (status.unwrap_or_else(|| ExitStatus::from_raw(0)), cpu)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.unreaped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signal_group(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // ESRCH: everybody in the group is gone already.
        let _: nix::Result<()> = killpg(Pid::from_raw(pid), signal);
    }
}

/// A pipe whose writing end only this process has: when it is gone, so is the other end's.
#[derive(Debug)]
pub(in crate::parent) struct Lifeline {
    reader: OwnedFd,
    _writer: OwnedFd,
}

impl Lifeline {
    pub(in crate::parent) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader: reader.into(), _writer: writer.into() })
    }

    /// The end for a child.
    pub(in crate::parent) fn share(&self) -> io::Result<Tie> {
        debug_assert!(self.reader.as_raw_fd() > 2);
        self.reader.try_clone()
    }
}

/// How a process ended that we have sent this.
pub(in crate::parent) fn end(status: ExitStatus, sent: Sent) -> End {
    let Some(number) = status.signal() else {
        return End::Exit { code: status.code().unwrap_or_default() };
    };
    let signal = Signal::try_from(number);
    let name = signal.map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
    let sender = match signal {
        Ok(Signal::SIGKILL) if sent == Sent::Kill => Sender::Audiopool,
        Ok(Signal::SIGTERM) if sent != Sent::Nothing => Sender::Audiopool,
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
        ) => Sender::Itself,
        _ => Sender::Another,
    };
    End::Signal { number, name, sender }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_ours_if_we_have_sent_one_like_it() {
        let sender = |signal: Signal, sent| match end(ExitStatus::from_raw(signal as i32), sent) {
            End::Signal { sender, .. } => sender,
            End::Exit { code } => panic!("{signal} is no exit with {code}"),
        };
        for (sent, kill, terminate) in [
            (Sent::Nothing, Sender::Another, Sender::Another),
            (Sent::Terminate, Sender::Another, Sender::Audiopool),
            (Sent::Kill, Sender::Audiopool, Sender::Audiopool),
        ] {
            assert_eq!(sender(Signal::SIGKILL, sent), kill, "{sent:?}");
            assert_eq!(sender(Signal::SIGTERM, sent), terminate, "{sent:?}");
            assert_eq!(sender(Signal::SIGSEGV, sent), Sender::Itself, "{sent:?}");
        }
    }
}
