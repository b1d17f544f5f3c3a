//! AIFF and AIFF-C: where the samples lie and what they are.
//!
//! Source: Apple's *AIFF* 1.3 (1989) and *AIFF-C* (1991), and the kinds of compression that were added
//! since.

use std::fs::File;
use std::io::{Read, Seek};

use audiopool_worker::pcm::SampleFormat;

use super::bytes::{Endian, bytes_at, seek_read};
use super::channels;
use super::format::{Decoding, FormatRow, Kind};
use super::riff::next_chunk;
use super::samples::{Coding, Header, Meaning, Samples};
use super::{Container, Contents, Subject, samples};
use crate::decode::accounting::extent::{Claim, Extent, judge};
use crate::decode::accounting::findings::Findings;
use crate::decode::codec::adpcm;
use crate::decode::engine::raw::Order;
use crate::decode::refusal::Refusal;
use crate::record::WarningKind;

/// Chunks that are looked at.
const MAX_CHUNKS: usize = 4096;
/// Bytes of the description of channels that are read.
const MAX_LAYOUT: u64 = 4096;
/// No header states more bits of a sample, whatever its codec.
const MAX_BITS: u16 = 64;
/// A size from which on a field means "not known": what programs write that stream.
const STREAMED: u64 = 0x7fff_0000;

/// AIFF and AIFF-C.
pub(super) struct Aiff;

