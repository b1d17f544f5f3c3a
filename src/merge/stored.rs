//! Stored: the partials of one input in one file, with all that its record needs.
//!
//! ```text
//!   "AUDPOOLP" │ version │ build │ lengths │ header │ checksum │ partials │ checksum
//!   └──────────────── 32 bytes ────────────┘
//! ```
//!
//! The header has the settings, the path and what is known of the file; an input that failed has its
//! failure there and no partials. Only the build that wrote partials reads them: another
//! build may define an analyzer differently, and a figure must never be made of two definitions.
//! Nothing is trusted: lengths are compared with the file, checksums are compared, settings must lie
//! within their bounds, and the merge checks the partials.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::build_id::BUILD_ID;
use audiopool_worker::analyze::{Health, Partials};
use audiopool_worker::pcm::PcmFormat;
use procpool::codec::{self, CodecError, MAX_STORED};
use serde::{Deserialize, Serialize};

use crate::record::{Attempt, DecodedBy, Failure, FailureKind, FileFormat, Record, Warning};
use crate::settings::{
    AnalysisSettings, Grouping, LOUDNESS_TARGET, METRICS, MIN_SILENCE_MS, SILENCE_THRESHOLD_DB,
};

const MAGIC: [u8; 8] = *b"AUDPOOLP";
/// Of the header and of all around it; the build stands for the partials.
const VERSION: u32 = 3;
/// Before the header.
const PREFIX: usize = 32;
const CHECKSUM: usize = 4;
const MOST_HEADER: usize = 1 << 20;
/// More frames than this are not believed: five years at the highest rate that there is.
const MOST_FRAMES: u64 = 1 << 48;
/// Beyond, no file is decoded.
const MOST: (u32, u16) = (1_536_000, 64);

/// Why a file is not what was stored, for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(String);

/// What is known of an input that was measured, beside its partials.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// As it was given.
    pub path: &'a Path,
    /// What it is.
    pub format: &'a FileFormat,
    /// What its samples are.
    pub pcm: PcmFormat,
    /// What its owner should know.
    pub warnings: &'a [Warning],
    /// Whether it is what it says it is.
    pub health: &'a Health,
}

/// What stands before the partials.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) settings: Settings,
    path: OsString,
    pub(super) known: Known,
    warnings: Vec<Warning>,
    pub(super) health: Health,
    /// Why there are no partials.
    failure: Option<Why>,
}

/// The settings of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) silence_threshold_db: f64,
    pub(super) min_silence_ms: u32,
    pub(super) loudness_target_lufs: Option<f64>,
    pub(super) dual_mono: bool,
    pub(super) timelines: bool,
    pub(super) albums: Option<Grouping>,
    pub(super) metrics: Vec<String>,
}

/// What is known of the file, if its format became known.
pub(super) type Known = Option<Facts>;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Facts {
    container: String,
    codec: String,
    decoder: DecodedBy,
    pub(super) pcm: PcmFormat,
    pub(super) frames: Option<u64>,
}

/// A [`Failure`] without what lives as long as the program.
#[derive(Debug, Serialize, Deserialize)]
struct Why {
    kind: String,
    message: String,
    attempts: Vec<(u32, String, String)>,
    replay: Option<String>,
}

/// A file whose header has been read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) header: Header,
    file: File,
    body: usize,
}

impl Header {
    /// Of an input that was measured.
    pub(super) fn measured(settings: Settings, measured: &Measured<'_>) -> Self {
        Self {
            settings,
            path: measured.path.as_os_str().to_owned(),
            known: Some(Facts::new(measured.format, measured.pcm)),
            warnings: measured.warnings.to_vec(),
            health: measured.health.clone(),
            failure: None,
        }
    }

    /// Of an input that failed.
    pub(super) fn failed(settings: Settings, record: &Record) -> Self {
        let failure = record.error().map(Why::of);
        let known = record.format().map(|format| Facts::new(format, pcm_of(format)));
        let path = record.path.as_os_str().to_owned();
        let (warnings, health) = (record.warnings().to_vec(), Health::default());
        Self { settings, path, known, warnings, health, failure }
    }

