//! Opus: `ropus` behind the interface of our other decoders.
//!
//! Symphonia takes Opus out of its containers but does not decode it. This is the adapter: channel
//! mapping families 0, 1 and 255, output gain, pre-skip and end trimming. Always 48 kHz, whatever
//! the encoder was given, as RFC 7845 §5.1 recommends.
//!
//! Not here: the packets of a multistream are decoded one after the other, never in parallel.
//! Starting in the middle of a stream converges but is not exact (RFC 7845 §4.6).

use audiopool_worker::decibels;
use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use ropus::OpusMSDecoder;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, decode_error, unsupported_error};

use crate::decode::packets::Packet;

const SAMPLE_RATE: u32 = 48_000;
/// Frames of the longest packet: 120 ms.
const MAX_FRAMES: u16 = 5760;

/// Which decoded channel goes where: Vorbis order to that of WAV, for 1 to 8 channels.
/// RFC 7845 §5.1.1.2.
const FROM_VORBIS_ORDER: [&[u8]; 8] = [
    &[0],
    &[0, 1],
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 5, 3, 4],
    &[0, 2, 1, 6, 5, 3, 4],
    &[0, 2, 1, 7, 5, 6, 3, 4],
];

/// The identification header, RFC 7845 §5.1, with the mapping in the order of WAV.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::decode) struct Head {
    channels: u16,
    /// Frames to drop at the start of the stream.
    pub(in crate::decode) pre_skip: u16,
    gain: f32,
    streams: u8,
    coupled: u8,
    mapping: Vec<u8>,
}

impl Head {
    /// Reads the header from a codec's extra data: `OpusHead`, with or without its name, in the
    /// little-endian form of Ogg, Matroska and, as Symphonia hands it out, MP4.
    ///
    /// `dOps` in MP4 is big-endian behind the version 0; in Ogg the version is 1 to 15.
    pub(in crate::decode) fn read(extra_data: &[u8]) -> Option<Self> {
        let fields = extra_data.strip_prefix(b"OpusHead").unwrap_or(extra_data);
        let &[version, channels, skip0, skip1, _, _, _, _, gain0, gain1, family, ref table @ ..] =
            fields
        else {
            return None;
        };
        let (pre_skip, gain) = if version == 0 {
            (u16::from_be_bytes([skip0, skip1]), i16::from_be_bytes([gain0, gain1]))
        } else {
            (u16::from_le_bytes([skip0, skip1]), i16::from_le_bytes([gain0, gain1]))
        };
        let (streams, coupled, in_order) = if family == 0 {
            (1, channels.checked_sub(1)?, (0..channels).collect())
        } else {
            let (&[streams, coupled], mapping) = table.split_first_chunk()?;
            (streams, coupled, mapping.get(..usize::from(channels))?.to_vec())
        };
        if channels == 0 || (family == 0 && channels > 2) {
            return None;
        }
        let mapping = match FROM_VORBIS_ORDER.get(usize::from(channels) - 1) {
            Some(order) if family == 1 => {
                order.iter().map(|&from| in_order[usize::from(from)]).collect()
            }
            _ => in_order,
        };
        Some(Self {
            channels: u16::from(channels),
            pre_skip,
            gain: gain_of(gain),
            streams,
            coupled,
            mapping,
        })
    }
}

/// What samples are multiplied by for a gain in 1/256 dB.
fn gain_of(gain: i16) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "between 10^-6.4 and 10^6.4")]
    let factor = decibels::power_of_ten(f64::from(gain) / (20.0 * 256.0)) as f32;
    factor
}

/// Decodes the packets of one Opus stream.
pub(in crate::decode) struct Decoder {
    head: Head,
    streams: OpusMSDecoder,
    /// Frames of the pre-skip yet to be dropped.
    to_skip: usize,
    samples: Vec<i16>,
}

