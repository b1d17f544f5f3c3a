//! What the analyzers report of one file: figures, findings, regions, timelines.

pub(crate) mod details;
pub(crate) mod features;
pub(crate) mod timeline;
