//! The `fmt ` chunk of a WAV file, and of its relatives.

use audiopool_worker::pcm::{ChannelLayout, SampleFormat};

use crate::decode::codec::adpcm;
use crate::decode::container::bytes::{Endian, bytes_at};
use crate::decode::container::samples::Meaning;
use crate::decode::engine::raw::Order;

/// Bytes of audio that are looked at where a header is ambiguous.
pub(super) const SEARCHED: u64 = 64 * 1024;

/// The fields of a `fmt ` chunk.
#[derive(Clone, Debug)]
pub(in crate::decode) struct Format {
    tag: Tag,
    pub(in crate::decode) channels: u16,
    pub(in crate::decode) sample_rate: u32,
    block_align: u16,
    bits: u16,
    /// What follows the fields that all formats have.
    extra: Vec<u8>,
    is_extensible: bool,
    endian: Endian,
}

/// What a format is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Number(u16),
    /// The sub-format of an extensible format, where it is none of the numbers.
    Guid([u8; 16]),
}

impl Format {
    const PCM: u16 = 1;
    const MICROSOFT_ADPCM: u16 = 2;
    const FLOAT: u16 = 3;
    const ALAW: u16 = 6;
    const MULAW: u16 = 7;
    const IMA_ADPCM: u16 = 0x11;
    const EXTENSIBLE: u16 = 0xfffe;

    pub(in crate::decode) fn read(fields: &[u8], endian: Endian) -> Self {
        let is_extensible = endian.u16(fields, 0) == Self::EXTENSIBLE && fields.len() >= 40;
        let tag = match endian.u16(fields, 0) {
            Self::EXTENSIBLE if fields.len() >= 40 => {
                Self::sub_format(bytes_at(fields, 24), endian)
            }
            number => Tag::Number(number),
        };
        Self {
            tag,
            channels: endian.u16(fields, 2),
            sample_rate: endian.u32(fields, 4),
            block_align: endian.u16(fields, 12),
            bits: endian.u16(fields, 14),
            extra: fields.get(16..).unwrap_or_default().to_vec(),
            is_extensible,
            endian,
        }
    }

    /// The first three fields of a GUID are numbers, which big-endian files turn round or do not.
    fn sub_format(guid: [u8; 16], endian: Endian) -> Tag {
        const MEDIA: (u16, u16, [u8; 8]) = (0, 0x10, *b"\x80\0\0\xaa\0\x38\x9b\x71");
        const AMBISONIC: (u16, u16, [u8; 8]) = (0x0721, 0x11d3, *b"\x86\x44\xc8\xc1\xca\0\0\0");
        let number = |guid: [u8; 16], endian: Endian| {
            let rest = (endian.u16(&guid, 4), endian.u16(&guid, 6), bytes_at(&guid, 8));
            let number = u16::try_from(endian.u32(&guid, 0)).ok()?;
            (rest == MEDIA || rest == AMBISONIC).then_some(number)
        };
        // In big-endian files, SoX turns round the first two bytes alone, and others none.
        let mut turned = guid;
        turned[..2].reverse();
        let variants = [(guid, endian), (guid, Endian::Little), (turned, Endian::Little)];
        let variants = if endian == Endian::Big { &variants[..] } else { &variants[..1] };
        let found = variants.iter().filter_map(|&(guid, endian)| number(guid, endian)).min();
        found.map_or(Tag::Guid(guid), Tag::Number)
    }

    /// What the samples mean; the name of the codec, if they are none that are decoded here.
    /// `audio` tells the first bytes of them, where the header is ambiguous.
    pub(in crate::decode) fn meaning(
        &self,
        audio: impl FnOnce() -> Vec<u8>,
    ) -> Result<Meaning, String> {
        match self.tag {
            Tag::Number(Self::PCM) => self.linear(audio),
            Tag::Number(Self::FLOAT) => self.float(),
            Tag::Number(Self::ALAW) if self.width() == 1 => Ok(Meaning::alaw()),
            Tag::Number(Self::MULAW) if self.width() == 1 => Ok(Meaning::mulaw()),
            Tag::Number(tag @ (Self::MICROSOFT_ADPCM | Self::IMA_ADPCM))
                if self.bits == 4 && self.endian == Endian::Little =>
            {
                self.adpcm(tag)
            }
            Tag::Number(tag) => Err(name_of(tag)),
            Tag::Guid(guid) => {
                let digits = guid.map(|byte| format!("{byte:02x}")).concat();
                Err(format!("a codec of the sub-format {digits}"))
            }
        }
    }

    /// Whether the audio is frames of MPEG audio, one behind the other.
    pub(in crate::decode) fn is_mpeg(&self) -> bool {
        matches!(self.tag, Tag::Number(0x50 | 0x55))
    }

