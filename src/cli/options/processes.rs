//! The processes of a run: how many there are, what they may do, and when they are given up.

use std::env;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use audiopool::settings::{
    CHILD_MEMORY_MIB, Isolation, MAX_ATTEMPTS, MAX_CHUNK_MS, MAX_GROWTH_MIB, MIN_CHUNK_MS,
    RunSettings, Sandbox, TIMEOUT, WORKERS, WorkerProgram,
};
use audiopool::threads::ThreadConfig;
use clap::{ValueEnum, ValueHint};

use crate::cli::fault::Fault;

/// Every setting of the processes of a run.
#[derive(Debug, clap::Args)]
pub(crate) struct ProcessOptions {
    #[command(flatten)]
    workers: WorkersOption,

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
    isolation: IsolationWhen,

    #[command(flatten)]
    children: Children,

    #[command(flatten)]
    timeout: TimeoutOption,

    #[arg(long = MAX_ATTEMPTS.name, env = MAX_ATTEMPTS.env, hide_env_values = true, value_name = "N",
        help = MAX_ATTEMPTS.describe(), default_value = MAX_ATTEMPTS.preset.to_string(),
        value_parser = |text: &str| MAX_ATTEMPTS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    max_attempts: u32,

    #[arg(long = MAX_GROWTH_MIB.name, env = MAX_GROWTH_MIB.env, hide_env_values = true, value_name = "MIB",
        help = MAX_GROWTH_MIB.describe(), default_value = MAX_GROWTH_MIB.preset.to_string(),
        value_parser = |text: &str| MAX_GROWTH_MIB.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    max_growth_mib: u32,

    #[arg(long = MIN_CHUNK_MS.name, env = MIN_CHUNK_MS.env, hide_env_values = true, value_name = "MS",
        help = MIN_CHUNK_MS.describe(), default_value = MIN_CHUNK_MS.preset.to_string(),
        value_parser = |text: &str| MIN_CHUNK_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    min_chunk_ms: u32,

    #[arg(long = MAX_CHUNK_MS.name, env = MAX_CHUNK_MS.env, hide_env_values = true, value_name = "MS",
        help = MAX_CHUNK_MS.describe(), default_value = MAX_CHUNK_MS.preset.to_string(),
        value_parser = |text: &str| MAX_CHUNK_MS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    max_chunk_ms: u32,
}

/// How many workers there are.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct WorkersOption {
    #[arg(short = 'j', long = WORKERS.name, env = WORKERS.env, hide_env_values = true, value_name = "N", help = WORKERS.describe(),
        value_parser = |text: &str| WORKERS.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    workers: Option<u32>,
}

/// How long a task may take.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct TimeoutOption {
    #[arg(long = TIMEOUT.name, env = TIMEOUT.env, hide_env_values = true, value_name = "SECONDS", help = TIMEOUT.describe(),
        value_parser = |text: &str| TIMEOUT.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    timeout: Option<f64>,
}

/// The worker program.
#[derive(Debug, clap::Args)]
pub(crate) struct ChildProgram {
    /// The worker program [default: `audiopool-worker` beside this program, else this program]
    #[arg(long, value_name = "PATH", env = "AUDIOPOOL_WORKER_PROGRAM", hide_env_values = true,
        help_heading = "Processes", value_hint = ValueHint::ExecutablePath)]
    worker_program: Option<OsString>,
}

/// The worker program and the limits of child processes.
#[derive(Debug, clap::Args)]
pub(crate) struct Children {
    /// How strictly child processes are confined: no files, no network, no programs
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "LEVEL",
        env = "AUDIOPOOL_SANDBOX",
        hide_env_values = true,
        help_heading = "Processes"
    )]
    sandbox: SandboxLevel,

    #[arg(long = CHILD_MEMORY_MIB.name, env = CHILD_MEMORY_MIB.env, hide_env_values = true, value_name = "MIB",
        help = CHILD_MEMORY_MIB.describe(), default_value = CHILD_MEMORY_MIB.preset.to_string(),
        value_parser = |text: &str| CHILD_MEMORY_MIB.parse(text),
        allow_hyphen_values = true, help_heading = "Processes")]
    child_memory_mib: u32,

    #[command(flatten)]
    program: ChildProgram,
}

