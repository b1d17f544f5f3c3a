//! `audiopool analyze`: plan, walk the street, write the report, say how it ended.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use audiopool::event::{Event, Observer};
use audiopool::interrupt::{Interrupt, Stop};
use audiopool::merge::{self, Albums, Store};
use audiopool::pipeline::{self, RunError};
use audiopool::plan::{Job, Jobs, ListSource, Plan};
use audiopool::pool::Traces;
use audiopool::record::{Record, Summary};
use audiopool::report::{Csv, Json, Ndjson, Paint, Progress, Report, Stats, Text};
use audiopool::settings::{AnalysisSettings, Drawing};

use super::args::ReportFormat;
use super::awaited::Awaited;
use super::exit::Exit;
use super::fault::Fault;
use super::log;
use super::output::Output;
use super::request::Request;
use super::targets::{self, Targets, Watched};

/// Runs it. A fault has been told to nobody yet.
pub(crate) fn run(request: &Request) -> Result<Exit, Fault> {
    let progress = if request.quiet { Progress::hidden() } else { Progress::on_terminal() };
    let ended = run_beside(request, &progress);
    progress.clear();
    ended
}

fn run_beside(request: &Request, progress: &Progress) -> Result<Exit, Fault> {
    log::start(&request.run.log_filter, progress)?;
    warn_of_the_table(request.format, &request.analysis);
    let stop = Interrupt::on_signals().map_err(|error| Fault::of(Exit::Boot, &error))?;
    let _announcement = stop.on_change(announce);
    let jobs = open_jobs(&request.plan)?;
    let targets = Targets::of(request);
    targets.check_plan(&request.plan)?;
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
            unreplaced(Fault::usage(message), &error)
        })?;
    }
    let mut output = open_output(request.output.as_deref())?;
    let stats = Arc::new(Mutex::new(Stats::begin()));

    let share_terminal = request.output.is_none() && io::stdout().is_terminal();
    let albums = Albums::wanted(&request.analysis);
    let mut pages = Pages::new(
        report(request.format, &request.analysis, request.paint, &mut output),
        albums,
        progress,
        share_terminal,
    );
    let is_unwritable = Arc::new(AtomicBool::new(false));
    let (jobs, clash) = Watched::new(jobs, targets);
    let jobs = patient(request, jobs, &stop, &is_unwritable);
    let before = Traces::now();
    let ran =
        jobs.and_then(|jobs| walk(request, jobs, (&stop, &is_unwritable), &stats, &mut pages));
    let closed = pages.close(&ran);
    let left = Traces::back_at(before);

    progress.clear();
    if request.stats {
        let mut stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
        if before.is_some() && Traces::now().is_some() {
            stats.left_behind(left.map_err(|left| left.to_string()));
        }
        // A report that is complete stays so, whether or not anyone could read what it cost.
        let _unread = stats.write(&mut io::stderr());
    }
    if let Some(fault) = targets::found(&clash) {
        return Err(fault);
    }
    let written = match closed {
        Ok(Closed::Whole) => output.finish(),
        Ok(Closed::Nothing) => Ok(()),
        Err(error) => Err(error),
    };
    let concluded = conclude(ran, written, &stop, &place(request.output.as_deref()));
    match (concluded, left) {
        (Ok(Exit::Ok | Exit::FilesFailed), Err(left)) => Err(Fault::left_behind(&left)),
        (concluded, Err(left)) => {
            Fault::left_behind(&left).tell();
            concluded
        }
        (concluded, Ok(())) => concluded,
    }
}

/// The jobs; if they may be long in coming, so that whoever waits for them can be called off. The
/// thread that reads them then may outlive the run, so it begins before the run does.
fn patient(
    request: &Request,
    jobs: Watched<Jobs>,
    stop: &Interrupt,
    is_unwritable: &Arc<AtomicBool>,
) -> Result<Box<dyn Iterator<Item = Job> + Send>, RunError> {
    if request.plan.is_repeatable() {
        return Ok(Box::new(jobs));
    }
    let (stop, is_unwritable) = (stop.clone(), Arc::clone(is_unwritable));
    let is_over = move || stop.requested().is_some() || is_unwritable.load(Ordering::Relaxed);
    let awaited = Awaited::new(jobs, is_over).map_err(|error| RunError::Boot(error.into()))?;
    Ok(Box::new(awaited))
}

/// Walks the street, with everyone watching who was asked to.
fn walk(
    request: &Request,
    jobs: Box<dyn Iterator<Item = Job> + Send>,
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
    plan.jobs().map_err(|error| {
        let list = match plan.list.as_ref().map(|list| &list.source) {
            Some(ListSource::File(path)) => path.display().to_string(),
            Some(ListSource::Stdin) | None => "-".to_owned(),
        };
        Fault::usage(format!("cannot read `--files-from {list}`: {error}"))
    })
}

pub(super) fn open_output(path: Option<&Path>) -> Result<Output, Fault> {
    Output::open(path).map_err(|error| {
        let place = format!("`--output {}`", place(path));
        unreplaced(Fault::unwritten(&place, &error).with_exit(Exit::Usage), &error)
    })
}

