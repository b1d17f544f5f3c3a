//! FLAC: one frame becomes its samples.
//!
//! Symphonia's decoder computes in 32 bits, and the difference of two channels of 32 bits has 33.
//! It also takes the depth, the channels and the longest block from the stream information, which
//! a damaged header or a careless program gets wrong. This decoder believes each frame, whose
//! header and whole have checksums of their own, and asks the stream information only for what a
//! frame leaves out. RFC 9639 §9.

mod bits;
mod header;
mod subframe;

use symphonia::core::audio::{
    Audio, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::checksum::Crc16Ansi;
use symphonia::core::io::Monitor;

use bits::Bits;
use subframe::Subframe;

pub(in crate::decode) use header::{FrameHeader, MAX_HEADER, Pair, StreamInfo, find_sync};

/// Bits of the widest samples.
const WIDEST: u8 = 32;

/// Decodes FLAC frames, which know nothing of one another.
pub(in crate::decode) struct Decoder {
    info: StreamInfo,
    /// Depth of the samples of the frame that was decoded last.
    bits: u8,
    first: Subframe<i32>,
    second: Subframe<i32>,
    /// The difference of two channels of 32 bits.
    wide: Subframe<i64>,
    buffer: AudioBuffer<i32>,
}

/// What of a frame tells how its samples lie in a buffer.
type Shape = (u32, u8);

impl Decoder {
    /// A decoder for the stream whose STREAMINFO block is `extra_data`; `None` if that is too
    /// short.
    pub(in crate::decode) fn new(extra_data: &[u8]) -> Option<Self> {
        let info = StreamInfo::read(extra_data.first_chunk()?);
        let buffer = buffer_of((info.sample_rate, info.channels), 0);
        let (first, second, wide) = (Subframe::new(), Subframe::new(), Subframe::new());
        Some(Self { info, bits: info.bits, first, second, wide, buffer })
    }

    /// What the stream information says.
    pub(in crate::decode) const fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// Depth of the samples of the frame that was decoded last.
    pub(in crate::decode) const fn bits(&self) -> u8 {
        self.bits
    }

    /// Decodes a frame. The samples stand at the left edge of 32 bits; the number that comes with
    /// them is the depth in which they were coded.
    pub(in crate::decode) fn decode(
        &mut self,
        packet: &[u8],
    ) -> Result<(GenericAudioBufferRef<'_>, u32), &'static str> {
        let header = FrameHeader::read(packet, &self.info).ok_or("no FLAC frame begins here")?;
        let mut crc = Crc16Ansi::new(0);
        crc.process_buf_bytes(packet);
        // The CRC of a message with its own CRC behind it is 0.
        if crc.crc() != 0 {
            return Err("the checksum of a FLAC frame is wrong");
        }
        if header.bits > WIDEST {
            return Err("a FLAC frame has samples of more than 32 bits");
        }
        self.bits = header.bits;
        self.decode_frame(packet, header).ok_or("a FLAC frame is damaged")?;
        Ok((GenericAudioBufferRef::S32(&self.buffer), u32::from(header.bits)))
    }

    fn decode_frame(&mut self, packet: &[u8], header: FrameHeader) -> Option<()> {
        let frames = usize::try_from(header.frames).ok()?;
        let shape = (header.sample_rate, header.channels);
        if self.buffer.capacity() < frames || shape_of(&self.buffer) != shape {
            self.buffer = buffer_of(shape, frames);
        }
        self.buffer.clear();
        self.buffer.render_uninit(Some(frames));
        let mut bits = Bits::new(packet.get(header.length..)?);
        let depth = u32::from(header.bits);
        // Samples go to the left edge of 32 bits.
        let shift = u32::from(WIDEST) - depth;
        if header.pair == Pair::Independent {
            for channel in 0..usize::from(header.channels) {
                let samples = self.first.read(&mut bits, depth, frames)?;
                for (out, &sample) in self.buffer.plane_mut(channel)?.iter_mut().zip(samples) {
                    *out = sample << shift;
                }
            }
            return Some(());
        }
        let is_wide = header.bits == WIDEST;
        let (left, right) = self.buffer.plane_pair_mut(0, 1)?;
        let out = left.iter_mut().zip(right);
        match (header.pair, is_wide) {
            (Pair::SideRight, false) => {
                let side = self.first.read(&mut bits, depth + 1, frames)?;
                let right = self.second.read(&mut bits, depth, frames)?;
                for ((out, &side), &right) in out.zip(side).zip(right) {
                    (*out.0, *out.1) = (side.wrapping_add(right) << shift, right << shift);
                }
            }
            (_, false) => {
                let other = self.first.read(&mut bits, depth, frames)?;
                let side = self.second.read(&mut bits, depth + 1, frames)?;
                for ((out, &other), &side) in out.zip(other).zip(side) {
                    let (left, right) = if header.pair == Pair::LeftSide {
                        (other, other.wrapping_sub(side))
                    } else {
                        // The sum has the last bit of the difference.
                        let sum = (other << 1) | (side & 1);
                        (sum.wrapping_add(side) >> 1, sum.wrapping_sub(side) >> 1)
                    };
                    (*out.0, *out.1) = (left << shift, right << shift);
                }
            }
            (Pair::SideRight, true) => {
                let side = self.wide.read(&mut bits, depth + 1, frames)?;
                let right = self.second.read(&mut bits, depth, frames)?;
                for ((out, &side), &right) in out.zip(side).zip(right) {
                    (*out.0, *out.1) = (low_32(side + i64::from(right)), right);
                }
            }
            (_, true) => {
                let other = self.first.read(&mut bits, depth, frames)?;
                let side = self.wide.read(&mut bits, depth + 1, frames)?;
                for ((out, &other), &side) in out.zip(other).zip(side) {
                    let other = i64::from(other);
                    let (left, right) = if header.pair == Pair::LeftSide {
                        (other, other - side)
                    } else {
                        let sum = (other << 1) | (side & 1);
                        ((sum + side) >> 1, (sum - side) >> 1)
                    };
                    (*out.0, *out.1) = (low_32(left), low_32(right));
                }
            }
        }
        Some(())
    }
}

/// What fits into 32 bits in every frame that an encoder made.
#[expect(clippy::cast_possible_truncation, reason = "only a frame that no encoder made has more")]
const fn low_32(sample: i64) -> i32 {
    sample as i32
}

fn shape_of(buffer: &AudioBuffer<i32>) -> Shape {
    let channels = u8::try_from(buffer.num_planes()).unwrap_or(u8::MAX);
    (buffer.spec().rate(), channels)
}

fn buffer_of((sample_rate, channels): Shape, frames: usize) -> AudioBuffer<i32> {
    AudioBuffer::new(AudioSpec::new(sample_rate, Channels::Discrete(channels.into())), frames)
}
