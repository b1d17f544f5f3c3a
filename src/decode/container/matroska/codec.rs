//! Codecs: what a track's decoder is made of.
//!
//! The codec's own header decides on the sample rate wherever there is one. What the container
//! claims is the rate of the original for Opus, and only a hint for others.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known as known;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use super::track::Track;
use crate::decode::codec::aac;
use crate::decode::codec::flac::StreamInfo;
use crate::decode::codec::mpa::FrameHeader;

/// The sampling frequencies of AAC.
const AAC_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// A codec that audiopool decodes, as it is in a track.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    pub(super) params: AudioCodecParameters,
    /// The sample rate of the decoder, as far as it is known.
    rate: u32,
    /// Frames of a packet, about: as many, or one for so many bytes.
    frames: Frames,
}

#[derive(Clone, Copy, Debug)]
enum Frames {
    About(u64),
    Each(u64),
}

impl Coded {
    /// `Err` with the name of a codec that audiopool does not decode, or what is wrong with one.
    pub(super) fn of(track: &Track) -> Result<Self, String> {
        let not_decoded =
            || format!("its codec is {}, which audiopool does not decode", track.codec);
        let codec = track.codec.as_str();
        match codec {
            "A_OPUS" => Ok(Self::opus(track)),
            "A_VORBIS" => Self::vorbis(track).ok_or_else(|| broken("Vorbis")),
            "A_FLAC" => Self::flac(track).ok_or_else(|| broken("FLAC")),
            "A_ALAC" => Self::alac(track).ok_or_else(|| broken("ALAC")),
            "A_MPEG/L1" => Ok(Self::new(track, known::CODEC_ID_MP1, Frames::About(384))),
            "A_MPEG/L2" => Ok(Self::new(track, known::CODEC_ID_MP2, Frames::About(1152))),
            "A_MPEG/L3" => Ok(Self::new(track, known::CODEC_ID_MP3, Frames::About(1152))),
            "A_PCM/INT/LIT" | "A_PCM/INT/BIG" | "A_PCM/FLOAT/IEEE" => {
                let id = pcm(codec, track.bits).ok_or_else(|| {
                    format!("{} bits of {codec} are not decoded", track.bits.unwrap_or(0))
                })?;
                Ok(Self::linear(track, id, track.bits.unwrap_or(8)))
            }
            "A_MS/ACM" => Self::windows(track).ok_or_else(not_decoded),
            _ if codec == "A_AAC" || codec.starts_with("A_AAC/") => Ok(Self::aac(track)),
            _ => Err(not_decoded()),
        }
    }

    fn new(track: &Track, id: AudioCodecId, frames: Frames) -> Self {
        let rate = rate_of(track.rate);
        let mut params = AudioCodecParameters::new();
        params.for_codec(id).with_sample_rate(rate);
        if let Some(channels) = u16::try_from(track.channels).ok().filter(|&count| count > 0) {
            params.with_channels(Channels::Discrete(channels));
        }
        Self { params, rate, frames }
    }

    fn with_private(mut self, private: Vec<u8>) -> Self {
        self.params.with_extra_data(private.into_boxed_slice());
        self
    }

    fn with_rate(mut self, rate: u32) -> Self {
        self.params.with_sample_rate(rate);
        self.rate = rate;
        self
    }

    fn linear(track: &Track, id: AudioCodecId, bits: u64) -> Self {
        let width = track.channels.saturating_mul(bits.div_ceil(8)).max(1);
        let mut coded = Self::new(track, id, Frames::Each(width));
        coded.params.with_bits_per_sample(u32::try_from(bits).unwrap_or(0));
        coded
    }

    /// Opus counts at 48 kHz, whatever the original was sampled at.
    fn opus(track: &Track) -> Self {
        let private =
            if track.private.len() < 8 { opus_head(track) } else { track.private.clone() };
        Self::new(track, known::CODEC_ID_OPUS, Frames::About(960))
            .with_rate(48_000)
            .with_private(private)
    }

    /// Three headers, of which the decoder wants the first and the last.
    fn vorbis(track: &Track) -> Option<Self> {
        let (&count, mut rest) = track.private.split_first()?;
        let mut lengths = Vec::new();
        for _ in 0..count {
            let mut length: usize = 0;
            loop {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                length = length.checked_add(byte.into())?;
                if byte < 255 {
                    break;
                }
            }
            lengths.push(length);
        }
        let mut headers = Vec::new();
        for length in lengths {
            let (header, after) = rest.split_at_checked(length)?;
            headers.push(header);
            rest = after;
        }
        headers.push(rest);
        let of_type = |kind| headers.iter().find(|header| header.first() == Some(&kind));
        let (first, setup) = (of_type(1)?, of_type(5)?);
        let rate = first.get(12..16)?.first_chunk().map(|&rate| u32::from_le_bytes(rate))?;
        let coded = Self::new(track, known::CODEC_ID_VORBIS, Frames::About(1024));
        Some(coded.with_rate(rate).with_private([*first, *setup].concat()))
    }

