//! Whole: files that appear under their name when they are complete, and directories for many.
//!
//! Before, its name begins with a dot and ends in `.part`, so that no half of a file is ever found.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// So many characters of an input's name are in that of what is kept of it.
const MOST_NAME: usize = 80;

/// Writes a file, in place of what has its name.
pub(super) fn write(
    target: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let unfinished = unfinished(target);
    let written = create(&unfinished).and_then(|file| {
        let mut file = BufWriter::new(file);
        content(&mut file)?;
        file.flush()
    });
    let written = written.and_then(|()| fs::rename(&unfinished, target));
    if written.is_err() {
        // What is in the way of writing is not told by what is in the way of removing.
        let _gone = fs::remove_file(&unfinished);
    }
    written
}

/// Whether a file of this name can be written, told before the work begins rather than at its end.
pub(super) fn try_to(target: &Path) -> io::Result<()> {
    let tried = unfinished(target);
    create(&tried)?;
    fs::remove_file(tried)
}

/// Makes the directory if there is none, and refuses one that is not empty: what it holds would be
/// taken for part of the run.
pub(super) fn prepare(directory: &Path, instead: &str) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    if fs::read_dir(directory)?.next().is_some() {
        let message = format!("the directory is not empty; name a new one{instead}");
        return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, message));
    }
    try_to(&directory.join("tried"))
}

/// A name that every system takes, and no other input of the run has.
pub(super) fn name(index: u64, input: &Path, extension: &str) -> String {
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    let is_safe = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let safe = name.chars().take(MOST_NAME).map(|c| if is_safe(&c) { c } else { '_' });
    format!("{index:08}-{}.{extension}", safe.collect::<String>())
}

fn unfinished(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".part");
    target.with_file_name(name)
}

/// A new file; one that a run has left half written when it was killed, is not in its way.
fn create(unfinished: &Path) -> io::Result<File> {
    match File::create_new(unfinished) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(unfinished)?;
            File::create_new(unfinished)
        }
        created => created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_safe() {
        let name = |index, path: &str| name(index, Path::new(path), "partials");
        assert_eq!(name(7, "a/b c.wav"), "00000007-b_c.wav.partials");
        assert_eq!(name(1, "größe/音\u{1b}:*.wav"), "00000001-____.wav.partials");
        assert_eq!(name(0, ".."), "00000000-.partials");
        assert_eq!(name(123_456_789, "con"), "123456789-con.partials");
        assert!(name(0, &"x".repeat(4000)).len() < 120);
        assert_ne!(name(0, "a.wav"), name(1, "a.wav"));
    }

    #[test]
    fn a_directory_is_made_and_must_be_empty() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("new/deep");
        prepare(&directory, "").unwrap();
        prepare(&directory, "").unwrap();
        assert!(fs::read_dir(&directory).unwrap().next().is_none());
        fs::write(directory.join("x"), "").unwrap();
        let error = prepare(&directory, "").unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
        assert!(prepare(&directory.join("x"), "").is_err());
    }

    #[test]
    fn a_file_appears_whole_or_stays_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("x.dat");
        fs::write(unfinished(&target), "left by a run that was killed").unwrap();
        write(&target, |out| out.write_all(b"whole")).unwrap();
        let failed = write(&target, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no room"))
        });
        assert!(failed.is_err());
        try_to(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
