//! AIFF: where the samples lie in an AIFF or AIFF-C file, and what they are.
//!
//! As with WAV, only linear PCM, and no size is trusted: a file that is cut short is read as far
//! as it goes, which Symphonia's reader refuses. What is compressed is left to Symphonia.
//!
//! Source: Apple, Audio Interchange File Format 1.3; AIFF-C draft of 1991.

use std::io::{Read, Seek};

use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use super::findings::Findings;
use super::raw::{Layout, Order};
use super::riff::{look_behind, seek_read};

/// Chunks that are looked at.
const MAX_CHUNKS: usize = 4096;

/// Reads the header of the AIFF file that begins at byte `start`. `None` if it is not linear PCM,
/// or not understood, so that somebody else should try.
pub(super) fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Option<(Layout, &'static str)> {
    let mut form = [0; 12];
    let mut at = seek_read(file, start, &mut form).ok()?;
    let is_compressed_form = &form[8..] == b"AIFC";
    let (mut common, mut sound) = (None, None);
    for _ in 0..MAX_CHUNKS {
        let mut chunk = [0; 8];
        let Ok(content) = seek_read(file, at, &mut chunk) else { break };
        let size = chunk.last_chunk().map_or(0, |&size| u64::from(u32::from_be_bytes(size)));
        match &chunk[..4] {
            b"COMM" if common.is_none() => {
                let mut fields = vec![0; if is_compressed_form { 22 } else { 18 }];
                seek_read(file, content, &mut fields).ok()?;
                common = Some(Common::read(&fields)?);
            }
            b"SSND" if sound.is_none() => {
                let mut offset = [0; 8];
                let samples = seek_read(file, content, &mut offset).ok()?;
                let offset = offset.first_chunk().map_or(0, |&bytes| u32::from_be_bytes(bytes));
                let declared = size.saturating_sub(8 + u64::from(offset));
                sound = Some((samples + u64::from(offset), declared));
            }
            _ => {}
        }
        at = content.saturating_add(size).saturating_add(size & 1);
        if at >= file_length || (common.is_some() && sound.is_some()) {
            break;
        }
    }
    let common: Common = common?;
    // A file of no frames need not have a sound chunk.
    let (start, declared) = match sound {
        Some(found) => found,
        None if common.frames == 0 => (file_length, 0),
        None => return None,
    };
    let (sample_format, order, codec) = common.linear()?;
    let pcm = PcmFormat::new(sample_format, common.sample_rate, common.channels);
    // A program that streams leaves the size at 0, but a recording of nothing has it too.
    let is_streamed = declared == 0 && common.frames > 0;
    let layout = Layout { pcm, order, start, declared: (!is_streamed).then_some(declared) };
    let end = layout.declared.map_or(file_length, |declared| start.saturating_add(declared));
    look_behind(file, end, file_length, u32::from_be_bytes, findings);
    Some((layout, codec))
}

/// The fields of a `COMM` chunk.
struct Common {
    channels: u16,
    frames: u32,
    bits: u16,
    sample_rate: u32,
    compression: [u8; 4],
}

impl Common {
    fn read(fields: &[u8]) -> Option<Self> {
        let (&[c0, c1, f0, f1, f2, f3, b0, b1], rest) = fields.split_first_chunk()?;
        let (rate, rest) = rest.split_first_chunk::<10>()?;
        Some(Self {
            channels: u16::from_be_bytes([c0, c1]),
            frames: u32::from_be_bytes([f0, f1, f2, f3]),
            bits: u16::from_be_bytes([b0, b1]),
            sample_rate: whole_number(*rate)?,
            compression: rest.first_chunk().copied().unwrap_or(*b"NONE"),
        })
    }

