//! Targets: what a run writes must be none of its inputs.
//!
//! What was named is compared before the run begins. A file that is found in a directory or in a
//! list is compared when it comes up, so nothing is searched twice; the run then ends before the
//! report is put in its place. Files that hold audio are safe in any case: `audiopool::whole` does
//! not replace them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audiopool::plan::{Job, ListSource, Plan, is_audio_name};
use audiopool::settings::{Drawing, PeaksPlace};
use audiopool::whole::FileId;

use super::fault::Fault;
use super::request::Request;

/// The files that exist already and that a run would replace.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets(Vec<Target>);

#[derive(Clone, Debug)]
struct Target {
    /// As the user knows it: `--output r.json`.
    name: String,
    /// None is standard output.
    path: Option<PathBuf>,
    id: FileId,
}

/// Jobs as they come up, none of which is a target.
pub(super) struct Watched<J> {
    jobs: J,
    targets: Targets,
    clash: Clash,
}

/// Where a [`Watched`] says which input was a target.
pub(super) type Clash = Arc<Mutex<Option<String>>>;

impl Targets {
    /// Those of `analyze`.
    pub(super) fn of(request: &Request) -> Self {
        let mut targets = Self::of_report(request.output.as_deref());
        if let Some(Drawing::Written(peaks)) = &request.run.drawing
            && let PeaksPlace::File(path) = &peaks.place
        {
            targets.add("--peaks", path);
        }
        targets
    }

    /// Where a report goes.
    pub(super) fn of_report(output: Option<&Path>) -> Self {
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
    pub(super) fn check_plan(&self, plan: &Plan) -> Result<(), Fault> {
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
    pub(super) fn check(&self, input: &Path) -> Result<(), Fault> {
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
    pub(super) fn new(jobs: J, targets: Targets) -> (Self, Clash) {
        let clash = Clash::default();
        (Self { jobs, targets, clash: Arc::clone(&clash) }, clash)
    }
}

impl<J: Iterator<Item = Job>> Iterator for Watched<J> {
    type Item = Job;

    /// After an input that is a target there are no more.
    fn next(&mut self) -> Option<Job> {
        // Not locked while the next job is waited for, perhaps for ever.
        if locked(&self.clash).is_some() {
            return None;
        }
        let job = self.jobs.next()?;
        if !self.targets.0.is_empty()
            && job.refusal.is_none()
            && let Some(id) = FileId::of(&job.path)
            && let Some(target) = self.targets.0.iter().find(|target| target.id == id)
        {
            *locked(&self.clash) = Some(target.is_input(&job.path));
            return None;
        }
        Some(job)
    }
}

/// The fault that a [`Watched`] has found, if it has.
pub(super) fn found(clash: &Clash) -> Option<Fault> {
    locked(clash).take().map(refused)
}

fn locked(clash: &Clash) -> MutexGuard<'_, Option<String>> {
    clash.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(message: String) -> Fault {
    Fault::usage(message).with_help("name a file that is none of the inputs")
}