    /// The path of the input.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(&self.path)
    }

    /// What is known of the input: its format, what its owner should know, and why it failed.
    pub(super) fn into_parts(self) -> (Option<FileFormat>, Vec<Warning>, Option<Failure>) {
        let format = self.known.map(Facts::into_format);
        (format, self.warnings, self.failure.map(Why::into_failure))
    }

    /// The bytes of the file.
    pub(super) fn written(&self, partials: Option<&Partials>) -> Result<Vec<u8>, CodecError> {
        let header = codec::encode(self)?;
        let body = partials.map_or_else(|| Ok(Vec::new()), codec::encode)?;
        let length = |bytes: &[u8], most: usize| {
            let fits = bytes.len() <= most;
            let reason = format!("{} bytes are more than {most}", bytes.len());
            fits.then_some(bytes.len()).ok_or(CodecError::Encode { what: "Stored", reason })
        };
        let header_len = u32::try_from(length(&header, MOST_HEADER)?).unwrap_or(u32::MAX);
        let body_len = length(&body, MAX_STORED)? as u64;
        let mut bytes = Vec::with_capacity(PREFIX + header.len() + body.len() + 2 * CHECKSUM);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(build());
        bytes.extend(header_len.to_le_bytes());
        bytes.extend(body_len.to_le_bytes());
        bytes.extend(header);
        bytes.extend(codec::checksum(&bytes).to_le_bytes());
        bytes.extend(codec::checksum(&body).to_le_bytes());
        let behind = bytes.split_off(bytes.len() - CHECKSUM);
        bytes.extend(body);
        bytes.extend(behind);
        Ok(bytes)
    }

    /// Whether what was read can be meant.
    fn check(&self) -> Result<(), String> {
        let settings = &self.settings;
        SILENCE_THRESHOLD_DB.check(settings.silence_threshold_db).map_err(|e| e.to_string())?;
        MIN_SILENCE_MS.check(settings.min_silence_ms).map_err(|e| e.to_string())?;
        if let Some(target) = settings.loudness_target_lufs {
            LOUDNESS_TARGET.check(target).map_err(|error| error.to_string())?;
        }
        let known = |key: &&String| METRICS.iter().any(|metric| metric.key == **key);
        if let Some(key) = settings.metrics.iter().find(|key| !known(key)) {
            return Err(format!("there is no metric `{key}`"));
        }
        if let Some(Facts { pcm, frames, .. }) = &self.known {
            if pcm.sample_rate > MOST.0 || pcm.channels > MOST.1 {
                return Err(format!("{} Hz, {} channels", pcm.sample_rate, pcm.channels));
            }
            if frames.is_some_and(|frames| frames > MOST_FRAMES) {
                return Err("more frames than any file has".to_owned());
            }
        }
        match &self.failure {
            None if self.known.as_ref().is_none_or(|known| known.frames.is_none()) => {
                Err("neither figures nor a failure".to_owned())
            }
            Some(why) if FailureKind::named(&why.kind).is_none() => {
                Err(format!("there is no failure `{}`", why.kind))
            }
            _ => Ok(()),
        }
    }
}

