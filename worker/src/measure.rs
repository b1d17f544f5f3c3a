//! Measure: the task that this whole program is about. A chunk goes in, partials come out.

use serde::{Deserialize, Serialize};

use crate::analyze::{Analyzers, Partials};
use crate::chunk_function::ChunkFunction;
use crate::pcm::Pcm;
use crate::task::TaskFailure;

/// Runs the analyzers over the audio that comes with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measure {
    /// Which, and with which parameters.
    pub analyzers: Analyzers,
}

impl ChunkFunction for Measure {
    const NAME: &'static str = "audiopool.measure";
    type Output = Partials;

    fn run(&self, chunk: Pcm<'_>) -> Result<Partials, TaskFailure> {
        Ok(self.analyzers.analyze(chunk))
    }
}
