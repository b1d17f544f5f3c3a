//! Sample entries: what `stsd` says of how the samples of a track are coded.
//!
//! ```text
//! stsd ─┬─ mp4a ─┬─ channels, bits, rate         three versions, and a fourth of ISO
//!       │        ├─ esds ─ decoder configuration      AAC, MP3
//!       │        ├─ alac │ dfLa │ dOps │ pcmC
//!       │        └─ wave ─ esds │ alac │ enda         as QuickTime has it
//!       └─ …                                          another, from some chunk on
//! ```
//!
//! ISO 14496-12 §12.2, ISO 14496-14, `QuickTime` File Format "Sound Sample Description"; the boxes of
//! FLAC, Opus and PCM by Xiph and ISO 23003-5.

use std::ops::Range;

use audiopool_worker::pcm::ChannelLayout;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known as codec;

use super::boxes::Reader;
use super::description::{Entry, Fields, coded, fields, params};
use crate::decode::codec::{aac, mpa};
use crate::decode::container::channels;
use crate::decode::container::mp4::{layout, pcm};

/// Entries of one track that are read.
const MAX_ENTRIES: u32 = 256;
/// Bytes of an entry that are read.
const MAX_LENGTH: usize = 256 * 1024;
/// Reads the entries in the content of `stsd`. The first one that cannot be decoded says why.
pub(super) fn read_all(
    reader: &mut Reader,
    content: &Range<u64>,
    media_scale: u32,
) -> Result<Vec<Entry>, String> {
    let version = reader.array::<1>(content.start).map_or(0, |[version]| version);
    let count = reader.u32(content.start + 4).unwrap_or(0).min(MAX_ENTRIES);
    let mut rest = content.start + 8..content.end;
    let mut entries = Vec::new();
    for _ in 0..count {
        let Some(found) = reader.next_box(&mut rest) else { break };
        let end = found.content.end.min(content.end);
        let length = usize::try_from(end - found.content.start.min(end)).unwrap_or(MAX_LENGTH);
        let bytes = reader.bytes(found.content.start, length.min(MAX_LENGTH));
        entries.push(read(found.name, bytes, version, media_scale)?);
    }
    if entries.is_empty() {
        Err("it does not say how its samples are coded".into())
    } else {
        Ok(entries)
    }
}

/// Reads one entry. The error says what cannot be decoded.
fn read(name: [u8; 4], bytes: &[u8], version: u8, media_scale: u32) -> Result<Entry, String> {
    let (fields, boxes) = fields(name, bytes, version)
        .ok_or_else(|| format!("the description of its {} audio is cut short", shown(name)))?;
    let fields = Fields {
        sample_rate: match (boxes.find(*b"srat"), fields.sample_rate) {
            (Some(&[_, _, _, _, r0, r1, r2, r3, ..]), _) => u32::from_be_bytes([r0, r1, r2, r3]),
            (_, 0) => media_scale,
            (_, rate) => rate,
        },
        ..fields
    };
    let missing = |what: &str| format!("its {} audio has no {what} box", shown(name));
    let entry = match &name {
        b"mp4a" => {
            let esds =
                boxes.find(*b"esds").and_then(Config::read).ok_or_else(|| missing("esds"))?;
            match esds.kind {
                0x40 | 0x66..=0x68 => Ok(of_aac(&fields, esds.specific)),
                0x69 | 0x6b => Ok(mpeg(&fields)),
                kind => Err(format!("its audio is coded as MPEG-4 object type {kind:#04x}")),
            }
        }
        b".mp3" | b"ms\0\x55" => Ok(mpeg(&fields)),
        b"alac" => {
            let cookie = boxes.find(*b"alac").and_then(|full| full.get(4..));
            alac(cookie.ok_or_else(|| missing("alac"))?).ok_or_else(|| missing("intact alac"))
        }
        b"fLaC" => {
            let block = boxes.find(*b"dfLa").and_then(|full| full.get(8..)?.first_chunk());
            Ok(flac(block.ok_or_else(|| missing("dfLa"))?))
        }
        b"Opus" => {
            let head = boxes.find(*b"dOps").and_then(opus);
            head.ok_or_else(|| missing("intact dOps"))
        }
        b"enca" | b"drms" | b"drmi" => Err("its audio is encrypted".to_owned()),
        _ => pcm::entry(&fields, &boxes)
            .ok_or_else(|| format!("its audio is coded as {}", shown(name))),
    };
    let count = u16::try_from(fields.channels).unwrap_or(u16::MAX);
    let layout = match (boxes.find(*b"chnl"), boxes.find(*b"chan")) {
        (Some(content), _) => layout::of_chnl(content, count),
        // Behind a version and flags, as in Core Audio.
        (None, Some(&[_, _, _, _, ref content @ ..])) => channels::layout(content, count),
        _ => ChannelLayout::UNSTATED,
    };
    entry.map(|entry| Entry { layout, ..entry })
}

