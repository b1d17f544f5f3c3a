//! Walk: a directory becomes its audio files, sorted, loops left out.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Found, is_audio_name, no_audio, unreachable_path};

/// The audio files below a directory. If there are none, one refusal in their place.
pub(super) struct Walk {
    root: PathBuf,
    entries: walkdir::IntoIter,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    NothingYet,
    Something,
    Over,
}

impl Walk {
    pub(super) fn new(root: PathBuf) -> Self {
        let entries = WalkDir::new(&root).follow_links(true).sort_by_file_name().into_iter();
        Self { root, entries, state: State::NothingYet }
    }

    /// The directory that is searched.
    pub(super) fn into_root(self) -> PathBuf {
        self.root
    }

    /// The next input below the root: files that are not audio are none, loops neither.
    fn next_input(&mut self) -> Option<Found> {
        self.entries.by_ref().find_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_dir() => None,
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
