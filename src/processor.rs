//! Processor: the three operations of the Python program, each over the [pattern].
//!
//! ```text
//!   recording ──pattern──▶ partials of each chunk ──merge──▶ figure
//! ```
//!
//! The chunks are measured by the analyzers of the command, and their partials are merged by the
//! same law: how many threads there are changes no bit of a figure.

use std::path::Path;

use audiopool_worker::analyze::{AnalysisSettings, Analyzers};
use audiopool_worker::measure::Measure;

use crate::decode::DecodeError;
use crate::merge::Fold;
use crate::pattern::{self, ChunkError, ChunkOptions};
use crate::segment::AudioSegment;
use procpool::TaskError;

/// Measures one recording in memory, on as many processes as
/// [`ThreadConfig`](crate::ThreadConfig) says.
///
/// ```no_run
/// use audiopool::AudioProcessor;
///
/// audiopool::run_child_role();
///
/// let recording = AudioProcessor::open("interview.flac")?;
/// let peak = recording.max_dbfs()?;
/// let speech = recording.non_silence_seconds(-40.0)?;
/// println!("{peak:?} dBFS, {speech} s");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AudioProcessor {
    segment: AudioSegment,
    options: ChunkOptions,
}

impl AudioProcessor {
    /// Decodes a file into memory, in this process; see [`AudioSegment::from_file`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DecodeError> {
        Ok(AudioSegment::from_file(path)?.into())
    }

    /// With other options: a number of threads of its own, shorter chunks.
    #[must_use]
    pub fn with_options(self, options: ChunkOptions) -> Self {
        Self { options, ..self }
    }

    /// What is measured.
    pub fn segment(&self) -> &AudioSegment {
        &self.segment
    }

    /// Largest magnitude of all channels in dBFS; `None` if every sample is zero.
    pub fn max_dbfs(&self) -> Result<Option<f64>, ChunkError> {
        self.figure("max_dbfs", &AnalysisSettings::default())
    }

    /// Smallest magnitude of all channels that is not zero, in dBFS; `None` if every sample is
    /// zero.
    pub fn min_dbfs(&self) -> Result<Option<f64>, ChunkError> {
        self.figure("min_dbfs", &AnalysisSettings::default())
    }

    /// Time outside of silence, in seconds: silence is at least 100 ms of at most `threshold_db`
    /// dBFS (RMS over all channels). pydub's `detect_nonsilent` over the whole recording, with a
    /// step of 1 ms.
    pub fn non_silence_seconds(&self, threshold_db: f64) -> Result<f64, ChunkError> {
        let settings =
            AnalysisSettings { silence_threshold_db: threshold_db, ..AnalysisSettings::default() };
        Ok(self.figure("non_silence_seconds", &settings)?.unwrap_or(0.0))
    }

    fn figure(&self, key: &str, settings: &AnalysisSettings) -> Result<Option<f64>, ChunkError> {
        let analyzers = Analyzers::select(&[key], settings).expect("a key of the catalogue");
        let measure = Measure { analyzers };
        let chunks = self.options.cut(&self.segment);
        let partials = pattern::run_on(&chunks, &measure, &self.options)?;
        let mut fold = Fold::new(&measure.analyzers, self.segment.format());
        for (index, (partials, chunk)) in partials.into_iter().zip(&chunks).enumerate() {
            fold.add(partials, chunk.frames()).map_err(|error| {
                pattern::of_chunk(&chunks, index, TaskError::InvalidOutput(error.to_string()))
            })?;
        }
        Ok(fold.finish().get(key))
    }
}

impl From<AudioSegment> for AudioProcessor {
    fn from(segment: AudioSegment) -> Self {
        Self { segment, options: ChunkOptions::default() }
    }
}
