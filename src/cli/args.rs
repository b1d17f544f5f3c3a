//! Arguments as typed: every flag with its help, bounds and variable; nothing decided yet.
//!
//! Numbers take name, bounds, default and sentence from `audiopool::settings`.

mod children;
mod choices;
mod peaks;

use std::ops::Range;
use std::path::PathBuf;

use audiopool::settings::{
    DEFAULT_METRICS, LOUDNESS_TARGET, MAX_ATTEMPTS, MAX_CHUNK_MS, MAX_GROWTH_MIB, MIN_CHUNK_MS,
    MIN_SILENCE_MS, SILENCE_THRESHOLD_DB, TIMEOUT, WORKERS, metric_names, parse_catalogue,
    parse_metrics,
};
use audiopool_worker::analyze::Metric;
use clap::{ArgAction, Parser, Subcommand, ValueHint};

pub(crate) use children::{ChildProgram, Children};
pub(crate) use choices::{
    AlbumScope, CatalogueFormat, ColorWhen, FailOn, FormatArg, IsolationWhen, ReportFormat,
    SandboxLevel,
};

use peaks::PeaksArgs;

use super::exit::Exit;
use super::merge::Merge;
use super::reference::Table;
use super::serve::Serve;

/// Measures audio files on a pool of crash-isolated worker processes.
#[derive(Debug, Parser)]
#[command(
    name = "audiopool",
    version,
    after_help = Exit::table(),
    args_override_self = true,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) talk: Talk,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure audio files and report the figures
    #[command(after_help = Exit::table())]
    Analyze(Box<Analyze>),
    /// Make a report from stored partials, without the audio
    #[command(after_help = Exit::table())]
    Merge(Box<Merge>),
    /// Repeat one task of a failed file, and report how it ends
    #[command(after_help = Exit::table())]
    Replay(Box<Replay>),
    /// Serve a page and an HTTP API for measuring files
    #[command(
        after_help = "Ends on Ctrl-C or SIGTERM with exit code 0. Exits with 2 if it cannot listen at the address."
    )]
    Serve(Serve),
    /// List the formats that can be decoded
    Formats(Catalogue),
    /// List the metrics that can be computed, with unit and definition
    Metrics(Catalogue),
    /// Describe metrics: definition, source, range, and how to read them
    Explain {
        #[arg(value_name = "KEY", value_parser = catalogued, help = explain_help())]
        metrics: Metrics,
    },
    /// Check whether audiopool can work on this machine, and say what to do if it cannot
    #[command(after_help = "Exits with 0, or with 1 if there is a problem.")]
    Doctor(Doctor),
    /// Run tasks with faults, and check that no result is lost, doubled or changed
    #[command(
        after_help = "Exits with 0 if every check passes, 5 if one fails, 3 if workers cannot be started."
    )]
    Selftest(Selftest),
    /// Print version, build and the ffmpeg that would be used
    Version(Catalogue),
    /// Write a completion script for a shell to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page to standard output
    Man,
    /// Write a table of the documentation, as Markdown
    #[command(hide = true)]
    Reference {
        /// The table
        table: Table,
    },
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct Analyze {
    /// Files, and directories to search for audio files; `-` reads one audio file from standard input
    #[arg(value_name = "PATH", required_unless_present = "files_from", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Read further paths from FILE, one on each line, without comments; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "Input", value_hint = ValueHint::FilePath)]
    pub(crate) files_from: Option<PathBuf>,

    /// Paths in `--files-from` are separated by NUL bytes, as `find -print0` writes them
    #[arg(short = '0', long = "null", requires = "files_from", help_heading = "Input")]
    pub(crate) nul: bool,

    /// Name of standard input (`-`) in the report; its extension helps to recognise the format
    #[arg(long, value_name = "NAME", default_value = "-", help_heading = "Input")]
    pub(crate) stdin_name: PathBuf,

    #[arg(long, value_name = "LIST", help_heading = "Analysis", env = "AUDIOPOOL_METRICS", hide_env_values = true,
        default_value = DEFAULT_METRICS, value_parser = metrics, help = metrics_help())]
    pub(crate) metrics: Metrics,

    #[arg(long = SILENCE_THRESHOLD_DB.name, env = SILENCE_THRESHOLD_DB.env, hide_env_values = true, value_name = "DB",
        help = SILENCE_THRESHOLD_DB.describe(), default_value = SILENCE_THRESHOLD_DB.preset.to_string(),
        value_parser = |text: &str| SILENCE_THRESHOLD_DB.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) silence_threshold_db: f64,

    #[arg(long = MIN_SILENCE_MS.name, env = MIN_SILENCE_MS.env, hide_env_values = true, value_name = "MS",
        help = MIN_SILENCE_MS.describe(), default_value = MIN_SILENCE_MS.preset.to_string(),
        value_parser = |text: &str| MIN_SILENCE_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) min_silence_ms: u32,

    #[arg(long = LOUDNESS_TARGET.name, env = LOUDNESS_TARGET.env, hide_env_values = true, value_name = "LUFS",
        help = LOUDNESS_TARGET.describe(), value_parser = |text: &str| LOUDNESS_TARGET.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) loudness_target: Option<f64>,

    /// Measure the loudness of mono files as played on two loudspeakers: 3.01 LU louder
    #[arg(long, help_heading = "Analysis")]
    pub(crate) dual_mono: bool,

    /// Add momentary and short-term loudness of every 100 ms to the records of `json` and `ndjson`
    #[arg(long, help_heading = "Analysis")]
    pub(crate) timeline: bool,

    /// Also measure files together as albums: all files, or the files of each directory
    #[arg(long, value_enum, value_name = "SCOPE", num_args = 0..=1, require_equals = true,
        default_missing_value = "all", help_heading = "Analysis")]
    pub(crate) album: Option<AlbumScope>,

    #[command(flatten)]
    pub(crate) format: FormatArg,

    /// Write the report to FILE, which appears when it is complete; `-` is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Report", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Also exit with code 1 if a file has a warning, or a warning of damage
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Report")]
    pub(crate) fail_on: Option<FailOn>,

    /// Store the partials of every input in DIR, a new or empty directory, for `audiopool merge`
    #[arg(long, value_name = "DIR", help_heading = "Report", value_hint = ValueHint::DirPath)]
    pub(crate) save_partials: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) peaks: PeaksArgs,

    /// Print times, throughput, attempts, task accounting, leftovers, memory and CPU time of each
    /// process to standard error
    #[arg(long, help_heading = "Report")]
    pub(crate) stats: bool,

    #[arg(short = 'j', long = WORKERS.name, env = WORKERS.env, hide_env_values = true, value_name = "N", help = WORKERS.describe(),
        value_parser = |text: &str| WORKERS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) workers: Option<u32>,

    /// Whether decoders and workers are separate processes
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        env = "AUDIOPOOL_ISOLATION",
        hide_env_values = true,
        help_heading = "Processes"
    )]
    pub(crate) isolation: IsolationWhen,

    #[command(flatten)]
    pub(crate) children: Children,

    #[arg(long = TIMEOUT.name, env = TIMEOUT.env, hide_env_values = true, value_name = "SECONDS", help = TIMEOUT.describe(),
        value_parser = |text: &str| TIMEOUT.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) timeout: Option<f64>,

    #[arg(long = MAX_ATTEMPTS.name, env = MAX_ATTEMPTS.env, hide_env_values = true, value_name = "N",
        help = MAX_ATTEMPTS.describe(), default_value = MAX_ATTEMPTS.preset.to_string(),
        value_parser = |text: &str| MAX_ATTEMPTS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) max_attempts: u32,

    #[arg(long = MAX_GROWTH_MIB.name, env = MAX_GROWTH_MIB.env, hide_env_values = true, value_name = "MIB",
        help = MAX_GROWTH_MIB.describe(), default_value = MAX_GROWTH_MIB.preset.to_string(),
        value_parser = |text: &str| MAX_GROWTH_MIB.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) max_growth_mib: u32,

    #[arg(long = MIN_CHUNK_MS.name, env = MIN_CHUNK_MS.env, hide_env_values = true, value_name = "MS",
        help = MIN_CHUNK_MS.describe(), default_value = MIN_CHUNK_MS.preset.to_string(),
        value_parser = |text: &str| MIN_CHUNK_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) min_chunk_ms: u32,

    #[arg(long = MAX_CHUNK_MS.name, env = MAX_CHUNK_MS.env, hide_env_values = true, value_name = "MS",
        help = MAX_CHUNK_MS.describe(), default_value = MAX_CHUNK_MS.preset.to_string(),
        value_parser = |text: &str| MAX_CHUNK_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) max_chunk_ms: u32,
}

