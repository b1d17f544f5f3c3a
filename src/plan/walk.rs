//! Walk: a directory becomes its audio files, sorted, loops left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use walkdir::WalkDir;

use super::{Found, is_audio_name, no_audio, unreachable_path};

/// The audio files below a directory. If there are none, one refusal in their place.
pub(super) struct Walk {
    root: PathBuf,
    entries: walkdir::IntoIter,
    state: State,
    passed_over: PassedOver,
}

/// How many files were passed over that systems keep beside the user's: `._name`, `.DS_Store`,
/// `Thumbs.db`, `desktop.ini`. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct PassedOver(Arc<AtomicU64>);

impl PassedOver {
    /// How many there were so far.
    pub fn files(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether a file is one of them; then it is counted.
    fn counts(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        let is_one = name.as_encoded_bytes().starts_with(b"._")
            || [".DS_Store", "Thumbs.db", "desktop.ini"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
        if is_one {
            self.0.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(path = %path.display(), "a file of the system, passed over");
        }
        is_one
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    NothingYet,
    Something,
    Over,
}

impl Walk {
    pub(super) fn new(root: PathBuf, passed_over: PassedOver) -> Self {
        let entries = WalkDir::new(&root).follow_links(true).sort_by_file_name().into_iter();
        Self { root, entries, state: State::NothingYet, passed_over }
    }

    /// The directory that is searched.
    pub(super) fn into_root(self) -> PathBuf {
        self.root
    }

    /// The next input below the root: files that are not audio are none, loops neither.
    fn next_input(&mut self) -> Option<Found> {
        self.entries.by_ref().find_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_dir() => None,
            Ok(entry) if self.passed_over.counts(entry.path()) => None,
            Ok(entry) => is_audio_name(entry.path()).then(|| Ok(entry.into_path())),
            Err(error) => judge(&self.root, error).map(Err),
        })
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(found) = self.next_input() {
            self.state = State::Something;
            return Some(found);
        }
        let was = std::mem::replace(&mut self.state, State::Over);
        matches!(was, State::NothingYet).then(|| Err(no_audio(self.root.clone())))
    }
}

/// What an error on the way means: nothing for a loop and for a dead link that is no audio.
fn judge(root: &Path, error: walkdir::Error) -> Option<(PathBuf, crate::record::Failure)> {
    let path = error.path().unwrap_or(root).to_owned();
    if error.loop_ancestor().is_some() {
        tracing::debug!(path = %path.display(), "link back to a directory above it, left out");
        return None;
    }
    let error = std::io::Error::from(error);
    let dead_link = error.kind() == std::io::ErrorKind::NotFound && super::is_symlink(&path);
    if dead_link && !is_audio_name(&path) {
        return None;
    }
    // walkdir wraps the system's error in one that names the path again.
    let error = match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code),
        None => error,
    };
    Some(unreachable_path(path, &error))
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk")
            .field("root", &self.root)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
