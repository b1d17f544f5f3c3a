//! Evidence: what was found of a child that is gone, and what its death is read from.
//!
//! ```text
//!   exit status ─┐                      ┌─▶ Cause      the same at every run: into the record
//!   stderr ──────┼──▶ cause_of, Evidence┤
//!   CPU, memory ─┘                      └─▶ Evidence   different at every run: into the log
//! ```

use std::fmt;
use std::time::Duration;

use crate::confine::{PROCESSOR_TIME, refused_call};
use crate::panics::EXIT_PANIC;
use crate::protocol::TaskId;

use super::cause::{Cause, Silence};

const SECOND: Duration = Duration::from_secs(1);

/// What was found of a child that is gone. None of it is the same at every run, so it stands in the
/// log and in no report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// Its process id.
    pub pid: u32,
    /// How the process ended, if that is known.
    pub end: Option<End>,
    /// Processor time that it has used in its life.
    pub cpu: Option<Duration>,
    /// The memory that it had when it was last looked at, in bytes.
    pub rss_bytes: Option<u64>,
    /// What it was doing while it gave no answer.
    pub silence: Silence,
    /// How many processes the kernel has killed for lack of memory in the meantime, on this
    /// machine or in this group of processes, where it counts them.
    pub oom_kills: Option<u64>,
    /// The task that its status page named last.
    pub task: Option<TaskId>,
    /// What that was at.
    pub stage: Option<String>,
    /// `file:line: message` of the first panic in its last task, caught or not.
    pub panic: Option<String>,
    /// The last that it wrote to its standard error, control characters spelled out.
    pub stderr: String,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// By itself.
    Exit {
        /// Its exit code.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number.
        number: i32,
        /// Its name, `SIGSEGV`.
        name: String,
        /// Who sent it.
        sender: Sender,
    },
}

/// Who sent the signal that ended a process, as far as it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sender {
    /// audiopool did.
    Audiopool,
    /// The kernel, for something that the process had done; or a process that pretends to be it.
    Itself,
    /// Another process, or the kernel.
    Another,
}

impl Evidence {
    /// The cause that all this speaks for, if it is not known otherwise; `limit` is how many bytes
    /// of memory the child was allowed.
    pub(crate) fn cause(&self, limit: Option<u64>) -> Cause {
        let (signal, name, sender) = match &self.end {
            Some(End::Signal { number, name, sender }) => (*number, name.clone(), *sender),
            Some(End::Exit { code: EXIT_PANIC }) => {
                return Cause::Panic { told: self.panic.clone() };
            }
            Some(End::Exit { code }) => return Cause::Exited { code: *code },
            None => return Cause::Exited { code: 0 },
        };
        if sender != Sender::Itself {
            return Cause::Killed { signal, name };
        }
        if name == "SIGSYS" {
            return Cause::Forbidden { call: refused_call(&self.stderr).map(str::to_owned) };
        }
        if name == "SIGXCPU" {
            // The kernel counts in ticks.
            let is_ours = self.cpu.is_some_and(|cpu| cpu + SECOND >= PROCESSOR_TIME);
            return Cause::ProcessorTime { limit: is_ours.then_some(PROCESSOR_TIME) };
        }
        if self.stderr.contains("has overflowed its stack") {
            return Cause::StackOverflow;
        }
        if self.stderr.contains("memory allocation of") {
            return Cause::OutOfMemory { limit };
        }
        // A panic while another unwinds, or in what must not unwind; says Rust's runtime.
        if name == "SIGABRT" && self.stderr.contains("panic") {
            return Cause::Panic { told: self.panic.clone() };
        }
        Cause::Signal { signal, name }
    }
}

/// Bytes of a stranger as text: control characters, but for the ends of lines, are spelled out.
pub(crate) fn legible(bytes: &[u8]) -> String {
    escaped(String::from_utf8_lossy(bytes).trim_end())
}