    /// Whether the header states samples without a size, which no decoder can read.
    pub(in crate::decode) fn is_without_bits(&self) -> bool {
        matches!(self.tag, Tag::Number(Self::PCM | Self::FLOAT)) && self.width() == 0
    }

    /// Whether ffmpeg opens such a codec and decodes it wrongly: it takes the codes of G.721 and G.723
    /// in the wrong order, NMS ADPCM for AMR, and all that is big-endian for little-endian.
    pub(in crate::decode) fn is_unreliable(&self) -> bool {
        self.endian == Endian::Big || matches!(self.tag, Tag::Number(0x14 | 0x38 | 0x40))
    }

    /// The loudspeakers of the channels, if they are stated. A mask of fewer than there are channels
    /// states nothing that can be relied upon.
    pub(in crate::decode) fn layout(&self) -> ChannelLayout {
        let mask = if self.is_extensible { self.endian.u32(&self.extra, 4) } else { 0 };
        if mask.count_ones() < u32::from(self.channels) {
            return ChannelLayout::UNSTATED;
        }
        ChannelLayout::from_mask(mask, self.channels)
    }

    /// Bytes of a sample. Samples of odd depth are left-justified in their container, by the
    /// definition of WAV, and the container is what is read.
    fn width(&self) -> u16 {
        let least = self.bits.div_ceil(8);
        let of_block = self.block_align.checked_div(self.channels).unwrap_or(0);
        let is_whole = of_block.checked_mul(self.channels) == Some(self.block_align);
        // Whole bytes need no container but where 24 bits are aligned to 32; otherwise the size of
        // the block is wrong.
        let is_container = of_block >= least
            && of_block <= 8
            && (!self.bits.is_multiple_of(8)
                || self.bits == 0
                || (self.bits == 24 && of_block == 4));
        if is_whole && is_container { of_block } else { least }
    }

    fn linear(&self, audio: impl FnOnce() -> Vec<u8>) -> Result<Meaning, String> {
        let is_little = self.endian == Endian::Little;
        let order = if is_little { Order::Native } else { Order::Reversed };
        let named = |little, big| if is_little { little } else { big };
        let (format, order, codec) = match self.width() {
            1 => (SampleFormat::U8, Order::Native, "pcm_u8"),
            2 => (SampleFormat::S16, order, named("pcm_s16le", "pcm_s16be")),
            3 => (SampleFormat::S24, order, named("pcm_s24le", "pcm_s24be")),
            4 if self.bits > 16 && self.bits <= 24 && is_little => match justification(&audio()) {
                Justification::Left => (SampleFormat::S32, order, "pcm_s32le"),
                Justification::Right => (SampleFormat::S32, Order::Low24, "pcm_s32le"),
                // It is the size of the block that is wrong.
                Justification::Neither => (SampleFormat::S24, order, "pcm_s24le"),
            },
            4 => (SampleFormat::S32, order, named("pcm_s32le", "pcm_s32be")),
            width => return Err(format!("integers of {} bits", 8 * u32::from(width))),
        };
        Ok(Meaning::plain(format, order, codec))
    }

    fn float(&self) -> Result<Meaning, String> {
        let is_little = self.endian == Endian::Little;
        let order = if is_little { Order::Native } else { Order::Reversed };
        let named = |little, big| if is_little { little } else { big };
        match self.width() {
            4 => Ok(Meaning::plain(SampleFormat::F32, order, named("pcm_f32le", "pcm_f32be"))),
            8 => Ok(Meaning::plain(SampleFormat::F64, order, named("pcm_f64le", "pcm_f64be"))),
            width => Err(format!("floats of {} bits", 8 * u32::from(width))),
        }
    }

    fn adpcm(&self, tag: u16) -> Result<Meaning, String> {
        let stated = self.endian.u16(self.codec_fields(), 0);
        let (coding, codec) = if tag == Self::IMA_ADPCM {
            (adpcm::Coding::Ima, "adpcm_ima_wav")
        } else {
            (adpcm::Coding::Microsoft(self.predictors()), "adpcm_ms")
        };
        let blocks = adpcm::Blocks::new(coding, self.channels, self.block_align, stated)
            .map_err(|what| format!("ADPCM of a wrong size ({what})"))?;
        Ok(Meaning::adpcm(blocks, codec))
    }

    /// The fields that are the codec's own: behind the size of the extension, or, in an extensible
    /// format, behind its mask and its GUID.
    fn codec_fields(&self) -> &[u8] {
        self.extra.get(if self.is_extensible { 24.. } else { 2.. }).unwrap_or_default()
    }

    /// The table of predictors of Microsoft's ADPCM.
    fn predictors(&self) -> Box<[(i32, i32)]> {
        let fields = self.codec_fields();
        let count = usize::from(self.endian.u16(fields, 2));
        let field = |at: usize| i32::from(self.endian.u16(fields, at).cast_signed());
        let is_there = count >= adpcm::PREDICTORS.len() && fields.len() >= 4 + 4 * count;
        if is_there {
            (0..count).map(|number| (field(4 + 4 * number), field(6 + 4 * number))).collect()
        } else {
            adpcm::PREDICTORS.into()
        }
    }
}

