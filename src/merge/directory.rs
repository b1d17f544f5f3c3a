//! Directory: a new one, with a file for each input of a run.

use std::fs;
use std::io;
use std::path::Path;

use crate::atomic_file::AtomicFile;

/// So many characters of an input's name are in that of what is kept of it.
const MOST_NAME: usize = 80;

/// Makes the directory if there is none, and refuses one that is not empty: what it holds would be
/// taken for part of the run.
pub(super) fn prepare(directory: &Path, instead: &str) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    if fs::read_dir(directory)?.next().is_some() {
        let message = format!("the directory is not empty; name a new one{instead}");
        return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, message));
    }
    AtomicFile::try_at(&directory.join("tried"))
}

/// A name that every system takes, and no other input of the run has.
pub(super) fn name(index: u64, input: &Path, extension: &str) -> String {
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    let is_safe = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let safe = name.chars().take(MOST_NAME).map(|c| if is_safe(&c) { c } else { '_' });
    format!("{index:08}-{}.{extension}", safe.collect::<String>())
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
}
