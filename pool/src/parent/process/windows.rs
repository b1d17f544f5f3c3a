//! A child on Windows: a job of its own, and nothing that it inherits.

use std::io;
use std::os::windows::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::windows::{Job, KILLED, Limits, NO_WINDOW, Process as Watched, TERMINATED};

use super::Sent;
use crate::parent::evidence::{End, Sender};
use crate::parent::vitals::{self, Vitals};

/// What a child can inherit: nothing; the rings are sent to it.
#[derive(Debug)]
pub(in crate::parent) enum Inherited {}

/// Nothing is inherited, so nothing is numbered.
pub(in crate::parent) const FIRST_RING: i32 = 0;

/// The most processes at a time of a child and of those that it has started: itself, ffmpeg, and
/// what the system adds to them. It is there to stop one that multiplies.
const MOST_PROCESSES: u32 = 16;

/// A child whose number is still its own, or one that is buried.
#[derive(Debug)]
pub(in crate::parent) struct Process {
    pid: u32,
    job: Job,
    watched: Watched,
    unburied: Mutex<Option<Child>>,
}

impl Process {
    /// Starts it. Before it is in its job it hears nothing from us, so it does nothing yet; should
    /// we die in that moment, its own watch over us ends it.
    pub(in crate::parent) fn start(
        mut command: Command,
        _: Tie,
        _: Vec<Inherited>,
    ) -> io::Result<(Self, Option<ChildStderr>)> {
        let job = Job::new(Limits { processes: Some(MOST_PROCESSES), memory_bytes: None })?;
        let mut process = command.creation_flags(NO_WINDOW).spawn()?;
        let held = job.take_in(&process).and_then(|()| Watched::of(&process));
        let watched = match held {
            Ok(watched) => watched,
            Err(error) => {
                drop(process.kill());
                drop(process.wait());
                return Err(error);
            }
        };
        let (pid, stderr) = (process.id(), process.stderr.take());
        Ok((Self { pid, job, watched, unburied: Mutex::new(Some(process)) }, stderr))
    }

    /// The process id.
    pub(in crate::parent) fn id(&self) -> u32 {
        self.pid
    }

    /// Kills it and whatever it has started, if it still lives.
    pub(in crate::parent) fn kill(&self) {
        // It is refused where there is no process left.
        drop(self.job.kill(KILLED));
    }

    /// Ends them. A process without a window cannot be asked to.
    pub(in crate::parent) fn terminate(&self) {
        drop(self.job.kill(TERMINATED));
    }

    /// There is no Ctrl-Z on this system, and so no pause.
    pub(in crate::parent) fn stop(&self) {}

    /// See [`Self::stop`].
    pub(in crate::parent) fn go_on(&self) {}

    /// What the system says of it, if it is not buried.
    pub(in crate::parent) fn vitals(&self) -> Vitals {
        self.lock().as_ref().map_or_else(Vitals::default, |_| vitals::of(self.pid))
    }

