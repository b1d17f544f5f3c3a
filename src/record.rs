//! Record: what is known of one input in the end, ok or failed with its cause.
//!
//! Every input of a run ends in exactly one record. In JSON each has the same keys in the same
//! order, whatever became of it; what does not apply is `null` or empty:
//!
//! ```text
//! {"schema_version": 1, "path", "status": "ok",     "format": {…},        "metrics": {…}, "channels": […],
//!  "regions": {…}, "findings": […], "timelines": {…}, "spectrum_bands": […], "warnings": […], "error": null}
//! {"schema_version": 1, "path", "status": "failed", "format": {…} | null, "metrics": {},  "channels": [],
//!  "regions": {},  "findings": [],  "timelines": {},  "spectrum_bands": [],  "warnings": […], "error": {…}}
//! ```
//!
//! A path that is not UTF-8 stands there with U+FFFD for what cannot be written, followed by
//! `path_percent_encoded`: the exact bytes, percent-encoded (RFC 3986). No other record has that key.
//!
//! Nothing here depends on time, on process numbers or on how the work was cut.

mod album;
mod document;
mod failure;
mod figure;
mod format;
mod source;
mod words;

use std::path::{Path, PathBuf};

use audiopool_worker::analyze::waveform::Waveform;
use audiopool_worker::analyze::{Details, Features};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use schemars::JsonSchema;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

pub use album::Album;
#[cfg(feature = "web")]
pub(crate) use document::definitions;
pub use document::{
    BandDocument, ChannelDocument, Figures, FindingDocument, RecordDocument, RegionDocument,
    SCHEMA_VERSION, Status, TimelineDocument, schema,
};
pub use failure::{Attempt, Failure, FailureKind};
pub(crate) use figure::{number, presentable};
pub use format::FileFormat;
pub use source::{DecodeError, DecodeErrorKind, DecodedBy, SourceFormat};
pub use words::{FAILURES, WARNINGS, Words};

/// What is known of one input in the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The input as it was given; of a directory's file, the directory as given and the way there.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was measured from the first frame to the last that can be decoded.
    Ok {
        /// What the file is.
        format: FileFormat,
        /// The figures asked for, in catalogue order. `None`: −∞ or not defined for this audio.
        metrics: Vec<(&'static str, Option<f64>)>,
        /// What belongs to them and is not one number for the whole file.
        details: Details,
        /// What its owner should know.
        warnings: Vec<Warning>,
    },
    /// There are no figures.
    Failed {
        /// What the file is, if that much became known.
        format: Option<FileFormat>,
        /// What was noticed before it failed.
        warnings: Vec<Warning>,
        /// Why.
        error: Failure,
    },
}

/// The balance of a run: every input is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Summary {
    /// Records written.
    pub inputs: u64,
    /// Of these, measured.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Of those measured, how many have a warning.
    #[serde(skip)]
    pub warned: u64,
    /// Of those measured, how many have a warning of [damage](WarningKind::is_damage).
    pub damaged: u64,
    /// Audio measured, in seconds: counted frames over the rate, summed in input order.
    pub audio_seconds: f64,
    /// Whether every input had its turn; `false` when the run was stopped or gave up.
    pub complete: bool,
}

/// Something about a file that its owner should know, though it could be analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Warning {
    /// The class of the finding, for machines: `truncated`, `trailing_data`, …
    pub kind: WarningKind,
    /// For a person.
    pub message: String,
    /// Frame at which it was noticed, where that makes sense.
    pub frame: Option<u64>,
    /// Byte of the file at which it was noticed, where it is known.
    pub byte: Option<u64>,
}

/// The classes of [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// The data ends before the file says it should.
    Truncated,
    /// Bytes after the audio that are no audio.
    TrailingData,
    /// A stretch could not be decoded and was left out.
    DecodeErrors,
    /// Sample rate, channels or depth change within the stream; the rest was not analysed.
    FormatChange,
    /// The name says one format, the content another.
    WrongExtension,
    /// The number of frames differs from the declared one.
    LengthMismatch,
    /// There are further audio tracks, not analysed.
    OtherTracks,
    /// An edit list shows the audio in a way that was not followed.
    EditList,
    /// The audio does not have the checksum that the file holds of it.
    ChecksumMismatch,
    /// The header says another format than the audio has.
    HeaderMismatch,
    /// No audio came out of a file that is more than a header.
    NoFrames,
    /// Samples are far above full scale, as no audio is.
    ImplausibleLevel,
    /// The name of the file, and not its content, says what it was decoded as.
    GuessedFormat,
}

