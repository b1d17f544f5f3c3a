//! Signature: the MD5 that a FLAC file holds of its audio, and that of what was decoded.
//!
//! It is of the samples as they were encoded: interleaved, little-endian, signed, each in as few
//! whole bytes as its depth needs. RFC 9639 §8.2.

use audiopool_worker::pcm::SampleFormat;
use symphonia::core::checksum::Md5;
use symphonia::core::io::Monitor;

use super::findings::Findings;
use crate::record::WarningKind;

/// The audio so far, and what it is to come to.
pub(in crate::decode) struct Signature {
    expected: [u8; 16],
    /// Depth of the samples as they were encoded.
    bits: usize,
    /// Frames that it is of, if the file says.
    total: Option<u64>,
    /// Bytes of decoded audio that it covers, from here on.
    left: u64,
    so_far: Md5,
    encoded: Vec<u8>,
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl Signature {
    /// The MD5 of `total` frames, or of an unknown number if that is 0; `None` if the file holds
    /// zeros, since its encoder did not know it.
    pub(in crate::decode) fn new(expected: [u8; 16], bits: u8, total: u64) -> Option<Self> {
        let bits = usize::from(bits);
        (expected != [0; 16]).then(|| Self {
            expected,
            bits,
            total: (total > 0).then_some(total),
            left: u64::MAX,
            so_far: Md5::default(),
            encoded: Vec::new(),
        })
    }

    /// The same of no more than the first `bytes` of decoded audio: of the first file in a chain.
    pub(in crate::decode) fn of_first(self, bytes: u64) -> Self {
        Self { left: bytes, ..self }
    }

    /// Takes in decoded audio, whose samples stand at the left edge of `format`.
    pub(in crate::decode) fn append(&mut self, bytes: &[u8], format: SampleFormat) {
        let covered = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.left -= covered as u64;
        let bytes = &bytes[..covered];
        let (width, encoded_width) = (format.sample_width(), self.bits.div_ceil(8));
        if self.bits == 8 * width {
            self.so_far.process_buf_bytes(bytes);
            return;
        }
        self.encoded.clear();
        for sample in bytes.chunks_exact(width) {
            let mut at_the_left = [0; 4];
            at_the_left[4 - width.min(4)..].copy_from_slice(&sample[..width.min(4)]);
            let value = i32::from_le_bytes(at_the_left) >> (32 - self.bits.clamp(1, 32));
            self.encoded.extend(&value.to_le_bytes()[..encoded_width.min(4)]);
        }
        self.so_far.process_buf_bytes(&self.encoded);
    }

    /// Tells of a difference that nothing else explains, after `frames` frames.
    pub(in crate::decode) fn compare(&self, frames: u64, findings: &mut Findings) {
        let explains = [
            WarningKind::DecodeErrors,
            WarningKind::Truncated,
            WarningKind::FormatChange,
            WarningKind::LengthMismatch,
        ];
        let is_whole = self.total.is_none_or(|total| total == frames);
        if is_whole && !self.matches() && !explains.iter().any(|&kind| findings.has(kind)) {
            let message = "the audio has not the MD5 that the file holds of it; no damaged place \
                           was found";
            findings.note(WarningKind::ChecksumMismatch, None, None, message);
        }
    }

    /// Whether it has come to what the file holds.
    pub(in crate::decode) fn matches(&self) -> bool {
        self.so_far.md5() == self.expected
    }
}