/// The name of a coding, for a person.
fn shown(name: [u8; 4]) -> String {
    name.escape_ascii().to_string()
}

/// What `esds` says of a decoder.
struct Config<'a> {
    /// The object type, which names the codec.
    kind: u8,
    /// What the decoder is to be told.
    specific: &'a [u8],
}

impl<'a> Config<'a> {
    fn read(esds: &'a [u8]) -> Option<Self> {
        let (3, stream) = descriptor(&mut esds.get(4..)?)? else { return None };
        let flags = *stream.get(2)?;
        let mut at = 3 + if flags & 0x80 == 0 { 0 } else { 2 };
        if flags & 0x40 != 0 {
            at += 1 + usize::from(*stream.get(at)?);
        }
        at += if flags & 0x20 == 0 { 0 } else { 2 };
        let (4, decoder) = descriptor(&mut stream.get(at..)?)? else { return None };
        let kind = *decoder.first()?;
        let specific = match decoder.get(13..).and_then(|mut rest| descriptor(&mut rest)) {
            Some((5, specific)) => specific,
            _ => &[],
        };
        Some(Self { kind, specific })
    }
}

/// The tag and the content of the descriptor that `bytes` begin with, which then begin behind it.
fn descriptor<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (content, behind) = rest.split_at(length.min(rest.len()));
    *bytes = behind;
    Some((tag, content))
}

fn mpeg(fields: &Fields) -> Entry {
    coded(params(codec::CODEC_ID_MP3, fields.sample_rate, fields.channels))
}

impl Entry {
    /// How many packets it takes to know what comes out of the decoder.
    pub(super) fn examined(&self) -> usize {
        match self.setup.params.codec {
            codec::CODEC_ID_MP3 => 1,
            codec::CODEC_ID_AAC => aac::EXAMINED,
            _ => 0,
        }
    }

    /// The same with what the first packets say of rate, channels and layer. The error says what is
    /// not decoded.
    pub(super) fn of_first_packets(self, first: &[Box<[u8]>]) -> Result<Self, String> {
        let params = &self.setup.params;
        let examined = match params.codec {
            codec::CODEC_ID_MP3 => first.first().and_then(|packet| mpeg_of(packet)),
            codec::CODEC_ID_AAC => {
                Some(aac::examine(params, first.iter().map(|packet| &packet[..]))?)
            }
            _ => None,
        };
        let layout = self.layout;
        Ok(examined.map_or(self, |params| Entry { layout, ..coded(params) }))
    }
}

/// MPEG audio that begins with this packet.
fn mpeg_of(packet: &[u8]) -> Option<AudioCodecParameters> {
    let format = mpa::FrameHeader::read(packet)?.format;
    let id = match format.layer {
        1 => codec::CODEC_ID_MP1,
        2 => codec::CODEC_ID_MP2,
        _ => codec::CODEC_ID_MP3,
    };
    Some(params(id, format.sample_rate, format.channels.into()))
}

fn of_aac(fields: &Fields, specific: &[u8]) -> Entry {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8000, 7350,
    ];
    // Five bits of object type, four of rate.
    let index = match specific {
        [first, second, ..] => usize::from(first & 7) << 1 | usize::from(second >> 7),
        _ => usize::MAX,
    };
    let sample_rate = RATES.get(index).copied().unwrap_or(fields.sample_rate);
    let mut params = params(codec::CODEC_ID_AAC, sample_rate, fields.channels);
    if !specific.is_empty() {
        params.with_extra_data(specific.into());
    }
    coded(params)
}

fn alac(cookie: &[u8]) -> Option<Entry> {
    let &[_, _, _, _, _, bits, _, _, _, channels, ref rest @ ..] = cookie else { return None };
    let sample_rate = u32::from_be_bytes(*rest.get(10..)?.first_chunk()?);
    let mut params = params(codec::CODEC_ID_ALAC, sample_rate, channels.into());
    params.with_bits_per_sample(bits.into()).with_extra_data(cookie.into());
    Some(coded(params))
}

fn flac(block: &[u8; 34]) -> Entry {
    use crate::decode::codec::flac::StreamInfo;

    let info = StreamInfo::read(block);
    let mut params = params(codec::CODEC_ID_FLAC, info.sample_rate, info.channels.into());
    params.with_bits_per_sample(info.bits.into()).with_extra_data(Box::new(*block));
    coded(params)
}

