//! Fault: why a task has no output, and why a pool can do no work.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use audiopool_worker::protocol::{Role, WorkerFault};

/// How one try at a task ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The child was killed by a signal that we did not send.
    Signal {
        /// Its number.
        signal: i32,
        /// Its name, `SIGSEGV`.
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
    },
    /// The child sent something that is not in order, and was killed.
    Protocol {
        /// What was wrong.
        reason: String,
    },
    /// The child was not of this program's build, and was killed before it had anything to do.
    Misfit {
        /// What it is instead.
        reason: String,
    },
    /// Another thread of the child panicked.
    ThreadPanic,
    /// The stack of the child overflowed.
    StackOverflow,
    /// The child could not get the memory that it asked for.
    OutOfMemory,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal: 9, .. } => {
                f.write_str("was killed by SIGKILL, not by audiopool; possibly out of memory")
            }
            Self::Signal { name, .. } => write!(f, "crashed with {name}"),
            Self::Exited { code } => write!(f, "exited by itself with code {code}"),
            Self::TimedOut { limit } => write!(f, "gave no answer for {limit:?} and was killed"),
            Self::Protocol { reason } => write!(f, "broke the protocol: {reason}"),
            Self::Misfit { reason } => f.write_str(reason),
            Self::ThreadPanic => f.write_str("panicked in a thread of its own"),
            Self::StackOverflow => f.write_str("overflowed its stack"),
            Self::OutOfMemory => f.write_str("ran out of memory"),
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
    /// The last that it wrote to its standard error.
    pub stderr: String,
}

/// Why a task has no output. The other tasks of its pool go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task failed, and its worker lived to tell. It would fail again.
    #[error("{0}")]
    Fault(WorkerFault),
    /// Every child that touched the task died of it.
    #[error("{}", last_words(.0))]
    Poisonous(Vec<FailedAttempt>),
    /// The task was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The pool could not run it.
    #[error("not run: {0}")]
    NotRun(PoolError),
    /// The output is not of the expected type.
    #[error("the worker's output cannot be read: {0}")]
    InvalidOutput(String),
}

/// A panic of a task on a thread of this process.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> WorkerFault {
    let literal = payload.downcast_ref::<&str>().copied();
    let message = literal.or_else(|| payload.downcast_ref().map(String::as_str));
    WorkerFault::Panic {
        message: message.unwrap_or("no message").to_owned(),
        location: "a place named on standard error".to_owned(),
    }
}

fn last_words(attempts: &[FailedAttempt]) -> String {
    let Some(last) = attempts.last() else { return "no attempt was made".to_owned() };
    let times = match attempts.len() {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    };
    format!("tried {times}; the last process {}", last.cause)
}

/// Why the pool cannot do its work.
///
/// A fault of one *task* is not a pool error: it arrives as that task's [`TaskError`], and the
/// other tasks go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A child cannot be started at all.
    #[error("cannot start the {} program `{program}`: {reason}", role.name())]
    Boot {
        /// What the child would have been for.
        role: Role,
        /// The program.
        program: String,
        /// What is wrong and what would help.
        reason: String,
    },
    /// Children keep dying, even with nothing to do; starting them once more would not help.
    #[error("{deaths} {}s died within {period:?} and no task succeeded; giving up", role.name())]
    RestartIntensity {
        /// What the children were for.
        role: Role,
        /// How many died.
        deaths: usize,
        /// In which time.
        period: Duration,
    },
    /// The pool is shut down and takes no more tasks.
    #[error("the pool is shut down")]
    ShutDown,
    /// The operating system refused something that the pool needs to begin.
    #[error("cannot set up the pool: {0}")]
    Setup(Arc<io::Error>),
}

impl From<io::Error> for PoolError {
    fn from(error: io::Error) -> Self {
        Self::Setup(Arc::new(error))
    }
}
