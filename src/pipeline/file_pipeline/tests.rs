//! A pipeline whose decoder is sick: chunks that do not fit give no figure.

use std::num::NonZeroU32;

use audiopool_worker::analyze::waveform::Waveforms;
use audiopool_worker::analyze::{AnalysisSettings, Analyzers};
use audiopool_worker::audio::AudioDescription;
use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use procpool::codec;
use procpool::task::{StreamTask, Task};

use super::*;
use crate::record::{DecodedBy, SourceFormat};
use crate::role;
use procpool::{Attached, EachItem, Inline, TaskError};

const PCM: PcmFormat = PcmFormat::new(SampleFormat::S16, 8000, 1);

/// Delivers chunks of one second that begin at these frames, and then says how long the file was.
struct Sick {
    starts: &'static [u64],
    opens: bool,
    frames: u64,
}

impl Execute for Sick {
    fn submit_checked<T: Task + 'static>(
        &self,
        _: &T,
        _: Option<Attached<T::Attachment>>,
        _: TaskTerms,
        _: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<TaskHandle<T::Output>, TaskError> {
        Err(TaskError::Cancelled)
    }

    fn stream<T: StreamTask + 'static>(
        &self,
        _: &T,
        _: TaskTerms,
        each: &mut EachItem<'_, T>,
    ) -> Result<T::Output, TaskError> {
        let item = |item: &Decoded| codec::decode(&codec::encode(item).unwrap()).unwrap();
        let opened = Decoded::Opened(SourceFormat {
            container: "wav".to_owned(),
            codec: "pcm_s16le".to_owned(),
            decoder: DecodedBy::BuiltIn,
            pcm: PCM,
            declared_frames: None,
        });
        if self.opens && each(item(&opened), None).is_break() {
            return Err(TaskError::Cancelled);
        }
        for &start in self.starts {
            let description = AudioDescription { format: PCM, first_frame: start };
            let description = codec::decode(&codec::encode(&description).unwrap()).unwrap();
            let audio = Attached::owned(vec![1; 16_000].into(), description);
            if each(item(&Decoded::Chunk), Some(audio)).is_break() {
                return Err(TaskError::Cancelled);
            }
        }
        let ending: Result<Ending, crate::record::DecodeError> =
            Ok(Ending { frames: self.frames, ..Ending::default() });
        Ok(codec::decode(&codec::encode(&ending).unwrap()).unwrap())
    }
}

/// Workers whose pool is shut down before they are given anything, as a second Ctrl-C does it while a
/// decoder delivers.
struct ShutDown;

impl Execute for ShutDown {
    fn submit_checked<T: Task + 'static>(
        &self,
        _: &T,
        _: Option<Attached<T::Attachment>>,
        _: TaskTerms,
        _: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<TaskHandle<T::Output>, TaskError> {
        Err(TaskError::NotRun(PoolError::ShutDown))
    }

    fn stream<T: StreamTask + 'static>(
        &self,
        _: &T,
        _: TaskTerms,
        _: &mut EachItem<'_, T>,
    ) -> Result<T::Output, TaskError> {
        Err(TaskError::NotRun(PoolError::ShutDown))
    }
}

fn run(sick: &Sick) -> Record {
    drawn(sick, None, MOST_COLUMNS)
}

/// The same, drawn in columns of so many frames, of which there may be at most so many.
fn drawn(sick: &Sick, columns_of: Option<NonZeroU32>, most_columns: usize) -> Record {
    on(sick, &Inline::new(role::worker_tasks()), columns_of, most_columns).0
}

/// The same with these decoders and workers; and whether that was trouble for the files to come.
fn on(
    decoders: &impl Execute,
    workers: &impl Execute,
    columns_of: Option<NonZeroU32>,
    most_columns: usize,
) -> (Record, Option<PoolError>) {
    let keys = vec!["max_dbfs"];
    let mut analyzers = Analyzers::select(&keys, &AnalysisSettings::default()).unwrap();
    analyzers.waveform =
        columns_of.map(|samples_per_pixel| Waveforms { samples_per_pixel, split_channels: false });
    let chunk_length = ChunkLength { pieces: 1, min_ms: 1000, max_ms: 1000 };
    let observer: Observer = Arc::new(|_| {});
    let pipeline = FilePipeline {
        decoders,
        workers,
        measure: Measure { analyzers },
        keys,
        chunk_length,
        timeout: patience(None, chunk_length),
        tenant: 0,
        load: Arc::default(),
        observer: &observer,
        replay_command: ReplayCommand::default(),
        drawing: None,
        most_columns,
        store: None,
        state: State::default(),
    };
    let record = pipeline.run(&Job { index: 0, path: "x.wav".into(), copy: None, refusal: None });
    (record, pipeline.trouble())
}

#[test]
fn a_file_whose_pool_is_shut_down_at_any_moment_was_cancelled() {
    let healthy = Sick { starts: &[0, 8000], opens: true, frames: 16_000 };
    // Before its decoder has begun, and between two of its chunks.
    for (record, trouble) in
        [on(&ShutDown, &ShutDown, None, MOST_COLUMNS), on(&healthy, &ShutDown, None, MOST_COLUMNS)]
    {
        let error = record.error().expect("no figures");
        assert_eq!(error.kind, FailureKind::Cancelled);
        assert_eq!(error.message, "the run was stopped while this file was in work");
        assert!(trouble.is_none(), "{trouble:?}");
    }
}

#[track_caller]
fn refused(sick: &Sick) {
    let record = run(sick);
    let error = record.error().expect("no figures");
    assert_eq!(error.kind, FailureKind::Protocol, "{error:?}");
    assert!(record.metrics().is_empty());
}

#[test]
fn a_healthy_decoder_gives_figures() {
    let record = run(&Sick { starts: &[0, 8000, 16_000], opens: true, frames: 24_000 });
    assert_eq!(record.error(), None);
    assert_eq!(record.metrics().len(), 1);
}

#[test]
fn chunks_out_of_order_or_with_gaps_are_refused() {
    refused(&Sick { starts: &[8000, 0], opens: true, frames: 16_000 });
    refused(&Sick { starts: &[0, 16_000], opens: true, frames: 16_000 });
    refused(&Sick { starts: &[0, 0], opens: true, frames: 16_000 });
}

#[test]
fn chunks_of_nothing_known_are_refused() {
    refused(&Sick { starts: &[0], opens: false, frames: 8000 });
}

#[test]
fn another_count_than_was_delivered_is_refused() {
    refused(&Sick { starts: &[0, 8000], opens: true, frames: 15_999 });
}

#[test]
fn a_waveform_of_more_columns_than_fit_fails_its_file() {
    // Two seconds are 16,000 frames: 160 columns of 100.
    let healthy = Sick { starts: &[0, 8000], opens: true, frames: 16_000 };
    let of = NonZeroU32::new(100);
    assert_eq!(drawn(&healthy, of, 160).error(), None);
    let record = drawn(&healthy, of, 159);
    let error = record.error().expect("no figures");
    assert_eq!(error.kind, FailureKind::OutOfMemory);
    let told = "more than 159 pairs of numbers; a larger `--peaks-zoom` makes fewer";
    assert!(error.message.contains(told), "{error:?}");
    assert_eq!(MOST_COLUMNS, 67_108_864, "the README names it");
}