    /// Waits for the death, and ends what the child has started. Says how it died, and what it had
    /// used.
    pub(in crate::parent) fn wait(&self) -> (ExitStatus, Option<Duration>) {
        // Where the system refuses this wait, the one below is the only one.
        drop(self.watched.wait());
        let mut unburied = self.lock();
        let status = unburied.take().and_then(|mut process| process.wait().ok());
        self.kill();
        let cpu = self.watched.times().ok().map(|times| times.user + times.kernel);
        (status.unwrap_or_else(|| ExitStatus::from_raw(0)), cpu)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.unburied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child's job is held by this process alone, and ends with it: nothing is to be handed over.
#[derive(Debug)]
pub(in crate::parent) struct Lifeline;

/// What a child is given of it.
#[derive(Debug)]
pub(in crate::parent) struct Tie;

impl Lifeline {
    #[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
    pub(in crate::parent) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// The end for a child.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the Unix twin")]
    pub(in crate::parent) fn share(&self) -> io::Result<Tie> {
        Ok(Tie)
    }
}

/// Ends that are an exception in the process itself, in the words of the C library, so that a
/// report reads the same on every system.
const EXCEPTIONS: [(u32, i32, &str); 9] = [
    (0xC000_0005, 11, "SIGSEGV"), // access violation
    (0xC000_00FD, 11, "SIGSEGV"), // stack overflow
    (0xC000_0006, 7, "SIGBUS"),   // a page that cannot be read in
    (0xC000_001D, 4, "SIGILL"),
    (0xC000_0096, 4, "SIGILL"),  // a privileged instruction
    (0xC000_008E, 8, "SIGFPE"),  // division of floats
    (0xC000_0094, 8, "SIGFPE"),  // … and of integers by zero
    (0xC000_0409, 6, "SIGABRT"), // abort
    (0x8000_0003, 5, "SIGTRAP"),
];

/// Ended by Ctrl-C in its console, that it does not share with us.
const CONTROL_C: u32 = 0xC000_013A;

/// From here on exit codes are those of unhandled exceptions.
const FIRST_ERROR: u32 = 0xC000_0000;

/// How a process ended that we have sent this.
///
/// A kill by another process cannot be told from an exit: `taskkill` gives the code 1.
pub(in crate::parent) fn end(status: ExitStatus, sent: Sent) -> End {
    let code = status.code().unwrap_or_default();
    let bits = code.cast_unsigned();
    let by = |us| if us { Sender::Audiopool } else { Sender::Another };
    let known = EXCEPTIONS.iter().find(|(exception, ..)| *exception == bits);
    match (bits, known) {
        (KILLED, _) => {
            End::Signal { number: 9, name: "SIGKILL".to_owned(), sender: by(sent == Sent::Kill) }
        }
        (TERMINATED, _) => End::Signal {
            number: 15,
            name: "SIGTERM".to_owned(),
            sender: by(sent != Sent::Nothing),
        },
        (CONTROL_C, _) => {
            End::Signal { number: 2, name: "SIGINT".to_owned(), sender: Sender::Another }
        }
        (_, Some((_, number, name))) => {
            End::Signal { number: *number, name: (*name).to_owned(), sender: Sender::Itself }
        }
        (FIRST_ERROR.., None) => {
            let name = format!("exception {bits:#010X}");
            End::Signal { number: code, name, sender: Sender::Itself }
        }
        (_, None) => End::Exit { code },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: u32, sent: Sent) -> End {
        end(ExitStatus::from_raw(code), sent)
    }

    fn signal(number: i32, name: &str, sender: Sender) -> End {
        End::Signal { number, name: name.to_owned(), sender }
    }

    #[test]
    fn exit_codes_are_read_as_ends() {
        assert_eq!(ended(0, Sent::Nothing), End::Exit { code: 0 });
        assert_eq!(ended(101, Sent::Kill), End::Exit { code: 101 });
        assert_eq!(ended(KILLED, Sent::Kill), signal(9, "SIGKILL", Sender::Audiopool));
        assert_eq!(ended(KILLED, Sent::Nothing), signal(9, "SIGKILL", Sender::Another));
        assert_eq!(ended(TERMINATED, Sent::Terminate), signal(15, "SIGTERM", Sender::Audiopool));
        assert_eq!(ended(TERMINATED, Sent::Nothing), signal(15, "SIGTERM", Sender::Another));
        assert_eq!(ended(0xC000_0005, Sent::Nothing), signal(11, "SIGSEGV", Sender::Itself));
        assert_eq!(ended(0xC000_0409, Sent::Nothing), signal(6, "SIGABRT", Sender::Itself));
        let other = signal(0xC000_0374_u32.cast_signed(), "exception 0xC0000374", Sender::Itself);
        assert_eq!(ended(0xC000_0374, Sent::Nothing), other);
    }
}