/// Adds to a fault how a file of the user's comes to be named as a target.
fn unreplaced(fault: Fault, error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::AlreadyExists {
        fault.with_help(
            "name a new file or an earlier report; in `-o *.wav` the shell has put the first file \
             that matches behind `-o`",
        )
    } else {
        fault
    }
}

/// Says what a table leaves out of what was asked for.
pub(super) fn warn_of_the_table(format: ReportFormat, analysis: &AnalysisSettings) {
    if format == ReportFormat::Csv && analysis.timelines {
        tracing::warn!("CSV has no place for timelines; `--format json` and `ndjson` have");
    }
    if format == ReportFormat::Csv && analysis.albums.is_some() {
        tracing::warn!("CSV has no place for albums; every other `--format` has");
    }
}

pub(super) fn report<'a>(
    format: ReportFormat,
    settings: &'a AnalysisSettings,
    paint: Paint,
    output: &'a mut Output,
) -> Box<dyn Report + 'a> {
    match format {
        ReportFormat::Text => Box::new(Text::new(output, settings, paint)),
        ReportFormat::Json => Box::new(Json::new(output, settings)),
        ReportFormat::Ndjson => Box::new(Ndjson::new(output)),
        ReportFormat::Csv => Box::new(Csv::new(output, settings)),
    }
}

/// The report in the making, the bar that must be out of its way, and our own count.
struct Pages<'a> {
    report: Box<dyn Report + 'a>,
    progress: &'a Progress,
    /// Whether report and bar share a terminal.
    share_terminal: bool,
    tally: Summary,
    /// The albums in the making, if they are wanted.
    albums: Option<Albums>,
    is_begun: bool,
}

/// What became of a report.
enum Closed {
    /// It is complete as far as the run went.
    Whole,
    /// There is none, or half of one that nobody should take for whole.
    Nothing,
}

impl<'a> Pages<'a> {
    fn new(
        report: Box<dyn Report + 'a>,
        albums: Option<Albums>,
        progress: &'a Progress,
        share_terminal: bool,
    ) -> Self {
        let tally = Summary::default();
        Self { report, progress, share_terminal, tally, albums, is_begun: false }
    }

    /// Writes with the bar out of the way, where it is in the way.
    fn write(&mut self, write: impl FnOnce(&mut dyn Report) -> io::Result<()>) -> io::Result<()> {
        let report = self.report.as_mut();
        if self.share_terminal { self.progress.suspend(|| write(report)) } else { write(report) }
    }

    /// Begins the report late, so that a run that never began leaves no half document.
    fn begin(&mut self) -> io::Result<()> {
        if self.is_begun {
            return Ok(());
        }
        self.is_begun = true;
        self.write(|report| report.begin())
    }

    fn record(&mut self, mut record: Record) -> io::Result<()> {
        if let Some(albums) = &mut self.albums {
            albums.add(&mut record);
        }
        self.begin()?;
        self.write(|report| report.record(&record))?;
        self.tally.add(&record);
        Ok(())
    }

    /// Closes the report with the run's summary; if there is none, with what was written.
    fn close(mut self, ran: &Result<Summary, RunError>) -> io::Result<Closed> {
        let summary = match ran {
            Ok(summary) => *summary,
            Err(RunError::Output(_)) => return Ok(Closed::Nothing),
            Err(RunError::Boot(_)) if !self.is_begun => return Ok(Closed::Nothing),
            Err(
                RunError::Boot(_)
                | RunError::GaveUp(_)
                | RunError::Conservation(_)
                | RunError::Unsaved(_)
                | RunError::Undrawn(_),
            ) => self.tally,
        };
        self.begin()?;
        if let Some(albums) = self.albums.take() {
            let albums = albums.finish(summary.complete);
            self.write(|report| report.albums(&albums))?;
        }
        self.write(|report| report.finish(&summary))?;
        Ok(Closed::Whole)
    }
}

/// What the shell is told. Why a run ended comes before what became of its report.
fn conclude(
    ran: Result<Summary, RunError>,
    written: io::Result<()>,
    stop: &Interrupt,
    place: &str,
) -> Result<Exit, Fault> {
    let summary = match ran {
        Ok(summary) => summary,
        Err(RunError::Output(error)) => return Err(Fault::unwritten(place, &error)),
        Err(RunError::Unsaved(error)) => {
            return Err(Fault::unsaved("store partials", "save-partials", &error));
        }
        Err(RunError::Undrawn(error)) => {
            return Err(Fault::unsaved("write peaks", "peaks", &error));
        }
        Err(error) => return Err(Fault::of(Exit::from(&error), &error)),
    };
    written.map_err(|error| Fault::unwritten(place, &error))?;
    Ok(match stop.reason() {
        Some(reason) => reason.into(),
        None if summary.failed > 0 => Exit::FilesFailed,
        None => Exit::Ok,
    })
}

pub(super) fn place(path: Option<&Path>) -> String {
    path.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string())
}

fn announce(stop: Stop) {
    match stop {
        Stop::Graceful => {
            tracing::warn!("stopping; what is finished will be written. Once more: at once");
        }
        Stop::AtOnce => tracing::warn!("stopping at once"),
    }
}
