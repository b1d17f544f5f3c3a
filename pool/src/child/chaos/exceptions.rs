//! Exceptions: how Windows ends a process. It stops none.

use std::io;

use crate::windows;

/// By what this process is ended, under the name of the signal that it is told as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// An unhandled exception.
    Exception(u32),
    /// As a supervisor does it, but by another.
    Killed,
}

impl Ending {
    /// The end of that name, if there is one.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sigsegv" => Self::Exception(windows::ACCESS_VIOLATION),
            "sigbus" => Self::Exception(windows::IN_PAGE_ERROR),
            "sigill" => Self::Exception(windows::ILLEGAL_INSTRUCTION),
            "sigfpe" => Self::Exception(windows::DIVISION_BY_ZERO),
            "sigkill" => Self::Killed,
            _ => return None,
        })
    }

    /// Ends so.
    pub(super) fn commit(self) -> io::Result<()> {
        match self {
            Self::Exception(exception) => windows::raise(exception),
            Self::Killed => windows::end_this_process(windows::KILLED),
        }
        Err(io::Error::other("the process goes on"))
    }
}