/// The options of `audiopool replay`, as the record of a failure contains them.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) path: PathBuf,

    /// Analyse the frames from FIRST up to but not including END; without it, only decode the file
    #[arg(long, value_name = "FIRST..END", value_parser = frames)]
    pub(crate) frames: Option<Range<u64>>,

    #[arg(long, value_name = "LIST", help_heading = "Analysis", env = "AUDIOPOOL_METRICS", hide_env_values = true,
        default_value = "all", value_parser = metrics, help = metrics_help())]
    pub(crate) metrics: Metrics,

    #[arg(long = SILENCE_THRESHOLD_DB.name, env = SILENCE_THRESHOLD_DB.env, hide_env_values = true, value_name = "DB",
        help = SILENCE_THRESHOLD_DB.describe(), default_value = SILENCE_THRESHOLD_DB.preset.to_string(),
        value_parser = |text: &str| SILENCE_THRESHOLD_DB.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) silence_threshold_db: f64,

    #[arg(long = MIN_SILENCE_MS.name, env = MIN_SILENCE_MS.env, hide_env_values = true, value_name = "MS",
        help = MIN_SILENCE_MS.describe(), default_value = MIN_SILENCE_MS.preset.to_string(),
        value_parser = |text: &str| MIN_SILENCE_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Analysis")]
    pub(crate) min_silence_ms: u32,

    #[arg(long = TIMEOUT.name, env = TIMEOUT.env, hide_env_values = true, value_name = "SECONDS", help = TIMEOUT.describe(),
        value_parser = |text: &str| TIMEOUT.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    pub(crate) timeout: Option<f64>,

    #[command(flatten)]
    pub(crate) children: Children,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Format of the findings
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: CatalogueFormat,

    #[arg(short = 'j', long = WORKERS.name, env = WORKERS.env, hide_env_values = true, value_name = "N", help = WORKERS.describe(),
        value_parser = |text: &str| WORKERS.parse(text), allow_hyphen_values = true)]
    pub(crate) workers: Option<u32>,

    #[command(flatten)]
    pub(crate) children: Children,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Selftest {
    /// Hit tasks with faults that are drawn from this seed; without it, there are no faults
    #[arg(long, value_name = "SEED")]
    pub(crate) chaos: Option<u64>,

    /// Number of tasks
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) tasks: u32,

    #[arg(short = 'j', long = WORKERS.name, env = WORKERS.env, hide_env_values = true, value_name = "N", help = WORKERS.describe(),
        value_parser = |text: &str| WORKERS.parse(text), allow_hyphen_values = true)]
    pub(crate) workers: Option<u32>,

    #[command(flatten)]
    pub(crate) program: ChildProgram,
}

