//! Measure: the task that this whole program is about. A chunk goes in, partials come out.

use serde::{Deserialize, Serialize};

use crate::analyze::{Analyzers, Partials};
use crate::pcm::Pcm;
use crate::task::{Task, TaskFailure};

/// Runs the analyzers over the audio that comes with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measure {
    /// Which, and with which parameters.
    pub analyzers: Analyzers,
}

impl Task for Measure {
    const NAME: &'static str = "audiopool.measure";
    type Output = Partials;

    fn run(self, audio: Option<Pcm<'_>>) -> Result<Partials, TaskFailure> {
        let audio = audio.ok_or_else(|| TaskFailure::new("there is no audio to measure"))?;
        Ok(self.analyzers.analyze(audio))
    }
}
