//! Logging: what happens goes to standard error, and events of the run with it.
//!
//! `-v` and `-vv` widen, `-q` narrows, and without them `AUDIOPOOL_LOG` decides
//! (`procpool=debug,warn`, as `tracing-subscriber`'s `EnvFilter` reads it). Lines come
//! between redraws of the progress bar, and no name of a file can write control characters.

use std::io::{self, Write};

use audiopool::event::{Event, PoolEvent};
use audiopool::report::{Progress, escaped};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::fault::Fault;

const VARIABLE: &str = "AUDIOPOOL_LOG";

/// Starts logging for the rest of the process's life.
pub(crate) fn start(filter: &str, progress: &Progress) -> Result<(), Fault> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(BesideProgress(progress.clone()))
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| Fault::of(super::exit::Exit::Boot, &error))
}

/// Logs an event of the run.
pub(crate) fn observe(event: &Event) {
    match event {
        Event::Planned { files } => tracing::debug!(files, "planned"),
        Event::JobStarted { index } => tracing::debug!(file = index, "started"),
        Event::JobOpened { index, format, declared_frames } => tracing::debug!(
            file = index,
            container = format.container,
            codec = format.codec,
            declared_frames,
            "opened"
        ),
        Event::ChunkMeasured { index, frames, .. } => {
            tracing::trace!(file = index, frames, "chunk measured");
        }
        Event::JobFinished { index, ok, audio_seconds } => {
            tracing::info!(file = index, ok, audio_seconds, "finished");
        }
        Event::Pool(PoolEvent::ChildReady { role, number, confinement }) => {
            tracing::debug!(sandbox = %confinement, "{role} {number} is ready");
        }
        Event::Pool(PoolEvent::ChildStarted { role, number, pid }) => {
            tracing::info!(pid, "{role} {number} started");
        }
        Event::Pool(PoolEvent::ChildDied { role, number, cause, evidence, label, .. }) => {
            tracing::warn!(file = label, cause, evidence, "{role} {number} died");
        }
        Event::Pool(PoolEvent::TaskLate { label, role, number, silent, limit, .. }) => {
            tracing::warn!(file = label, ?silent, ?limit, "{role} {number} is late");
        }
        Event::Pool(PoolEvent::TaskRetried { label, attempt, cause, .. }) => {
            tracing::warn!(file = label, attempt, cause, "task tried again");
        }
        Event::Pool(PoolEvent::ChildRetired { role, number, usage }) => {
            tracing::debug!(?usage, "{role} {number} retired");
        }
        Event::Balanced { role, balance } => {
            tracing::debug!(role = role.name(), ?balance, "pool ended");
        }
        Event::Bounded { peak_bytes } => tracing::debug!(peak_bytes, "memory bound"),
        Event::RunEnded { usage } => tracing::debug!(?usage, "run ended"),
        other => tracing::debug!(event = ?other, "event"),
    }
}

/// What is logged, here and in the child processes. What libraries log is for developers, and needs
/// `-vvv` or the variable: what they find strange in a file stands in its record.
pub(crate) fn filter(verbose: u8, quiet: bool) -> Result<String, Fault> {
    let asked = match verbose {
        _ if quiet => "audiopool=error,audiopool_worker=error,procpool=error",
        0 => return from_environment(),
        1 => "audiopool=info,audiopool_worker=info,procpool=info",
        2 => "audiopool=debug,audiopool_worker=debug,procpool=debug",
        _ => "debug,audiopool=trace,audiopool_worker=trace,procpool=trace",
    };
    Ok(asked.to_owned())
}

fn from_environment() -> Result<String, Fault> {
    match std::env::var(VARIABLE) {
        Ok(filter) if !filter.trim().is_empty() => match EnvFilter::try_new(&filter) {
            Ok(_) => Ok(filter),
            Err(error) => {
                let message = format!("{VARIABLE} is not a log filter: `{filter}`: {error}");
                Err(Fault::usage(message)
                    .with_help("for example `AUDIOPOOL_LOG=audiopool=debug,warn`"))
            }
        },
        _ => Ok("audiopool=warn,audiopool_worker=warn,procpool=warn".to_owned()),
    }
}

/// Standard error, written between two redraws of the progress bar.
struct BesideProgress(Progress);

/// One log line on its way out.
struct Line<'a> {
    progress: &'a Progress,
}

impl<'a> MakeWriter<'a> for BesideProgress {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { progress: &self.0 }
    }
}

impl Write for Line<'_> {
    /// The formatter hands over whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = format!("{}\n", escaped(text.trim_end_matches('\n')));
        self.progress.suspend(|| io::stderr().write_all(line.as_bytes()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
