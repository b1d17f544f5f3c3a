//! MPEG audio: the header of a frame, how far a frame reaches back, and the decoder.
//!
//! The decoder is a port of minimp3, which reads the free format and mixed blocks, too. It wants a
//! stream of bytes, and believes a frame by those that follow; here frames are known already, so each
//! is given to it alone.
//!
//! ISO 11172-3 §2.4.1.3 and §2.4.2.3, ISO 13818-3 §2.4; MPEG 2.5 is what came of halving the sample
//! rates of MPEG 2 once more.

use std::fmt;

use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use nanomp3_core::{DecodeError, MAX_SAMPLES_PER_FRAME};

/// The version of MPEG audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Version {
    One,
    Two,
    TwoAndAHalf,
}

/// What all frames of a stream have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Format {
    pub(in crate::decode) version: Version,
    /// 1 to 3.
    pub(in crate::decode) layer: u8,
    pub(in crate::decode) sample_rate: u32,
    pub(in crate::decode) channels: u16,
}

impl Format {
    /// Frames of audio that a coded frame holds.
    pub(in crate::decode) const fn frames(self) -> u64 {
        match (self.layer, self.version) {
            (1, _) => 384,
            (2, _) | (_, Version::One) => 1152,
            _ => 576,
        }
    }

    /// Bytes of the unit in which frames are padded.
    pub(in crate::decode) const fn slot(self) -> usize {
        if self.layer == 1 { 4 } else { 1 }
    }
}

/// What a frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct FrameHeader {
    pub(in crate::decode) format: Format,
    has_crc: bool,
    /// Bits in a second; `None` for the free format, whose frames tell their length by where the
    /// next begins.
    bit_rate: Option<u64>,
    is_padded: bool,
}

impl FrameHeader {
    /// Reads the header that `frame` begins with.
    pub(in crate::decode) fn read(frame: &[u8]) -> Option<Self> {
        let &[0xff, second @ 0xe0..=0xff, third, fourth, ..] = frame else { return None };
        let (version, divisor) = match second >> 3 & 3 {
            3 => (Version::One, 1),
            2 => (Version::Two, 2),
            0 => (Version::TwoAndAHalf, 4),
            _ => return None,
        };
        let layer = 4 - (second >> 1 & 3);
        let base = match third >> 2 & 3 {
            0 => 44_100,
            1 => 48_000,
            2 => 32_000,
            _ => return None,
        };
        if layer == 4 {
            return None;
        }
        let channels = if fourth >> 6 == 3 { 1 } else { 2 };
        let bit_rate = match third >> 4 {
            0 => None,
            index => Some(1000 * bit_rate(version, layer, index)?),
        };
        let format = Format { version, layer, sample_rate: base / divisor, channels };
        Some(Self { format, has_crc: second & 1 == 0, bit_rate, is_padded: third & 2 != 0 })
    }

    /// Bytes of the frame; `None` in the free format.
    pub(in crate::decode) fn length(self) -> Option<usize> {
        let Format { sample_rate, .. } = self.format;
        let slots = self.format.frames() / 8 * self.bit_rate? / u64::from(sample_rate);
        let slot = self.format.slot();
        Some(usize::try_from(slots).ok()? / slot * slot + self.padding())
    }

    /// Bytes of padding.
    pub(in crate::decode) const fn padding(self) -> usize {
        if self.is_padded { self.format.slot() } else { 0 }
    }

    /// Bytes of side information behind the header (and its CRC) of a layer III frame.
    pub(in crate::decode) const fn side_info(self) -> usize {
        match (self.format.version, self.format.channels) {
            (Version::One, 2) => 32,
            (Version::One, _) | (_, 2) => 17,
            _ => 9,
        }
    }

    /// Bytes before the main data of a layer III frame.
    const fn overhead(self) -> usize {
        4 + (if self.has_crc { 2 } else { 0 }) + self.side_info()
    }
}

