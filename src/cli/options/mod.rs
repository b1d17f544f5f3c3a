//! Options: each flag once, in groups that the commands flatten into their arguments.
//!
//! A group holds the flags as typed and says what they mean; numbers take name, bounds, default and
//! help from `audiopool::settings`.

pub(crate) mod analysis;
pub(crate) mod input;
pub(crate) mod list;
pub(crate) mod messages;
pub(crate) mod peaks;
pub(crate) mod processes;
pub(crate) mod report;
