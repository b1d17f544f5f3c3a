//! Identity: whether two paths lead to the same file, through whatever links.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

/// Which regular file a path leads to: on Unix its device and inode, so that hard links are
/// recognised; elsewhere its canonical path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileId(Id);

#[cfg(unix)]
type Id = (u64, u64);
#[cfg(not(unix))]
type Id = std::path::PathBuf;

impl FileId {
    /// Of the file behind a path; none if there is no regular file.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        id(path, &metadata).map(Self)
    }

    /// Of what standard output is redirected to, if that is a regular file and the system tells.
    pub fn of_standard_output() -> Option<Self> {
        let metadata = standard_output().ok()?.metadata().ok().filter(Metadata::is_file)?;
        open_id(&metadata).map(Self)
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "the other systems' twin can fail")]
fn id(_: &Path, metadata: &Metadata) -> Option<Id> {
    use std::os::unix::fs::MetadataExt;

    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id(path: &Path, _: &Metadata) -> Option<Id> {
    path.canonicalize().ok()
}

#[cfg(unix)]
fn open_id(metadata: &Metadata) -> Option<Id> {
    id(Path::new(""), metadata)
}

#[cfg(not(unix))]
fn open_id(_: &Metadata) -> Option<Id> {
    None
}

#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;

    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn standard_output() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_of_a_file_have_its_identity() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other, missing] =
            ["one", "other", "missing"].map(|name| folder.path().join(name));
        fs::write(&one, "same").unwrap();
        fs::write(&other, "same").unwrap();
        let id = FileId::of(&one).unwrap();
        assert_ne!(FileId::of(&other), Some(id.clone()));
        assert_eq!(FileId::of(&folder.path().join(".").join("one")), Some(id.clone()));
        assert_eq!(FileId::of(&missing), None);
        assert_eq!(FileId::of(folder.path()), None, "a directory is no input file");
        #[cfg(unix)]
        {
            let [soft, hard] = ["soft", "hard"].map(|name| folder.path().join(name));
            std::os::unix::fs::symlink(&one, &soft).unwrap();
            fs::hard_link(&one, &hard).unwrap();
            assert_eq!(
                [&soft, &hard].map(|path| FileId::of(path)),
                [(); 2].map(|()| Some(id.clone()))
            );
        }
    }
}
