//! Orders: what a request asks to be measured, as files sent with it or a path on this machine.
//!
//! Files go to a private temporary [`Folder`] as they come in, under names of our own: what the visitor
//! calls them is shown and never used as a path. A client that disconnects in the middle leaves nothing
//! behind, because the folder is deleted with the request. A path must lie in an allowed folder after every
//! link and `..` in it is resolved, and so must whatever is found below it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::body::Body;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncWriteExt, BufWriter};
use tower_http::timeout::TimeoutError;

use super::ApiError;
use super::batch::Order;
use super::error::caused_by;
use super::folder::Folder;
use super::metered::{MOST_BETWEEN, Meter, TooMuchBetween};
use super::queue::Reservation;
use crate::plan::{Job, Plan};
use crate::record::{DecodeErrorKind, Failure};
use crate::settings::{
    AnalysisSettings, MIN_SILENCE_MS, SILENCE_THRESHOLD_DB, SettingError, parse_metrics,
};

/// Files of one job.
const MOST_FILES: usize = 1000;

/// Parts of a form: files, and settings.
const MOST_FIELDS: usize = MOST_FILES + 64;

/// Bytes of a request in JSON.
const MOST_JSON: usize = 64 << 10;

/// Bytes of one request, files and all.
pub(super) const MOST_BYTES: usize = 4 << 30;

/// What a visitor calls a file, in bytes.
const LONGEST_NAME: usize = 1024;

/// A setting, as text.
const LONGEST_SETTING: usize = 4096;

/// Bytes that are written at a time.
const BLOCK: usize = 256 << 10;

const JSON_BOUNDS: &str = "an object such as {\"path\": \"/music\", \"metrics\": \"all\"}";

/// What is asked for in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    path: PathBuf,
    metrics: Option<String>,
    silence_threshold_db: Option<f64>,
    /// Whole; but 100.0 is a whole number in JSON.
    min_silence_ms: Option<f64>,
}

/// Takes in files and settings as a form sends them.
pub(super) async fn sent(
    mut form: Multipart,
    meter: &Meter,
    place: &mut Reservation,
) -> Result<Order, ApiError> {
    let folder = Folder::create().map_err(|error| stored(&error))?;
    let mut fields = 0;
    let mut order = Order {
        jobs: Vec::new(),
        names: Vec::new(),
        bytes: 0,
        analysis: AnalysisSettings::default(),
        folder: None,
    };
    loop {
        meter.between();
        let field = form.next_field().await.map_err(|error| unread(&error))?;
        let Some(field) = field else { break };
        meter.within();
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(too_many());
        }
        let field_name = field.name().unwrap_or_default().to_owned();
        if field_name == "files" {
            let index = order.jobs.len();
            if index >= MOST_FILES {
                return Err(too_many());
            }
            if field.file_name().is_none() {
                return Err(ApiError::Body {
                    problem: "a field `files` is text and no file".to_owned(),
                    bounds: "a file with its name, as `curl --form files=@song.wav` sends it"
                        .to_owned(),
                });
            }
            let name = shown_name(field.file_name());
            let path = folder.path().join(stored_name(index, &name));
            order.bytes += store(field, &path, place).await?;
            order.jobs.push(Job {
                index: index.try_into().unwrap_or(u64::MAX),
                path,
                copy: None,
                refusal: None,
            });
            order.names.push(name);
        } else {
            let text = short_text(field).await?;
            set(&mut order.analysis, &field_name, text.trim())?;
        }
    }
    if order.jobs.is_empty() {
        return Err(ApiError::Body {
            problem: "there are no files in it".to_owned(),
            bounds: "a form with one file or more in its field `files`".to_owned(),
        });
    }
    order.folder = Some(folder);
    Ok(order)
}

