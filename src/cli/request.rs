//! The request: what the arguments mean, once they are known to agree with each other.

use std::env;
use std::io::IsTerminal;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audiopool::plan::{List, ListSource, Plan, Separator};
use audiopool::report::Paint;
use audiopool::settings::{
    AnalysisSettings, Drawing, Isolation, MAX_CHUNK_MS, MIN_CHUNK_MS, RunSettings,
};
use audiopool::threads::ThreadConfig;
use procpool::confine::Sandbox;

use super::args::{Analyze, ColorWhen, FailOn, FormatArg, IsolationWhen, Talk};
use super::fault::Fault;
use super::{log, spooled};

/// A run as the user meant it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) plan: Plan,
    pub(crate) run: RunSettings,
    pub(crate) analysis: AnalysisSettings,
    pub(crate) format: FormatArg,
    /// What ends the run with exit code 1, beside files that fail.
    pub(crate) fail_on: Option<FailOn>,
    /// The name under which `-` is reported.
    pub(crate) stdin_name: PathBuf,
    /// `None` is standard output.
    pub(crate) output: Option<PathBuf>,
    pub(crate) stats: bool,
    pub(crate) quiet: bool,
    pub(crate) paint: Paint,
}

impl Request {
    /// Makes sense of the arguments.
    pub(crate) fn of(typed: Analyze, talk: Talk) -> Result<Self, Fault> {
        if typed.min_chunk_ms > typed.max_chunk_ms {
            return Err(Fault::usage(format!(
                "`--{} {}` is more than `--{} {}`",
                MIN_CHUNK_MS.name, typed.min_chunk_ms, MAX_CHUNK_MS.name, typed.max_chunk_ms
            )));
        }
        let sandbox = typed.children.sandbox.into();
        if matches!(typed.isolation, IsolationWhen::Never) && sandbox == Sandbox::Strict {
            return Err(Fault::usage(
                "`--isolation never` starts no process that `--sandbox strict` could confine",
            )
            .with_help(
                "`--isolation always` confines decoders and workers; `--sandbox off` says that \
                 nothing is confined (AUDIOPOOL_ISOLATION and AUDIOPOOL_SANDBOX count as flags)",
            ));
        }
        let analysis = AnalysisSettings {
            silence_threshold_db: typed.silence_threshold_db,
            min_silence_ms: typed.min_silence_ms,
            dual_mono: typed.dual_mono,
            timelines: typed.timeline,
            albums: typed.album.map(Into::into),
            metrics: typed.metrics.0,
            ..AnalysisSettings::default()
        };
        let analysis = analysis
            .for_target(typed.loudness_target)
            .map_err(|error| Fault::usage(error.to_string()))?;
        let output = typed.output.filter(|path| path != Path::new("-"));
        if let Some(output) = output.as_deref() {
            check_output(output)?;
        }
        let plan = Plan {
            paths: typed.paths,
            list: typed.files_from.map(|from| list(from, typed.nul)),
            standard_input: None,
        };
        spooled::check(&plan)?;
        let peaks = typed.peaks.meant(&plan, output.as_deref())?;
        Ok(Self {
            plan,
            run: RunSettings {
                workers: typed.workers.map_or_else(ThreadConfig::default_threads, size),
                min_chunk: Duration::from_millis(typed.min_chunk_ms.into()),
                max_chunk: Duration::from_millis(typed.max_chunk_ms.into()),
                isolation: match typed.isolation {
                    IsolationWhen::Always => Isolation::Always,
                    IsolationWhen::Never => Isolation::Never,
                },
                timeout: typed.timeout.map(Duration::from_secs_f64),
                max_attempts: NonZeroU32::new(typed.max_attempts).unwrap_or(NonZeroU32::MIN),
                max_growth: u64::from(typed.max_growth_mib) << 20,
                sandbox,
                child_memory_mib: typed.children.child_memory_mib,
                worker_program: typed.children.program.path(),
                log_filter: log::filter(talk.verbose, talk.quiet)?,
                save_partials: typed.save_partials,
                drawing: peaks.map(Drawing::Written),
            },
            analysis,
            paint: Paint { on: output.is_none() && colour_allowed(talk.color) },
            format: typed.format,
            fail_on: typed.fail_on,
            stdin_name: typed.stdin_name,
            output,
            stats: typed.stats,
            quiet: talk.quiet,
        })
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn list(from: PathBuf, nul: bool) -> List {
    let separator = if nul { Separator::Nul } else { Separator::Newline };
    let source = if from == Path::new("-") { ListSource::Stdin } else { ListSource::File(from) };
    List { source, separator }
}

/// A directory cannot be written, and one that does not exist cannot take a file.
pub(super) fn check_output(output: &Path) -> Result<(), Fault> {
    let shown = output.display();
    if output.as_os_str().is_empty() || output.is_dir() {
        return Err(Fault::usage(format!("`--output {shown}` is a directory, not a file")));
    }
    match output.parent() {
        Some(parent) if parent != Path::new("") && !parent.is_dir() => Err(Fault::usage(format!(
            "`--output {shown}`: there is no directory `{}`",
            parent.display()
        ))),
        _ => Ok(()),
    }
}

/// See <https://no-color.org>: set and not empty means no colour, unless asked for on the spot.
pub(super) fn colour_allowed(when: ColorWhen) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => {
            let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && std::io::stdout().is_terminal()
        }
    }
}