impl Decoder {
    pub(in crate::decode) fn new(params: &AudioCodecParameters) -> Result<Self, Error> {
        let Some(head) = params.extra_data.as_deref().and_then(Head::read) else {
            return decode_error("opus: the identification header is missing or broken");
        };
        let Some(streams) = streams_of(&head) else {
            return unsupported_error("opus: the channel mapping is not possible");
        };
        let samples = vec![0; usize::from(MAX_FRAMES) * usize::from(head.channels)];
        Ok(Self { to_skip: usize::from(head.pre_skip), head, streams, samples })
    }

    pub(in crate::decode) fn reset(&mut self) {
        if let Some(streams) = streams_of(&self.head) {
            self.streams = streams;
        }
        self.to_skip = usize::from(self.head.pre_skip);
    }

    /// What all packets decode to.
    pub(in crate::decode) const fn pcm(&self) -> PcmFormat {
        PcmFormat::new(SampleFormat::F32, SAMPLE_RATE, self.head.channels)
    }

    /// Appends the frames of a packet that belong to the recording.
    pub(in crate::decode) fn decode(
        &mut self,
        packet: &Packet,
        bytes: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let length =
            i32::try_from(packet.data.len()).map_err(|_| "opus: the packet is too long")?;
        if length == 0 {
            return Err("opus: the packet is empty");
        }
        let frames = self
            .streams
            .decode(Some(&packet.data), length, &mut self.samples, MAX_FRAMES.into(), false)
            .ok()
            .and_then(|frames| usize::try_from(frames).ok())
            .ok_or("opus: the packet is damaged")?;
        let channels = usize::from(self.head.channels);
        let skipped = self.to_skip.min(frames);
        self.to_skip -= skipped;
        let trimmed = usize::try_from(packet.trim_end).unwrap_or(usize::MAX);
        let start = usize::try_from(packet.trim_start).unwrap_or(frames).clamp(skipped, frames);
        let end = frames.saturating_sub(trimmed).max(start);
        let Some(kept) = self.samples.get(start * channels..end * channels) else {
            return Err("opus: the packet is damaged");
        };
        let scale = self.head.gain / 32768.0;
        bytes.extend(kept.iter().flat_map(|&sample| (f32::from(sample) * scale).to_le_bytes()));
        Ok(())
    }
}

fn streams_of(head: &Head) -> Option<OpusMSDecoder> {
    OpusMSDecoder::new(
        SAMPLE_RATE.cast_signed(),
        i32::from(head.channels),
        i32::from(head.streams),
        i32::from(head.coupled),
        &head.mapping,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stereo_header_is_one_coupled_stream() {
        let head = Head::read(b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0").expect("a header");
        assert_eq!((head.channels, head.pre_skip, head.streams, head.coupled), (2, 312, 1, 1));
        assert_eq!(head.mapping, [0, 1]);
        assert!((head.gain - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn mp4_writes_it_big_endian() {
        let head = Head::read(b"OpusHead\0\x01\x01\x38\0\0\xbb\x80\xfa\0\0").expect("a header");
        assert_eq!((head.channels, head.pre_skip), (1, 312));
        // −1536 / 256 = −6 dB.
        assert!((20.0 * head.gain.log10() + 6.0).abs() < 1e-5);
    }

    #[test]
    fn surround_comes_in_the_order_of_wav() {
        let head =
            Head::read(b"OpusHead\x01\x06\0\0\0\0\0\0\0\0\x01\x04\x02\x00\x04\x01\x02\x03\x05")
                .expect("a header");
        assert_eq!((head.streams, head.coupled), (4, 2));
        // Vorbis order L C R Ls Rs LFE becomes L R C LFE Ls Rs.
        assert_eq!(head.mapping, [0, 1, 4, 5, 2, 3]);
    }

    #[test]
    fn a_broken_header_is_none() {
        assert_eq!(Head::read(b"OpusHead\x01\x02"), None);
        assert_eq!(Head::read(b"OpusHead\x01\0\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(Head::read(b"OpusHead\x01\x03\0\0\0\0\0\0\0\0\0"), None);
        assert_eq!(Head::read(b"OpusHead\x01\x06\0\0\0\0\0\0\0\0\x01\x04\x02\0"), None);
    }
}
