//! `Batch`: what one visitor dropped at once, from the queue to its last record.
//!
//! A *job* in the API's words. It has a log of what happened, numbered from 1, which any number of
//! watchers read at their own pace; the batch does not wait for them. Whatever becomes of it, every file of it
//! ends in exactly one record, under the name that the visitor knows it by.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use audiopool_worker::analyze::Timeline;
use audiopool_worker::analyze::group::LOUDNESS;
use audiopool_worker::analyze::waveform::Waveform;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::folder::Folder;
use super::shared::MOST_COLUMNS;
use crate::event::{Event, PoolEvent};
use crate::interrupt::{Interrupt, Reason};
use crate::plan::Job;
use crate::record::{Failure, FailureKind, Outcome, Record, Summary};
use crate::settings::AnalysisSettings;

/// The last entry of every log.
const ENDED: &str = "ended";

/// By name.
type Timelines = BTreeMap<&'static str, Timeline>;

/// What is to be measured, and how.
#[derive(Debug)]
pub(super) struct Order {
    /// One for each file, numbered from 0.
    pub(super) jobs: Vec<Job>,
    /// How the visitor calls each.
    pub(super) names: Vec<String>,
    pub(super) bytes: u64,
    pub(super) analysis: AnalysisSettings,
    /// Where the files lie that were sent here; gone with the last record.
    pub(super) folder: Option<Folder>,
}

/// An order and what has become of it so far.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: String,
    /// As which tenant the pools know it.
    pub(super) tenant: u64,
    pub(super) jobs: Vec<Job>,
    pub(super) names: Vec<String>,
    pub(super) bytes: u64,
    pub(super) analysis: AnalysisSettings,
    stop: Interrupt,
    state: Mutex<State>,
    /// How many entries the log has.
    news: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    status: Status,
    workers: Option<usize>,
    files: Vec<Progress>,
    records: Vec<Option<Record>>,
    waveforms: Vec<Option<Waveform>>,
    timelines: Vec<Option<Timelines>>,
    log: Vec<Entry>,
    folder: Option<Folder>,
    /// What the files in it were counted as.
    room: Option<Box<dyn fmt::Debug + Send>>,
    error: Option<String>,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Waiting for its turn.
    Queued,
    /// In work.
    Running,
    /// Every file has had its turn.
    Finished,
    /// Someone did not want the rest.
    Cancelled,
    /// It could not be worked on, or not to its end.
    Failed,
}

/// How far a file is.
#[derive(Clone, Debug, Default)]
struct Progress {
    sample_rate: u32,
    declared_frames: Option<u64>,
    frames: u64,
    /// Of 100, as far as told to watchers.
    told: u64,
}

/// One line of the log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Status {
    /// Whether nothing more will happen.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }
}

impl Batch {
    pub(super) fn new((id, tenant): (String, u64), order: Order) -> Self {
        let Order { jobs, names, bytes, analysis, folder } = order;
        let state = State {
            status: Status::Queued,
            workers: None,
            files: vec![Progress::default(); jobs.len()],
            records: vec![None; jobs.len()],
            waveforms: vec![None; jobs.len()],
            timelines: vec![None; jobs.len()],
            log: Vec::new(),
            folder,
            room: None,
            error: None,
        };
        let batch = Self {
            id,
            tenant,
            jobs,
            names,
            bytes,
            analysis,
            stop: Interrupt::new(),
            state: Mutex::new(state),
            news: watch::Sender::new(0),
        };
        batch.tell("queued", &json!({}));
        batch
    }

    /// Holds on to the room that the files take up until they are deleted.
    pub(super) fn keep_room(&self, room: impl fmt::Debug + Send + 'static) {
        self.lock().room = Some(Box::new(room));
    }

    /// The wish to stop; the run obeys it.
    pub(super) fn stop(&self) -> &Interrupt {
        &self.stop
    }

    pub(super) fn status(&self) -> Status {
        self.lock().status
    }

