//! Again: records out of stored partials, without the audio.
//!
//! What only the last stage decides may be chosen anew: which figures, which target, timelines,
//! albums. What the samples were measured with may not, and is refused by name.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use audiopool_worker::analyze::{Analyzers, Metric};

use super::Fold;
use super::store::EXTENSION;
use super::stored::{Opened, Settings};
use crate::record::{Failure, FailureKind, Outcome, Record};
use crate::settings::{
    AnalysisSettings, Grouping, LOUDNESS_TARGET, MIN_SILENCE_MS, SILENCE_THRESHOLD_DB,
};

/// What is wanted other than it was stored; `None` and `false` are as it was.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The figures, from those whose partials there are.
    pub metrics: Option<Vec<&'static Metric>>,
    /// Only as it was stored.
    pub silence_threshold_db: Option<f64>,
    /// Only as it was stored.
    pub min_silence_ms: Option<u32>,
    /// How loud files are wanted, in LUFS.
    pub loudness_target_lufs: Option<f64>,
    /// Whether the loudness of mono files is measured as they are heard on two loudspeakers.
    pub dual_mono: bool,
    /// Whether records hold the loudness of every 100 ms.
    pub timelines: bool,
    /// Which files are an album.
    pub albums: Option<Grouping>,
}

/// Why stored partials cannot become what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What cannot be, with flag and file.
    pub message: String,
    /// What would help.
    pub help: String,
}

/// The files that paths stand for: of a directory, all stored partials in order of their names,
/// which is that of their run. What is none is left to [`record`] to tell of.
pub fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    let within = |path: &PathBuf| {
        let mut found: Vec<PathBuf> = fs::read_dir(path)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|end| end == EXTENSION))
            // What was never finished.
            .filter(|path| {
                !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
            })
            .collect();
        found.sort();
        if found.is_empty() { vec![path.clone()] } else { found }
    };
    paths.iter().flat_map(within).collect()
}

/// The settings for all of these files; each that can be read must allow them.
pub fn settings(files: &[PathBuf], changes: &Changes) -> Result<AnalysisSettings, Refusal> {
    let mut first: Option<(&PathBuf, AnalysisSettings)> = None;
    for file in files {
        let Ok(opened) = Opened::at(file) else { continue };
        let of_file = changed(file, &opened.header.settings, changes)?;
        match &first {
            None => first = Some((file, of_file)),
            Some((other, wanted)) if of_file != *wanted => {
                return Err(unlike(other, wanted, file, &of_file));
            }
            Some(_) => {}
        }
    }
    match first {
        Some((_, settings)) => Ok(settings),
        None => changed(Path::new(""), &(&AnalysisSettings::default()).into(), changes),
    }
}

/// The settings of one file with what is wanted anew.
fn changed(file: &Path, stored: &Settings, changes: &Changes) -> Result<AnalysisSettings, Refusal> {
    let (threshold, length) = (stored.silence_threshold_db, stored.min_silence_ms);
    if let Some(wanted) =
        changes.silence_threshold_db.filter(|wanted| wanted.to_bits() != threshold.to_bits())
    {
        return Err(measured_with(SILENCE_THRESHOLD_DB.name, wanted, file, threshold));
    }
    if let Some(wanted) = changes.min_silence_ms.filter(|wanted| *wanted != length) {
        return Err(measured_with(MIN_SILENCE_MS.name, wanted, file, length));
    }
    let mut settings = AnalysisSettings::from(stored);
    if let Some(metrics) = &changes.metrics {
        settings.metrics.clone_from(metrics);
    }
    settings.dual_mono |= changes.dual_mono;
    settings.timelines |= changes.timelines;
    settings.albums = changes.albums.or(settings.albums);
    let target = changes.loudness_target_lufs.or(stored.loudness_target_lufs);
    let settings = settings.for_target(target).map_err(|error| Refusal {
        message: error.to_string(),
        help: "`audiopool merge --help` lists every option".to_owned(),
    })?;
    let (needed, there) = (settings.analyzers(), of_the_partials(stored, &settings));
    if there.covers(&needed) {
        return Ok(settings);
    }
    let lacking = |wanted: AnalysisSettings| !there.covers(&wanted.analyzers());
    let without = AnalysisSettings {
        metrics: Vec::new(),
        timelines: false,
        albums: None,
        ..settings.clone()
    };
    let metric = settings
        .metrics
        .iter()
        .find(|metric| lacking(AnalysisSettings { metrics: vec![metric], ..without.clone() }));
    let (flag, ask) = match metric {
        Some(metric) if metric.needs_target() => {
            (format!("--{}", LOUDNESS_TARGET.name), "loudness")
        }
        Some(metric) => (format!("--metrics {}", metric.key), metric.key),
        None if settings.albums.is_some() => ("--album".to_owned(), "loudness"),
        None => ("--timeline".to_owned(), "loudness"),
    };
    Err(Refusal {
        message: format!(
            "`{flag}` is made of what `{}` does not hold, which is of {}",
            file.display(),
            stored.metrics.join(", ")
        ),
        help: format!("measure it too: `audiopool analyze --metrics {ask},… --save-partials DIR`"),
    })
}

