//! Fault: why a task has no output, and why a pool can do no work.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Role, WorkerFault};

pub(super) use super::cause::{Cause, FailedAttempt};

/// Why a task has no output. The other tasks of its pool go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task failed, and its worker lived to tell. It would fail again.
    #[error("{0}")]
    Fault(WorkerFault),
    /// Every child that touched the task died of it.
    #[error("{}", last_words(.0))]
    AttemptsExhausted(Vec<FailedAttempt>),
    /// The task was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The pool could not run it.
    #[error("not run: {0}")]
    NotRun(PoolError),
    /// The caller did not want to wait any longer. The task goes on.
    #[error(transparent)]
    NotYet(NotYet),
    /// The output is not of the expected type.
    #[error("the worker's output cannot be read: {0}")]
    InvalidOutput(String),
}

/// A panic of a task on a thread of this process, as the fault that a worker would report.
pub fn panicked(payload: &(dyn Any + Send)) -> WorkerFault {
    let literal = payload.downcast_ref::<&str>().copied();
    let message = literal.or_else(|| payload.downcast_ref().map(String::as_str));
    WorkerFault::Panic {
        message: message.unwrap_or("no message").to_owned(),
        location: "a place named on standard error".to_owned(),
    }
}

/// The time was up before the task had ended. It goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task has not ended within {0:?}")]
pub struct NotYet(pub Duration);

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
