//! Sun/NeXT audio (AU): a header of 24 bytes and more, and the samples.
//!
//! Source: `audio_filehdr.h` of Sun and `soundstruct.h` of `NeXT`.

use std::fs::File;
use std::io::{Read, Seek};

use audiopool_worker::pcm::ChannelLayout;

use super::bytes::{Endian, seek_read};
use super::format::{Decoding, FormatRow, Kind};
use super::samples::{Header, Meaning, Samples};
use super::{Container, Contents, Subject, samples};
use crate::decode::accounting::extent::{Claim, judge};
use crate::decode::accounting::findings::Findings;
use crate::decode::refusal::Refusal;

/// The size that says that it is not known.
const UNKNOWN: u32 = u32::MAX;

/// Sun/`NeXT` audio.
pub(super) struct Au;

impl Container for Au {
    const FORMAT: FormatRow = FormatRow {
        name: "Sun/NeXT audio",
        codecs: "PCM 8 to 32 bit, float 32 and 64 bit, A-law, mu-law",
        extensions: &["au", "snd"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind("au"),
        markers: &[b".snd", b"dns.", b".sd\0", b"\0ds."],
        ffmpeg: &["au"],
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

/// Reads the header of the AU file that begins at byte `start`. The error says what is wrong.
fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Header, String> {
    let mut fields = [0; 24];
    seek_read(file, start, &mut fields)?;
    // DEC's variant has a zero for the n.
    let is_little = fields.starts_with(b"dns.") || fields.starts_with(b"\0ds.");
    let endian = if is_little { Endian::Little } else { Endian::Big };
    let [offset, size, encoding, sample_rate, channels] =
        [4, 8, 12, 16, 20].map(|at| endian.u32(&fields, at));
    if offset < 24 {
        return Err(format!("it says that it is {offset} bytes long, and 24 is the least"));
    }
    let meaning = match meaning(encoding, endian) {
        Ok(meaning) => meaning,
        // ffmpeg takes the codes of a byte in the wrong order.
        Err(codec) if matches!(encoding, 23 | 25 | 26) => return Ok(Header::Unreliable(codec)),
        Err(codec) => return Ok(Header::Other(codec)),
    };
    // More than can be, so that it is refused as such.
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    let start = start + u64::from(offset);
    let claim = Claim {
        start,
        bytes: (size != UNKNOWN).then_some(size.into()),
        container_end: None,
        frame: meaning.stored_frame(channels),
    };
    let extent = judge(file, file_length, claim, |_, _| None, findings);
    Ok(Header::Samples(Samples {
        meaning,
        sample_rate,
        channels,
        layout: ChannelLayout::UNSTATED,
        start,
        extent,
        stated_frames: None,
    }))
}

/// What the samples of an encoding mean; the name of the codec, if it is not decoded here.
fn meaning(encoding: u32, endian: Endian) -> Result<Meaning, String> {
    let linear = match encoding {
        1 => Some(Meaning::mulaw()),
        2..=5 => Meaning::linear(false, u64::from(encoding) - 1, endian),
        6 => Meaning::linear(true, 4, endian),
        7 => Meaning::linear(true, 8, endian),
        27 => Some(Meaning::alaw()),
        _ => None,
    };
    linear.ok_or_else(|| match encoding {
        23 => "G.721 ADPCM".to_owned(),
        24 => "G.722 ADPCM".to_owned(),
        25 | 26 => "G.723 ADPCM".to_owned(),
        _ => format!("the encoding {encoding}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::WarningKind;

    fn file(magic: [u8; 4], fields: [u32; 5], audio: &[u8]) -> Vec<u8> {
        let turn = if magic[3] == b'.' { u32::to_le_bytes } else { u32::to_be_bytes };
        [magic.as_slice(), fields.map(turn).as_flattened(), audio].concat()
    }

    fn parse(file: &[u8]) -> (Result<Header, String>, Findings) {
        let mut findings = Findings::default();
        let header = read(&mut Cursor::new(file), 0, file.len() as u64, &mut findings);
        (header, findings)
    }

    #[test]
    fn both_byte_orders_are_read() {
        for (magic, expected) in [
            (*b".snd", "pcm_s16be"),
            (*b"dns.", "pcm_s16le"),
            (*b".sd\0", "pcm_s16be"),
            (*b"\0ds.", "pcm_s16le"),
        ] {
            let bytes = file(magic, [28, 4, 3, 8000, 2], b"infoabcd");
            let Ok(Header::Samples(samples)) = parse(&bytes).0 else { panic!("{magic:?}") };
            assert_eq!((samples.start, samples.extent.declared), (28, Some(4)));
            assert_eq!((samples.sample_rate, samples.channels), (8000, 2));
            assert_eq!(samples.meaning.codec, expected);
        }
    }

    #[test]
    fn a_size_that_is_not_known_or_never_filled_in_is_the_rest() {
        let extent = |size| match parse(&file(*b".snd", [24, size, 1, 8000, 1], &[1; 50])) {
            (Ok(Header::Samples(samples)), findings) => {
                (samples.extent.bytes(), findings.has(WarningKind::LengthMismatch))
            }
            (other, _) => panic!("{other:?}"),
        };
        assert_eq!(extent(u32::MAX), (None, false));
        assert_eq!(extent(0), (Some(50), true));
        assert_eq!(extent(50), (Some(50), false));
        assert_eq!(extent(20), (Some(20), false));
    }

    #[test]
    fn what_is_not_decoded_is_named_and_what_cannot_be_is_an_error() {
        let header = |fields| parse(&file(*b".snd", fields, b"abcd")).0;
        assert_eq!(header([24, 4, 23, 8000, 1]), Ok(Header::Unreliable("G.721 ADPCM".into())));
        assert_eq!(header([24, 4, 99, 8000, 1]), Ok(Header::Other("the encoding 99".into())));
        assert!(header([8, 4, 3, 8000, 1]).is_err());
    }
}
