//! Plan: what the user named becomes jobs, one for each file, in the order given.
//!
//! ```text
//!   album/          ──▶  0 album/01.flac
//!                        1 album/02.flac
//!   take.wav        ──▶  2 take.wav
//!   --files-from F  ──▶  3 first line of F …
//! ```
//!
//! A directory is walked recursively, its entries in byte order of their names, and only files with
//! an audio extension count; those that systems keep beside them (`._name` of macOS) are passed over. Symbolic links are followed, but not one to a directory that the way
//! there has passed already. Whatever cannot be planned (a missing path, a directory without audio)
//! becomes a job that carries its refusal, so that every input ends in one record.
//!
//! No audio file is opened here. Jobs are made as they are asked for: a plan of a million files
//! takes no more memory than the fullest directory on the way. Who has no time left to ask for all
//! of them ([`Jobs::until`]) is told of each directory and list that was not gone through.

mod audio_name;
mod list;
mod walk;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io, vec};

pub use audio_name::is_audio_name;
pub use list::{List, ListSource, Separator};
pub use walk::PassedOver;

use crate::record::{DecodeErrorKind, Failure, FailureKind, Record};
use list::Entries;
use walk::Walk;

/// What the user named: files, directories, and at most one list of more of them.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Files and directories, in order.
    pub paths: Vec<PathBuf>,
    /// A list of further ones, read after them.
    pub list: Option<List>,
    /// Where the path `-` stands for standard input: the name that its record has, and the file
    /// that holds a copy of it. Without, `-` is a file like any other.
    pub standard_input: Option<(PathBuf, PathBuf)>,
}

/// One input file, or one input that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Position in the plan, from 0 without a gap.
    pub index: u64,
    /// The file, exactly as it is to be reported.
    pub path: PathBuf,
    /// The file to open, where it is another than is reported.
    pub copy: Option<PathBuf>,
    /// Why it need not be opened at all.
    pub refusal: Option<Failure>,
}

/// The jobs of a [`Plan`], made as they are asked for.
pub struct Jobs {
    paths: vec::IntoIter<PathBuf>,
    entries: Option<Entries>,
    walk: Option<Walk>,
    standard_input: Option<(PathBuf, PathBuf)>,
    next_index: u64,
    is_over: Box<dyn Fn() -> bool + Send>,
    passed_over: PassedOver,
}

/// A place in the plan that was found: a path, or a path and why there is nothing to open.
type Found = Result<PathBuf, (PathBuf, Failure)>;

impl Plan {
    /// Opens the list, if there is one, and makes the jobs.
    pub fn jobs(&self) -> io::Result<Jobs> {
        Ok(Jobs {
            paths: self.paths.clone().into_iter(),
            entries: self.list.as_ref().map(List::entries).transpose()?,
            walk: None,
            standard_input: self.standard_input.clone(),
            next_index: 0,
            is_over: Box::new(|| false),
            passed_over: PassedOver::default(),
        })
    }

    /// Whether the jobs can be made a second time, for counting them.
    pub fn is_repeatable(&self) -> bool {
        self.list.as_ref().is_none_or(List::is_repeatable)
    }
}

impl Job {
    /// The file to open.
    pub fn file(&self) -> &Path {
        self.copy.as_deref().unwrap_or(&self.path)
    }

    /// The path for a person; what is not UTF-8 is U+FFFD.
    pub fn shown(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }

    /// The record of a job that need not be opened.
    pub fn refused(&self) -> Option<Record> {
        let refusal = self.refusal.clone()?;
        Some(Record::failed(self.path.clone(), refusal))
    }
}

impl Iterator for Jobs {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        loop {
            if (self.is_over)() {
                return self.unsearched();
            }
            if let Some(walk) = &mut self.walk {
                if let Some(found) = walk.next() {
                    return Some(self.job(found));
                }
                self.walk = None;
            }
            let given = if let Some(path) = self.paths.next() {
                match self.standard_input.clone() {
                    Some((name, copy)) if path == Path::new("-") => {
                        return Some(Job { copy: Some(copy), ..self.job(Ok(name)) });
                    }
                    _ => Ok(path),
                }
            } else if let Some(entry) = self.entries.as_mut()?.next() {
                entry
            } else {
                self.entries = None;
                return None;
            };
            match given.and_then(existing) {
                Ok(Given::Directory(path)) => {
                    self.walk = Some(Walk::new(path, self.passed_over.clone()));
                }
                Ok(Given::File(path)) => return Some(self.job(Ok(path))),
                Err(refused) => return Some(self.job(Err(refused))),
            }
        }
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("next_index", &self.next_index).finish_non_exhaustive()
    }
}

