//! FLAC headers: the stream information and what stands at the start of each frame.
//!
//! Only what it takes to find frames and to tell one format from another; the rest is the
//! decoder's. RFC 9639 §8.2 and §9.1.

use symphonia::core::checksum::Crc8Ccitt;
use symphonia::core::io::Monitor;

/// Longest frame header: sync, fields, 7 bytes of number, block size, rate, CRC.
pub(in crate::decode) const MAX_HEADER: usize = 16;

/// The stream information that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct StreamInfo {
    /// The most frames of a block.
    pub(in crate::decode) longest_block: u16,
    pub(in crate::decode) sample_rate: u32,
    pub(in crate::decode) channels: u8,
    pub(in crate::decode) bits: u8,
    pub(in crate::decode) total: u64,
    /// MD5 of the audio; zeros if it is not known.
    pub(in crate::decode) md5: [u8; 16],
}

impl StreamInfo {
    pub(in crate::decode) fn read(block: &[u8; 34]) -> Self {
        let packed = block[10..].first_chunk().map_or(0, |&packed| u64::from_be_bytes(packed));
        let bits_at = |shift: u32, bits: u32| packed >> shift & ((1 << bits) - 1);
        let byte = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        Self {
            longest_block: u16::from_be_bytes([block[2], block[3]]),
            sample_rate: u32::try_from(bits_at(44, 20)).unwrap_or(u32::MAX),
            channels: byte(bits_at(41, 3)) + 1,
            bits: byte(bits_at(36, 5)) + 1,
            total: bits_at(0, 36),
            md5: block[18..].first_chunk().copied().unwrap_or_default(),
        }
    }

    /// A STREAMINFO block with what the frame says that `bytes` begin with. `None` if they begin with
    /// no frame, or with one that leaves something to that block.
    pub(in crate::decode) fn block_of_frame(bytes: &[u8]) -> Option<[u8; 34]> {
        let unknown = Self::read(&[0; 34]);
        let header = FrameHeader::read(bytes, &Self { bits: 0, ..unknown })?;
        if header.sample_rate == 0 || header.bits == 0 {
            return None;
        }
        let packed = u64::from(header.sample_rate) << 44
            | u64::from(header.channels - 1) << 41
            | u64::from(header.bits - 1) << 36;
        let mut block = [0; 34];
        // Blocks of any size.
        block[..4].copy_from_slice(&[0, 16, 0xff, 0xff]);
        block[10..18].copy_from_slice(&packed.to_be_bytes());
        Some(block)
    }
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct FrameHeader {
    /// Frame number, or number of its first sample.
    pub(in crate::decode) number: u64,
    pub(in crate::decode) frames: u32,
    pub(in crate::decode) sample_rate: u32,
    pub(in crate::decode) channels: u8,
    pub(in crate::decode) bits: u8,
    /// How the channels of a pair are told apart.
    pub(in crate::decode) pair: Pair,
    pub(in crate::decode) length: usize,
}

/// What the two channels of a stereo frame hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Pair {
    /// Each channel, for any number of channels.
    Independent,
    /// The left channel and left − right.
    LeftSide,
    /// Left − right and the right channel.
    SideRight,
    /// The mean of both and left − right.
    MidSide,
}

impl FrameHeader {
    /// Reads the header at the start of `bytes`, if there is one and its CRC-8 is right.
    pub(in crate::decode) fn read(bytes: &[u8], info: &StreamInfo) -> Option<Self> {
        let &[0xff, 0xf8 | 0xf9, sizes, layout, ref rest @ ..] = bytes else { return None };
        if layout & 1 != 0 {
            return None;
        }
        let (number, mut at) = coded_number(rest)?;
        let mut field = |length: usize| {
            let value = rest.get(at..at + length)?.iter().fold(0, |v, &b| v << 8 | u32::from(b));
            at += length;
            Some(value)
        };
        let frames = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => field(1)? + 1,
            7 => field(2)? + 1,
            code => 256 << (code - 8),
        };
        let sample_rate = match sizes & 15 {
            0 => info.sample_rate,
            1 => 88_200,
            2 => 176_400,
            3 => 192_000,
            4 => 8_000,
            5 => 16_000,
            6 => 22_050,
            7 => 24_000,
            8 => 32_000,
            9 => 44_100,
            10 => 48_000,
            11 => 96_000,
            12 => field(1)? * 1000,
            13 => field(2)?,
            14 => field(2)? * 10,
            _ => return None,
        };
        let channels = match layout >> 4 {
            code @ 0..=7 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let pair = match layout >> 4 {
            8 => Pair::LeftSide,
            9 => Pair::SideRight,
            10 => Pair::MidSide,
            _ => Pair::Independent,
        };
        let bits = match layout >> 1 & 7 {
            0 => info.bits,
            1 => 8,
            2 => 12,
            4 => 16,
            5 => 20,
            6 => 24,
            7 => 32,
            _ => return None,
        };
        let length = 4 + at + 1;
        let (&crc, covered) = bytes.get(..length)?.split_last()?;
        let mut crc8 = Crc8Ccitt::new(0);
        crc8.process_buf_bytes(covered);
        (crc8.crc() == crc).then_some(Self {
            number,
            frames,
            sample_rate,
            channels,
            bits,
            pair,
            length,
        })
    }

