//! Accounting: what the file declares, compared with what was found in it.
//!
//! [`findings`] collects the warnings and where each byte of the file went; [`extent`] judges the
//! length in a header, [`tags`] recognises tags and padding around the audio, [`trim`] drops encoder
//! delay and padding, [`signature`] checks the MD5 of FLAC, and [`plausible`] checks the result.

pub(super) mod extent;
pub(super) mod findings;
pub(super) mod plausible;
pub(super) mod signature;
pub(super) mod tags;
pub(super) mod trim;
