//! Cause: how one try at a task ended without an answer, in words that do not depend on the course
//! of the run. What does depend on it is the [evidence](super::evidence).

use std::fmt;
use std::time::Duration;

use super::evidence::Evidence;

/// How one try at a task ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The child died of a signal that it has brought upon itself: SIGSEGV, SIGABRT, SIGXFSZ.
    Signal {
        /// Its number.
        signal: i32,
        /// Its name, `SIGSEGV`.
        name: String,
    },
    /// The child was killed by a signal from another process than this one.
    Killed {
        /// Its number.
        signal: i32,
        /// Its name, `SIGKILL`.
        name: String,
    },
    /// The child ended by itself in the middle of the task.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The child was at it for longer than allowed, and was killed.
    TimedOut {
        /// What was allowed.
        limit: Duration,
        /// What it was doing meanwhile.
        silence: Silence,
    },
    /// The child sent something that is not in order, and was killed.
    Protocol {
        /// What was wrong.
        reason: String,
    },
    /// The child gave an answer that cannot be that of its task, and was killed.
    InvalidResult {
        /// What was wrong.
        reason: String,
    },
    /// The child was not of this program's build, and was killed before it had anything to do.
    Misfit {
        /// What it is instead.
        reason: String,
    },
    /// A panic ended the child: in a thread other than the task's, or while another unwound.
    Panic {
        /// `file:line: message`, if that became known.
        told: Option<String>,
    },
    /// The initializer of the child failed before it was ready.
    Unfit {
        /// What it said.
        reason: String,
    },
    /// The stack of the child overflowed.
    StackOverflow,
    /// The child could not get the memory that it asked for.
    OutOfMemory {
        /// How many bytes it was allowed beyond those that it began with, if there was a limit.
        limit: Option<u64>,
    },
    /// The child came to the limit of its processor time.
    ProcessorTime {
        /// What audiopool allows for one task, if it was that limit and not one from outside.
        limit: Option<Duration>,
    },
    /// The child could not read or write shared memory, and was killed: there was no more of it.
    SharedMemory {
        /// What the system says.
        reason: String,
    },
    /// The child asked the kernel for what its sandbox forbids, and was stopped.
    Forbidden {
        /// The system call, if it is known.
        call: Option<String>,
    },
}

/// What a child was doing while it gave no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Silence {
    /// It used the processor.
    Spinning,
    /// It waited for something that did not come.
    Idle,
    /// It was stopped by a signal.
    Stopped,
    /// This system does not say.
    #[default]
    Unknown,
}

impl Cause {
    /// One word for programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Signal { .. } => "signal",
            Self::Killed { .. } => "killed",
            Self::Exited { .. } => "exited",
            Self::TimedOut { silence: Silence::Spinning, .. } => "spinning",
            Self::TimedOut { silence: Silence::Idle, .. } => "idle",
            Self::TimedOut { silence: Silence::Stopped, .. } => "stopped",
            Self::TimedOut { silence: Silence::Unknown, .. } => "timed_out",
            Self::Protocol { .. } => "protocol",
            Self::InvalidResult { .. } => "invalid_result",
            Self::Misfit { .. } | Self::Unfit { .. } => "boot",
            Self::Panic { .. } => "panic",
            Self::StackOverflow => "stack_overflow",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::ProcessorTime { .. } => "processor_time",
            Self::SharedMemory { .. } => "shared_memory",
            Self::Forbidden { .. } => "forbidden",
        }
    }

    /// The same, now that it is known what the child was doing.
    #[must_use]
    pub(crate) fn with(self, silence: Silence) -> Self {
        match self {
            Self::TimedOut { limit, silence: Silence::Unknown } => {
                Self::TimedOut { limit, silence }
            }
            other => other,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { name, .. } => write!(f, "crashed with {name}"),
            Self::Killed { signal: 9, .. } => {
                f.write_str("was killed by SIGKILL, not by audiopool; possibly out of memory")
            }
            Self::Killed { name, .. } => write!(f, "was killed by {name}, not by audiopool"),
            Self::Exited { code } => write!(f, "exited by itself with code {code}"),
            Self::TimedOut { limit, silence } => {
                let doing = match silence {
                    Silence::Spinning => " while it kept the processor busy",
                    Silence::Idle => " and did nothing",
                    Silence::Stopped => " because it was stopped",
                    Silence::Unknown => "",
                };
                write!(f, "gave no answer for {limit:?}{doing}, and was killed")
            }
            Self::Protocol { reason } => write!(f, "broke the protocol: {reason}"),
            Self::InvalidResult { reason } => write!(f, "gave no valid answer: {reason}"),
            Self::Misfit { reason } => f.write_str(reason),
            Self::Unfit { reason } => write!(f, "its initializer failed: {reason}"),
            Self::Panic { told: Some(told) } => write!(f, "panicked at {told}"),
            Self::Panic { told: None } => f.write_str("panicked in a thread of its own"),
            Self::StackOverflow => f.write_str("overflowed its stack"),
            Self::OutOfMemory { limit: None } => f.write_str("ran out of memory"),
            Self::OutOfMemory { limit: Some(limit) } => {
                write!(f, "ran out of memory; its limit is {limit} bytes")
            }
            Self::ProcessorTime { limit: Some(limit) } => {
                let hours = limit.as_secs() / 3600;
                write!(f, "used up the {hours} h of processor time that audiopool allows one task")
            }
            Self::ProcessorTime { limit: None } => f.write_str(
                "came to a limit of processor time that is not audiopool's (see `ulimit -t`)",
            ),
            Self::SharedMemory { reason } => write!(f, "could not use {reason}"),
            Self::Forbidden { call: Some(call) } => {
                write!(f, "was stopped by the sandbox at the system call `{call}`")
            }
            Self::Forbidden { call: None } => f.write_str("was stopped by the sandbox"),
        }
    }
}

/// One try that ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Which try, from 1.
    pub attempt: u32,
    /// Number of the child.
    pub child: u32,
    /// What happened to it.
    pub cause: Cause,
    /// What was found afterwards.
    pub evidence: Evidence,
}