/// The header as Ogg has it, little-endian, with nothing to skip: the edit list says that.
fn opus(dops: &[u8]) -> Option<Entry> {
    let &[0, channels, skip0, skip1, r0, r1, r2, r3, gain0, gain1, ref mapping @ ..] = dops else {
        return None;
    };
    let fields = [1, channels, 0, 0, r3, r2, r1, r0, gain1, gain0];
    let head = [b"OpusHead", &fields[..], mapping].concat();
    let mut params = params(codec::CODEC_ID_OPUS, 48_000, channels.into());
    params.with_extra_data(head.into());
    Some(Entry { pre_skip: u16::from_be_bytes([skip0, skip1]).into(), ..coded(params) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: [u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(8 + content.len()).expect("a small box");
        [&size.to_be_bytes(), &name, content].concat()
    }

    /// The fields of version 0.
    fn start(version: u16, channels: u16, bits: u16, rate: u16) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes.extend(version.to_be_bytes());
        bytes.extend([0; 6]);
        bytes.extend(channels.to_be_bytes());
        bytes.extend(bits.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend((u32::from(rate) << 16).to_be_bytes());
        bytes
    }

    /// `esds` with lengths of four bytes, as most programs write them.
    fn esds(kind: u8, specific: &[u8]) -> Vec<u8> {
        let long = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).expect("short");
            [&[tag, 0x80, 0x80, 0x80, length], content].concat()
        };
        let decoder = [&[kind][..], &[0; 12], &long(5, specific)].concat();
        let stream = [&[0, 1, 0][..], &long(4, &decoder), &[6, 1, 2]].concat();
        boxed(*b"esds", &[&[0; 4][..], &long(3, &stream)].concat())
    }

    #[test]
    fn aac_is_found_in_three_places() {
        let esds = esds(0x40, &[0x11, 0x90]);
        let in_wave = boxed(*b"wave", &[boxed(*b"frma", b"mp4a"), esds.clone()].concat());
        for (version, list, boxes) in
            [(0, 0, esds.clone()), (1, 1, esds.clone()), (1, 0, [vec![0; 16], in_wave].concat())]
        {
            let bytes = [start(version, 2, 16, 0), boxes].concat();
            let entry = read(*b"mp4a", &bytes, list, 48_000).expect("AAC");
            assert_eq!(entry.setup.params.codec, codec::CODEC_ID_AAC);
            assert_eq!(entry.setup.params.sample_rate, Some(48_000));
            assert_eq!(entry.setup.params.extra_data.as_deref(), Some(&[0x11, 0x90][..]));
        }
    }

    #[test]
    fn what_is_not_decoded_is_named() {
        let told = |name: [u8; 4], boxes: &[u8]| {
            read(name, &[&start(0, 2, 16, 44_100), boxes].concat(), 0, 44_100).expect_err("unknown")
        };
        assert!(told(*b"mp4a", &esds(0xa5, &[])).contains("0xa5"));
        assert!(told(*b"ac-3", &[]).contains("ac-3"));
        assert!(told(*b"enca", &[]).contains("encrypted"));
        assert!(told(*b"alac", &[]).contains("no alac box"));
        assert!(read(*b"alac", &[0; 20], 0, 1).expect_err("cut").contains("cut short"));
    }

    #[test]
    fn opus_skips_nothing_by_itself() {
        let dops = boxed(*b"dOps", &[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0xff, 0, 0]);
        let entry = read(*b"Opus", &[start(0, 2, 16, 48_000), dops].concat(), 0, 1).expect("Opus");
        assert_eq!(entry.pre_skip, 312);
        let expected = b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\xff\0";
        assert_eq!(entry.setup.params.extra_data.as_deref(), Some(&expected[..]));
    }

    #[test]
    fn descriptions_that_are_cut_anywhere_do_no_harm() {
        let whole = [start(0, 2, 16, 44_100), esds(0x40, &[0x12, 0x10])].concat();
        // Behind the kind of the codec only its configuration is missing, for which the rate and
        // the channels of the entry stand in.
        let kind = whole.len() - 22;
        for length in 0..whole.len() {
            let found = read(*b"mp4a", &whole[..length], 0, 44_100);
            assert_eq!(found.is_ok(), length >= kind, "{length} bytes");
        }
        // A box that is longer than the entry ends with it.
        let mut endless = whole.clone();
        endless[28..32].fill(0xff);
        assert!(read(*b"mp4a", &endless, 0, 44_100).is_ok());
    }
}
