//! `audiopool replay`: one task again, and everything that is found of its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use audiopool::event::{Event, Observer};
use audiopool::interrupt::Interrupt;
use audiopool::pipeline::{self, NotReplayed, Replayed};
use audiopool::record::FileFormat;
use audiopool::report::{Progress, escaped};
use audiopool::settings::{AnalysisSettings, RunSettings};

use super::args::{Replay, Talk};
use super::exit::Exit;
use super::fault::Fault;
use super::{log, speak};

/// Runs the command. The caller reports a fault.
pub(crate) fn run(typed: Replay, talk: Talk) -> Result<Exit, Fault> {
    let run = RunSettings {
        timeout: typed.timeout.map(Duration::from_secs_f64),
        sandbox: typed.children.sandbox.into(),
        child_memory_mib: typed.children.child_memory_mib,
        worker_program: typed.children.program.path(),
        log_filter: log::filter(talk.verbose, talk.quiet)?,
        ..RunSettings::default()
    };
    let analysis = AnalysisSettings {
        silence_threshold_db: typed.silence_threshold_db,
        min_silence_ms: typed.min_silence_ms,
        metrics: typed.metrics.0,
        ..AnalysisSettings::default()
    };
    log::start(&run.log_filter, &Progress::hidden())?;
    let stop = Interrupt::on_signals().map_err(|error| Fault::of(Exit::Boot, &error))?;
    let observer: Observer = Arc::new(|event: &Event| log::observe(event));
    let wanted = pipeline::Replay { path: typed.path, frames: typed.frames };
    let replayed = pipeline::replay(&wanted, &run, &analysis, &observer, &stop)
        .map_err(|error| Fault::of(Exit::from(&error), &error))?;
    speak(|out| tell(&wanted, &replayed, out))?;
    match (stop.reason(), &replayed.outcome) {
        (Some(reason), _) => Err(Fault::concluded(reason.into(), format!("stopped by {reason}"))),
        (None, Err(NotReplayed { failure, .. })) => {
            Err(Fault::concluded(Exit::FilesFailed, format!("it failed again ({})", failure.kind)))
        }
        (None, Ok(_)) => Ok(Exit::Ok),
    }
}

fn tell(wanted: &pipeline::Replay, replayed: &Replayed, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}", escaped(&wanted.path.to_string_lossy()))?;
    if let Some(format) = &replayed.format {
        let format = FileFormat::of(format, None);
        let (container, codec) = (escaped(&format.container), escaped(&format.codec));
        let FileFormat { sample_rate, channels, sample_format, .. } = format;
        writeln!(
            out,
            "  {container}, {codec} · {sample_rate} Hz · channels: {channels} · {sample_format}"
        )?;
    }
    if let Some(frames) = &wanted.frames {
        writeln!(out, "  frames {} to {}", frames.start, frames.end)?;
    }
    match &replayed.outcome {
        Ok((decoded, 0)) => writeln!(out, "  nothing went wrong: {decoded} frames decoded"),
        Ok((decoded, analysed)) => {
            writeln!(out, "  nothing went wrong: {decoded} frames decoded, {analysed} analysed")
        }
        Err(NotReplayed { failure, attempts }) => {
            writeln!(out, "  failed: {} ({})", escaped(&failure.message), failure.kind)?;
            for attempt in attempts {
                writeln!(
                    out,
                    "  cause: {} ({})",
                    escaped(&attempt.cause.to_string()),
                    attempt.cause.word()
                )?;
                writeln!(out, "  evidence: {}", escaped(&attempt.evidence.to_string()))?;
            }
            Ok(())
        }
    }
}
