//! What a task's error means for the record of a file.

use procpool::protocol::WorkerFault;

use crate::record::{Attempt, Failure, FailureKind};
use procpool::{Cause, FailedAttempt, PoolError, TaskError};

/// Which of the two tasks of a file has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Decoding,
    Measuring { second: u64 },
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Decoding => f.write_str("decoding"),
            Self::Measuring { second } => write!(f, "analysing the chunk at {second} s"),
        }
    }
}

/// The failure to be reported.
pub(super) fn of(stage: Stage, error: &TaskError) -> Failure {
    // Our own pools are shut down, or turn a run away, only when that is stopped; whether a task of
    // a file in work was submitted just before or just after makes no difference.
    let error = if is_stop(error) { &TaskError::Cancelled } else { error };
    let kind = match error {
        TaskError::Fault(WorkerFault::Panic { .. }) => FailureKind::WorkerPanic,
        TaskError::Fault(_) | TaskError::InvalidOutput(_) => FailureKind::Protocol,
        TaskError::AttemptsExhausted(attempts) => {
            attempts.last().map_or(FailureKind::Crashed, kind)
        }
        // No caller here waits with a time limit.
        TaskError::Cancelled | TaskError::NotYet(_) => FailureKind::Cancelled,
        // A kind of error that only a later version of the pool knows.
        TaskError::NotRun(_) | _ => FailureKind::NotRun,
    };
    let attempts = match error {
        TaskError::AttemptsExhausted(attempts) => attempts.iter().map(attempt).collect(),
        _ => Vec::new(),
    };
    let message = match error {
        TaskError::Cancelled => "the run was stopped while this file was in work".to_owned(),
        TaskError::NotRun(error) => format!("the run ended before its turn: {error}"),
        error => format!("{stage} failed: {error}"),
    };
    Failure { kind, message, attempts, replay: None }
}

/// Whether a task has failed in a way that its process had a part in.
pub(super) fn can_be_replayed(error: &TaskError) -> bool {
    matches!(error, TaskError::AttemptsExhausted(_) | TaskError::Fault(WorkerFault::Panic { .. }))
}

/// The pool's own trouble, if that is why a task was not run.
pub(super) fn pool_error(error: &TaskError) -> Option<&PoolError> {
    match error {
        TaskError::NotRun(PoolError::ShutDown) => None,
        TaskError::NotRun(error) => Some(error),
        _ => None,
    }
}

/// Whether it says that the run was stopped.
fn is_stop(error: &TaskError) -> bool {
    matches!(error, TaskError::Cancelled | TaskError::NotRun(PoolError::ShutDown))
}

fn kind(attempt: &FailedAttempt) -> FailureKind {
    match attempt.cause {
        Cause::TimedOut { .. } | Cause::ProcessorTime { .. } => FailureKind::TimedOut,
        Cause::Protocol { .. } | Cause::InvalidResult { .. } => FailureKind::Protocol,
        Cause::Panic { .. } => FailureKind::WorkerPanic,
        Cause::OutOfMemory { .. } | Cause::SharedMemory { .. } => FailureKind::OutOfMemory,
        _ => FailureKind::Crashed,
    }
}

/// Without the number of the child and the evidence: they depend on the course of the run.
fn attempt(attempt: &FailedAttempt) -> Attempt {
    let FailedAttempt { attempt, cause, .. } = attempt;
    Attempt { attempt: *attempt, kind: cause.word().into(), cause: cause.to_string() }
}
