//! Whole: files that appear under their name when they are complete, so that no half of one is ever
//! taken for it.
//!
//! ```text
//!   r.json   ──▶  .r.json.XXXXXX ──── finished: renamed ──▶ r.json
//!                                └─── anything else: removed, r.json as it was
//! ```
//!
//! What is there already and is no regular file (a FIFO, a device) is written as it stands. A
//! symbolic link stays one: the file behind it is replaced, and its permissions are kept. A process
//! that is killed leaves the file with the dot; no other run is disturbed by it.
//!
//! A file that holds audio or another medium is never replaced.

mod identity;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::decode::medium_in;

pub use identity::FileId;

/// A file in the making.
#[derive(Debug)]
pub struct Whole(Place);

#[derive(Debug)]
enum Place {
    /// What cannot be renamed over.
    Itself(BufWriter<File>),
    Beside {
        file: BufWriter<NamedTempFile>,
        target: PathBuf,
    },
}

impl Whole {
    /// Begins the file of that name; an error if it cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let existing = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(path)?;
                return Ok(Self(Place::Itself(BufWriter::new(file))));
            }
            Ok(metadata) => {
                expect_replaceable(path)?;
                Some(metadata.permissions())
            }
            Err(_) => None,
        };
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = BufWriter::new(beside(&target, existing)?);
        Ok(Self(Place::Beside { file, target }))
    }

    /// Whether it can be begun, told before the work begins rather than at its end. Of what is no
    /// regular file, whose reader would take this for the end, nothing is told.
    pub fn try_at(path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Ok(()),
            _ => Self::create(path).map(drop),
        }
    }

    /// Gives it its name.
    pub fn finish(self) -> io::Result<()> {
        self.named(false)
    }

    /// Gives it its name once all of it is on the disk, so that it outlives a power cut: some
    /// milliseconds, too long for thousands of files.
    pub fn finish_on_disk(self) -> io::Result<()> {
        self.named(true)
    }

    fn named(self, on_disk: bool) -> io::Result<()> {
        match self.0 {
            Place::Itself(mut out) => out.flush(),
            Place::Beside { file, target } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                // Once more: it may have been made since.
                expect_replaceable(&target)?;
                if on_disk {
                    file.as_file().sync_all()?;
                }
                file.persist(&target)?;
                if on_disk { sync_directory(&target) } else { Ok(()) }
            }
        }
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::Itself(out) => out.write(bytes),
            Place::Beside { file, .. } => file.write(bytes),
        }
    }

    /// A file in the making is read by nobody: it is flushed once, when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Itself(out) => out.flush(),
            Place::Beside { .. } => Ok(()),
        }
    }
}

/// Refuses to replace what may be a user's only copy, with [`io::ErrorKind::AlreadyExists`].
fn expect_replaceable(path: &Path) -> io::Result<()> {
    let found = match medium_in(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let message = format!("it is not known what this file holds: {error}");
            return Err(io::Error::new(error.kind(), message));
        }
    };
    match found {
        None => Ok(()),
        Some(what) => {
            let message = format!("this file holds {what} and is not replaced");
            Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
        }
    }
}

/// The directory that a path lies in.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// A new file in the target's directory, with its permissions or those of any new file.
fn beside(target: &Path, existing: Option<fs::Permissions>) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".");
    // Made by ourselves: with the permissions of any new file, and errors that name no passing name.
    let mut builder = tempfile::Builder::new();
    let file =
        builder.prefix(&prefix).make_in(directory_of(target), |path| File::create_new(path))?;
    if let Some(permissions) = existing {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

/// Makes the new name survive a power cut, where directories can be synced.
#[cfg(unix)]
fn sync_directory(target: &Path) -> io::Result<()> {
    File::open(directory_of(target))?.sync_all()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
fn sync_directory(_target: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        entries
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect()
    }

    #[test]
    fn the_file_appears_whole_or_stays_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("r.json");

        let mut given_up = Whole::create(&target).expect("a file");
        given_up.write_all(b"half").expect("room");
        assert!(!target.exists());
        drop(given_up);
        assert_eq!(names(directory.path()), [""; 0]);

        for (content, on_disk) in [("whole", true), ("another", false)] {
            let mut finished = Whole::create(&target).expect("a file");
            finished.write_all(content.as_bytes()).expect("room");
            finished.named(on_disk).expect("a name");
            Whole::try_at(&target).expect("a file");
            assert_eq!(fs::read_to_string(&target).expect("a file"), content);
            assert_eq!(names(directory.path()), ["r.json"]);
        }
        assert!(Whole::try_at(directory.path()).is_err());
        let error = Whole::try_at(&target.join("x")).expect_err("a file and no directory");
        assert!(error.raw_os_error().is_some(), "{error}");
    }

    #[test]
    fn two_who_write_one_file_do_not_disturb_each_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("x.dat");
        let [mut one, mut other] = [(); 2].map(|()| Whole::create(&target).expect("a file"));
        one.write_all(b"one").expect("room");
        other.write_all(b"other").expect("room");
        one.finish().expect("a name");
        assert_eq!(fs::read(&target).expect("a file"), b"one");
        other.finish().expect("a name");
        assert_eq!(fs::read(&target).expect("a file"), b"other");
        assert_eq!(names(directory.path()), ["x.dat"]);
    }

    #[test]
    fn a_file_with_audio_is_refused_before_the_work_and_after_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("r.json");
        let mut output = Whole::create(&target).expect("a file");
        output.write_all(b"{}").expect("room");
        let audio = b"fLaC\0\0\0\x22";
        fs::write(&target, audio).expect("a file");
        for refused in [output.finish(), Whole::try_at(&target)] {
            let error = refused.expect_err("audio");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(error.to_string(), "this file holds audio (FLAC) and is not replaced");
        }
        assert_eq!(fs::read(&target).expect("a file"), audio);
        assert_eq!(names(directory.path()), ["r.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_its_files_permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().expect("a directory");
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "old").expect("a file");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).expect("ours");
        std::os::unix::fs::symlink("target", &link).expect("a link");

        let mut output = Whole::create(&link).expect("a file");
        output.write_all(b"new").expect("room");
        output.finish_on_disk().expect("a name");

        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&target).expect("a file"), "new");
        let mode = fs::metadata(&target).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_and_stays_a_device() {
        let mut output = Whole::create(Path::new("/dev/null")).expect("a device");
        output.write_all(b"gone").expect("room");
        output.finish_on_disk().expect("nothing to do");
        Whole::try_at(Path::new("/dev/null")).expect("a device");
        assert!(!fs::metadata("/dev/null").expect("a device").is_file());
    }
}
