//! Process: a child as the operating system has it. Only here does the pool know which system that
//! is.
//!
//! | | Unix | Windows |
//! |---|---|---|
//! | a child and all that it starts | a process group | a job |
//! | the child dies with us | a pipe, and on Linux the kernel | its job is ours alone |
//! | death is seen by | `waitid`, before it is reaped | the process's handle |
//! | shared memory | inherited descriptors | regions, sent in the handshake |

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::{FIRST_RING, Inherited, Lifeline, Process, Tie, end};
#[cfg(windows)]
pub(super) use windows::{FIRST_RING, Inherited, Lifeline, Process, Tie, end};

/// What we have sent a child to make it end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sent {
    #[default]
    Nothing,
    /// SIGTERM, or what stands for it.
    Terminate,
    /// SIGKILL; or what will be sent as soon as the process is known.
    Kill,
}
