//! Reading the fields of a header.

use std::io::{self, Read, Seek, SeekFrom};

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The number of 16 bits at `at`; 0 where `bytes` end before.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let two = bytes_at(bytes, at);
        if self == Self::Little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    }

    /// The number of 32 bits at `at`; 0 where `bytes` end before.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes_at(bytes, at);
        if self == Self::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    }

    /// The number of 64 bits at `at`; 0 where `bytes` end before.
    pub(super) fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let eight = bytes_at(bytes, at);
        if self == Self::Little { u64::from_le_bytes(eight) } else { u64::from_be_bytes(eight) }
    }
}

/// The bytes at `at`; zeros where `bytes` end before.
pub(super) fn bytes_at<const LENGTH: usize>(bytes: &[u8], at: usize) -> [u8; LENGTH] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; LENGTH])
}

/// Fills `buffer` from byte `at` on; returns the position behind it.
pub(super) fn seek_read(
    file: &mut (impl Read + Seek),
    at: u64,
    buffer: &mut [u8],
) -> Result<u64, String> {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(buffer)).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            "the file ends within its header".to_owned()
        } else {
            format!("reading failed: {error}")
        }
    })?;
    Ok(at.saturating_add(buffer.len() as u64))
}
