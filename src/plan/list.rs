//! Lists: paths from a file or from standard input, one a line or NUL-separated.
//!
//! A list is read as its jobs are asked for, one path in memory at a time. Lines end with LF or
//! CR LF; blank lines are passed over, as is a byte order mark at the start. Whatever else is in a
//! line belongs to the path: nothing is trimmed, nothing unquoted, and a line that begins with `#` is
//! a path like any other. Names with newlines, or with a
//! carriage return at their end, need NUL-separated lists.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{Found, unreachable_path};
use crate::record::{Failure, FailureKind};

/// More bytes than any system takes for a path; what is longer is no list of paths.
const LONGEST_ENTRY: u64 = 128 * 1024;

/// A list of paths.
#[derive(Clone, Debug)]
pub struct List {
    /// Where it is read from.
    pub source: ListSource,
    /// What stands between two paths.
    pub separator: Separator,
}

/// Where a list is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListSource {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// What stands between two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// The end of a line.
    Newline,
    /// A NUL byte, as `find -print0` writes it.
    Nul,
}

impl List {
    /// What stands for the list itself in a record.
    pub fn name(&self) -> PathBuf {
        match &self.source {
            ListSource::Stdin => "-".into(),
            ListSource::File(path) => path.clone(),
        }
    }

    /// Whether it names no file at all. To be asked only of a list that can be read again.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.entries()?.next().is_none())
    }

    pub(super) fn entries(&self) -> io::Result<Entries> {
        let reader: Box<dyn BufRead + Send> = match &self.source {
            ListSource::Stdin => Box::new(BufReader::new(io::stdin())),
            ListSource::File(path) => Box::new(BufReader::new(File::open(path)?)),
        };
        Ok(Entries {
            name: self.name(),
            reader: Some(reader),
            separator: self.separator,
            first: true,
            is_empty: true,
        })
    }

    pub(super) fn is_repeatable(&self) -> bool {
        match &self.source {
            ListSource::Stdin => false,
            // A FIFO or `<(…)` gives its content once.
            ListSource::File(path) => path.is_file(),
        }
    }
}

/// The paths of a list, as they are read.
pub(super) struct Entries {
    /// What stands for the list itself in a record.
    name: PathBuf,
    /// Gone once the list has ended.
    reader: Option<Box<dyn BufRead + Send>>,
    separator: Separator,
    first: bool,
    /// Whether nothing was named so far.
    is_empty: bool,
}

impl Entries {
    /// What stands for the list in a record.
    pub(super) fn into_name(self) -> PathBuf {
        self.name
    }
}

impl Iterator for Entries {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let reader = self.reader.as_mut()?;
            let entry = match read_entry(reader.as_mut(), self.separator) {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    self.reader = None;
                    if self.is_empty {
                        tracing::warn!("the list `{}` names no file", self.name.display());
                    }
                    return None;
                }
                Err(error) => {
                    self.reader = None;
                    return Some(Err(unreachable_path(self.name.clone(), &error)));
                }
            };
            let first = std::mem::replace(&mut self.first, false);
            let entry = match entry.strip_prefix(b"\xEF\xBB\xBF") {
                Some(rest) if first => rest.to_vec(),
                _ => entry,
            };
            if !entry.is_empty() {
                self.is_empty = false;
                return Some(path_of(entry, &self.name));
            }
        }
    }
}

/// The next entry without its separator; an entry longer than the longest is cut off and read past.
fn read_entry(reader: &mut dyn BufRead, separator: Separator) -> io::Result<Option<Vec<u8>>> {
    let end = match separator {
        Separator::Newline => b'\n',
        Separator::Nul => 0,
    };
    let mut entry = Vec::new();
    if (&mut *reader).take(LONGEST_ENTRY).read_until(end, &mut entry)? == 0 {
        return Ok(None);
    }
    if entry.last() == Some(&end) {
        entry.pop();
        if separator == Separator::Newline && entry.last() == Some(&b'\r') {
            entry.pop();
        }
    } else {
        reader.skip_until(end)?;
    }
    Ok(Some(entry))
}