/// A bit rate in kbit/s; `None` for the index that is forbidden.
fn bit_rate(version: Version, layer: u8, index: u8) -> Option<u64> {
    const RATES: [[u64; 14]; 5] = [
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let row = match (version, layer) {
        (Version::One, layer) => usize::from(layer) - 1,
        (_, 1) => 3,
        _ => 4,
    };
    RATES[row].get(usize::from(index).checked_sub(1)?).copied()
}

/// How many packets before a layer III packet must be decoded for it to come out exactly; `before`
/// are their data, the nearest first.
///
/// The packet's overlap and synthesis memory come from the packet before (two, where a packet has
/// but one granule). Those must be decoded in full, so the bit reservoir has to be filled for the
/// first of them: `main_data_begin` reaches back at most 511 bytes of main data (9 bits), or 255
/// (8 bits) at low sampling frequencies. ISO 11172-3 §2.4.3.4, ISO 13818-3 §2.4.1.7.
pub(in crate::decode) fn preroll<'a>(before: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut packets = 0;
    let mut reservoir = 0;
    for data in before {
        let Some(header) = FrameHeader::read(data) else { break };
        let (memory, reach) =
            if header.format.version == Version::One { (1, 511) } else { (2, 255) };
        if packets >= memory {
            reservoir += data.len().saturating_sub(header.overhead());
        }
        packets += 1;
        if reservoir >= reach {
            break;
        }
    }
    packets
}

/// A decoder of all three layers.
pub(in crate::decode) struct Decoder {
    inner: nanomp3_core::Decoder,
    samples: Vec<f32>,
    /// Of the last packet: interleaved samples, and their format.
    decoded: Vec<f32>,
    pcm: Option<PcmFormat>,
    /// A frame of the free format, and again to tell its length.
    repeated: Vec<u8>,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("pcm", &self.pcm).finish_non_exhaustive()
    }
}

impl Decoder {
    pub(in crate::decode) fn new() -> Self {
        Self {
            inner: nanomp3_core::Decoder::new(),
            samples: vec![0.0; MAX_SAMPLES_PER_FRAME],
            decoded: Vec::new(),
            pcm: None,
            repeated: Vec::new(),
        }
    }

    /// Forgets all packets.
    pub(in crate::decode) fn reset(&mut self) {
        self.inner = nanomp3_core::Decoder::new();
    }

    /// Decodes a packet of one frame or several; the error says what is wrong with it. Without a
    /// format, nothing came out of it.
    pub(in crate::decode) fn decode(
        &mut self,
        packet: &[u8],
    ) -> Result<(Option<PcmFormat>, &[f32]), &'static str> {
        self.decoded.clear();
        self.pcm = None;
        let mut rest = packet;
        while let Some(header) = FrameHeader::read(rest) {
            let length = header.length().unwrap_or(rest.len());
            let Some(frame) = rest.get(..length) else {
                return Err("a frame is longer than its packet");
            };
            self.decode_frame(frame, header)?;
            rest = &rest[length..];
        }
        if packet.len() == rest.len() {
            return Err("there is no header of a frame");
        }
        Ok((self.pcm, &self.decoded))
    }

    fn decode_frame(&mut self, frame: &[u8], header: FrameHeader) -> Result<(), &'static str> {
        let input = if header.length().is_some() {
            frame
        } else {
            self.repeated.clear();
            for _ in 0..3 {
                self.repeated.extend_from_slice(frame);
            }
            &self.repeated
        };
        if is_mixed_at_8_khz(header, frame) {
            return Err("mixed blocks at 8000 Hz are not decoded");
        }
        let (_, result) = self.inner.decode(input, &mut self.samples);
        let info = result.map_err(|error| match error {
            DecodeError::ReservoirUnavailable(_) => {
                "the frames before, whose bits it needs, are missing"
            }
            DecodeError::NoFrame => "there is no frame that can be decoded",
            _ => "the frame is damaged",
        })?;
        let channels = u16::from(info.channels.num());
        let pcm = PcmFormat::new(SampleFormat::F32, info.sample_rate, channels);
        if self.pcm.is_some_and(|before| before != pcm) {
            return Err("the frames of a packet differ in their format");
        }
        let count = info.samples_produced * usize::from(channels);
        if !self.samples.iter().take(count).all(|sample| sample.is_finite()) {
            self.reset();
            return Err("the frame has samples without end");
        }
        if count > 0 {
            self.pcm = Some(pcm);
        }
        self.decoded.extend_from_slice(&self.samples[..count.min(MAX_SAMPLES_PER_FRAME)]);
        Ok(())
    }
}

