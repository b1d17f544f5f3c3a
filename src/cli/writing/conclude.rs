//! The exit code and the last message of a run.

use std::io;
use std::path::Path;

use audiopool::interrupt::Interrupt;
use audiopool::pipeline::RunError;
use audiopool::record::Summary;

use super::pages::{Closed, place};
use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::options::report::FailOn;

/// The exit code of a run, or the fault that it ended with. The reason why the run ended takes
/// precedence over a report that could not be written.
pub(crate) fn conclude(
    ran: Result<Summary, RunError>,
    closed: Closed,
    stop: &Interrupt,
    output: Option<&Path>,
    fail_on: Option<FailOn>,
) -> Result<Exit, Fault> {
    let kept = closed.where_it_is(output);
    let unwritten = |error: &io::Error| Fault::unwritten(&place(output), error);
    let summary = match ran {
        Ok(summary) => summary,
        Err(RunError::Output(error)) => return Err(unwritten(&error).and_help(kept)),
        Err(RunError::StorePartials(error)) => {
            return Err(Fault::unsaved("store partials", "save-partials", &error).and_help(kept));
        }
        Err(RunError::WritePeaks(error)) => {
            return Err(Fault::unsaved("write peaks", "peaks", &error).and_help(kept));
        }
        Err(error) => return Err(Fault::of(Exit::from(&error), &error).and_help(kept)),
    };
    closed.written.map_err(|error| unwritten(&error).and_help(kept.clone()))?;
    match stop.reason() {
        Some(reason) if !summary.complete => Err(Fault::stopped(reason, &summary).and_help(kept)),
        _ if summary.failed > 0 => Err(Fault::files_failed(&summary, &place(output))),
        _ => match fail_on.filter(|fail_on| fail_on.count(&summary) > 0) {
            Some(fail_on) => Err(fail_on.fault(&summary, &place(output))),
            None => Ok(Exit::Ok),
        },
    }
}
