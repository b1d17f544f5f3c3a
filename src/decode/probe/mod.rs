//! Probe: what a file is, before any of its audio is read.
//!
//! [`regular`] opens the path, [`magic`] compares its first bytes with the markers of known formats,
//! and [`formats`] is the table of the formats, their names and their file name extensions.

mod foreign;
pub(super) mod formats;
pub(super) mod magic;
pub(super) mod medium;
pub(super) mod regular;