    /// Has the rest broken off at once.
    pub(super) fn cancel(&self) {
        self.stop.request(Reason::Terminate);
        self.stop.request(Reason::Terminate);
    }

    /// Its turn has come.
    pub(super) fn begin(&self, workers: usize) {
        {
            let mut state = self.lock();
            state.status = Status::Running;
            state.workers = Some(workers);
        }
        self.tell("started", &json!({"workers": workers}));
    }

    /// What the pipeline says.
    pub(super) fn observe(&self, event: &Event) {
        match event {
            Event::JobStarted { index } => self.tell("file", &json!({"index": index})),
            Event::JobOpened { index, format, declared_frames } => {
                if let Some(file) = file(&mut self.lock().files, *index) {
                    file.sample_rate = format.pcm.sample_rate;
                    file.declared_frames = *declared_frames;
                }
                let opened = json!({
                    "index": index, "container": format.container, "codec": format.codec,
                    "sample_rate": format.pcm.sample_rate, "channels": format.pcm.channels,
                });
                self.tell("opened", &opened);
            }
            Event::ChunkMeasured { index, frames, .. } => self.advance(*index, *frames),
            Event::Pool(PoolEvent::TaskRetried { label, attempt, cause, .. }) => {
                tracing::warn!(job = self.id, file = label, attempt, cause, "task tried again");
                self.tell("retried", &json!({"index": label, "attempt": attempt, "cause": cause}));
            }
            Event::Pool(PoolEvent::TaskLate { label, role, number, silent, limit, .. }) => {
                tracing::warn!(
                    job = self.id,
                    file = label,
                    ?silent,
                    ?limit,
                    "{role} {number} is late"
                );
            }
            _ => {}
        }
    }

    /// Takes the record of a file, under the name that the visitor knows.
    pub(super) fn record(&self, index: usize, mut record: Record) {
        let (Some(job), Some(name)) = (self.jobs.get(index), self.names.get(index)) else { return };
        let is_upload = self.lock().folder.is_some();
        if let (true, Outcome::Failed { error, .. }) = (is_upload, &mut record.outcome) {
            // The path of an upload is deleted soon, so neither it nor a command that reads it helps.
            error.message = error.message.replace(&*job.shown(), name);
            error.replay = None;
        }
        record.path = PathBuf::from(name);
        if let Outcome::Ok { details, .. } = &mut record.outcome {
            let waveform = details.waveform.take();
            let downsampled = |(key, line): (_, Timeline)| (key, line.downsampled(MOST_COLUMNS));
            let timelines = std::mem::take(&mut details.timelines).into_iter().map(downsampled);
            let timelines = timelines.collect();
            let mut state = self.lock();
            if let Some(place) = state.waveforms.get_mut(index) {
                *place = waveform;
            }
            if let Some(place) = state.timelines.get_mut(index) {
                *place = Some(timelines);
            }
        }
        let told = json!({"index": index, "record": record});
        if let Some(place) = self.lock().records.get_mut(index) {
            *place = Some(record);
        }
        self.tell("record", &told);
    }

    /// Ends it: files without a record get theirs, the folder goes, and the last entry is written.
    pub(super) fn end(&self, status: Status, error: Option<&str>) {
        let missing: Vec<_> = {
            let state = self.lock();
            let records = state.records.iter().enumerate();
            records.filter(|(_, record)| record.is_none()).map(|(index, _)| index).collect()
        };
        for index in missing {
            let why = match error {
                Some(error) => format!("the job ended before its turn: {error}"),
                None => "the job was cancelled before its turn".to_owned(),
            };
            let failure = Failure::new(FailureKind::NotRun, why);
            self.record(index, Record::failed(PathBuf::new(), failure));
        }
        let (folder, room) = {
            let mut state = self.lock();
            (state.folder.take(), state.room.take())
        };
        if let Some(Err(error)) = folder.map(Folder::close) {
            tracing::error!(%error, "a temporary folder could not be deleted");
        }
        drop(room);
        let summary = {
            let mut state = self.lock();
            state.status = status;
            state.error = error.map(str::to_owned);
            state.summary()
        };
        self.tell(ENDED, &json!({"status": status, "summary": summary, "error": error}));
    }