    pub(in crate::decode) fn is_of(&self, info: &StreamInfo) -> bool {
        (self.sample_rate, self.channels, self.bits) == (info.sample_rate, info.channels, info.bits)
    }
}

/// A number as UTF-8 would code it, up to 36 bits; and its length.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let &first = bytes.first()?;
    let length = match first.leading_ones() {
        0 => return Some((u64::from(first), 1)),
        length @ 2..=7 => length as usize,
        _ => return None,
    };
    let start = u64::from(first) & (0x7f >> length);
    let number = bytes.get(1..length)?.iter().try_fold(start, |number, &byte| {
        (byte & 0xc0 == 0x80).then_some(number << 6 | u64::from(byte & 0x3f))
    })?;
    Some((number, length))
}

/// The first place where a frame may begin.
pub(in crate::decode) fn find_sync(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut at = 0;
    loop {
        // Eight bytes at a time while none of them is 0xff.
        while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let inverted = !u64::from_le_bytes(eight);
            if inverted.wrapping_sub(ONES) & !inverted & (ONES << 7) != 0 {
                break;
            }
            at += 8;
        }
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        match bytes.get(at + 1) {
            None => return None,
            Some(0xf8 | 0xf9) => return Some(at),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_coded_like_utf_8_and_longer() {
        assert_eq!(coded_number(&[0x05]), Some((5, 1)));
        assert_eq!(coded_number("é".as_bytes()), Some((0xe9, 2)));
        assert_eq!(coded_number("😀".as_bytes()), Some((0x1_f600, 4)));
        let longest = [0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf];
        assert_eq!(coded_number(&longest), Some((0xf_ffff_ffff, 7)));
        assert_eq!(coded_number(&[0x80]), None);
        assert_eq!(coded_number(&[0xff, 0xbf]), None);
        assert_eq!(coded_number(&[0xc3, 0x29]), None);
        assert_eq!(coded_number(&[0xc3]), None);
    }

    #[test]
    fn sync_codes_are_found_wherever_they_lie() {
        for at in 0..40 {
            let mut bytes = vec![0xfe; 48];
            bytes[at] = 0xff;
            bytes[at + 1] = 0xf9;
            assert_eq!(find_sync(&bytes), Some(at));
            bytes[at + 1] = 0xff;
            bytes[at + 2] = 0xf8;
            assert_eq!(find_sync(&bytes), Some(at + 1));
        }
        assert_eq!(find_sync(&[0xff; 20]), None);
        assert_eq!(find_sync(&[]), None);
    }

    #[test]
    fn stream_info_is_unpacked() {
        let mut block = [0; 34];
        block[2..4].copy_from_slice(&4096_u16.to_be_bytes());
        // 44100 Hz in 20 bits, 2 channels, 16 bits, 36 bits of total.
        let packed = 44_100_u64 << 44 | 1 << 41 | 15 << 36 | 0x2_3456_789a;
        block[10..18].copy_from_slice(&packed.to_be_bytes());
        block[18..].fill(7);
        let expected = StreamInfo {
            longest_block: 4096,
            sample_rate: 44_100,
            channels: 2,
            bits: 16,
            total: 0x2_3456_789a,
            md5: [7; 16],
        };
        assert_eq!(StreamInfo::read(&block), expected);
    }
}
