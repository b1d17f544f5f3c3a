//! Signals, reference algorithms and the test of chunking invariance, for the tests of the
//! analyzers.

pub(crate) mod oracle;
pub(crate) mod signals;
