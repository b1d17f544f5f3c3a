//! Output: where the report goes, and that no half a report is ever taken for a whole one.
//!
//! ```text
//!   --output r.json   ──▶  .r.json.XXXXXX ──── finished: flushed to disk, renamed ──▶ r.json
//!                                         └─── anything else: removed, r.json as it was
//! ```
//!
//! What is there already and is no regular file (a FIFO, a device) is written as it stands. A
//! symbolic link stays one: the file behind it is replaced.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Where a report goes.
pub(crate) enum Output {
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
    /// What cannot be renamed over.
    InPlace(BufWriter<File>),
    /// A file in the making.
    Beside { file: BufWriter<NamedTempFile>, target: PathBuf },
}

impl Output {
    /// Opens it, so that a place that cannot be written is known before the work begins.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout(BufWriter::new(io::stdout()))) };
        let existing = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(path)?;
                return Ok(Self::InPlace(BufWriter::new(file)));
            }
            Ok(metadata) => Some(metadata.permissions()),
            Err(_) => None,
        };
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = BufWriter::new(beside(&target, existing)?);
        Ok(Self::Beside { file, target })
    }

    /// Puts the finished report in its place.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::InPlace(mut out) => out.flush(),
            Self::Beside { file, target } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&target)?;
                sync_directory(&target)
            }
        }
    }
}

/// A new file in the target's directory, with its permissions or those of any new file.
fn beside(target: &Path, existing: Option<fs::Permissions>) -> io::Result<NamedTempFile> {
    let name = target.file_name().unwrap_or_default();
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(directory)?;
    if let Some(permissions) = existing {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

/// Makes the new name survive a power cut, where directories can be synced.
#[cfg(unix)]
fn sync_directory(target: &Path) -> io::Result<()> {
    match target.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
fn sync_directory(_target: &Path) -> io::Result<()> {
    Ok(())
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::InPlace(out) => out.write(bytes),
            Self::Beside { file, .. } => file.write(bytes),
        }
    }

    /// A file in the making is read by nobody: it is flushed once, when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::InPlace(out) => out.flush(),
            Self::Beside { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_file_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("r.json");

        let mut given_up = Output::open(Some(&target)).unwrap();
        given_up.write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(given_up);
        assert_eq!(names(directory.path()), [""; 0]);

        let mut finished = Output::open(Some(&target)).unwrap();
        finished.write_all(b"whole").unwrap();
        finished.finish().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "whole");
        assert_eq!(names(directory.path()), ["r.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_its_files_permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("target", &link).unwrap();

        let mut output = Output::open(Some(&link)).unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();

        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_and_stays_a_device() {
        let mut output = Output::open(Some(Path::new("/dev/null"))).unwrap();
        output.write_all(b"gone").unwrap();
        output.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
