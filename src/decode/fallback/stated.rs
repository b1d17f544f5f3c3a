//! Stated: how long a file says it is, in bytes, where ffmpeg does not compare that with the file.

use crate::decode::container::format::Kind;

/// The object of an ASF header that states the size of the file.
const FILE_PROPERTIES: [u8; 16] =
    *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";

/// Bytes from the start of the content that a file of this kind states, if it does. `head` is its
/// beginning.
pub(super) fn length(kind: Kind, head: &[u8]) -> Option<u64> {
    let length = match kind {
        Kind::ASF => asf(head)?,
        // Of the first of perhaps several RIFF chunks; 0 and 2^32 - 1 were never filled in.
        Kind::AVI => {
            let size = head.get(4..8)?.first_chunk().map(|&size| u32::from_le_bytes(size))?;
            (!matches!(size, 0 | u32::MAX)).then_some(u64::from(size) + 8)?
        }
        Kind::DSD if head.starts_with(b"DSD ") => u64_at(head, 12)?,
        Kind::DSD => {
            let size = head.get(4..12)?.first_chunk().map(|&size| u64::from_be_bytes(size))?;
            size.checked_add(12)?
        }
        _ => return None,
    };
    (length > 0).then_some(length)
}

/// Objects follow the header of 30 bytes: an identifier of 16 bytes, a size, and a body.
fn asf(head: &[u8]) -> Option<u64> {
    let mut at = 30;
    while let Some(object) = head.get(at..).filter(|object| object.len() >= 24) {
        if object.starts_with(&FILE_PROPERTIES) {
            // A live stream has no size that would be known.
            let is_live = object.get(88)? & 1 == 1;
            return if is_live { None } else { u64_at(object, 40) };
        }
        at = at.checked_add(usize::try_from(u64_at(object, 16)?).ok()?.max(24))?;
    }
    None
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|&value| u64::from_le_bytes(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asf_of(size: u64, flags: u8) -> Vec<u8> {
        let mut bytes = vec![0; 30];
        // Another object before it.
        bytes.extend([7; 16]);
        bytes.extend(30_u64.to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend(FILE_PROPERTIES);
        bytes.extend(104_u64.to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 40]);
        bytes.push(flags);
        bytes.extend([0; 15]);
        bytes
    }

    #[test]
    fn headers_state_the_length_of_the_file() {
        assert_eq!(length(Kind::ASF, &asf_of(38_944, 2)), Some(38_944));
        assert_eq!(length(Kind::ASF, &asf_of(38_944, 1)), None, "a live stream");
        assert_eq!(length(Kind::ASF, &asf_of(38_944, 2)[..90]), None);
        assert_eq!(length(Kind::AVI, b"RIFF\x10\0\0\0AVI "), Some(24));
        assert_eq!(length(Kind::AVI, b"RIFF\0\0\0\0AVI "), None);
        assert_eq!(length(Kind::DSD, b"DSD \x1c\0\0\0\0\0\0\0\x09\x01\0\0\0\0\0\0"), Some(265));
        assert_eq!(length(Kind::DSD, b"FRM8\0\0\0\0\0\0\x01\0DSD "), Some(268));
        assert_eq!(length(Kind::AC3, b"\x0b\x77"), None);
    }

    #[test]
    fn object_of_no_size_ends_nothing_and_one_of_any_size_is_passed_over() {
        let mut bytes = vec![0; 4096];
        assert_eq!(length(Kind::ASF, &bytes), None);
        bytes[46..54].fill(0xff);
        assert_eq!(length(Kind::ASF, &bytes), None);
    }
}