/// Options for messages.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Talk {
    /// Log to standard error; twice for more, three times to include libraries.
    /// `AUDIOPOOL_LOG` takes finer filters
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Messages")]
    pub(crate) verbose: u8,

    /// No progress bar, and only errors in the log
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub(crate) quiet: bool,

    /// Colour in the text report; `auto` checks the terminal and `NO_COLOR`
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        global = true,
        help_heading = "Messages"
    )]
    pub(crate) color: ColorWhen,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Catalogue {
    /// Format of the list
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: CatalogueFormat,
}

/// The metrics asked for; a type of its own, since clap takes a `Vec` for a repeated flag.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(pub(crate) Vec<&'static Metric>);

pub(super) fn metrics(text: &str) -> Result<Metrics, audiopool::settings::SettingError> {
    parse_metrics(text).map(Metrics)
}

fn catalogued(text: &str) -> Result<Metrics, audiopool::settings::SettingError> {
    parse_catalogue(text).map(Metrics)
}

pub(super) fn metrics_help() -> String {
    format!("What to measure: groups and keys, separated by commas, from {}", metric_names())
}

fn explain_help() -> String {
    format!("Keys and groups, separated by commas, from {}", metric_names())
}

/// Reads `FIRST..END`.
fn frames(text: &str) -> Result<Range<u64>, String> {
    let bounds = text
        .split_once("..")
        .and_then(|(first, end)| Some(first.trim().parse().ok()?..end.trim().parse().ok()?));
    bounds.filter(|frames: &Range<u64>| !frames.is_empty()).ok_or_else(|| {
        "must be two numbers of frames, the second larger, as in `160000..184000`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_range_of_frames_has_a_beginning_and_an_end() {
        assert_eq!(frames("160000..184000"), Ok(160_000..184_000));
        for wrong in ["", "5", "..", "1..", "..5", "5..5", "6..5", "-1..5", "1..x", "1...5"] {
            assert!(frames(wrong).unwrap_err().starts_with("must be two"), "{wrong}");
        }
    }
}
