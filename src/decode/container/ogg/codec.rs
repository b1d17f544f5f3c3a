//! Codec of a stream: what its first packets say.
//!
//! ```text
//! Vorbis  identification │ comments │ setup │ audio …
//! Opus    OpusHead │ OpusTags │ audio …
//! FLAC    STREAMINFO │ metadata … │ audio …         each of them begins with 0xff
//! ```
//!
//! Vorbis I §4.2, RFC 7845 §5, RFC 9639 §10.1.

use audiopool_worker::pcm::ChannelLayout;
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known as codec;

use crate::decode::codec::flac::{FrameHeader, StreamInfo};
use crate::decode::codec::vorbis_header::{Durations, IDENTIFICATION, Identification};

/// Opus is always decoded at this rate.
const OPUS_RATE: u32 = 48_000;
/// Frames of the longest packet of Opus: 120 ms.
const MOST_OPUS_FRAMES: u64 = 5760;

/// What a stream holds, by its first packet.
#[derive(Debug)]
pub(super) enum Content {
    /// Audio that is decoded.
    Audio(Box<Headers>),
    /// Audio of a codec that is not: its name.
    OtherAudio(&'static str),
    /// Video: its name.
    Video(&'static str),
    /// Neither audio nor video: subtitles, an index.
    Data,
    /// Nothing that is known.
    Unknown,
}

/// Loudspeakers of so many channels of Vorbis, Opus and FLAC, as the mask of WAV has them; one and two
/// channels are left to what is usual. Vorbis I §4.3.9, RFC 7845 §5.1.1.2, RFC 9639 §9.1.3.
const MASKS: [u32; 9] = [0, 0, 0, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

/// First bytes of streams that are not decoded here.
const OTHERS: &[(&[u8], Content)] = &[
    (b"Speex   ", Content::OtherAudio("Speex")),
    (b"CELT    ", Content::OtherAudio("CELT")),
    (b"PCM     ", Content::OtherAudio("PCM")),
    (b"\x01audio\0\0\0", Content::OtherAudio("OGM audio")),
    (b"\x01vorbis", Content::OtherAudio("Vorbis of an unknown version")),
    (b"OpusHead", Content::OtherAudio("Opus of an unknown version")),
    (b"\x7fFLAC", Content::OtherAudio("FLAC of an unknown version")),
    (b"\x80theora", Content::Video("Theora")),
    (b"\x80daala", Content::Video("Daala")),
    (b"BBCD\0", Content::Video("Dirac")),
    (b"OVP80", Content::Video("VP8")),
    (b"\x01video\0\0\0", Content::Video("OGM")),
    (b"fishead\0", Content::Data),
    (b"\x80kate\0\0\0\0", Content::Data),
    (b"CMML\0\0\0\0", Content::Data),
    (b"Annodex\0", Content::Data),
    (b"\x01text\0\0\0", Content::Data),
    (b"OggMIDI\0", Content::Data),
];

impl Content {
    /// What the stream with this first packet holds.
    pub(super) fn of(packet: &[u8]) -> Self {
        if let Some(headers) = Headers::begin(packet) {
            return Self::Audio(Box::new(headers));
        }
        let known = OTHERS.iter().find(|(beginning, _)| packet.starts_with(beginning));
        match known {
            Some((_, Self::OtherAudio(name))) => Self::OtherAudio(name),
            Some((_, Self::Video(name))) => Self::Video(name),
            Some(_) => Self::Data,
            None => Self::Unknown,
        }
    }
}

/// What a stream has to keep to from one link of a chain to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) codec: &'static str,
    pub(super) sample_rate: u32,
    pub(super) channels: u8,
    /// Bits of a sample, of FLAC.
    pub(super) bits: u8,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.channels == 1 { "" } else { "s" };
        let Self { codec, sample_rate, channels, bits } = self;
        write!(f, "{codec}, {sample_rate} Hz, {channels} channel{plural}")?;
        if *bits > 0 { write!(f, ", {bits} bits") } else { Ok(()) }
    }
}

/// The headers of a stream of audio, as far as they were read.
#[derive(Debug)]
pub(super) struct Headers {
    pub(super) format: Format,
    /// Frames that the decoder skips at the start.
    pub(super) skipped: u64,
    first: Vec<u8>,
    expects: Expects,
}

/// The next packet.
#[derive(Debug)]
enum Expects {
    VorbisComments(Identification),
    VorbisSetup(Identification),
    OpusTags,
    /// Audio, or metadata that is not needed.
    Audio(StreamInfo),
}

/// What a packet behind the first is.
pub(super) enum Step {
    /// A header that is not the last.
    Header,
    /// The last header, and what is needed to decode.
    Ready(Box<Ready>),
    /// No header, though one is missing.
    Orphan,
}

/// What it takes to decode a stream and to know the length of its packets.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) params: AudioCodecParameters,
    pub(super) timing: Timing,
}

