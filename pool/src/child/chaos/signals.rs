//! Signals: how Unix ends a process, or stops it.

use std::io;

use nix::sys::signal::{Signal, raise};

/// A signal that this process sends itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending(Signal);

impl Ending {
    /// The end of that name, if there is one.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(Self(match name {
            "sigsegv" => Signal::SIGSEGV,
            "sigbus" => Signal::SIGBUS,
            "sigill" => Signal::SIGILL,
            "sigfpe" => Signal::SIGFPE,
            "sigkill" => Signal::SIGKILL,
            "sigstop" => Signal::SIGSTOP,
            _ => return None,
        }))
    }

    /// Ends so. The first SIGSEGV or SIGBUS only takes away the handler of Rust's runtime.
    pub(super) fn commit(self) -> io::Result<()> {
        raise(self.0)?;
        Ok(raise(self.0)?)
    }
}
