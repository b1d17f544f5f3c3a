//! Atomic files: a file gets its name when it is complete, so a part of it is never mistaken for the
//! whole.
//!
//! ```text
//!   r.json   ──▶  .r.json.XXXXXX.incomplete ─┬─ finished: renamed ──▶ r.json
//!                                            ├─ ended early ────────▶ r.json, if there is none yet
//!                                            │                        r.json.incomplete
//!                                            └─ dropped: removed, r.json as it was
//! ```
//!
//! An existing path that is not a regular file (a FIFO, a device) is written directly. A symbolic link
//! is kept: the file that it points to is replaced, with its permissions. A process that is killed
//! leaves the file whose name begins with a dot, which does not disturb another run.
//!
//! A file that holds audio or another medium is never replaced.

mod identity;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, PersistError};

use crate::decode::medium_in;

pub use identity::FileId;

/// How the name of a file ends that is not complete.
const INCOMPLETE: &str = ".incomplete";

/// Bytes behind what was flushed that are in the file already, as empty lines, so that a document can
/// be ended when the disk is full.
const RESERVE: u64 = 1024;

/// Bytes that are written at a time.
const BLOCK: usize = 64 << 10;

/// A file in the making.
#[derive(Debug)]
pub struct AtomicFile(Place);

#[derive(Debug)]
enum Place {
    /// What cannot be renamed over.
    Itself(BufWriter<File>),
    Beside(Beside),
}

#[derive(Debug)]
struct Beside {
    file: NamedTempFile,
    target: PathBuf,
    /// What is not in the file yet.
    buffer: Vec<u8>,
    /// Bytes written so far, the buffer's among them.
    length: u64,
    /// … when it was flushed last.
    flushed: u64,
    /// Bytes that the file has, the reserve among them.
    allocated: u64,
    /// Whether the reserve may be used up.
    is_ending: bool,
}

/// A file that could not be given its name.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotNamed {
    /// Why.
    pub error: io::Error,
    /// Where its content is now, if it is not lost.
    pub kept: Option<PathBuf>,
}

impl AtomicFile {
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
        let file = beside(&target, existing)?;
        let (buffer, [length, flushed, allocated]) = (Vec::new(), [0; 3]);
        let file = Beside { file, target, buffer, length, flushed, allocated, is_ending: false };
        Ok(Self(Place::Beside(file)))
    }

    /// Whether it can be begun, told before the work begins rather than at its end. Of what is no
    /// regular file, whose reader would take this for the end, nothing is told.
    pub fn try_at(path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Ok(()),
            _ => Self::create(path).map(drop),
        }
    }

    /// Gives it its name. If that fails, nothing is left of it.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Place::Itself(mut out) => out.flush(),
            Place::Beside(mut file) => {
                file.write_out()?;
                file.cut()?;
                file.rename().map_err(|PersistError { error, .. }| error)
            }
        }
    }

    /// Gives it its name once all of it is on the disk, so that it outlives a power cut: some
    /// milliseconds, too long for thousands of files. If that fails, its content is kept as
    /// [`keep`](Self::keep) does.
    pub fn finish_on_disk(self) -> Result<(), NotNamed> {
        match self.0 {
            Place::Itself(mut out) => out.flush().map_err(|error| NotNamed { error, kept: None }),
            Place::Beside(mut file) => {
                if let Err(error) =
                    file.write_out().and_then(|()| file.cut()).and_then(|()| file.sync())
                {
                    return Err(NotNamed { error, kept: file.keep().ok() });
                }
                let target = file.target.clone();
                match file.rename() {
                    Ok(()) => {
                        // It is in its place; whether the name outlives a power cut is another matter.
                        let _synced = sync_directory(&target);
                        Ok(())
                    }
                    Err(PersistError { error, file }) => {
                        Err(NotNamed { error, kept: kept(file, &target).ok() })
                    }
                }
            }
        }
    }

    /// Gives what ended early its name, if no file has that yet; else it is kept beside it, as
    /// [`keep`](Self::keep) does. Returns the name that it has, if that is not simply its own.
    pub fn finish_early(self) -> io::Result<Option<PathBuf>> {
        match self.0 {
            Place::Itself(mut out) => out.flush().map(|()| None),
            Place::Beside(mut file) => {
                file.write_out()?;
                file.cut()?;
                let Beside { file, target, .. } = file;
                match file.persist_noclobber(&target) {
                    Ok(_) => Ok(None),
                    // There is one, or this system cannot say so in one step.
                    Err(PersistError { file, .. }) => kept(file, &target).map(Some),
                }
            }
        }
    }

    /// Keeps what was flushed, and no more, under its name with `.incomplete`; returns that. None
    /// if it was written where it stands.
    pub fn keep(self) -> io::Result<Option<PathBuf>> {
        match self.0 {
            Place::Itself(_) => Ok(None),
            Place::Beside(mut file) => {
                file.rewind()?;
                file.cut()?;
                file.keep().map(Some)
            }
        }
    }

    /// Takes back what was written since the last flush, for example because that did not fit.
    pub fn rewind(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Itself(_) => Err(io::ErrorKind::Unsupported.into()),
            Place::Beside(file) => file.rewind(),
        }
    }
}