/// Reads what is asked for in JSON.
pub(super) async fn asked(body: Body) -> Result<Asked, ApiError> {
    let mut json = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            if caused_by::<TimeoutError>(&error) {
                return ApiError::TooSlow;
            }
            ApiError::Body {
                problem: "the body did not arrive whole".to_owned(),
                bounds: JSON_BOUNDS.to_owned(),
            }
        })?;
        if json.len() + piece.len() > MOST_JSON {
            return Err(ApiError::TooLarge {
                what: "the JSON is too large",
                most: format!("{} KiB", MOST_JSON >> 10),
            });
        }
        json.extend_from_slice(&piece);
    }
    let Json(asked) = Json::from_bytes(&json).map_err(|error| ApiError::Body {
        problem: error.body_text(),
        bounds: JSON_BOUNDS.to_owned(),
    })?;
    Ok(asked)
}

/// Finds the files of a path; looks at the disk, so not for a thread that has others waiting.
pub(super) fn found(asked: &Asked, allowed: &[PathBuf]) -> Result<Order, ApiError> {
    let refused = || ApiError::NotAllowed { path: asked.path.display().to_string() };
    let mut analysis = AnalysisSettings::default();
    if let Some(metrics) = &asked.metrics {
        set(&mut analysis, "metrics", metrics)?;
    }
    if let Some(threshold) = asked.silence_threshold_db {
        analysis.silence_threshold_db = SILENCE_THRESHOLD_DB.check(threshold).map_err(unfit)?;
    }
    if let Some(length) = asked.min_silence_ms {
        analysis.min_silence_ms = MIN_SILENCE_MS.parse(&length.to_string()).map_err(unfit)?;
    }
    // The same answer for a path that does not exist and one that is not allowed, so that a client
    // cannot tell them apart.
    let path = resolved(&asked.path, allowed).ok_or_else(refused)?;
    let plan = Plan { paths: vec![path], ..Plan::default() };
    let jobs = plan.jobs().map_err(|_| refused())?;
    let jobs: Vec<_> = jobs.take(MOST_FILES + 1).collect();
    if jobs.len() > MOST_FILES {
        return Err(too_many());
    }
    let names = jobs.iter().map(|job| job.shown().into_owned()).collect();
    let jobs: Vec<_> = jobs.into_iter().map(|job| guarded(job, allowed)).collect();
    let sizes = jobs.iter().filter_map(|job| std::fs::metadata(&job.path).ok());
    let bytes = sizes.map(|metadata| metadata.len()).sum();
    Ok(Order { jobs, names, bytes, analysis, folder: None })
}

/// The path without links and `..`, if it lies in an allowed folder.
fn resolved(path: &Path, allowed: &[PathBuf]) -> Option<PathBuf> {
    let real = path.is_absolute().then(|| path.canonicalize().ok()).flatten()?;
    allowed.iter().any(|folder| real.starts_with(folder)).then_some(real)
}

/// The job, with the path that was looked at; refused if a link has led out.
fn guarded(job: Job, allowed: &[PathBuf]) -> Job {
    if job.refusal.is_some() {
        return job;
    }
    if let Some(path) = resolved(&job.path, allowed) {
        return Job { path, ..job };
    }
    let message = format!("`{}` leads out of the allowed folders", job.shown());
    let refusal = Failure::new(DecodeErrorKind::PermissionDenied, message);
    Job { refusal: Some(refusal), ..job }
}

/// Writes a file as it comes in; returns its length.
async fn store(
    mut field: Field<'_>,
    path: &Path,
    place: &mut Reservation,
) -> Result<u64, ApiError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let file = options.open(path).await.map_err(|error| stored(&error))?;
    let mut file = BufWriter::with_capacity(BLOCK, file);
    let mut length = 0;
    while let Some(bytes) = field.chunk().await.map_err(|error| unread(&error))? {
        let more = bytes.len().try_into().unwrap_or(u64::MAX);
        place.grow(more)?;
        length += more;
        file.write_all(&bytes).await.map_err(|error| stored(&error))?;
    }
    file.flush().await.map_err(|error| stored(&error))?;
    Ok(length)
}