/// How 24 bits lie in a container of 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Justification {
    /// In the upper bytes, as they should.
    Left,
    /// In the lower bytes, the sign repeated above.
    Right,
    /// In no such container at all.
    Neither,
}

/// Whether 24 bits lie in the lower bytes of 32.
pub(in super::super) fn is_low_24(audio: &[u8]) -> bool {
    justification(audio) == Justification::Right
}

fn justification(audio: &[u8]) -> Justification {
    let samples = audio.as_chunks::<4>().0;
    let is_sign = |&[_, _, high, sign]: &[u8; 4]| sign == if high & 0x80 == 0 { 0 } else { 0xff };
    if samples.iter().all(|&[low, ..]| low == 0) {
        Justification::Left
    } else if samples.iter().all(is_sign) {
        Justification::Right
    } else {
        Justification::Neither
    }
}

/// The name of the codec that a format tag stands for.
fn name_of(tag: u16) -> String {
    let name = match tag {
        Format::MICROSOFT_ADPCM => "Microsoft ADPCM of a rare kind",
        Format::IMA_ADPCM => "IMA ADPCM of a rare kind",
        Format::ALAW => "A-law of a rare kind",
        Format::MULAW => "mu-law of a rare kind",
        0x08 | 0x2001 => "DTS",
        0x10 => "OKI ADPCM",
        0x14 | 0x40 => "G.721 or G.723 ADPCM",
        0x15 => "Digistd",
        0x16 => "Digifix",
        0x20 => "Yamaha ADPCM",
        0x22 => "TrueSpeech",
        0x38 => "NMS ADPCM",
        0x31 | 0x1500 => "GSM 6.10",
        0x42 => "G.723.1",
        0x45 | 0x64 => "G.726 ADPCM",
        0x50 => "MPEG layer II",
        0x55 => "MP3",
        0x61 => "Duck DK4 ADPCM",
        0x62 => "Duck DK3 ADPCM",
        0x65 | 0x028f => "G.722 ADPCM",
        0x83 => "G.729",
        0xff | 0x1600 | 0x1601 | 0x1602 | 0xa106 => "AAC",
        0x130 => "Sipro ACELP",
        0x160 => "Windows Media Audio 1",
        0x161 => "Windows Media Audio 2",
        0x162 => "Windows Media Audio Professional",
        0x163 => "Windows Media Audio Lossless",
        0x200 => "Creative ADPCM",
        0x270 => "ATRAC3",
        0x2000 => "AC-3",
        0x566f | 0x674f..=0x6751 | 0x676f..=0x6771 => "Vorbis",
        0x5756 => "WavPack",
        0x7050 | 0x704f => "Opus",
        0xa109 => "Speex",
        0xf1ac => "FLAC",
        _ => return format!("a codec of the format tag {tag:#06x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adpcm_in_an_extensible_format_has_its_fields_behind_the_guid() {
        let plain = [2, 0, 1, 0, 0, 0xee, 2, 0, 0x80, 0x3e, 0, 0, 0, 4, 4, 0];
        let own = [0xf4, 7, 7, 0];
        let table: Vec<u8> = adpcm::PREDICTORS
            .iter()
            .flat_map(|&(one, other)| [one, other])
            .flat_map(|number| i16::try_from(number).expect("small").to_le_bytes())
            .collect();
        let mut extensible = plain;
        extensible[..2].copy_from_slice(&0xfffe_u16.to_le_bytes());
        let guid = b"\x02\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
        // What stands for the valid bits there is 4, which is no number of samples in a block.
        let extension = [&[54, 0, 4, 0, 4, 0, 0, 0][..], guid].concat();
        let blocks = |fields: Vec<u8>| {
            let format = Format::read(&fields, Endian::Little);
            format!("{:?}", format.meaning(Vec::new).expect("ADPCM"))
        };
        let expected = blocks([&plain[..], &[32, 0], &own, &table].concat());
        assert_eq!(blocks([&extensible[..], &extension, &own, &table].concat()), expected);
    }

    #[test]
    fn bits_in_a_wider_container_are_found_where_they_are() {
        let check = |samples: &[[u8; 4]], expected| {
            assert_eq!(justification(samples.as_flattened()), expected);
        };
        check(&[[0, 1, 2, 3], [0, 9, 9, 0xff]], Justification::Left);
        check(&[[1, 2, 3, 0], [9, 9, 0xf0, 0xff]], Justification::Right);
        check(&[[1, 2, 3, 4], [5, 6, 7, 8]], Justification::Neither);
        check(&[[0; 4]], Justification::Left);
    }
}
