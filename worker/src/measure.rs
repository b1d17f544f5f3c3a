//! Measure: the task of audiopool's own workers. A chunk goes in, partials come out.

use procpool::{Attachment, Task, TaskFailure};
use serde::{Deserialize, Serialize};

use crate::analyze::{Analyzers, Partials};
use crate::audio::AudioDescription;
use crate::chunk_function::{self, ChunkFunction};
use crate::pcm::Pcm;

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

impl Task for Measure {
    const NAME: &'static str = <Self as ChunkFunction>::NAME;
    type Attachment = AudioDescription;
    type Output = Partials;

    fn run(self, audio: Option<Attachment<'_, AudioDescription>>) -> Result<Partials, TaskFailure> {
        chunk_function::run_on(&self, audio)
    }
}
