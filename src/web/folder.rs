//! `Folder`: where the files of one order lie, for this user alone.
//!
//! ```text
//!   TMPDIR/audiopool-upload-XXXXXX/   0700   0.wav 1.flac …   0600
//!                                   lock     held as long as the server lives
//! ```
//!
//! A server that is killed leaves its folders. The next one takes the lock of each, which only
//! works where no process holds it any more, and deletes the folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use tempfile::TempDir;

const PREFIX: &str = "audiopool-upload-";

/// No upload is stored under such a name.
const LOCK: &str = "lock";

/// … nor such a one. A folder has its lock in one step, so that no other server sees it without.
const LOCK_IN_THE_MAKING: &str = "lock.new";

/// A folder that is deleted when it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    /// Dropped first: Windows deletes no file that is open.
    lock: Option<File>,
    folder: TempDir,
}

impl Folder {
    /// Makes one.
    pub(super) fn create() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        let folder = {
            use std::os::unix::fs::PermissionsExt;

            builder.permissions(fs::Permissions::from_mode(0o700)).tempdir()?
        };
        #[cfg(not(unix))]
        let folder = builder.tempdir()?;
        let lock = match locked(folder.path()) {
            Ok(lock) => Some(lock),
            Err(error) => {
                tracing::debug!(%error, "a temporary folder has no lock, and is never swept");
                None
            }
        };
        Ok(Self { lock, folder })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Deletes it.
    pub(super) fn close(self) -> io::Result<()> {
        let Self { lock, folder } = self;
        drop(lock);
        folder.close()
    }
}

/// Makes the lock of a folder, and holds it.
fn locked(folder: &Path) -> io::Result<File> {
    let passing = folder.join(LOCK_IN_THE_MAKING);
    let lock = File::create_new(&passing)?;
    lock.try_lock()?;
    fs::rename(passing, folder.join(LOCK))?;
    Ok(lock)
}

/// Deletes what servers that were killed have left.
pub(super) fn sweep() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let is_named_so = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !is_named_so {
            continue;
        }
        let folder = entry.path();
        match swept(&folder) {
            Ok(true) => {
                tracing::info!("deleted `{}` of a server that was killed", folder.display());
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "`{}` was not deleted", folder.display()),
        }
    }
}

/// Deletes a folder if no server holds its lock.
fn swept(folder: &PathBuf) -> io::Result<bool> {
    let lock = folder.join(LOCK);
    // Neither a link nor anything that waits for a writer.
    let is_ours = |path: &Path, is_kind: fn(&fs::Metadata) -> bool| {
        fs::symlink_metadata(path).is_ok_and(|found| is_kind(&found) && is_of_this_user(&found))
    };
    if !is_ours(folder, fs::Metadata::is_dir) || !is_ours(&lock, fs::Metadata::is_file) {
        return Ok(false);
    }
    let Ok(lock) = File::open(lock) else { return Ok(false) };
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    #[cfg(windows)]
    drop(lock);
    fs::remove_dir_all(folder).map(|()| true)
}

/// Whether it is no other user's, as far as the system tells.
#[cfg(unix)]
fn is_of_this_user(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata("/proc/self").ok().is_none_or(|process| process.uid() == found.uid())
}

#[cfg(not(unix))]
fn is_of_this_user(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_swept_only_when_its_lock_is_free() {
        let folder = Folder::create().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("0.wav"), "RIFF").unwrap();
        assert!(!swept(&path).unwrap(), "it is in use");
        // As a server leaves it that is killed.
        let Folder { lock, folder } = folder;
        let path = folder.keep();
        drop(lock);
        fs::rename(path.join(LOCK), path.join(LOCK_IN_THE_MAKING)).unwrap();
        assert!(!swept(&path).unwrap(), "another server is making it");
        fs::rename(path.join(LOCK_IN_THE_MAKING), path.join(LOCK)).unwrap();
        assert!(swept(&path).unwrap());
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_when_folders_are_swept() {
        let folder = Folder::create().unwrap();
        let beside = tempfile::tempdir().unwrap();
        fs::write(beside.path().join(LOCK), "").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(beside.path(), &link).unwrap();
        assert!(!swept(&link).unwrap());
        assert!(beside.path().join(LOCK).exists());
        folder.close().unwrap();
    }
}
