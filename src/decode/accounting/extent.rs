//! Extent: where the audio of a file ends, judged by everything that its header says.
//!
//! A length is written at the end of a recording, so a recorder that crashed, or one that writes to a
//! pipe, leaves a placeholder. Placeholders differ from program to program; what they have in common
//! is that something contradicts them:
//!
//! ```text
//! header │ audio as declared │ chunk │ chunk │ tag       complete
//! header │ audio as declared │ ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒       no chunk: audio, if the header contradicts
//!                                                        itself; else data that does not belong here
//! header │ audio as declar                               cut short
//! ```

use std::io::{Read, Seek};

use super::findings::Findings;
use super::tags;
use crate::record::WarningKind;

/// Chunks that are looked at behind the audio.
const MAX_CHUNKS: usize = 4096;
/// Bytes behind the declared audio from which on they may be what was recorded since the header was
/// last written: the smallest buffer that recorders flush.
const RECORDED: u64 = 4096;
/// Bytes that a length of 32 bits cannot count.
const WRAPPED: u64 = (1 << 32) - (1 << 16);

/// What a header says of the audio.
#[derive(Clone, Copy, Debug)]
pub(in crate::decode) struct Claim {
    /// Its first byte.
    pub(in crate::decode) start: u64,
    /// How many bytes there are; `None` if the header says that this is not known.
    pub(in crate::decode) bytes: Option<u64>,
    /// The byte at which the container ends, if that is told.
    pub(in crate::decode) container_end: Option<u64>,
    /// Bytes of a frame.
    pub(in crate::decode) frame: u64,
}

/// What the header says, as far as it is to be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::decode) struct Extent {
    /// Bytes of audio that are declared, possibly more than there are.
    pub(in crate::decode) declared: Option<u64>,
    /// Bytes of audio that are there, if they are not declared and end before the file does.
    pub(in crate::decode) found: Option<u64>,
}

impl Extent {
    /// Bytes of audio to read: no more than declared or found.
    pub(in crate::decode) fn bytes(self) -> Option<u64> {
        self.declared.or(self.found)
    }
}

/// Judges a claim. `next_chunk` tells where a chunk that begins at a byte ends, if one does; what
/// is wrong and what lies behind the audio is noted.
pub(in crate::decode) fn judge<F: Read + Seek>(
    file: &mut F,
    file_length: u64,
    claim: Claim,
    mut next_chunk: impl FnMut(&mut F, u64) -> Option<u64>,
    findings: &mut Findings,
) -> Extent {
    let Some(bytes) = claim.bytes else {
        findings.trail(file_length, 0);
        return Extent::default();
    };
    let end = claim.start.saturating_add(bytes);
    let complete = Extent { declared: Some(bytes), found: None };
    if end >= file_length {
        findings.trail(file_length, 0);
        return complete;
    }
    let mut at = end;
    for _ in 0..MAX_CHUNKS {
        let Some(next) = next_chunk(file, at).filter(|&next| next > at) else { break };
        at = next;
    }
    let mut rest = tags::foreign(file, at.min(file_length)..file_length);
    // Zeros behind a chunk are padding; in place of all audio they are silence.
    if bytes == 0 && at == end && rest.is_empty() && tags::is_zero(file, end..file_length) {
        rest = end..file_length;
    }
    let length = rest.end - rest.start;
    let is_recorded = rest.start == end && length >= claim.frame.max(1);
    let is_contradicted = bytes == 0
        || length >= WRAPPED
        || (length >= RECORDED
            && claim.container_end.is_some_and(|container| {
                container <= claim.start || container >= rest.end.saturating_sub(1)
            }));
    if !(is_recorded && is_contradicted) {
        findings.trail(rest.start, length);
        return complete;
    }
    let found = bytes + length;
    let message = format!(
        "the header declares {bytes} bytes of audio, {found} are there: it was never completed, or \
         the audio is too long for it; all of them were analysed"
    );
    findings.note(WarningKind::LengthMismatch, None, Some(claim.start), message);
    findings.trail(rest.end, 0);
    Extent { declared: None, found: Some(found) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A file whose audio begins at byte 8, and is said to be of so many bytes.
    fn judged(bytes: Option<u64>, container_end: Option<u64>, file: &[u8]) -> (Extent, Findings) {
        let mut findings = Findings::default();
        let claim = Claim { start: 8, bytes, container_end, frame: 2 };
        let next_chunk = |file: &mut Cursor<&[u8]>, at: u64| {
            let at = usize::try_from(at).ok()?;
            file.get_ref().get(at..)?.starts_with(b"LIST").then_some(at as u64 + 6)
        };
        let length = file.len() as u64;
        let extent = judge(&mut Cursor::new(file), length, claim, next_chunk, &mut findings);
        (extent, findings)
    }

    fn file(behind: &[u8]) -> Vec<u8> {
        [b"headerXX", behind].concat()
    }

    const DECLARED: fn(u64) -> Extent = |bytes| Extent { declared: Some(bytes), found: None };
    const FOUND: fn(u64) -> Extent = |bytes| Extent { declared: None, found: Some(bytes) };

    #[test]
    fn a_length_of_zero_is_not_believed_where_audio_follows() {
        for behind in [[1; 100], [0; 100]] {
            let (extent, findings) = judged(Some(0), Some(8), &file(&behind));
            assert_eq!(extent, FOUND(100));
            assert!(findings.has(WarningKind::LengthMismatch));
            assert!(!findings.has(WarningKind::TrailingData));
        }
        // A tag at the end is no audio.
        let tag = [b"TAG".as_slice(), &[b'x'; 125]].concat();
        assert_eq!(judged(Some(0), None, &file(&[&[1; 100], &tag[..]].concat())).0, FOUND(100));
    }

    #[test]
    fn a_recording_of_nothing_stays_one() {
        for behind in [b"".as_slice(), b"LISTab", b"LISTabLISTcd", b""] {
            let (extent, findings) = judged(Some(0), Some(8), &file(behind));
            assert_eq!(extent, DECLARED(0), "{behind:?}");
            assert!(!findings.has(WarningKind::LengthMismatch));
        }
    }

    #[test]
    fn what_follows_declared_audio_is_audio_if_the_header_contradicts_itself() {
        let bytes = file(&[1; 10_000]);
        let end = bytes.len() as u64;
        assert_eq!(judged(Some(100), Some(end), &bytes).0, FOUND(10_000));
        assert_eq!(judged(Some(100), Some(4), &bytes).0, FOUND(10_000));
        // A header that agrees with itself is believed, and the rest is told.
        for container_end in [None, Some(108)] {
            let (extent, findings) = judged(Some(100), container_end, &bytes);
            assert_eq!(extent, DECLARED(100));
            assert!(findings.has(WarningKind::TrailingData));
        }
        assert_eq!(judged(Some(100), Some(300), &file(&[1; 292])).0, DECLARED(100));
    }

    #[test]
    fn a_length_that_is_not_known_or_not_reached_is_taken_as_it_is() {
        assert_eq!(judged(None, None, &file(&[1; 100])).0, Extent::default());
        assert_eq!(judged(Some(500), None, &file(&[1; 100])).0, DECLARED(500));
        assert_eq!(judged(Some(u64::MAX), None, &file(&[1; 100])).0, DECLARED(u64::MAX));
    }
}