    fn flac(track: &Track) -> Option<Self> {
        let block = track.private.strip_prefix(b"fLaC")?;
        let (&[kind, _, _, _], block) = block.split_first_chunk()?;
        let block: &[u8; 34] = block.first_chunk().filter(|_| kind.trailing_zeros() >= 7)?;
        let info = StreamInfo::read(block);
        let coded = Self::new(track, known::CODEC_ID_FLAC, Frames::About(4096));
        let mut coded = coded.with_rate(info.sample_rate).with_private(block.to_vec());
        coded.params.with_channels(Channels::Discrete(info.channels.into()));
        coded.params.with_bits_per_sample(info.bits.into());
        Some(coded)
    }

    fn alac(track: &Track) -> Option<Self> {
        let mut cookie = track.private.as_slice();
        while matches!(cookie.get(4..8)?, b"frma" | b"alac") {
            cookie = cookie.get(12..)?;
        }
        let rate = cookie.get(20..24)?.first_chunk().map(|&rate| u32::from_be_bytes(rate))?;
        let coded = Self::new(track, known::CODEC_ID_ALAC, Frames::About(4096));
        Some(coded.with_rate(rate).with_private(track.private.clone()))
    }

    /// AAC, whose old names tell what else an `AudioSpecificConfig` does.
    fn aac(track: &Track) -> Self {
        let private = Some(track.private.clone()).filter(|config| config.len() >= 2);
        let private = private.or_else(|| aac_config(track));
        let coded = Self::new(track, known::CODEC_ID_AAC, Frames::About(1024));
        let Some(private) = private else { return coded };
        let rate = aac_rate(&private).unwrap_or(coded.rate);
        coded.with_rate(rate).with_private(private)
    }

    /// The same, in the rate and the channels to which its first packets decode.
    pub(super) fn examined(self, first: &[Box<[u8]>]) -> Result<Self, String> {
        let params = aac::examine(&self.params, first.iter().map(|packet| &packet[..]))?;
        let rate = params.sample_rate.unwrap_or(self.rate);
        Ok(Self { params, rate, ..self })
    }

    /// What a `WAVEFORMATEX` describes.
    fn windows(track: &Track) -> Option<Self> {
        let word = |at: usize| {
            track.private.get(at..at + 2)?.first_chunk().map(|&word| u16::from_le_bytes(word))
        };
        let rate = track.private.get(4..8)?.first_chunk().map(|&rate| u32::from_le_bytes(rate))?;
        let (tag, channels, bits) = (word(0)?, word(2)?, u64::from(word(14)?));
        let mut track = track.clone();
        (track.rate, track.channels) = (rate.into(), channels.into());
        match tag {
            1 => pcm("A_PCM/INT/LIT", Some(bits)).map(|id| Self::linear(&track, id, bits)),
            3 => pcm("A_PCM/FLOAT/IEEE", Some(bits)).map(|id| Self::linear(&track, id, bits)),
            6 | 7 if bits == 8 => {
                let is_a = tag == 6;
                let id = if is_a { known::CODEC_ID_PCM_ALAW } else { known::CODEC_ID_PCM_MULAW };
                Some(Self::new(&track, id, Frames::Each(channels.max(1).into())))
            }
            0x50 => Some(Self::new(&track, known::CODEC_ID_MP2, Frames::About(1152))),
            0x55 => Some(Self::new(&track, known::CODEC_ID_MP3, Frames::About(1152))),
            0xff => {
                track.private = track.private.get(18..).unwrap_or_default().to_vec();
                Some(Self::aac(&track))
            }
            _ => None,
        }
    }

    /// Frames to which a packet decodes, about.
    pub(super) fn frames_of(&self, data: &[u8]) -> u64 {
        match self.frames {
            Frames::About(frames) => frames,
            Frames::Each(width) => data.len() as u64 / width,
        }
    }