    /// The meaning of the samples, if they are linear PCM. Samples of odd depth are left-justified
    /// in whole bytes.
    fn linear(&self) -> Option<(SampleFormat, Order, &'static str)> {
        use Order::{Native, Reversed, Signed8};
        use SampleFormat::{F32, F64, S16, S24, S32, U8};

        let width = self.bits.div_ceil(8);
        Some(match (&self.compression, width) {
            (b"NONE" | b"twos" | b"sowt", 1) => (U8, Signed8, "pcm_s8"),
            (b"NONE" | b"twos", 2) => (S16, Reversed, "pcm_s16be"),
            (b"NONE" | b"twos" | b"in24", 3) => (S24, Reversed, "pcm_s24be"),
            (b"NONE" | b"twos" | b"in32", 4) => (S32, Reversed, "pcm_s32be"),
            (b"sowt", 2) => (S16, Native, "pcm_s16le"),
            (b"sowt" | b"42ni", 3) => (S24, Native, "pcm_s24le"),
            (b"sowt" | b"23ni", 4) => (S32, Native, "pcm_s32le"),
            (b"fl32" | b"FL32", 4) => (F32, Reversed, "pcm_f32be"),
            (b"fl64" | b"FL64", 8) => (F64, Reversed, "pcm_f64be"),
            (b"raw ", 1) => (U8, Native, "pcm_u8"),
            _ => return None,
        })
    }
}

/// The whole part of an 80-bit float: sign, exponent biased by 16383, and 64 bits with the leading
/// one written. `None` for what is no sample rate.
fn whole_number([e0, e1, mantissa @ ..]: [u8; 10]) -> Option<u32> {
    let exponent = i32::from(u16::from_be_bytes([e0, e1])) - 16383;
    let mantissa = u64::from_be_bytes(mantissa);
    let shift = u32::try_from(63 - exponent).ok()?;
    u32::try_from(mantissa.checked_shr(shift)?).ok().filter(|&rate| rate > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const RATE_44100: [u8; 10] = [0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0];

    fn file(form: &[u8], bits: u16, compression: &[u8], sound: &[u8], is_first: bool) -> Vec<u8> {
        let common =
            [b"\0\x02\0\0\0\x01".as_slice(), &bits.to_be_bytes(), &RATE_44100, compression]
                .concat();
        let chunk = |name: &[u8], content: &[u8]| {
            let size = u32::try_from(content.len()).expect("a small chunk").to_be_bytes();
            [name, &size, content].concat()
        };
        let chunks = [chunk(b"COMM", &common), chunk(b"SSND", &[&[0; 8], sound].concat())];
        let [first, second] =
            if is_first { chunks } else { [chunks[1].clone(), chunks[0].clone()] };
        [b"FORM\0\0\0\0", form, &first, &second].concat()
    }

    fn parse(file: &[u8]) -> Option<(Layout, &'static str)> {
        read(&mut Cursor::new(file), 0, file.len() as u64, &mut Findings::default())
    }

    #[test]
    fn chunks_may_come_in_any_order() {
        for is_first in [true, false] {
            let bytes = file(b"AIFF", 16, b"", b"abcd", is_first);
            let (layout, codec) = parse(&bytes).expect("linear PCM");
            let at = usize::try_from(layout.start).expect("a small file");
            assert_eq!(&bytes[at..at + 4], b"abcd");
            assert_eq!((layout.declared, codec), (Some(4), "pcm_s16be"));
            assert_eq!((layout.pcm.sample_rate, layout.pcm.channels), (44_100, 2));
        }
    }

    #[test]
    fn odd_depths_fill_whole_bytes_and_compression_is_for_others() {
        let codec = |bits, name| parse(&file(b"AIFC", bits, name, b"", true)).map(|found| found.1);
        assert_eq!(codec(12, b"NONE"), Some("pcm_s16be"));
        assert_eq!(codec(20, b"sowt"), Some("pcm_s24le"));
        assert_eq!(codec(8, b"NONE"), Some("pcm_s8"));
        assert_eq!(codec(64, b"fl64"), Some("pcm_f64be"));
        assert_eq!(codec(16, b"alaw"), None);
        assert_eq!(codec(33, b"NONE"), None);
    }

    #[test]
    fn rates_are_80_bit_floats() {
        assert_eq!(whole_number(RATE_44100), Some(44_100));
        assert_eq!(whole_number([0x3f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(whole_number([0; 10]), None);
        assert_eq!(whole_number([0x7f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(whole_number([0xc0, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), None);
    }
}