impl Opened {
    /// Opens a file and reads its header.
    pub(super) fn at(path: &Path) -> Result<Self, Unreadable> {
        let metadata = fs::metadata(path).map_err(|error| io_error(&error))?;
        if !metadata.is_file() {
            return told("neither a file nor a directory with stored partials");
        }
        let mut file = File::open(path).map_err(|error| io_error(&error))?;
        let mut head = read(&mut file, PREFIX)?;
        let at = |place: usize| -> [u8; 4] {
            head.get(place..place + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
        };
        if !head.starts_with(&MAGIC) || head.len() < PREFIX {
            return told("no stored partials; `audiopool analyze --save-partials` writes them");
        }
        let version = u32::from_le_bytes(at(8));
        if version != VERSION {
            return told(format!(
                "partials of version {version}, and this audiopool reads {VERSION}; analyse the \
                 file again"
            ));
        }
        if head[12..20] != build() {
            return told(format!(
                "partials of another build of audiopool ({}, this is {BUILD_ID}), whose figures \
                 may be defined otherwise; analyse the file again, or use that build",
                String::from_utf8_lossy(&head[12..20])
            ));
        }
        let header_len = usize::try_from(u32::from_le_bytes(at(20))).unwrap_or(usize::MAX);
        let [low, high] = [at(24), at(28)].map(|half| u64::from(u32::from_le_bytes(half)));
        let body = usize::try_from(high << 32 | low).unwrap_or(usize::MAX);
        if header_len > MOST_HEADER || body > MAX_STORED {
            return told("damaged: a length beyond any that is written");
        }
        let expected = (PREFIX + header_len + body + 2 * CHECKSUM) as u64;
        if metadata.len() != expected {
            return told(format!("damaged: {} bytes instead of {expected}", metadata.len()));
        }
        head.extend(read(&mut file, header_len)?);
        check_sum(&head, &mut file)?;
        let header: Header = codec::decode(&head[PREFIX..]).map_err(|error| broken(&error))?;
        header.check().map_err(|reason| Unreadable(format!("damaged: {reason}")))?;
        Ok(Self { header, file, body })
    }

    /// The partials; `None` of an input that failed.
    pub(super) fn partials(&mut self) -> Result<Option<Partials>, Unreadable> {
        let bytes = read(&mut self.file, self.body)?;
        check_sum(&bytes, &mut self.file)?;
        if self.header.failure.is_some() {
            return if bytes.is_empty() {
                Ok(None)
            } else {
                told("damaged: partials of a failure")
            };
        }
        codec::decode_stored(&bytes).map(Some).map_err(|error| broken(&error))
    }
}

impl From<&AnalysisSettings> for Settings {
    fn from(analysis: &AnalysisSettings) -> Self {
        Self {
            silence_threshold_db: analysis.silence_threshold_db,
            min_silence_ms: analysis.min_silence_ms,
            loudness_target_lufs: analysis.loudness_target_lufs,
            dual_mono: analysis.dual_mono,
            timelines: analysis.timelines,
            albums: analysis.albums,
            metrics: analysis.metrics.iter().map(|metric| metric.key.to_owned()).collect(),
        }
    }
}

impl From<&Settings> for AnalysisSettings {
    fn from(stored: &Settings) -> Self {
        let is_asked = |key: &str| stored.metrics.iter().any(|asked| asked == key);
        Self {
            silence_threshold_db: stored.silence_threshold_db,
            min_silence_ms: stored.min_silence_ms,
            loudness_target_lufs: stored.loudness_target_lufs,
            dual_mono: stored.dual_mono,
            timelines: stored.timelines,
            albums: stored.albums,
            metrics: METRICS.iter().filter(|metric| is_asked(metric.key)).collect(),
        }
    }
}

impl Facts {
    fn new(format: &FileFormat, pcm: PcmFormat) -> Self {
        let (container, codec) = (format.container.clone(), format.codec.clone());
        Self { container, codec, decoder: format.decoder, pcm, frames: format.frames }
    }

    fn into_format(self) -> FileFormat {
        FileFormat::from_parts(self.container, self.codec, self.decoder, self.pcm, self.frames)
    }
}

impl Why {
    fn of(failure: &Failure) -> Self {
        let attempt = |attempt: &Attempt| {
            (attempt.attempt, attempt.kind.clone().into_owned(), attempt.cause.clone())
        };
        Self {
            kind: failure.kind.to_string(),
            message: failure.message.clone(),
            attempts: failure.attempts.iter().map(attempt).collect(),
            replay: failure.replay.clone(),
        }
    }

    fn into_failure(self) -> Failure {
        let attempt = |(attempt, kind, cause): (u32, String, String)| Attempt {
            attempt,
            kind: kind.into(),
            cause,
        };
        Failure {
            // The header was checked.
            kind: FailureKind::named(&self.kind).unwrap_or(FailureKind::InvalidPartials),
            message: self.message,
            attempts: self.attempts.into_iter().map(attempt).collect(),
            replay: self.replay,
        }
    }
}

/// The channel layout, which a report does not say, is not needed of a file without figures.
fn pcm_of(format: &FileFormat) -> PcmFormat {
    PcmFormat::new(format.sample_format, format.sample_rate, format.channels)
}

/// The build in eight bytes.
fn build() -> [u8; 8] {
    BUILD_ID.as_bytes().try_into().expect("a build id is eight digits")
}

fn read(file: &mut File, length: usize) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    file.take(length as u64).read_to_end(&mut bytes).map_err(|error| io_error(&error))?;
    Ok(bytes)
}

fn check_sum(bytes: &[u8], file: &mut File) -> Result<(), Unreadable> {
    let told_sum = read(file, CHECKSUM)?;
    if codec::checksum(bytes).to_le_bytes()[..] == told_sum[..] {
        return Ok(());
    }
    told("damaged: a checksum differs; analyse the file again")
}

fn told<T>(what: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable(what.into()))
}

fn broken(error: &CodecError) -> Unreadable {
    Unreadable(format!("damaged: {error}"))
}

fn io_error(error: &io::Error) -> Unreadable {
    Unreadable(format!("it cannot be read: {error}"))
}
