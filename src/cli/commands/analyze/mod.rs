//! `audiopool analyze`: plan the jobs, run them, write the report, and return the exit code.

use std::io::{self, IsTerminal};
use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use audiopool::event::{Event, Observer};
use audiopool::interrupt::{Interrupt, Stop};
use audiopool::merge::{self, Store};
use audiopool::pipeline::{self, RunError};
use audiopool::plan::{Job, Jobs, List, Plan};
use audiopool::pool::Traces;
use audiopool::record::Summary;
use audiopool::report::{Progress, Stats};
use audiopool::settings::Drawing;

use self::awaited::Awaited;
use self::hurry::Hurry;
use self::request::Request;
use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::log;
use crate::cli::options::messages::Verbosity;
use crate::cli::writing::conclude::conclude;
use crate::cli::writing::pages::{Pages, open_output};
use crate::cli::writing::targets::{self, Targets, Watched};

mod awaited;
mod hurry;
mod request;
mod spooled;

pub(crate) use request::Analyze;

/// Jobs, wherever they come from.
type AnyJobs = Box<dyn Iterator<Item = Job> + Send>;

/// Runs the command. The caller reports a fault.
pub(crate) fn run(typed: Analyze, verbosity: Verbosity) -> Result<Exit, Fault> {
    let request = &Request::of(typed, verbosity)?;
    let progress = if request.quiet { Progress::hidden() } else { Progress::on_terminal() };
    let ended = run_beside(request, &progress);
    progress.clear();
    ended
}

fn run_beside(request: &Request, progress: &Progress) -> Result<Exit, Fault> {
    log::start(&request.run.log_filter, progress)?;
    let format = request.report.format(&request.analysis);
    let stop = Interrupt::on_signals().map_err(|error| Fault::of(Exit::Boot, &error))?;
    let _announcement = stop.on_change(announce);
    let mut plan = request.plan.clone();
    let _spooled = spooled::spool(&mut plan, &request.stdin_name, &stop)?;
    let jobs = open_jobs(&plan)?;
    let passed_over = jobs.passed_over();
    let targets = Targets::of(request.report.file(), request.run.drawing.as_ref());
    targets.check_plan(&plan)?;
    // A report may go to a directory that is made here, and is then not in its way.
    if let Some(directory) = &request.run.save_partials {
        Store::prepare(directory).map_err(|error| {
            let shown = directory.display();
            Fault::usage(format!("cannot store partials in `--save-partials {shown}`: {error}"))
        })?;
    }
    if let Some(Drawing::Written(peaks)) = &request.run.drawing {
        merge::peaks::prepare(&peaks.place).map_err(|error| {
            let shown = peaks.place.path().display();
            let message = format!("cannot write peaks to `--peaks {shown}`: {error}");
            Fault::usage(message).unless_replaced(&error)
        })?;
    }
    let output = open_output(request.report.file())?;
    let stats = Arc::new(Mutex::new(Stats::begin()));

    let share_terminal = request.report.file().is_none() && io::stdout().is_terminal();
    let (shape, analysis) = ((format, request.paint), &request.analysis);
    let mut pages = Pages::new(shape, analysis, output, progress, share_terminal);
    let is_unwritable = Arc::new(AtomicBool::new(false));
    let hurry = Hurry::new(&stop);
    let (jobs, clash) = Watched::new(jobs.until(move || hurry.is_over()), targets);
    let mut jobs = patient(request, jobs, &stop, &is_unwritable);
    if let Ok(jobs) = &mut jobs
        && jobs.peek().is_none()
        && stop.requested().is_none()
        && targets::is_clear(&clash)
    {
        return Err(names_nothing(&request.plan));
    }
    let before = Traces::now();
    let ran =
        jobs.and_then(|jobs| walk(request, jobs, (&stop, &is_unwritable), &stats, &mut pages));
    let clash = targets::found(&clash);
    // A report that would replace an input is put nowhere.
    let closed = clash.is_none().then(|| pages.close(&ran));
    let left = Traces::back_at(before);

    progress.clear();
    if passed_over.files() > 0 {
        tracing::info!(files = passed_over.files(), "files of the system were passed over");
    }
    if request.stats {
        let mut stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
        if before.is_some() && Traces::now().is_some() {
            stats.left_behind(left.map_err(|left| left.to_string()));
        }
        stats.passed_over(passed_over.files());
        // A report that is complete stays so, whether or not anyone could read what it cost.
        let _unread = stats.write(&mut io::stderr());
    }
    let concluded = match (clash, closed) {
        (None, Some(closed)) => {
            conclude(ran, closed, &stop, request.report.file(), request.report.fail_on)
        }
        (Some(clash), _) => Err(clash),
        (None, None) => Ok(Exit::Ok),
    };
    let Err(left) = left else { return concluded };
    let is_worse = match &concluded {
        Ok(_) => false,
        Err(fault) => fault.exit != Exit::FilesFailed,
    };
    let left = Fault::left_behind(&left);
    if is_worse {
        left.tell();
        return concluded;
    }
    Err(left)
}