impl WarningKind {
    /// Whether it says that audio is missing or damaged, and not only that something is unusual.
    pub const fn is_damage(self) -> bool {
        match self {
            Self::Truncated
            | Self::DecodeErrors
            | Self::LengthMismatch
            | Self::ChecksumMismatch
            | Self::NoFrames => true,
            Self::TrailingData
            | Self::FormatChange
            | Self::WrongExtension
            | Self::OtherTracks
            | Self::EditList
            | Self::HeaderMismatch
            | Self::ImplausibleLevel
            | Self::GuessedFormat => false,
        }
    }
}

impl Record {
    /// The record of an input of which nothing is known but why it failed.
    pub fn failed(path: PathBuf, error: Failure) -> Self {
        Self { path, outcome: Outcome::Failed { format: None, warnings: Vec::new(), error } }
    }

    /// `ok` or `failed`.
    pub const fn status(&self) -> &'static str {
        match self.outcome {
            Outcome::Ok { .. } => "ok",
            Outcome::Failed { .. } => "failed",
        }
    }

    /// What the file is, as far as known.
    pub const fn format(&self) -> Option<&FileFormat> {
        match &self.outcome {
            Outcome::Ok { format, .. } => Some(format),
            Outcome::Failed { format, .. } => format.as_ref(),
        }
    }

    /// The figures; none of a failed input.
    pub fn metrics(&self) -> &[(&'static str, Option<f64>)] {
        match &self.outcome {
            Outcome::Ok { metrics, .. } => metrics,
            Outcome::Failed { .. } => &[],
        }
    }

    /// What belongs to the figures and is not one number; none of a failed input.
    pub fn details(&self) -> Option<&Details> {
        match &self.outcome {
            Outcome::Ok { details, .. } => Some(details),
            Outcome::Failed { .. } => None,
        }
    }

    /// What its owner should know.
    pub fn warnings(&self) -> &[Warning] {
        match &self.outcome {
            Outcome::Ok { warnings, .. } | Outcome::Failed { warnings, .. } => warnings,
        }
    }

    /// Why it failed, if it did.
    pub const fn error(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Ok { .. } => None,
            Outcome::Failed { error, .. } => Some(error),
        }
    }
}

impl Outcome {
    /// Of an input whose figures are there.
    pub(crate) fn measured(format: FileFormat, figures: Features, warnings: Vec<Warning>) -> Self {
        let metrics = figures.iter().map(|(metric, figure)| (metric.key, figure)).collect();
        Self::Ok { format, metrics, details: figures.into_details(), warnings }
    }

    /// The same with what it is drawn by, if anyone is to see it.
    pub(crate) fn with_waveform(mut self, waveform: Option<Waveform>) -> Self {
        if let Self::Ok { details, .. } = &mut self {
            details.waveform = waveform;
        }
        self
    }
}

impl Summary {
    /// Counts one record in.
    pub fn add(&mut self, record: &Record) {
        self.inputs += 1;
        match &record.outcome {
            Outcome::Ok { format, .. } => {
                self.ok += 1;
                let is_damaged = record.warnings().iter().any(|found| found.kind.is_damage());
                self.warned += u64::from(!record.warnings().is_empty());
                self.damaged += u64::from(is_damaged);
                self.audio_seconds += format.duration_seconds.unwrap_or(0.0);
            }
            Outcome::Failed { .. } => self.failed += 1,
        }
    }
}

impl std::fmt::Display for WarningKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// Figures as a map in their order.
struct Metrics<'a>(&'a [(&'static str, Option<f64>)]);

impl Serialize for Metrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|&(key, figure)| (key, number(key, figure))))
    }
}