impl Jobs {
    /// The same, as long as it is not over. From then on nothing is searched or read: the directory
    /// at hand, each path that was named, and the list are one job each, which says so.
    #[must_use]
    pub fn until(self, is_over: impl Fn() -> bool + Send + 'static) -> Self {
        Self { is_over: Box::new(is_over), ..self }
    }

    /// The next of what was named and not gone through.
    fn unsearched(&mut self) -> Option<Job> {
        let (path, what) = if let Some(walk) = self.walk.take() {
            (walk.into_root(), "this directory was searched to its end")
        } else if let Some(path) = self.paths.next() {
            (path, "its turn")
        } else {
            (self.entries.take()?.into_name(), UNREAD_LIST)
        };
        Some(self.job(Err(not_run(path, what))))
    }

    /// The files of a system that are passed over in directories, counted from now on.
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over.clone()
    }

    fn job(&mut self, found: Found) -> Job {
        let (path, refusal) = match found {
            Ok(path) => (path, None),
            Err((path, failure)) => (path, Some(failure)),
        };
        let index = self.next_index;
        self.next_index += 1;
        Job { index, path, copy: None, refusal }
    }
}

/// A path that was given and exists. What is no directory is for the decoder to judge.
enum Given {
    Directory(PathBuf),
    File(PathBuf),
}

fn existing(path: PathBuf) -> Result<Given, (PathBuf, Failure)> {
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(Given::Directory(path)),
        Ok(_) => Ok(Given::File(path)),
        Err(error) => Err(unreachable_path(path, &error)),
    }
}

/// A path that the operating system does not let us look at.
fn unreachable_path(path: PathBuf, error: &io::Error) -> (PathBuf, Failure) {
    let shown = path.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound if is_symlink(&path) => {
            format!("`{shown}` is a link to something that is gone")
        }
        io::ErrorKind::NotFound => format!("there is no file or directory `{shown}`"),
        io::ErrorKind::PermissionDenied => {
            format!("`{shown}` may not be read; check its permissions and its directories'")
        }
        _ => format!("`{shown}` cannot be read: {error}"),
    };
    (path, Failure::new(error.kind(), message))
}

fn is_symlink(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// What a list is not, when a run is stopped.
const UNREAD_LIST: &str = "this list was read to its end";

/// The job that stands for what a list would still have named.
pub fn unread_list(index: u64, name: PathBuf) -> Job {
    let (path, failure) = not_run(name, UNREAD_LIST);
    Job { index, path, copy: None, refusal: Some(failure) }
}

fn not_run(path: PathBuf, what: &str) -> (PathBuf, Failure) {
    (path, Failure::new(FailureKind::NotRun, format!("the run was stopped before {what}")))
}

fn no_audio(root: PathBuf) -> (PathBuf, Failure) {
    let message = format!(
        "no audio file in directory `{}`; `audiopool formats` lists the extensions looked for",
        root.display()
    );
    (root, Failure::new(DecodeErrorKind::NoAudio, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_becomes_a_kind_and_a_sentence() {
        for (error, kind, part) in [
            (io::ErrorKind::NotFound, "not_found", "no file or directory `no/such`"),
            (io::ErrorKind::PermissionDenied, "permission_denied", "permissions"),
            (io::ErrorKind::TimedOut, "io", "cannot be read: timed out"),
        ] {
            let (path, failure) = unreachable_path("no/such".into(), &error.into());
            assert_eq!(path, Path::new("no/such"));
            assert_eq!(failure.kind.to_string(), kind);
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }

    #[test]
    fn jobs_can_be_handed_to_another_thread() {
        fn sendable<T: Send>() {}
        sendable::<Jobs>();
    }
}
