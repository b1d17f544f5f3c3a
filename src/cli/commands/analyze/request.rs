//! The request: what the arguments mean, once they are known to agree with each other.

use std::path::PathBuf;

use audiopool::plan::Plan;
use audiopool::report::Paint;
use audiopool::settings::{
    AnalysisSettings, DEFAULT_METRICS, Drawing, LOUDNESS_TARGET, RunSettings,
};
use clap::ValueHint;

use super::spooled;
use crate::cli::fault::Fault;
use crate::cli::log;
use crate::cli::options::analysis::{
    Metrics, RecordOptions, SilenceOptions, metrics, metrics_help,
};
use crate::cli::options::input::InputOptions;
use crate::cli::options::messages::Verbosity;
use crate::cli::options::peaks::PeaksArgs;
use crate::cli::options::processes::ProcessOptions;
use crate::cli::options::report::ReportOptions;

/// The arguments of `audiopool analyze`.
#[derive(Debug, clap::Args)]
pub(crate) struct Analyze {
    #[command(flatten)]
    input: InputOptions,

    #[arg(long, value_name = "LIST", help_heading = "Analysis", env = "AUDIOPOOL_METRICS", hide_env_values = true,
        default_value = DEFAULT_METRICS, value_parser = metrics, help = metrics_help())]
    metrics: Metrics,

    #[command(flatten)]
    silence: SilenceOptions,

    #[arg(long = LOUDNESS_TARGET.name, env = LOUDNESS_TARGET.env, hide_env_values = true, value_name = "LUFS",
        help = LOUDNESS_TARGET.describe(), value_parser = |text: &str| LOUDNESS_TARGET.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    loudness_target: Option<f64>,

    #[command(flatten)]
    record: RecordOptions,

    #[command(flatten)]
    report: ReportOptions,

    /// Store the partials of every input in DIR, a new or empty directory, for `audiopool merge`
    #[arg(long, value_name = "DIR", help_heading = "Report", value_hint = ValueHint::DirPath)]
    save_partials: Option<PathBuf>,

    #[command(flatten)]
    peaks: PeaksArgs,

    /// Print times, throughput, attempts, task accounting, leftovers, memory and CPU time of each
    /// process to standard error
    #[arg(long, help_heading = "Report")]
    stats: bool,

    #[command(flatten)]
    processes: ProcessOptions,
}

/// A run as the user meant it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) plan: Plan,
    pub(crate) run: RunSettings,
    pub(crate) analysis: AnalysisSettings,
    pub(crate) report: ReportOptions,
    /// The name under which `-` is reported.
    pub(crate) stdin_name: PathBuf,
    pub(crate) stats: bool,
    pub(crate) quiet: bool,
    pub(crate) paint: Paint,
}

impl Request {
    /// Checks that the arguments agree with each other.
    pub(crate) fn of(typed: Analyze, verbosity: Verbosity) -> Result<Self, Fault> {
        let mut run = typed.processes.settings()?;
        let analysis = AnalysisSettings {
            silence_threshold_db: typed.silence.silence_threshold_db,
            min_silence_ms: typed.silence.min_silence_ms,
            dual_mono: typed.record.dual_mono,
            timelines: typed.record.timeline,
            albums: typed.record.album.map(Into::into),
            metrics: typed.metrics.0,
            ..AnalysisSettings::default()
        };
        let analysis = analysis
            .for_target(typed.loudness_target)
            .map_err(|error| Fault::usage(error.to_string()))?;
        typed.report.check()?;
        let (plan, stdin_name) = typed.input.plan();
        spooled::check(&plan)?;
        let peaks = typed.peaks.meant(&plan, typed.report.file())?;
        run.log_filter = log::filter(verbosity.verbose, verbosity.quiet)?;
        run.save_partials = typed.save_partials;
        run.drawing = peaks.map(Drawing::Written);
        let is_coloured = typed.report.file().is_none() && verbosity.is_colour_allowed();
        Ok(Self {
            plan,
            run,
            analysis,
            paint: Paint { on: is_coloured },
            report: typed.report,
            stdin_name,
            stats: typed.stats,
            quiet: verbosity.quiet,
        })
    }
}
