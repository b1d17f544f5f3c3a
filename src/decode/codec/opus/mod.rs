//! Opus: `opus-pure` behind the interface of our other decoders.
//!
//! This is the adapter: channel mapping families 0, 1 and 255, output gain, pre-skip and trimming.
//! Always 48 kHz, whatever the encoder was given, as RFC 7845 §5.1 recommends. Samples are floats
//! that are not cut off at full scale, before or behind the gain.
//!
//! Not here: the packets of a multistream are decoded one after the other, never in parallel.
//! Starting in the middle of a stream converges but is not exact (RFC 7845 §4.6).

mod delimited;

use audiopool_worker::decibels;
use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use opus_pure::OpusDecoder;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, decode_error, unsupported_error};

use super::FROM_VORBIS_ORDER;
use crate::decode::codec::packet::Packet;

const SAMPLE_RATE: u32 = 48_000;
/// Frames of the longest packet: 120 ms.
const MAX_FRAMES: usize = 5760;

/// In a channel mapping, a channel without a stream.
const SILENT: u8 = 255;

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
    streams: Vec<OpusDecoder>,
    /// Frames of the pre-skip yet to be dropped.
    to_skip: usize,
    /// What one of the streams is decoded from and to.
    packet: Vec<u8>,
    stream: Vec<f32>,
    /// All channels of a packet, interleaved.
    samples: Vec<f32>,
}

impl Decoder {
    pub(in crate::decode) fn new(params: &AudioCodecParameters) -> Result<Self, Error> {
        let Some(head) = params.extra_data.as_deref().and_then(Head::read) else {
            return decode_error("opus: the identification header is missing or broken");
        };
        let Some(streams) = streams_of(&head) else {
            return unsupported_error("opus: the channel mapping is not possible");
        };
        let samples = vec![0.0; MAX_FRAMES * usize::from(head.channels)];
        Ok(Self {
            to_skip: usize::from(head.pre_skip),
            head,
            streams,
            packet: Vec::new(),
            stream: vec![0.0; 2 * MAX_FRAMES],
            samples,
        })
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
        if packet.data.is_empty() {
            return Err("opus: the packet is empty");
        }
        let frames = self.decode_streams(&packet.data).ok_or("opus: the packet is damaged")?;
        let channels = usize::from(self.head.channels);
        let skipped = self.to_skip.min(frames);
        self.to_skip -= skipped;
        let trimmed = usize::try_from(packet.trim_end).unwrap_or(usize::MAX);
        let start = usize::try_from(packet.trim_start).unwrap_or(frames).clamp(skipped, frames);
        let end = frames.saturating_sub(trimmed).max(start);
        let Some(kept) = self.samples.get(start * channels..end * channels) else {
            return Err("opus: the packet is damaged");
        };
        if !kept.iter().all(|sample| sample.is_finite()) {
            return Err("opus: the packet has samples without end");
        }
        bytes.extend(kept.iter().flat_map(|sample| (sample * self.head.gain).to_le_bytes()));
        Ok(())
    }

    /// Decodes the packets of all streams into `samples`, and tells how many frames they are.
    fn decode_streams(&mut self, data: &[u8]) -> Option<usize> {
        let channels = usize::from(self.head.channels);
        let last = self.streams.len() - 1;
        let (mut rest, mut all) = (data, None);
        self.samples.fill(0.0);
        for (index, decoder) in self.streams.iter_mut().enumerate() {
            let is_pair = index < usize::from(self.head.coupled);
            let data = if index == last {
                rest
            } else {
                rest = delimited::split(rest, &mut self.packet)?;
                &self.packet
            };
            let frames = decoder.decode(data, MAX_FRAMES, &mut self.stream).ok()?;
            if all.is_some_and(|all| all != frames) {
                return None;
            }
            all = Some(frames);
            // Pairs come first, so single channels follow two for each of them.
            let first = index + index.min(self.head.coupled.into());
            let width = if is_pair { 2 } else { 1 };
            for (channel, &from) in self.head.mapping.iter().enumerate() {
                let Some(within) = usize::from(from).checked_sub(first) else { continue };
                if from == SILENT || within >= width {
                    continue;
                }
                let samples = self.samples.iter_mut().skip(channel).step_by(channels);
                let stream = self.stream.iter().skip(within).step_by(width);
                for (out, &sample) in samples.zip(stream).take(frames) {
                    *out = sample;
                }
            }
        }
        all
    }
}

/// A decoder for each stream; `None` if the header names channels that there are not.
fn streams_of(head: &Head) -> Option<Vec<OpusDecoder>> {
    let decoded = u16::from(head.streams) + u16::from(head.coupled);
    let is_possible = (1..=255).contains(&decoded)
        && head.streams > 0
        && head.coupled <= head.streams
        && head.mapping.iter().all(|&from| from == SILENT || u16::from(from) < decoded);
    if !is_possible {
        return None;
    }
    (0..head.streams)
        .map(|index| {
            let channels = if index < head.coupled { 2 } else { 1 };
            OpusDecoder::new(SAMPLE_RATE.cast_signed(), channels).ok()
        })
        .collect()
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
