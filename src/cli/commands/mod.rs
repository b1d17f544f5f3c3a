//! Commands: each with its own arguments, in a file of its own.

pub(crate) mod analyze;
pub(crate) mod catalogue;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod manual;
pub(crate) mod merge;
pub(crate) mod reference;
pub(crate) mod replay;
pub(crate) mod selftest;
#[cfg(feature = "web")]
pub(crate) mod serve;
pub(crate) mod version;