    /// What a file is drawn by, once it is measured.
    pub(super) fn waveform(&self, index: usize) -> Option<Waveform> {
        self.lock().waveforms.get(index).cloned().flatten()
    }

    /// How it is to be measured: as was asked, and for loudness its timelines, which are drawn and
    /// stand in no record.
    pub(super) fn measured(&self) -> AnalysisSettings {
        let timelines = self.analysis.metrics.iter().any(|one| one.answers_to(LOUDNESS.name));
        AnalysisSettings { timelines, ..self.analysis.clone() }
    }

    /// How loud a file is from moment to moment, once it is measured.
    pub(super) fn timelines(&self, index: usize) -> Option<Timelines> {
        self.lock().timelines.get(index).cloned().flatten()
    }

    /// Every record and their balance, once there are all.
    pub(super) fn outcome(&self) -> Option<(Vec<Record>, Summary)> {
        let state = self.lock();
        let records = state.records.iter().cloned().collect::<Option<Vec<_>>>()?;
        state.status.is_final().then(|| (records, state.summary()))
    }

    /// As the list shows it.
    pub(super) fn brief(&self) -> Value {
        let state = self.lock();
        json!({
            "id": self.id,
            "status": state.status,
            "workers": state.workers,
            "files": self.names.len(),
            "bytes": self.bytes,
            "summary": state.summary(),
            "error": state.error,
        })
    }

    /// With every file.
    pub(super) fn full(&self) -> Value {
        let mut shown = self.brief();
        let state = self.lock();
        let files: Vec<_> = self
            .names
            .iter()
            .zip(&state.files)
            .zip(&state.records)
            .map(|((name, file), record)| {
                json!({"name": name, "percent": file.percent(), "record": record})
            })
            .collect();
        shown["files"] = Value::Array(files);
        shown["settings"] = json!(self.analysis);
        shown
    }

    /// The entries after the first `seen`, and whether these were the last.
    pub(super) fn since(&self, seen: usize) -> (Vec<Entry>, bool) {
        let state = self.lock();
        let entries = state.log.get(seen..).unwrap_or_default().to_vec();
        (entries, state.log.last().is_some_and(|last| last.kind == ENDED))
    }

    /// Tells when the log grows.
    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.news.subscribe()
    }

    fn advance(&self, index: u64, frames: u64) {
        let told = {
            let mut state = self.lock();
            let Some(file) = file(&mut state.files, index) else { return };
            file.frames += frames;
            let percent = file.percent();
            let stage =
                percent.unwrap_or_else(|| file.frames / u64::from(file.sample_rate.max(1)) / 60);
            if stage <= file.told {
                return;
            }
            file.told = stage;
            json!({"index": index, "percent": percent})
        };
        self.tell("progress", &told);
    }

    fn tell(&self, kind: &'static str, value: &Value) {
        let length = {
            let mut state = self.lock();
            // The others on the same pools are still in work: of this one nothing more is told.
            if state.log.last().is_some_and(|last| last.kind == ENDED) {
                return;
            }
            state.log.push(Entry { kind, text: value.to_string() });
            state.log.len()
        };
        self.news.send_replace(length);
    }

    /// No caller's code runs while it is held, so a poisoned lock holds a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The balance so far.
    fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        self.records.iter().flatten().for_each(|record| summary.add(record));
        summary.complete = self.status == Status::Finished;
        summary
    }
}

impl Progress {
    /// Of what the file says it has.
    fn percent(&self) -> Option<u64> {
        let declared = self.declared_frames.filter(|frames| *frames > 0)?;
        Some((self.frames.saturating_mul(100) / declared).min(100))
    }
}

fn file(files: &mut [Progress], index: u64) -> Option<&mut Progress> {
    files.get_mut(usize::try_from(index).ok()?)
}
