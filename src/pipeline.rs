//! Pipeline: the street, walked file by file on the calling thread.

use std::io;

use crate::decode;
use crate::event::{Event, Observer};
use crate::interrupt::Interrupt;
use crate::plan::Job;
use crate::record::{Failure, FileFormat, Outcome, Record, Summary};
use crate::settings::{AnalysisSettings, RunSettings};

/// Why a run ended before its time. Records handed over until then are good.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Workers or decoders could not be started.
    #[error("cannot start the pool: {0}")]
    Boot(String),
    /// Processes kept dying.
    #[error("the pool gave up: {0}")]
    GaveUp(String),
    /// An input has no record, or two; or a process was left behind.
    #[error("internal error, the books do not balance: {0}")]
    Conservation(String),
    /// The report could not be written.
    #[error("cannot write the report")]
    Output(#[source] io::Error),
}

/// Analyses every job; `each` gets the records in the order of the jobs.
pub fn run(
    jobs: impl Iterator<Item = Job> + Send,
    _run: &RunSettings,
    analysis: &AnalysisSettings,
    observer: Observer<'_>,
    stop: &Interrupt,
    each: &mut dyn FnMut(Record) -> io::Result<()>,
) -> Result<Summary, RunError> {
    let mut summary = Summary::default();
    for job in jobs {
        if stop.requested().is_some() {
            return Ok(summary);
        }
        let record = measure(job, analysis, observer);
        summary.add(&record);
        each(record).map_err(RunError::Output)?;
    }
    Ok(Summary { complete: true, ..summary })
}

fn measure(job: Job, analysis: &AnalysisSettings, observer: Observer<'_>) -> Record {
    let index = job.index;
    observer(&Event::JobStarted { index });
    let outcome = match (job.refusal, decode::Source::open(&job.path)) {
        (Some(error), _) => Outcome::Failed { format: None, warnings: vec![], error },
        (None, Err(error)) => {
            Outcome::Failed { format: None, warnings: vec![], error: Failure::from(error) }
        }
        (None, Ok(mut source)) => {
            let (mut frames, mut block) = (0, Vec::new());
            while source.next_block(&mut block) {
                frames += (block.len() / source.format().pcm.frame_width()) as u64;
                block.clear();
            }
            let format = FileFormat::of(source.format(), Some(frames));
            let metrics = analysis.metrics.iter().map(|metric| (metric.key, None)).collect();
            Outcome::Ok { format, metrics, warnings: source.warnings().to_vec() }
        }
    };
    let record = Record { path: job.path, outcome };
    let audio_seconds = record.format().and_then(|format| format.duration_seconds).unwrap_or(0.0);
    observer(&Event::JobFinished { index, ok: record.error().is_none(), audio_seconds });
    record
}