async fn short_text(mut field: Field<'_>) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(bytes) = field.chunk().await.map_err(|error| unread(&error))? {
        text.extend_from_slice(&bytes);
        if text.len() > LONGEST_SETTING {
            return Err(ApiError::TooLarge {
                what: "a setting is too long",
                most: format!("{LONGEST_SETTING} bytes"),
            });
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Sets what a field of the form says.
fn set(analysis: &mut AnalysisSettings, name: &str, text: &str) -> Result<(), ApiError> {
    if name == "metrics" {
        let metrics = parse_metrics(text).map_err(unfit)?;
        *analysis =
            AnalysisSettings { metrics, ..analysis.clone() }.for_target(None).map_err(unfit)?;
    } else if name == SILENCE_THRESHOLD_DB.key {
        analysis.silence_threshold_db = SILENCE_THRESHOLD_DB.parse(text).map_err(unfit)?;
    } else if name == MIN_SILENCE_MS.key {
        analysis.min_silence_ms = MIN_SILENCE_MS.parse(text).map_err(unfit)?;
    } else {
        return Err(ApiError::Body {
            problem: format!("there is no field `{name}`"),
            bounds: format!(
                "a form of `files`, `metrics`, `{}` and `{}`",
                SILENCE_THRESHOLD_DB.key, MIN_SILENCE_MS.key
            ),
        });
    }
    Ok(())
}

fn unfit(error: SettingError) -> ApiError {
    ApiError::Setting { field: error.key, problem: error.message }
}

/// What the visitor calls a file; of a nameless one, something.
fn shown_name(given: Option<&str>) -> String {
    let given = given.filter(|name| !name.is_empty()).unwrap_or("unnamed");
    given[..given.floor_char_boundary(LONGEST_NAME)].to_owned()
}

/// A name of our own, with the visitor's extension, by which some formats are told.
fn stored_name(index: usize, shown: &str) -> String {
    let extension = Path::new(shown).extension().and_then(OsStr::to_str).unwrap_or_default();
    let is_plain = extension.len() <= 8 && extension.chars().all(|c| c.is_ascii_alphanumeric());
    if is_plain && !extension.is_empty() {
        format!("{index}.{extension}")
    } else {
        index.to_string()
    }
}

fn too_many() -> ApiError {
    ApiError::TooLarge { what: "too many files", most: MOST_FILES.to_string() }
}

fn stored(error: &io::Error) -> ApiError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if [StorageFull, QuotaExceeded, FileTooLarge].contains(&error.kind()) {
        return ApiError::Full;
    }
    tracing::error!(%error, "a file that was sent could not be stored");
    ApiError::Internal
}

fn unread(error: &MultipartError) -> ApiError {
    if caused_by::<TimeoutError>(error) {
        return ApiError::TooSlow;
    }
    if caused_by::<TooMuchBetween>(error) {
        return ApiError::TooLarge {
            what: "there is too much before or between the parts of the form",
            most: format!("{} KiB", MOST_BETWEEN >> 10),
        };
    }
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::TooLarge {
            what: "the files are too large",
            most: format!("{} GiB", MOST_BYTES >> 30),
        };
    }
    ApiError::Body {
        problem: "the form cannot be read".to_owned(),
        bounds: "whole, as multipart/form-data has it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitors_name_gives_no_more_than_a_plain_extension() {
        for (shown, stored) in [
            ("a.wav", "3.wav"),
            ("../../etc/passwd", "3"),
            ("x.w/../../y", "3"),
            ("x.wav\0", "3"),
            ("x.ääh", "3"),
            ("x.extension", "3"),
            (".wav", "3"),
            ("C:\\x.FLAC", "3.FLAC"),
        ] {
            assert_eq!(stored_name(3, shown), stored, "{shown:?}");
        }
        assert_eq!(shown_name(None), "unnamed");
        assert_eq!(shown_name(Some(&"ä".repeat(1000))).len(), LONGEST_NAME);
    }
}
