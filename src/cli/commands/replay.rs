//! `audiopool replay`: repeats one task and reports how it ends.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use audiopool::event::{Event, Observer};
use audiopool::interrupt::Interrupt;
use audiopool::pipeline::{self, NotReplayed, Replayed};
use audiopool::record::FileFormat;
use audiopool::report::{Progress, escaped};
use audiopool::settings::{AnalysisSettings, RunSettings};

use clap::ValueHint;

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::log;
use crate::cli::options::analysis::{Metrics, SilenceOptions, metrics, metrics_help};
use crate::cli::options::messages::Verbosity;
use crate::cli::options::processes::{Children, TimeoutOption};
use crate::cli::writing::output::speak;

/// The options of `audiopool replay`, as the record of a failure contains them.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    path: PathBuf,

    /// Analyse the frames from FIRST up to but not including END; without it, only decode the file
    #[arg(long, value_name = "FIRST..END", value_parser = frames)]
    frames: Option<Range<u64>>,

    #[arg(long, value_name = "LIST", help_heading = "Analysis", env = "AUDIOPOOL_METRICS", hide_env_values = true,
        default_value = "all", value_parser = metrics, help = metrics_help())]
    metrics: Metrics,

    #[command(flatten)]
    silence: SilenceOptions,

    #[command(flatten)]
    timeout: TimeoutOption,

    #[command(flatten)]
    children: Children,
}

/// Runs the command. The caller reports a fault.
pub(crate) fn run(typed: Replay, verbosity: Verbosity) -> Result<Exit, Fault> {
    let run = RunSettings {
        timeout: typed.timeout.duration(),
        log_filter: log::filter(verbosity.verbose, verbosity.quiet)?,
        ..typed.children.settings()
    };
    let analysis = AnalysisSettings {
        silence_threshold_db: typed.silence.silence_threshold_db,
        min_silence_ms: typed.silence.min_silence_ms,
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
        let FileFormat { sample_rate, channels, .. } = format;
        let sample_format = format.sample_format.name();
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
    use super::*;

    #[test]
    fn a_range_of_frames_has_a_beginning_and_an_end() {
        assert_eq!(frames("160000..184000"), Ok(160_000..184_000));
        for wrong in ["", "5", "..", "1..", "..5", "5..5", "6..5", "-1..5", "1..x", "1...5"] {
            assert!(frames(wrong).unwrap_err().starts_with("must be two"), "{wrong}");
        }
    }
}
