//! Failure: why an input has no figures, for a program and for a person.

use std::borrow::Cow;
use std::{fmt, io};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DecodeError, DecodeErrorKind};

/// Why an input has no figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Failure {
    /// The class of the failure, for machines.
    pub kind: FailureKind,
    /// For a person: what is wrong and what would help.
    pub message: String,
    /// What was tried, in order; empty when trying again could not help.
    pub attempts: Vec<Attempt>,
    /// The command that repeats what failed, if a process died or hung.
    pub replay: Option<String>,
}

/// One attempt that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Attempt {
    /// 1 for the first.
    pub attempt: u32,
    /// One word for machines: `signal`, `killed`, `panic`, `spinning`, …
    pub kind: Cow<'static, str>,
    /// How it ended, for example `killed by SIGSEGV`.
    pub cause: String,
}

/// The classes of [`Failure`]; in JSON one string each, in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// A line of a list of files is no path.
    InvalidPath,
    /// The process working on it ended by itself or was killed, each time it was tried.
    Crashed,
    /// The process working on it did not answer in time, each time it was tried.
    TimedOut,
    /// The process working on it sent what is no valid answer.
    Protocol,
    /// The process working on it panicked.
    WorkerPanic,
    /// The process working on it came to the end of its memory.
    OutOfMemory,
    /// The run ended before its turn.
    NotRun,
    /// The run was stopped while it was in work.
    Cancelled,
    /// Stored partials that are damaged, or not such as this program can read.
    InvalidPartials,
    /// The file itself is at fault.
    #[serde(untagged)]
    Decode(DecodeErrorKind),
}

impl FailureKind {
    /// That which reports write like this, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        super::FAILURES.into_iter().find(|kind| kind.to_string() == name)
    }
}

impl Failure {
    /// A failure that no second attempt could change.
    pub fn new(kind: impl Into<FailureKind>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), attempts: Vec::new(), replay: None }
    }
}

impl From<DecodeErrorKind> for FailureKind {
    fn from(kind: DecodeErrorKind) -> Self {
        Self::Decode(kind)
    }
}

/// What the operating system said of a path that was only looked at.
impl From<io::ErrorKind> for FailureKind {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Decode(match kind {
            io::ErrorKind::NotFound => DecodeErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => DecodeErrorKind::PermissionDenied,
            _ => DecodeErrorKind::Io,
        })
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::new(error.kind, error.message)
    }
}

impl fmt::Display for FailureKind {
    /// The same string as in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_string_in_json_and_in_text() {
        for (kind, name) in [
            (FailureKind::Decode(DecodeErrorKind::NoAudio), "no_audio"),
            (FailureKind::TimedOut, "timed_out"),
            (FailureKind::Decode(DecodeErrorKind::NotFound), "not_found"),
            (FailureKind::Decode(DecodeErrorKind::PermissionDenied), "permission_denied"),
        ] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
            assert_eq!(kind.to_string(), name);
        }
    }
}