impl Beside {
    /// Puts everything into the file.
    fn write_out(&mut self) -> io::Result<()> {
        // Not through the temporary file, whose errors name its passing name.
        self.file.as_file_mut().write_all(&self.buffer)?;
        self.buffer.clear();
        self.allocated = self.allocated.max(self.length);
        Ok(())
    }

    /// Puts everything into the file and the reserve behind it; that first, so that what is flushed
    /// has it for certain.
    fn flush(&mut self) -> io::Result<()> {
        if !self.is_ending && self.length + RESERVE > self.allocated {
            let allocated = self.length + 4 * RESERVE;
            let blanks = usize::try_from(allocated - self.allocated).map_err(io::Error::other)?;
            let written = self.length - self.buffer.len() as u64;
            let file = self.file.as_file_mut();
            file.seek(SeekFrom::Start(self.allocated))?;
            let reserved = file.write_all(&vec![b'\n'; blanks]);
            file.seek(SeekFrom::Start(written))?;
            reserved?;
            self.allocated = allocated;
        }
        self.write_out()?;
        self.flushed = self.length;
        Ok(())
    }

    /// Goes back to the last flush, from where on the reserve may be used up.
    fn rewind(&mut self) -> io::Result<()> {
        self.is_ending = true;
        self.buffer.clear();
        self.file.as_file_mut().seek(SeekFrom::Start(self.flushed))?;
        self.length = self.flushed;
        Ok(())
    }

    /// Takes the reserve away.
    fn cut(&self) -> io::Result<()> {
        self.file.as_file().set_len(self.length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    fn rename(self) -> Result<(), PersistError> {
        let Self { file, target, .. } = self;
        // Once more: there may be something else since.
        if let Err(error) = expect_replaceable(&target) {
            return Err(PersistError { error, file });
        }
        file.persist(&target).map(drop)
    }

    fn keep(self) -> io::Result<PathBuf> {
        kept(self.file, &self.target)
    }
}

/// Gives a file the name of its target with `.incomplete`; if it cannot have that, it keeps the
/// one it has.
fn kept(file: NamedTempFile, target: &Path) -> io::Result<PathBuf> {
    let mut name = target.as_os_str().to_owned();
    name.push(INCOMPLETE);
    let name = PathBuf::from(name);
    let file = match expect_replaceable(&name) {
        Ok(()) => match file.persist(&name) {
            Ok(_) => return Ok(name),
            Err(PersistError { file, .. }) => file,
        },
        Err(_) => file,
    };
    let (_, path) = file.keep()?;
    Ok(path)
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::Itself(out) => out.write(bytes),
            Place::Beside(file) => {
                if file.buffer.len() >= BLOCK {
                    file.write_out()?;
                }
                file.buffer.extend_from_slice(bytes);
                file.length += bytes.len() as u64;
                Ok(bytes.len())
            }
        }
    }

    /// What was written so far is in the file, and outlives whatever happens to this process.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Itself(out) => out.flush(),
            Place::Beside(file) => file.flush(),
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
    let file = builder
        .prefix(&prefix)
        .suffix(INCOMPLETE)
        .make_in(directory_of(target), |path| File::create_new(path))?;
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

        let mut given_up = AtomicFile::create(&target).expect("a file");
        given_up.write_all(b"half").expect("room");
        assert!(!target.exists());
        drop(given_up);
        assert_eq!(names(directory.path()), [""; 0]);