/// The path's bytes with everything but RFC 3986's unreserved characters and `/` as `%XX`.
pub(crate) fn percent_encoded(path: &Path) -> String {
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    percent_encode(path.as_os_str().as_encoded_bytes(), ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use audiopool_worker::pcm::{PcmFormat, SampleFormat};

    use super::*;

    fn format(frames: u64) -> FileFormat {
        let pcm = PcmFormat::new(SampleFormat::S24, 48_000, 2);
        let source = SourceFormat {
            container: "wav".to_owned(),
            codec: "pcm_s24le".to_owned(),
            decoder: DecodedBy::BuiltIn,
            pcm,
            declared_frames: None,
        };
        FileFormat::of(&source, Some(frames))
    }

    fn ok(path: &str, metrics: Vec<(&'static str, Option<f64>)>) -> Record {
        Record {
            path: path.into(),
            outcome: Outcome::Ok {
                format: format(72_000),
                metrics,
                details: Details::default(),
                warnings: vec![],
            },
        }
    }

    #[track_caller]
    fn check(record: &Record, expected: &str) {
        assert_eq!(serde_json::to_string(record).unwrap(), expected);
    }

    #[test]
    fn an_ok_record_has_every_key_in_order() {
        check(
            &ok("a \"b\"\n\té.wav", vec![("max_dbfs", Some(-6.5)), ("min_dbfs", None)]),
            concat!(
                r#"{"schema_version":1,"path":"a \"b\"\n\té.wav","status":"ok","#,
                r#""format":{"container":"wav","codec":"pcm_s24le","decoder":"built_in","sample_rate":48000,"channels":2,"#,
                r#""sample_format":"s24","sample_width":3,"frames":72000,"duration_seconds":1.5},"#,
                r#""metrics":{"max_dbfs":-6.5,"min_dbfs":null},"channels":[],"regions":{},"findings":[],"#,
                r#""timelines":{},"spectrum_bands":[],"warnings":[],"error":null}"#
            ),
        );
    }

    #[test]
    fn a_failed_record_has_the_same_keys() {
        let error = Failure {
            kind: FailureKind::Decode(DecodeErrorKind::Empty),
            message: "the file is empty".to_owned(),
            attempts: vec![Attempt {
                attempt: 1,
                kind: "signal".into(),
                cause: "SIGSEGV".to_owned(),
            }],
            replay: Some("audiopool replay x.wav".to_owned()),
        };
        check(
            &Record::failed("x.wav".into(), error),
            concat!(
                r#"{"schema_version":1,"path":"x.wav","status":"failed","format":null,"metrics":{},"#,
                r#""channels":[],"regions":{},"findings":[],"timelines":{},"spectrum_bands":[],"warnings":[],"#,
                r#""error":{"kind":"empty","message":"the file is empty","#,
                r#""attempts":[{"attempt":1,"kind":"signal","cause":"SIGSEGV"}],"replay":"audiopool replay x.wav"}}"#
            ),
        );
    }

    #[test]
    fn no_report_holds_infinity_nan_or_negative_zero() {
        assert_eq!(presentable(Some(f64::NEG_INFINITY)), None);
        assert_eq!(presentable(Some(f64::NAN)), None);
        assert!(presentable(Some(-0.0)).is_some_and(f64::is_sign_positive));
        assert_eq!(presentable(Some(-6.0)), Some(-6.0));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf_8_can_be_recovered() {
        use std::os::unix::ffi::OsStringExt;

        let path = PathBuf::from(std::ffi::OsString::from_vec(b"d/caf\xE9 %.wav".to_vec()));
        let json = serde_json::to_string(&Record { path, ..ok("", vec![]) }).unwrap();
        let expected = r#"{"schema_version":1,"path":"d/caf� %.wav","path_percent_encoded":"d/caf%E9%20%25.wav","#;
        assert!(json.starts_with(expected), "{json}");
    }

    #[test]
    fn the_balance_counts_each_record_once() {
        let mut summary = Summary::default();
        summary.add(&ok("a", vec![]));
        summary.add(&Record::failed("b".into(), Failure::new(FailureKind::NotRun, "stopped")));
        summary.add(&ok("c", vec![]));
        let expected = Summary {
            inputs: 3,
            ok: 2,
            failed: 1,
            warned: 0,
            damaged: 0,
            audio_seconds: 3.0,
            complete: false,
        };
        assert_eq!(summary, expected);
    }
}