/// Whether a frame of layer III has mixed blocks at 8000 Hz, for which the decoder's table of bands
/// is too short.
///
/// The side information of MPEG 2.5, ISO 13818-3 §2.4.1.7: 8 bits of `main_data_begin`, as many
/// private bits as channels, then 63 bits for each channel.
fn is_mixed_at_8_khz(header: FrameHeader, frame: &[u8]) -> bool {
    let format = header.format;
    if (format.layer, format.version, format.sample_rate) != (3, Version::TwoAndAHalf, 8000) {
        return false;
    }
    let start = header.overhead() - header.side_info();
    let bits = |from: usize, count: usize| {
        (from..from + count).fold(0, |value, at| {
            let byte = frame.get(start + at / 8).copied().unwrap_or(0);
            value << 1 | u32::from(byte >> (7 - at % 8) & 1)
        })
    };
    let channels = usize::from(format.channels);
    (0..channels).any(|channel| {
        // Lengths and gains, then: window switching, short blocks, mixed.
        bits(8 + channels + 63 * channel + 38, 4) == 0b1101
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_blocks_at_8_khz_are_refused() {
        // MPEG 2.5, layer III, 8 kHz, 8 kbit/s, one channel: 72 bytes.
        let mut frame = vec![0; 72];
        frame[..4].copy_from_slice(&[0xff, 0xe3, 0x18, 0xc4]);
        assert!(Decoder::new().decode(&frame).is_ok());
        let at = 4 * 8 + 8 + 1 + 38;
        for (bit, value) in [1, 1, 0, 1].into_iter().enumerate() {
            frame[(at + bit) / 8] |= value << (7 - (at + bit) % 8);
        }
        assert!(Decoder::new().decode(&frame).is_err_and(|what| what.contains("mixed blocks")));
    }

    /// MPEG-1 layer III, 44.1 kHz, stereo, no CRC.
    const STEREO: [u8; 4] = [0xff, 0xfb, 0x90, 0x04];
    /// MPEG-2 layer III, 22.05 kHz, mono.
    const LOW_MONO: [u8; 4] = [0xff, 0xf3, 0x40, 0xc4];

    fn packet(header: [u8; 4], main_data: usize) -> Vec<u8> {
        let overhead = FrameHeader::read(&header).expect("a header").overhead();
        let mut packet = vec![0; overhead + main_data];
        packet[..4].copy_from_slice(&header);
        packet
    }

    #[test]
    fn the_reservoir_is_walked_back_until_it_is_full() {
        let check = |header, main_data, expected| {
            let packet = packet(header, main_data);
            assert_eq!(preroll([&*packet; 64].into_iter()), expected, "{main_data} bytes each");
        };
        check(STEREO, 1008, 2);
        check(STEREO, 511, 2);
        check(STEREO, 510, 3);
        check(STEREO, 100, 7);
        check(LOW_MONO, 255, 3);
        check(LOW_MONO, 20, 2 + 13);
        assert_eq!(preroll(std::iter::empty()), 0);
    }

    #[test]
    fn the_length_of_a_frame_follows_from_its_header() {
        let check = |header: [u8; 4], length, frames| {
            let header = FrameHeader::read(&header).expect("a header");
            assert_eq!((header.length(), header.format.frames()), (length, frames), "{header:?}");
        };
        check(STEREO, Some(417), 1152);
        check([0xff, 0xfb, 0x92, 0x04], Some(418), 1152);
        check(LOW_MONO, Some(104), 576);
        // MPEG 2.5 at 8 kHz, 8 kbit/s.
        check([0xff, 0xe3, 0x18, 0xc4], Some(72), 576);
        // Layer II, 384 kbit/s at 48 kHz; of MPEG 2, 160 kbit/s at 24 kHz.
        check([0xff, 0xfd, 0xe4, 0x04], Some(1152), 1152);
        check([0xff, 0xf5, 0xe4, 0x04], Some(960), 1152);
        // Layer I, 448 kbit/s at 44.1 kHz, in slots of four bytes.
        check([0xff, 0xff, 0xe0, 0x04], Some(484), 384);
        check([0xff, 0xff, 0xe2, 0x04], Some(488), 384);
        check([0xff, 0xfb, 0x00, 0x04], None, 1152);
    }

    #[test]
    fn reserved_values_are_no_header() {
        for bytes in [
            [0xff, 0xfb, 0xf0, 0x04],
            [0xff, 0xfb, 0x9c, 0x04],
            [0xff, 0xf9, 0x90, 0x04],
            [0xff, 0xeb, 0x90, 0x04],
            [0xfe, 0xfb, 0x90, 0x04],
        ] {
            assert_eq!(FrameHeader::read(&bytes), None, "{bytes:02x?}");
        }
        assert_eq!(FrameHeader::read(&[0xff, 0xfb, 0x90]), None);
    }
}