impl Headers {
    fn begin(packet: &[u8]) -> Option<Self> {
        if let Some(identification) = Identification::read(packet) {
            let Identification { channels, sample_rate, .. } = identification;
            let format = Format { codec: "vorbis", sample_rate, channels, bits: 0 };
            let expects = Expects::VorbisComments(identification);
            let first = packet.get(..IDENTIFICATION)?.to_vec();
            return Some(Self { format, skipped: 0, first, expects });
        }
        if let Some(&[version, channels, skip0, skip1, ..]) = packet.strip_prefix(b"OpusHead") {
            if version > 15 || channels == 0 || packet.len() < 19 {
                return None;
            }
            let mut first = packet.to_vec();
            // Version 0 means the same here as 1; in MP4 it means another byte order.
            first[8] = version.max(1);
            return Some(Self {
                format: Format { codec: "opus", sample_rate: OPUS_RATE, channels, bits: 0 },
                skipped: u16::from_le_bytes([skip0, skip1]).into(),
                first,
                expects: Expects::OpusTags,
            });
        }
        // Major version 1, any minor one, how many headers follow, and the beginning of a file.
        let fields = packet.strip_prefix(b"\x7fFLAC\x01")?;
        let block = fields.get(3..)?.strip_prefix(b"fLaC")?;
        let block: &[u8; 34] = block.get(4..)?.first_chunk()?;
        let info = StreamInfo::read(block);
        let (sample_rate, channels, bits) = (info.sample_rate, info.channels, info.bits);
        let format = Format { codec: "flac", sample_rate, channels, bits };
        let expects = Expects::Audio(info);
        Some(Self { format, skipped: 0, first: block.to_vec(), expects })
    }

    /// Takes in a packet behind the first; its bytes may be cut short if there are many.
    pub(super) fn take(&mut self, packet: &[u8]) -> Step {
        match self.expects {
            Expects::VorbisComments(identification) if packet.starts_with(b"\x03vorbis") => {
                self.expects = Expects::VorbisSetup(identification);
                Step::Header
            }
            // A stream that was repaired may be without comments.
            Expects::VorbisComments(identification) | Expects::VorbisSetup(identification)
                if packet.starts_with(b"\x05vorbis") =>
            {
                let Some(durations) = Durations::read(identification, packet) else {
                    return Step::Orphan;
                };
                self.first.extend_from_slice(packet);
                Step::Ready(self.ready(Timing::Vorbis(durations)))
            }
            Expects::OpusTags if packet.starts_with(b"OpusTags") => {
                Step::Ready(self.ready(Timing::Opus))
            }
            _ => Step::Orphan,
        }
    }

    /// What is needed to decode, where the first packet tells it all: of FLAC.
    pub(super) fn ready_at_once(&self) -> Option<Box<Ready>> {
        self.flac_info().map(|info| self.ready(Timing::Flac(info)))
    }

    /// The loudspeakers of its channels, as they come from the decoder: in the order of WAV.
    pub(super) fn layout(&self) -> ChannelLayout {
        // Only mapping family 0 and 1 of Opus have an order of their own.
        let is_ordered =
            self.format.codec != "opus" || self.first.get(18).is_some_and(|&family| family < 2);
        let channels = usize::from(self.format.channels);
        let mask = MASKS.get(channels).copied().filter(|_| is_ordered).unwrap_or(0);
        ChannelLayout::from_mask(mask, self.format.channels.into())
    }

    /// What FLAC states of its audio.
    pub(super) fn flac_info(&self) -> Option<StreamInfo> {
        match self.expects {
            Expects::Audio(info) => Some(info),
            _ => None,
        }
    }

