//! Regular files only: opening must never block, and never read from a device.
//!
//! A FIFO without a writer would block `open` for ever, so the path is looked at first, and the
//! open file once more, in case it was exchanged in between.

use std::fs::{File, FileType, Metadata};
use std::path::Path;

use crate::decode::refusal::of_io;
use crate::decode::{DecodeError, DecodeErrorKind};

/// Opens a regular file that is not empty. Returns its length in bytes too.
pub(in crate::decode) fn open(path: &Path) -> Result<(File, u64), DecodeError> {
    let metadata = std::fs::metadata(path).map_err(|error| of_io(&error))?;
    expect_regular(&metadata)?;
    let file = File::open(path).map_err(|error| of_io(&error))?;
    let metadata = file.metadata().map_err(|error| of_io(&error))?;
    expect_regular(&metadata)?;
    if metadata.len() == 0 {
        return Err(DecodeError::new(
            DecodeErrorKind::Empty,
            "the file is empty (0 bytes); was it copied or downloaded completely?",
        ));
    }
    Ok((file, metadata.len()))
}

fn expect_regular(metadata: &Metadata) -> Result<(), DecodeError> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() {
        "a directory, not a file; name the files in it, or let a command search it"
    } else {
        name_of_special(metadata.file_type())
    };
    Err(DecodeError::new(DecodeErrorKind::NotAFile, what))
}

#[cfg(unix)]
fn name_of_special(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;

    if file_type.is_fifo() {
        "a named pipe (FIFO), not a file; write its data to a file first"
    } else if file_type.is_socket() {
        "a socket, not a file"
    } else if file_type.is_block_device() || file_type.is_char_device() {
        "a device, not a file; copy what it delivers to a file first"
    } else {
        "not a regular file"
    }
}

#[cfg(not(unix))]
fn name_of_special(_: FileType) -> &'static str {
    "not a regular file"
}