        for (content, on_disk) in [("whole", true), ("another", false)] {
            let mut finished = AtomicFile::create(&target).expect("a file");
            finished.write_all(content.as_bytes()).expect("room");
            if on_disk {
                finished.finish_on_disk().expect("a name");
            } else {
                finished.finish().expect("a name");
            }
            AtomicFile::try_at(&target).expect("a file");
            assert_eq!(fs::read_to_string(&target).expect("a file"), content);
            assert_eq!(names(directory.path()), ["r.json"]);
        }
        assert!(AtomicFile::try_at(directory.path()).is_err());
        let error = AtomicFile::try_at(&target.join("x")).expect_err("a file and no directory");
        assert!(error.raw_os_error().is_some(), "{error}");
    }

    #[test]
    fn what_ended_early_replaces_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("r.json");
        let beside = directory.path().join("r.json.incomplete");
        let early = |content: &[u8]| {
            let mut output = AtomicFile::create(&target).expect("a file");
            output.write_all(content).expect("room");
            output.finish_early().expect("a name")
        };
        assert_eq!(early(b"first"), None);
        for content in [b"second", b"third\0"] {
            // On Windows the name of a file that exists is told in its longer form.
            let kept = early(content).expect("another name").canonicalize().expect("a file");
            assert_eq!(kept, beside.canonicalize().expect("a file"));
        }
        assert_eq!(fs::read(&target).expect("a file"), b"first");
        assert_eq!(fs::read(&beside).expect("a file"), b"third\0");
        assert_eq!(names(directory.path()).len(), 2);
        // Not even if it has to keep the name that it has.
        fs::write(&beside, b"OggS\0").expect("a file");
        let passing = early(b"fourth").expect("another name");
        assert_eq!(fs::read(passing).expect("a file"), b"fourth");
        assert_eq!(fs::read(&beside).expect("a file"), b"OggS\0");
    }

    #[test]
    fn what_was_flushed_can_be_kept_without_the_rest() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("r.json");
        let mut output = AtomicFile::create(&target).expect("a file");
        output.write_all(b"one,").expect("room");
        output.flush().expect("room");
        output.write_all(&vec![b'x'; 3 * BLOCK]).expect("room");
        output.rewind().expect("a file");
        output.write_all(b"two,").expect("room");
        output.flush().expect("room");
        output.write_all(b"thr").expect("room");
        let kept = output.keep().expect("a name").expect("a file beside");
        assert_eq!(kept, directory.path().join("r.json.incomplete"));
        assert_eq!(fs::read(kept).expect("a file"), b"one,two,");
        assert!(!target.exists());
    }

    #[test]
    fn what_is_flushed_is_in_the_file_whatever_happens_to_the_process() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut output = AtomicFile::create(&directory.path().join("r.json")).expect("a file");
        output.write_all(b"a record").expect("room");
        output.flush().expect("room");
        let [name] = &names(directory.path())[..] else { panic!("one file") };
        assert!(name.starts_with(".r.json.") && name.ends_with(".incomplete"), "{name}");
        let content = fs::read_to_string(directory.path().join(name)).expect("a file");
        assert_eq!(content.trim_end_matches('\n'), "a record");
    }

    #[test]
    fn two_who_write_one_file_do_not_disturb_each_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("x.dat");
        let [mut one, mut other] = [(); 2].map(|()| AtomicFile::create(&target).expect("a file"));
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
        let mut output = AtomicFile::create(&target).expect("a file");
        output.write_all(b"{}").expect("room");
        let audio = b"fLaC\0\0\0\x22";
        fs::write(&target, audio).expect("a file");
        let finished = output.finish_on_disk().map_err(|refused| {
            let kept = refused.kept.expect("it is not lost");
            assert_eq!(kept, target.with_file_name("r.json.incomplete"));
            assert_eq!(fs::read(&kept).expect("a file"), b"{}");
            fs::remove_file(kept).expect("ours");
            refused.error
        });
        for refused in [finished, AtomicFile::try_at(&target)] {
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

        let mut output = AtomicFile::create(&link).expect("a file");
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
        let mut output = AtomicFile::create(Path::new("/dev/null")).expect("a device");
        output.write_all(b"gone").expect("room");
        output.finish_on_disk().expect("nothing to do");
        AtomicFile::try_at(Path::new("/dev/null")).expect("a device");
        assert!(!fs::metadata("/dev/null").expect("a device").is_file());
    }
}