    fn ready(&self, timing: Timing) -> Box<Ready> {
        let Format { sample_rate, channels, bits, .. } = self.format;
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(match timing {
                Timing::Vorbis(_) => codec::CODEC_ID_VORBIS,
                Timing::Opus => codec::CODEC_ID_OPUS,
                Timing::Flac(_) => codec::CODEC_ID_FLAC,
            })
            .with_sample_rate(sample_rate)
            .with_channels(Channels::Discrete(channels.into()))
            .with_extra_data(self.first.clone().into());
        if bits > 0 {
            params.with_bits_per_sample(bits.into());
        }
        Box::new(Ready { params, timing })
    }
}

/// How long the packets of a stream are.
#[derive(Debug)]
pub(super) enum Timing {
    Vorbis(Durations),
    Opus,
    Flac(StreamInfo),
}

impl Timing {
    /// Frames that the next packet decodes to; `None` if it is no audio.
    pub(super) fn frames_of(&mut self, packet: &[u8]) -> Option<u64> {
        match self {
            Self::Vorbis(durations) => durations.frames_of(packet),
            Self::Opus => Some(opus_frames(packet)),
            // Whatever does not begin like a frame is metadata.
            Self::Flac(info) => (packet.first() == Some(&0xff))
                .then(|| FrameHeader::read(packet, info).map_or(0, |header| header.frames.into())),
        }
    }

    /// Whether a first granule below the frames of its page trims the start.
    pub(super) const fn trims_start(&self) -> bool {
        matches!(self, Self::Vorbis(_))
    }
}

/// Frames of a packet of Opus; 0 if it is broken. RFC 6716 §3.1.
fn opus_frames(packet: &[u8]) -> u64 {
    let Some(&toc) = packet.first() else { return 0 };
    let length = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        config => 120 << (config % 4),
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |byte| u64::from(byte & 63)),
    };
    Some(length * count).filter(|frames| *frames <= MOST_OPUS_FRAMES).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_contents_tells_the_length_of_opus() {
        for (packet, frames) in [
            (&[0b0000_0000][..], 480),
            (&[0b0101_1000], 2880),
            (&[0b0110_1001], 1920),
            (&[0b1000_0000], 120),
            (&[0b1111_1000], 960),
            (&[0b1111_1011, 0b1100_0110], 5760),
            (&[0b1111_1011, 7], 0),
            (&[0b1111_1011], 0),
            (&[], 0),
        ] {
            assert_eq!(opus_frames(packet), frames, "{packet:?}");
        }
    }

    #[test]
    fn streams_are_known_by_their_first_packet() {
        let name = |packet: &[u8]| match Content::of(packet) {
            Content::Audio(headers) => headers.format.to_string(),
            Content::OtherAudio(name) | Content::Video(name) => name.to_owned(),
            Content::Data => "data".to_owned(),
            Content::Unknown => "unknown".to_owned(),
        };
        let opus = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
        assert_eq!(name(opus), "opus, 48000 Hz, 1 channel");
        assert_eq!(
            name(b"OpusHead\x10\x01\x38\x01\x80\xbb\0\0\0\0\0"),
            "Opus of an unknown version"
        );
        assert_eq!(name(b"Speex   1.2"), "Speex");
        assert_eq!(name(b"\x80theora\x03\x02"), "Theora");
        assert_eq!(name(b"fishead\0\x03"), "data");
        assert_eq!(name(b"\x7fFLAC\x02"), "FLAC of an unknown version");
        assert_eq!(name(b"anything"), "unknown");
    }

    #[test]
    fn surround_states_its_loudspeakers() {
        let of = |packet: &[u8]| match Content::of(packet) {
            Content::Audio(headers) => headers.layout(),
            other => panic!("audio, not {other:?}"),
        };
        let surround = b"OpusHead\x01\x06\0\0\0\0\0\0\0\0\x01\x04\x02\0\x04\x01\x02\x03\x05";
        assert_eq!(of(surround), ChannelLayout::from_mask(0x3f, 6));
        let mut discrete = *surround;
        discrete[18] = 255;
        assert_eq!(of(&discrete), ChannelLayout::UNSTATED);
    }

    #[test]
    fn a_version_of_0_is_not_the_byte_order_of_mp4() {
        let Content::Audio(headers) = Content::of(b"OpusHead\0\x02\x38\x01\x80\xbb\0\0\0\0\0")
        else {
            panic!("audio")
        };
        assert_eq!((headers.first[8], headers.skipped), (1, 312));
    }
}