/// The analyzers whose partials were stored, with what of them only the last stage asks for.
fn of_the_partials(stored: &Settings, wanted: &AnalysisSettings) -> Analyzers {
    let mut analyzers = AnalysisSettings::from(stored).analyzers();
    let last = wanted.analyzers();
    if let (Some(loudness), Some(last)) = (&mut analyzers.loudness, last.loudness) {
        *loudness = last;
    }
    analyzers
}

fn measured_with(
    flag: &str,
    wanted: impl std::fmt::Display,
    file: &Path,
    stored: impl std::fmt::Display,
) -> Refusal {
    Refusal {
        message: format!(
            "`--{flag} {wanted}` cannot be chosen any more: `{}` was measured with {stored}",
            file.display()
        ),
        help: format!(
            "leave it out, or measure again: `audiopool analyze --{flag} {wanted} --save-partials DIR`"
        ),
    }
}

/// Two files that do not belong into one report.
fn unlike(
    one: &Path,
    of_one: &AnalysisSettings,
    other: &Path,
    of_other: &AnalysisSettings,
) -> Refusal {
    let (what, help) = if of_one.metrics != of_other.metrics {
        ("for other figures", "`--metrics` chooses those that both have")
    } else if of_one.loudness_target_lufs != of_other.loudness_target_lufs {
        ("for another loudness", "`--loudness-target` names one for all")
    } else if of_one.dual_mono != of_other.dual_mono {
        ("with another loudness of mono files", "`--dual-mono` asks for it of all")
    } else if of_one.albums != of_other.albums || of_one.timelines != of_other.timelines {
        ("with other albums or timelines", "`--album` and `--timeline` ask for them of all")
    } else {
        ("with other settings of silence", "merge them apart")
    };
    Refusal {
        message: format!("`{}` was measured {what} than `{}`", other.display(), one.display()),
        help: help.to_owned(),
    }
}

/// The record of the input whose partials a file holds. A file that holds none fails under its own
/// name.
pub fn record(file: &Path, analysis: &AnalysisSettings) -> Record {
    // Checked partials can be merged safely, but the file may come from anywhere.
    let made = panic::catch_unwind(AssertUnwindSafe(|| restored(file, analysis)));
    let made = made.unwrap_or_else(|_| Err("damaged: its partials make no figures".to_owned()));
    made.unwrap_or_else(|reason| {
        let message = format!("`{}`: {reason}", file.display());
        Record::failed(file.to_owned(), Failure::new(FailureKind::InvalidPartials, message))
    })
}

fn restored(file: &Path, analysis: &AnalysisSettings) -> Result<Record, String> {
    let mut opened = Opened::at(file).map_err(|error| error.to_string())?;
    let partials = opened.partials().map_err(|error| error.to_string())?;
    let header = opened.header;
    let path = header.path();
    let known = header.known.as_ref().map(|known| (known.pcm, known.frames.unwrap_or(0)));
    let analyzers = of_the_partials(&header.settings, analysis);
    let health = header.health.clone();
    let (format, warnings, failure) = header.into_parts();
    let outcome = match (failure, format, known, partials) {
        (Some(error), format, _, None) => Outcome::Failed { format, warnings, error },
        (None, Some(format), Some((pcm, frames)), Some(partials)) => {
            let mut fold = Fold::new(&analyzers, pcm);
            fold.add(partials, frames).map_err(|error| format!("damaged: {error}"))?;
            let keys: Vec<_> = analysis.metrics.iter().map(|metric| metric.key).collect();
            let figures = fold.finish().with_health(&health, pcm.sample_rate).only(&keys);
            Outcome::measured(format, figures, warnings)
        }
        _ => return Err("damaged: neither figures nor a failure".to_owned()),
    };
    Ok(Record { path, outcome })
}