impl Container for Aiff {
    const FORMAT: FormatRow = FormatRow {
        name: "AIFF, AIFF-C",
        codecs: "PCM 8 to 32 bit, float 32 and 64 bit, A-law, mu-law, ADPCM (IMA)",
        extensions: &["aiff", "aif", "aifc", "aiffc", "afc"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::AIFF,
        markers: &[],
        ffmpeg: &["aiff"],
    };

    fn open(
        mut file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let header = read(&mut file, subject.start, subject.length, findings);
        samples::contents(file, subject, header)
    }
}

/// Reads the header of the AIFF file that begins at byte `start`. The error says what is wrong.
fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Header, String> {
    let mut form = [0; 12];
    let mut at = seek_read(file, start, &mut form)?;
    let form_size = u64::from(Endian::Big.u32(&form, 4));
    let is_compressed_form = &form[8..] == b"AIFC";
    let (mut common, mut sound, mut labels) = (None, None, Vec::new());
    for _ in 0..MAX_CHUNKS {
        let mut chunk = [0; 8];
        let Ok(content) = seek_read(file, at, &mut chunk) else { break };
        let size = u64::from(Endian::Big.u32(&chunk, 4));
        match &chunk[..4] {
            b"COMM" if common.is_none() => {
                let mut fields = vec![0; if is_compressed_form { 22 } else { 18 }];
                seek_read(file, content, &mut fields)?;
                common = Some(Common::read(&fields)?);
            }
            b"SSND" if sound.is_none() => {
                let mut fields = [0; 8];
                let samples = seek_read(file, content, &mut fields)?;
                let offset = u64::from(Endian::Big.u32(&fields, 0));
                sound = Some((samples + offset, size.saturating_sub(8 + offset)));
            }
            b"CHAN" if labels.is_empty() => {
                labels.resize(usize::try_from(size.min(MAX_LAYOUT)).unwrap_or(0), 0);
                seek_read(file, content, &mut labels)?;
            }
            _ => {}
        }
        at = content.saturating_add(size).saturating_add(size & 1);
        if at >= file_length {
            break;
        }
    }
    let common = common.ok_or("there is no COMM chunk")?;
    if common.bits > MAX_BITS {
        return Err(format!("samples of {} bits", common.bits));
    }
    let layout = channels::layout(&labels, common.channels);
    let meaning = match common.meaning() {
        Ok(meaning) => meaning,
        // ffmpeg takes all channels for one.
        Err(codec) if &common.compression == b"G722" && common.channels > 1 => {
            return Ok(Header::Unreliable(codec));
        }
        Err(codec) => return Ok(Header::Other(codec)),
    };
    let frame = meaning.stored_frame(common.channels);
    // What is counted are frames, or packets of a block for each channel.
    let counted = u64::from(common.frames).saturating_mul(frame);
    let (start_of_audio, extent) = match sound {
        Some((at, size)) => {
            let bytes = match size {
                // A recording of nothing, or a size that was never filled in.
                0 => Some(counted),
                size if size >= STREAMED && at.saturating_add(size) > file_length => None,
                size => Some(size),
            };
            let claim = Claim {
                start: at,
                bytes,
                container_end: Some(start + 8 + form_size).filter(|_| form_size < STREAMED),
                frame,
            };
            let chunk_end = |file: &mut _, at| {
                next_chunk(file, at, Endian::Big, file_length).map(|(_, end)| end)
            };
            (at, judge(file, file_length, claim, chunk_end, findings))
        }
        // A file of no frames need not have a sound chunk.
        None if common.frames == 0 => {
            (file_length, Extent { declared: Some(0), ..Extent::default() })
        }
        None => return Err("there is no SSND chunk".into()),
    };
    let stated = common.stated_frames(
        &meaning,
        extent,
        file_length - start_of_audio.min(file_length),
        findings,
    );
    Ok(Header::Samples(Samples {
        meaning,
        sample_rate: common.sample_rate,
        channels: common.channels,
        layout,
        start: start_of_audio,
        extent,
        stated_frames: stated,
    }))
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
    fn read(fields: &[u8]) -> Result<Self, String> {
        let rate = bytes_at(fields, 8);
        Ok(Self {
            channels: Endian::Big.u16(fields, 0),
            frames: Endian::Big.u32(fields, 2),
            bits: Endian::Big.u16(fields, 6),
            sample_rate: whole_number(rate).ok_or("its sample rate is not one that can be")?,
            compression: if fields.len() > 18 { bytes_at(fields, 18) } else { *b"NONE" },
        })
    }

    /// The meaning of the samples; the name of the codec, if it is none that is decoded here. Samples
    /// of odd depth are left-justified in whole bytes.
    fn meaning(&self) -> Result<Meaning, String> {
        use Endian::{Big, Little};

        let width = self.bits.div_ceil(8).into();
        let linear = match &self.compression {
            b"NONE" | b"twos" => Meaning::linear(false, width, Big),
            b"sowt" => Meaning::linear(false, width, Little),
            b"in16" => Meaning::linear(false, 2, Big),
            b"in24" => Meaning::linear(false, 3, Big),
            b"in32" => Meaning::linear(false, 4, Big),
            b"42ni" | b"42n1" => Meaning::linear(false, 3, Little),
            b"23ni" | b"23n1" => Meaning::linear(false, 4, Little),
            b"fl32" | b"FL32" => Meaning::linear(true, 4, Big),
            b"fl64" | b"FL64" => Meaning::linear(true, 8, Big),
            b"raw " if width == 1 => {
                Some(Meaning::plain(SampleFormat::U8, Order::Native, "pcm_u8"))
            }
            b"alaw" | b"ALAW" => Some(Meaning::alaw()),
            b"ulaw" | b"ULAW" => Some(Meaning::mulaw()),
            b"ima4" => Some(Meaning::adpcm(adpcm::Blocks::apple(self.channels), "adpcm_ima_qt")),
            _ => None,
        };
        linear.ok_or_else(|| match &self.compression {
            b"NONE" | b"twos" | b"sowt" | b"raw " => format!("samples of {} bits", self.bits),
            name => format!("the codec \"{}\"", name.escape_ascii()),
        })
    }

    /// The frames that the header states. What it states in two places, and differently, is noted.
    fn stated_frames(
        &self,
        meaning: &Meaning,
        extent: Extent,
        present: u64,
        findings: &mut Findings,
    ) -> Option<u64> {
        let in_packet = match &meaning.coding {
            Coding::Plain(_) => 1,
            Coding::Adpcm(blocks) => blocks.frames as u64,
        };
        let stated = u64::from(self.frames) * in_packet;
        let bytes = extent.bytes().unwrap_or(present);
        let of_bytes = bytes / meaning.stored_frame(self.channels).max(1) * in_packet;
        // Some programs count frames where packets are meant.
        if self.frames == 0 && of_bytes > 0 && extent.declared.is_some() {
            let message = format!(
                "the header declares no frames, there are {of_bytes}: it was never completed; all \
                 of them were analysed"
            );
            findings.note(WarningKind::LengthMismatch, None, None, message);
            return None;
        }
        if extent.declared.is_none() || stated == of_bytes {
            return extent.declared.map(|_| stated);
        }
        if of_bytes.checked_sub(self.frames.into()).is_some_and(|filled| filled < in_packet) {
            return Some(self.frames.into());
        }
        if matches!(meaning.coding, Coding::Plain(_)) && bytes <= present {
            let message = format!(
                "the header declares {stated} frames, its sound chunk has {of_bytes}; all of them \
                 were analysed"
            );
            findings.note(WarningKind::LengthMismatch, None, None, message);
        }
        Some(stated)
    }
}

/// An 80-bit float, rounded: sign, exponent biased by 16383, and 64 bits with the leading one written.
/// `None` for what is no sample rate.
fn whole_number([e0, e1, mantissa @ ..]: [u8; 10]) -> Option<u32> {
    let exponent = i32::from(u16::from_be_bytes([e0, e1])) - 16383;
    let mantissa = u64::from_be_bytes(mantissa);
    if mantissa == 0 || exponent < -1 {
        return (exponent < 32).then_some(0);
    }
    let shift = u32::try_from(63 - exponent).ok()?;
    let doubled = u64::checked_shr(mantissa, shift.checked_sub(1)?)?;
    u32::try_from(doubled.div_ceil(2)).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const RATE_44100: [u8; 10] = [0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0];

    fn file(
        form: &[u8],
        frames: u32,
        bits: u16,
        compression: &[u8],
        sound: &[u8],
        is_first: bool,
    ) -> Vec<u8> {
        let common = [
            b"\0\x02".as_slice(),
            &frames.to_be_bytes(),
            &bits.to_be_bytes(),
            &RATE_44100,
            compression,
        ]
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

    fn parse(file: &[u8]) -> (Result<Header, String>, Findings) {
        let mut findings = Findings::default();
        let header = read(&mut Cursor::new(file), 0, file.len() as u64, &mut findings);
        (header, findings)
    }

    #[track_caller]
    fn samples(file: &[u8]) -> Samples {
        match parse(file).0 {
            Ok(Header::Samples(samples)) => samples,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn chunks_may_come_in_any_order() {
        for is_first in [true, false] {
            let bytes = file(b"AIFF", 1, 16, b"", b"abcd", is_first);
            let samples = samples(&bytes);
            let at = usize::try_from(samples.start).expect("a small file");
            assert_eq!(&bytes[at..at + 4], b"abcd");
            assert_eq!((samples.extent.declared, samples.meaning.codec), (Some(4), "pcm_s16be"));
            assert_eq!((samples.sample_rate, samples.channels), (44_100, 2));
        }
    }

    #[test]
    fn odd_depths_fill_whole_bytes_and_other_codecs_are_named() {
        let codec = |bits, name| match parse(&file(b"AIFC", 1, bits, name, b"", true)).0 {
            Ok(Header::Samples(samples)) => samples.meaning.codec.to_owned(),
            Ok(Header::Other(name) | Header::Unreliable(name)) => name,
            Ok(Header::Frames(bytes)) => format!("frames in {bytes:?}"),
            Err(what) => what,
        };
        assert_eq!(codec(12, b"NONE"), "pcm_s16be");
        assert_eq!(codec(20, b"sowt"), "pcm_s24le");
        assert_eq!(codec(8, b"NONE"), "pcm_s8");
        assert_eq!(codec(64, b"fl64"), "pcm_f64be");
        assert_eq!(codec(16, b"ulaw"), "pcm_mulaw");
        assert_eq!(codec(16, b"QDM2"), "the codec \"QDM2\"");
        assert_eq!(codec(33, b"NONE"), "samples of 33 bits");
    }

    #[test]
    fn a_header_that_was_never_completed_is_told() {
        let mut bytes = file(b"AIFF", 0, 16, b"", &[7; 400], true);
        let found = samples(&bytes);
        assert_eq!((found.extent.bytes(), found.stated_frames), (Some(400), None));
        assert!(parse(&bytes).1.has(WarningKind::LengthMismatch));
        // The size of the sound chunk may be missing, too: with 8 bytes or none.
        let at = bytes.windows(4).position(|name| name == b"SSND").expect("a sound chunk");
        for size in [0, 8] {
            bytes[at + 7] = size;
            bytes[at + 6] = 0;
            let found = samples(&bytes);
            assert_eq!((found.extent.bytes(), found.stated_frames), (Some(400), None), "{size}");
            assert!(parse(&bytes).1.has(WarningKind::LengthMismatch));
        }
        assert_eq!(samples(&file(b"AIFF", 0, 16, b"", b"", true)).stated_frames, Some(0));
    }

    #[test]
    fn rates_are_80_bit_floats() {
        assert_eq!(whole_number(RATE_44100), Some(44_100));
        assert_eq!(whole_number([0x3f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(whole_number([0x40, 0x0b, 0xad, 0x87, 0xff, 0xff, 0, 0, 0, 0]), Some(5553));
        assert_eq!(whole_number([0; 10]), Some(0));
        assert_eq!(whole_number([0x3f, 0xf8, 0xa3, 0xd7, 0, 0, 0, 0, 0, 0]), Some(0));
        assert_eq!(whole_number([0x7f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(whole_number([0xc0, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), None);
    }
}
