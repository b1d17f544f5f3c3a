//! Contract: what supervisor and child share. Both sides link these modules.
//!
//! ```text
//!   protocol ── what is said             codec ──── how it is written
//!   channel ─── how it travels           slots ──── where attachments lie
//!   task ────── what can be asked        attachment ─ what comes with it
//!   status page ───── what a child is at now   invitation ─ how a process learns that it is a child
//! ```

pub mod attachment;
pub mod bytes;
pub mod channel;
pub mod codec;
pub mod expected_panic;
pub mod frame;
pub mod invitation;
pub mod protocol;
pub mod slots;
pub mod status_page;
pub mod task;
#[cfg(windows)]
pub mod windows;
