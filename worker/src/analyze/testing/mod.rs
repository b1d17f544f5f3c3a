//! Signals, reference algorithms and the chunking law, for the tests of the analyzers.

pub(crate) mod oracle;
pub(crate) mod waves;