/// The jobs. If reading them may take long, a thread reads them, so that a run that is stopped does
/// not wait for it; the thread may outlive the run, so it starts before the run does.
fn patient(
    request: &Request,
    jobs: Watched<Jobs>,
    stop: &Interrupt,
    is_unwritable: &Arc<AtomicBool>,
) -> Result<Peekable<AnyJobs>, RunError> {
    if request.plan.is_repeatable() {
        let jobs: AnyJobs = Box::new(jobs);
        return Ok(jobs.peekable());
    }
    let (stop, is_unwritable) = (stop.clone(), Arc::clone(is_unwritable));
    let is_over = move || stop.requested().is_some() || is_unwritable.load(Ordering::Relaxed);
    let list = request.plan.list.as_ref().map(List::name).unwrap_or_default();
    let awaited =
        Awaited::new(jobs, list, is_over).map_err(|error| RunError::Boot(error.into()))?;
    let jobs: AnyJobs = Box::new(awaited);
    Ok(jobs.peekable())
}

/// Runs the jobs with the observers that were asked for.
fn walk(
    request: &Request,
    jobs: Peekable<AnyJobs>,
    (stop, is_unwritable): (&Interrupt, &AtomicBool),
    stats: &Arc<Mutex<Stats>>,
    pages: &mut Pages<'_>,
) -> Result<Summary, RunError> {
    let progress = pages.progress;
    let observer: Observer = {
        let (progress, stats, counts) = (progress.clone(), Arc::clone(stats), request.stats);
        Arc::new(move |event: &Event| {
            log::observe(event);
            progress.observe(event);
            if counts {
                stats.lock().unwrap_or_else(PoisonError::into_inner).observe(event);
            }
        })
    };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        if progress.is_visible() && request.plan.is_repeatable() {
            scope.spawn(|| count(&request.plan, &over, &observer));
        }
        let Request { run, analysis, .. } = request;
        let ran = pipeline::run(jobs, run, analysis, &observer, stop, &mut |record| {
            let written = pages.record(record);
            is_unwritable.store(written.is_err(), Ordering::Relaxed);
            written
        });
        over.store(true, Ordering::Relaxed);
        ran
    })
}

/// Counts the jobs beside the run, so that the bar knows its end without anyone waiting for it.
fn count(plan: &Plan, over: &AtomicBool, observer: &Observer) {
    let Ok(jobs) = plan.jobs() else { return };
    let mut files = 0;
    for _ in jobs {
        if over.load(Ordering::Relaxed) {
            return;
        }
        files += 1;
    }
    observer(&Event::Planned { files });
}

fn open_jobs(plan: &Plan) -> Result<Jobs, Fault> {
    let unread = |error: io::Error| {
        Fault::usage(format!("cannot read `--files-from {}`: {error}", list_name(plan)))
    };
    if let Some(list) = plan.list.as_ref().filter(|_| plan.is_repeatable())
        && list.is_empty().map_err(unread)?
    {
        return Err(names_nothing(plan));
    }
    plan.jobs().map_err(unread)
}

fn names_nothing(plan: &Plan) -> Fault {
    Fault::usage(format!("`--files-from {}` names no file", list_name(plan)))
        .with_help("a list has one path a line; with `-0` a NUL byte ends each")
}

fn list_name(plan: &Plan) -> String {
    plan.list.as_ref().map(|list| list.name().display().to_string()).unwrap_or_default()
}

fn announce(stop: Stop) {
    match stop {
        Stop::Graceful => {
            tracing::warn!("stopping; what is finished will be written. Once more: at once");
        }
        Stop::AtOnce => tracing::warn!("stopping at once"),
    }
}