/// When children do the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationWhen {
    /// For every file
    #[default]
    Always,
    /// All work in this process: a broken file can end the whole run
    Never,
}

/// How far children are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxLevel {
    /// Not at all
    Off,
    /// As far as this system supports it
    #[default]
    BestEffort,
    /// Completely, or the run does not start
    Strict,
}

impl From<SandboxLevel> for Sandbox {
    fn from(level: SandboxLevel) -> Self {
        match level {
            SandboxLevel::Off => Self::Off,
            SandboxLevel::BestEffort => Self::BestEffort,
            SandboxLevel::Strict => Self::Strict,
        }
    }
}

impl ProcessOptions {
    /// The settings of the run.
    pub(crate) fn settings(self) -> Result<RunSettings, Fault> {
        if self.min_chunk_ms > self.max_chunk_ms {
            return Err(Fault::usage(format!(
                "`--{} {}` is more than `--{} {}`",
                MIN_CHUNK_MS.name, self.min_chunk_ms, MAX_CHUNK_MS.name, self.max_chunk_ms
            )));
        }
        let sandbox = Sandbox::from(self.children.sandbox);
        if matches!(self.isolation, IsolationWhen::Never) && sandbox == Sandbox::Strict {
            return Err(Fault::usage(
                "`--isolation never` starts no process that `--sandbox strict` could confine",
            )
            .with_help(
                "`--isolation always` confines decoders and workers; `--sandbox off` says that \
                 nothing is confined (AUDIOPOOL_ISOLATION and AUDIOPOOL_SANDBOX count as flags)",
            ));
        }
        Ok(RunSettings {
            workers: self.workers.count(),
            min_chunk: Duration::from_millis(self.min_chunk_ms.into()),
            max_chunk: Duration::from_millis(self.max_chunk_ms.into()),
            isolation: match self.isolation {
                IsolationWhen::Always => Isolation::Always,
                IsolationWhen::Never => Isolation::Never,
            },
            timeout: self.timeout.duration(),
            max_attempts: NonZeroU32::new(self.max_attempts).unwrap_or(NonZeroU32::MIN),
            max_growth: u64::from(self.max_growth_mib) << 20,
            ..self.children.settings()
        })
    }
}

impl WorkersOption {
    /// The number that was typed, or one for each processor.
    pub(crate) fn count(self) -> usize {
        let size = |count| usize::try_from(count).unwrap_or(usize::MAX);
        self.workers.map_or_else(ThreadConfig::default_threads, size)
    }
}

impl TimeoutOption {
    /// The time of a task, if it is limited in this way.
    pub(crate) fn duration(self) -> Option<Duration> {
        self.timeout.map(Duration::from_secs_f64)
    }
}

impl Children {
    /// Settings of a run with such children, and all else by default.
    pub(crate) fn settings(self) -> RunSettings {
        RunSettings {
            sandbox: self.sandbox.into(),
            child_memory_mib: self.child_memory_mib,
            worker_program: self.program.path(),
            ..RunSettings::default()
        }
    }
}

impl ChildProgram {
    /// The one that was named; else `audiopool-worker` beside this program, if there is one and it is
    /// of the same build; else this program.
    pub(crate) fn path(self) -> WorkerProgram {
        match self.worker_program {
            Some(path) => WorkerProgram::At(path.into()),
            None => beside().map_or(WorkerProgram::ThisProgram, WorkerProgram::Preferred),
        }
    }
}

/// The worker program in the folder of this one, if there is one.
fn beside() -> Option<PathBuf> {
    let name = format!("audiopool-worker{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok()?.with_file_name(name);
    beside.is_file().then_some(beside)
}