    /// Decoded frames nearest to a time within the packet `data`.
    pub(super) fn frames_in(&self, nanoseconds: u64, data: &[u8]) -> u64 {
        let is_mpeg = matches!(
            self.params.codec,
            known::CODEC_ID_MP1 | known::CODEC_ID_MP2 | known::CODEC_ID_MP3
        );
        let header = FrameHeader::read(data).filter(|_| is_mpeg);
        let rate = header.map_or(self.rate, |header| header.format.sample_rate);
        let frames = u128::from(nanoseconds) * u128::from(rate) + 500_000_000;
        u64::try_from(frames / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// Whether its decoder delivers the delay that the codec adds at the start.
    pub(super) fn delivers_delay(&self) -> bool {
        matches!(
            self.params.codec,
            known::CODEC_ID_MP1 | known::CODEC_ID_MP2 | known::CODEC_ID_MP3 | known::CODEC_ID_AAC
        )
    }
}

fn broken(codec: &str) -> String {
    format!("the header of its {codec} is damaged")
}

/// A sample rate in whole Hz; 0, which is refused later, if it is none.
fn rate_of(rate: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a conversion of floats saturates, and what is no number becomes 0"
    )]
    let rate = rate.round() as u32;
    rate
}

fn pcm(codec: &str, bits: Option<u64>) -> Option<AudioCodecId> {
    Some(match (codec, bits?) {
        ("A_PCM/INT/LIT" | "A_PCM/INT/BIG", 8) => known::CODEC_ID_PCM_U8,
        ("A_PCM/INT/LIT", 16) => known::CODEC_ID_PCM_S16LE,
        ("A_PCM/INT/LIT", 24) => known::CODEC_ID_PCM_S24LE,
        ("A_PCM/INT/LIT", 32) => known::CODEC_ID_PCM_S32LE,
        ("A_PCM/INT/BIG", 16) => known::CODEC_ID_PCM_S16BE,
        ("A_PCM/INT/BIG", 24) => known::CODEC_ID_PCM_S24BE,
        ("A_PCM/INT/BIG", 32) => known::CODEC_ID_PCM_S32BE,
        ("A_PCM/FLOAT/IEEE", 32) => known::CODEC_ID_PCM_F32LE,
        ("A_PCM/FLOAT/IEEE", 64) => known::CODEC_ID_PCM_F64LE,
        _ => return None,
    })
}

/// The header that Opus has where the file holds none: one stream, and the delay that the track
/// states.
fn opus_head(track: &Track) -> Vec<u8> {
    let skip = u128::from(track.delay) * 48_000 / 1_000_000_000;
    let skip = u16::try_from(skip).unwrap_or(0).to_le_bytes();
    let channels = u8::try_from(track.channels).unwrap_or(0);
    let rate = rate_of(track.rate).to_le_bytes();
    [&b"OpusHead\x01"[..], &[channels], &skip, &rate, &[0, 0, 0]].concat()
}

/// The `AudioSpecificConfig` that the name of a codec stands for.
fn aac_config(track: &Track) -> Option<Vec<u8>> {
    let mut parts = track.codec.split('/').skip(2);
    let kind: u8 = match parts.next()? {
        "MAIN" => 1,
        "LC" => 2,
        "SSR" => 3,
        "LTP" => 4,
        _ => return None,
    };
    let index = |rate: f64| {
        let rate = rate_of(rate);
        AAC_RATES.iter().position(|&known| known == rate).and_then(|at| u8::try_from(at).ok())
    };
    let (rate, channels) = (index(track.rate)?, u8::try_from(track.channels).ok()?);
    let mut config = vec![kind << 3 | rate >> 1, (rate & 1) << 7 | (channels & 15) << 3];
    if parts.next() == Some("SBR") {
        // The extension of backward compatible signalling: 0x2b7, type 5, present, rate.
        let output = index(track.output_rate.unwrap_or(track.rate * 2.0))?;
        config.extend([0x56, 0xe5, 0x80 | output << 3]);
    }
    Some(config)
}

/// The sample rate of the decoder that an `AudioSpecificConfig` asks for, without an extension.
fn aac_rate(config: &[u8]) -> Option<u32> {
    let mut first = [0; 8];
    let length = config.len().min(8);
    first[..length].copy_from_slice(&config[..length]);
    let bits = u64::from_be_bytes(first);
    let field = |at: u32, length: u32| bits >> (64 - at - length) & ((1 << length) - 1);
    let at = if field(0, 5) == 31 { 11 } else { 5 };
    match field(at, 4) {
        15 => u32::try_from(field(at + 4, 24)).ok(),
        index => AAC_RATES.get(usize::try_from(index).ok()?).copied(),
    }
}
