//! Lifeline: a child does not outlive its supervisor, whatever ends it.
//!
//! - The kernel kills the child when its parent dies (Linux), or when no process has its job any more
//!   (Windows).
//! - So it does with what the child starts itself, when the child dies.
//! - The child watches for the end itself, too: of a pipe whose only writing end is the
//!   supervisor's (Unix), or of the supervisor's process (Windows). Then it ends, with its group.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::close_inherited;
#[cfg(unix)]
pub use unix::{DESCRIPTOR, Lifeline, extend, hold};
#[cfg(windows)]
pub(crate) use windows::close_inherited;
#[cfg(windows)]
pub use windows::{Lifeline, extend, hold};

/// Ties this process to the supervisor with that process id.
pub fn tie(supervisor: u32) -> std::io::Result<()> {
    hold(supervisor)?.watch()
}
