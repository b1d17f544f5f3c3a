//! Writing: where the report of a run goes, and how the run ends.

pub(crate) mod conclude;
pub(crate) mod output;
pub(crate) mod pages;
pub(crate) mod targets;