fn path_of(entry: Vec<u8>, list: &Path) -> Found {
    let length = entry.len();
    let refuse = |path: PathBuf, what: &str| {
        let message = format!("an entry of the list `{}` {what}", list.display());
        Err((path, Failure::new(FailureKind::InvalidPath, message)))
    };
    if length as u64 >= LONGEST_ENTRY {
        let beginning: String = String::from_utf8_lossy(&entry).chars().take(64).collect();
        return refuse(beginning.into(), "is longer than any path; is it a list of paths?");
    }
    if entry.contains(&0) {
        let path = String::from_utf8_lossy(&entry).into_owned().into();
        return refuse(path, "holds a NUL byte; NUL-separated lists need `-0`");
    }
    match decoded(entry) {
        Ok(path) => Ok(path),
        Err(shown) => refuse(shown, "is not UTF-8"),
    }
}

/// The bytes as a path; on Unix any bytes are one.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "the other systems' twin can fail")]
fn decoded(entry: Vec<u8>) -> Result<PathBuf, PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    Ok(std::ffi::OsString::from_vec(entry).into())
}

/// The bytes as a path; elsewhere they must be UTF-8.
#[cfg(not(unix))]
fn decoded(entry: Vec<u8>) -> Result<PathBuf, PathBuf> {
    match String::from_utf8(entry) {
        Ok(text) => Ok(text.into()),
        Err(error) => Err(String::from_utf8_lossy(error.as_bytes()).into_owned().into()),
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[u8], separator: Separator) -> Vec<Found> {
        let reader: Box<dyn BufRead + Send> = Box::new(io::Cursor::new(list.to_vec()));
        Entries {
            name: "list".into(),
            reader: Some(reader),
            separator,
            first: true,
            is_empty: true,
        }
        .collect()
    }

    #[track_caller]
    fn check(list: &[u8], separator: Separator, expected: &[&str]) {
        let paths: Vec<_> = entries(list, separator).into_iter().map(Result::unwrap).collect();
        assert_eq!(paths, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn lines_end_in_every_usual_way_and_keep_their_blanks() {
        check(b"", Separator::Newline, &[]);
        check(b"a\n\nb\r\n\r\nc", Separator::Newline, &["a", "b", "c"]);
        check(b" a \n\"b\"\n#c\n", Separator::Newline, &[" a ", "\"b\"", "#c"]);
        check("\u{feff}a\n\u{feff}b\n".as_bytes(), Separator::Newline, &["a", "\u{feff}b"]);
    }

    #[test]
    fn nul_separated_names_may_hold_anything_else() {
        check(b"a\nb\0c\r\0\0d", Separator::Nul, &["a\nb", "c\r", "d"]);
    }

    #[test]
    fn what_is_no_path_is_one_refusal_and_the_rest_goes_on() {
        let mut list = vec![b'x'; 1_000_000];
        list.extend(b"\na\0b\nc\n");
        let found = entries(&list, Separator::Newline);
        assert_eq!(found.len(), 3);
        let (path, failure) = found[0].as_ref().unwrap_err();
        assert_eq!(path.as_os_str().len(), 64);
        assert_eq!(failure.kind, FailureKind::InvalidPath);
        assert!(found[1].as_ref().unwrap_err().1.message.contains("`-0`"));
        assert_eq!(found[2], Ok("c".into()));
    }

    #[test]
    fn a_list_that_breaks_off_is_one_refusal_in_its_name() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let reader: Box<dyn BufRead + Send> =
            Box::new(BufReader::new(io::Cursor::new(b"a\n").chain(Broken)));
        let separator = Separator::Newline;
        let list = Entries {
            name: "list".into(),
            reader: Some(reader),
            separator,
            first: true,
            is_empty: true,
        };
        let found: Vec<_> = list.collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], Ok("a".into()));
        assert_eq!(found[1].as_ref().unwrap_err().0, Path::new("list"));
    }
}