fn escaped(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

impl fmt::Display for Evidence {
    /// On one line, for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)?;
        match &self.end {
            Some(End::Exit { code }) => write!(f, ", exit code {code}")?,
            Some(End::Signal { name, sender, .. }) => {
                let sender = match sender {
                    Sender::Audiopool => "audiopool",
                    Sender::Itself => "its own doing",
                    Sender::Another => "another process",
                };
                write!(f, ", {name} from {sender}")?;
            }
            None => {}
        }
        if let Some(cpu) = self.cpu {
            write!(f, ", cpu {:.3} s", cpu.as_secs_f64())?;
        }
        if let Some(bytes) = self.rss_bytes {
            let tenths = bytes.saturating_mul(10) >> 20;
            write!(f, ", memory {}.{} MiB", tenths / 10, tenths % 10)?;
        }
        match self.oom_kills {
            Some(0) => f.write_str(", no process was killed for lack of memory")?,
            Some(killed) => write!(f, ", {killed} processes were killed for lack of memory")?,
            None => {}
        }
        if let Some(stage) = &self.stage {
            write!(f, ", at {stage}")?;
        }
        if let Some(panic) = &self.panic {
            write!(f, ", panicked at {}", panic.replace('\n', " | "))?;
        }
        if !self.stderr.is_empty() {
            write!(f, ", said: {}", self.stderr.replace('\n', " | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(number: i32, name: &str, sender: Sender, stderr: &str) -> Evidence {
        let end = Some(End::Signal { number, name: name.to_owned(), sender });
        Evidence { end, stderr: stderr.to_owned(), ..Evidence::default() }
    }

    #[track_caller]
    fn check(evidence: &Evidence, word: &str, text: &str) {
        let cause = evidence.cause(Some(7 << 30));
        assert_eq!((cause.word(), &*cause.to_string()), (word, text), "{evidence:?}");
    }

    #[test]
    fn a_death_is_read_from_its_signal_and_its_last_words() {
        let own = |name: &str, stderr: &str| signal(6, name, Sender::Itself, stderr);
        check(&own("SIGSEGV", ""), "signal", "crashed with SIGSEGV");
        check(&own("SIGSYS", ""), "forbidden", "was stopped by the sandbox");
        check(
            &own("SIGSYS", "audiopool: the sandbox refuses execve (system call 59)"),
            "forbidden",
            "was stopped by the sandbox at the system call `execve`",
        );
        check(
            &own("SIGABRT", "thread 'x' (3) has overflowed its stack\nfatal runtime error"),
            "stack_overflow",
            "overflowed its stack",
        );
        check(
            &own("SIGABRT", "memory allocation of 70368744177664 bytes failed"),
            "out_of_memory",
            "ran out of memory; its limit is 7516192768 bytes",
        );
        check(
            &own("SIGXCPU", ""),
            "processor_time",
            "came to a limit of processor time that is not audiopool's (see `ulimit -t`)",
        );
        check(
            &Evidence { cpu: Some(PROCESSOR_TIME), ..own("SIGXCPU", "") },
            "processor_time",
            "used up the 6 h of processor time that audiopool allows one task",
        );
        let told = |stderr| Evidence { panic: Some("a.rs:1: m".into()), ..own("SIGABRT", stderr) };
        let unwinding = "panic in a destructor during cleanup\nthread caused non-unwinding panic";
        check(&told(unwinding), "panic", "panicked at a.rs:1: m");
        check(&told("none of it was said"), "signal", "crashed with SIGABRT");
        check(
            &signal(9, "SIGKILL", Sender::Another, ""),
            "killed",
            "was killed by SIGKILL, not by audiopool; possibly out of memory",
        );
        check(
            &signal(15, "SIGTERM", Sender::Another, "some panic"),
            "killed",
            "was killed by SIGTERM, not by audiopool",
        );
    }

    #[test]
    fn an_exit_in_the_middle_is_told_from_a_panic() {
        let exit = |code, stderr: &str| Evidence {
            end: Some(End::Exit { code }),
            stderr: stderr.to_owned(),
            ..Evidence::default()
        };
        check(&exit(0, ""), "exited", "exited by itself with code 0");
        check(&exit(EXIT_PANIC, ""), "panic", "panicked in a thread of its own");
        let panic = Some("src/a.rs:10: no".to_owned());
        let told = Evidence { panic, ..exit(EXIT_PANIC, "") };
        check(&told, "panic", "panicked at src/a.rs:10: no");
    }

    #[test]
    fn what_a_child_says_cannot_forge_a_line_or_a_colour() {
        assert_eq!(legible(b"a\x1b[2Jb\r\nc\xff\n\n"), "a\\u{1b}[2Jb\\r\nc\u{fffd}");
        let evidence = Evidence { pid: 7, stderr: legible(b"x\ny"), ..Evidence::default() };
        assert_eq!(evidence.to_string(), "pid 7, said: x | y");
    }

    #[test]
    fn evidence_is_one_line() {
        let evidence = Evidence {
            pid: 7,
            cpu: Some(Duration::from_millis(1500)),
            rss_bytes: Some(3 << 19),
            oom_kills: Some(0),
            stage: Some("peak".to_owned()),
            ..signal(9, "SIGKILL", Sender::Audiopool, "")
        };
        assert_eq!(
            evidence.to_string(),
            "pid 7, SIGKILL from audiopool, cpu 1.500 s, memory 1.5 MiB, no process was killed \
             for lack of memory, at peak"
        );
    }
}
