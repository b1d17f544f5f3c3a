//! `audiopool merge`: reports of stored partials, in this process and without the audio.

use std::path::PathBuf;

use audiopool::interrupt::Interrupt;
use audiopool::merge::{self, Changes, Refusal};
use audiopool::pipeline::RunError;
use audiopool::record::{Failure, FailureKind, Record, Summary};
use audiopool::report::{Paint, Progress};
use audiopool::settings::{
    AnalysisSettings, LOUDNESS_TARGET, MIN_SILENCE_MS, SILENCE_THRESHOLD_DB,
};
use clap::ValueHint;

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::log;
use crate::cli::options::analysis::{Metrics, RecordOptions, metrics, metrics_help};
use crate::cli::options::messages::Verbosity;
use crate::cli::options::report::ReportOptions;
use crate::cli::writing::conclude::conclude;
use crate::cli::writing::pages::{Pages, open_output};
use crate::cli::writing::targets::Targets;

/// The arguments. What is left out is as it was when the partials were stored.
#[derive(Debug, clap::Args)]
pub(crate) struct Merge {
    /// Files written by `audiopool analyze --save-partials`, and directories of them
    #[arg(value_name = "PARTIALS", required = true, value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    #[arg(long, value_name = "LIST", help_heading = "Analysis", value_parser = metrics, help = metrics_help())]
    metrics: Option<Metrics>,

    #[arg(long = LOUDNESS_TARGET.name, value_name = "LUFS", help = LOUDNESS_TARGET.describe(),
        value_parser = |text: &str| LOUDNESS_TARGET.parse(text), allow_hyphen_values = true,
        help_heading = "Analysis")]
    loudness_target: Option<f64>,

    #[command(flatten)]
    record: RecordOptions,

    /// Must equal the value that the partials were measured with
    #[arg(long = SILENCE_THRESHOLD_DB.name, value_name = "DB", allow_hyphen_values = true,
        value_parser = |text: &str| SILENCE_THRESHOLD_DB.parse(text), help_heading = "Analysis")]
    silence_threshold_db: Option<f64>,

    /// Must equal the value that the partials were measured with
    #[arg(long = MIN_SILENCE_MS.name, value_name = "MS", allow_hyphen_values = true,
        value_parser = |text: &str| MIN_SILENCE_MS.parse(text), help_heading = "Analysis")]
    min_silence_ms: Option<u32>,

    /// Refused with a message that names the command that has it
    #[arg(long, value_name = "FILE", hide = true)]
    peaks: Option<PathBuf>,

    #[command(flatten)]
    report: ReportOptions,
}

/// Runs the command. The caller reports a fault.
pub(crate) fn run(typed: Merge, verbosity: Verbosity) -> Result<Exit, Fault> {
    log::start(&log::filter(verbosity.verbose, verbosity.quiet)?, &Progress::hidden())?;
    let stop = Interrupt::on_signals().map_err(|error| Fault::of(Exit::Boot, &error))?;
    typed.report.check()?;
    let path = typed.report.file();
    if typed.peaks.is_some() {
        return Err(Fault::usage("`--peaks` needs the audio; stored partials hold no waveform")
            .with_help("`audiopool analyze --peaks` writes it while it measures"));
    }
    let changes = Changes {
        metrics: typed.metrics.map(|metrics| metrics.0),
        silence_threshold_db: typed.silence_threshold_db,
        min_silence_ms: typed.min_silence_ms,
        loudness_target_lufs: typed.loudness_target,
        dual_mono: typed.record.dual_mono,
        timelines: typed.record.timeline,
        albums: typed.record.album.map(Into::into),
    };
    let files = merge::files(&typed.paths);
    let targets = Targets::of_report(path);
    files.iter().try_for_each(|file| targets.check(file))?;
    let settings = merge::settings(&files, &changes).map_err(refused)?;
    let format = typed.report.format(&settings);
    let output = open_output(path)?;
    let paint = Paint { on: path.is_none() && verbosity.is_colour_allowed() };
    let progress = Progress::hidden();
    let mut pages = Pages::new((format, paint), &settings, output, &progress, false);
    let ran = write(&files, &settings, &stop, &mut pages);
    let closed = pages.close(&ran);
    conclude(ran, closed, &stop, path, typed.report.fail_on)
}

/// Makes one record after the other, and writes it. What is left when the run is stopped has a
/// record, too.
fn write(
    files: &[PathBuf],
    settings: &AnalysisSettings,
    stop: &Interrupt,
    pages: &mut Pages<'_>,
) -> Result<Summary, RunError> {
    let mut summary = Summary { complete: true, ..Summary::default() };
    for file in files {
        let record = if stop.requested().is_some() {
            summary.complete = false;
            let message = "the run was stopped before its turn";
            Record::failed(file.clone(), Failure::new(FailureKind::NotRun, message))
        } else {
            merge::record(file, settings)
        };
        summary.add(&record);
        pages.record(record).map_err(RunError::Output)?;
    }
    Ok(summary)
}

fn refused(refusal: Refusal) -> Fault {
    Fault::usage(refusal.message).with_help(refusal.help)
}
