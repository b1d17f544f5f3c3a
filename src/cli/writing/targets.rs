//! Targets: what a run writes must be none of its inputs.
//!
//! What was named is compared before the run begins. A file that is found in a directory or in a
//! list is compared when it comes up, so nothing is searched twice; the run then ends before the
//! report is put in its place. Files that hold audio are safe in any case: `audiopool::atomic_file` does
//! not replace them.
//!
//! Inputs that are listed twice are noticed here as well.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audiopool::atomic_file::FileId;
use audiopool::plan::{Job, ListSource, Plan, is_audio_name};
use audiopool::settings::{Drawing, PeaksPlace};

use crate::cli::fault::Fault;

/// The files that exist already and that a run would replace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets(Vec<Target>);

#[derive(Clone, Debug)]
struct Target {
    /// As the user knows it: `--output r.json`.
    name: String,
    /// None is standard output.
    path: Option<PathBuf>,
    id: FileId,
}

/// Inputs that are remembered: five megabytes.
const MOST_SEEN: usize = 1 << 18;

/// Inputs that are named in a warning because they are listed twice.
const MOST_TOLD: usize = 10;

/// Jobs in their order, up to the first that is a target.
pub(crate) struct Watched<J> {
    jobs: J,
    targets: Targets,
    clash: Clash,
    seen: Seen,
}

/// The inputs so far.
#[derive(Default)]
struct Seen {
    /// Of their identities.
    hashes: HashSet<u64>,
    hasher: RandomState,
    twice: usize,
}

/// Where a [`Watched`] says which input was a target.
pub(crate) type Clash = Arc<Mutex<Option<String>>>;

impl Targets {
    /// Those of `analyze`.
    pub(crate) fn of(output: Option<&Path>, drawing: Option<&Drawing>) -> Self {
        let mut targets = Self::of_report(output);
        if let Some(Drawing::Written(peaks)) = drawing
            && let PeaksPlace::File(path) = &peaks.place
        {
            targets.add("--peaks", path);
        }
        targets
    }

    /// Where a report goes.
    pub(crate) fn of_report(output: Option<&Path>) -> Self {
        let mut targets = Self::default();
        match output {
            Some(path) => targets.add("--output", path),
            None => targets.0.extend(FileId::of_standard_output().map(|id| Target {
                name: "standard output".to_owned(),
                path: None,
                id,
            })),
        }
        targets
    }

    fn add(&mut self, flag: &str, path: &Path) {
        self.0.extend(FileId::of(path).map(|id| Target {
            name: format!("`{flag} {}`", path.display()),
            path: Some(path.to_owned()),
            id,
        }));
    }

    /// Refuses a target among the inputs that were named, in the directories that were named, and
    /// the list itself.
    pub(crate) fn check_plan(&self, plan: &Plan) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        if let Some(ListSource::File(path)) = plan.list.as_ref().map(|list| &list.source) {
            self.check(path)?;
        }
        for input in &plan.paths {
            if input.is_dir() {
                self.check_directory(input)?;
            } else {
                self.check(input)?;
            }
        }
        Ok(())
    }

    /// Refuses a target that is this input, under whatever name.
    pub(crate) fn check(&self, input: &Path) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Some(id) = FileId::of(input) else { return Ok(()) };
        match self.0.iter().find(|target| target.id == id) {
            Some(target) => Err(refused(target.is_input(input))),
            None => Ok(()),
        }
    }

    /// Refuses a target that a search of this directory would find by its name.
    fn check_directory(&self, directory: &Path) -> Result<(), Fault> {
        let Ok(directory) = directory.canonicalize() else { return Ok(()) };
        for target in &self.0 {
            let path = target.path.as_ref().and_then(|path| path.canonicalize().ok());
            if path.is_some_and(|path| path.starts_with(&directory) && is_audio_name(&path)) {
                let shown = directory.display();
                return Err(refused(format!(
                    "{} is an input of this run, found in `{shown}`",
                    target.name
                )));
            }
        }
        Ok(())
    }
}

impl Target {
    fn is_input(&self, input: &Path) -> String {
        format!("{} is an input of this run, named as `{}`", self.name, input.display())
    }
}

impl<J> Watched<J> {
    /// Looks at each job.
    pub(crate) fn new(jobs: J, targets: Targets) -> (Self, Clash) {
        let clash = Clash::default();
        (Self { jobs, targets, clash: Arc::clone(&clash), seen: Seen::default() }, clash)
    }
}

impl<J: Iterator<Item = Job>> Iterator for Watched<J> {
    type Item = Job;

    /// After an input that is a target there are no more.
    fn next(&mut self) -> Option<Job> {
        // Not locked while waiting for the next job, which may take long.
        if locked(&self.clash).is_some() {
            return None;
        }
        let job = self.jobs.next()?;
        let id = if job.refusal.is_none() { FileId::of(&job.path) } else { None };
        if let Some(id) = id {
            if let Some(target) = self.targets.0.iter().find(|target| target.id == id) {
                *locked(&self.clash) = Some(target.is_input(&job.path));
                return None;
            }
            self.seen.add(&id, &job.path);
        }
        Some(job)
    }
}

impl Seen {
    /// Warns of an input that was listed before. Each is measured, and has its record.
    fn add(&mut self, id: &FileId, path: &Path) {
        let hash = self.hasher.hash_one(id);
        if self.hashes.contains(&hash) {
            self.twice += 1;
            if self.twice <= MOST_TOLD {
                let shown = path.display();
                tracing::warn!("`{shown}` is the same file as an input before it, measured again");
            } else if self.twice == MOST_TOLD + 1 {
                tracing::warn!("more files are listed twice; they are not named");
            }
        } else if self.hashes.len() < MOST_SEEN {
            self.hashes.insert(hash);
        }
    }
}

/// The fault that a [`Watched`] has found, if it has.
pub(crate) fn found(clash: &Clash) -> Option<Fault> {
    locked(clash).take().map(refused)
}

/// Whether a [`Watched`] has found none.
pub(crate) fn is_clear(clash: &Clash) -> bool {
    locked(clash).is_none()
}

fn locked(clash: &Clash) -> MutexGuard<'_, Option<String>> {
    clash.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(message: String) -> Fault {
    Fault::usage(message).with_help("name a file that is not an input")
}
