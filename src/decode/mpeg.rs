//! MPEG audio: what Symphonia's decoder leaves to us.
//!
//! - **The gapless tag.** The first frame of an MP3 file may say how many frames follow and how
//!   many samples at either end are the encoder's. Symphonia estimates a length where there is no
//!   tag and cuts the audio there; here only a tag cuts.
//! - **The reach of a frame.** A layer III frame borrows bits from frames before it.

use super::trim::Trim;

/// Frames by which a decoder lags behind an encoder: what players add to the delay in the tag.
const DECODER_DELAY: u64 = 528 + 1;

/// What a frame header says, as far as we need it.
#[expect(clippy::struct_excessive_bools, reason = "four independent bits of a header")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    mpeg1: bool,
    layer3: bool,
    has_crc: bool,
    mono: bool,
    pub(super) sample_rate: u32,
}

impl FrameHeader {
    /// Reads the header that `frame` begins with.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let &[0xff, second @ 0xe0..=0xff, third, fourth, ..] = frame else { return None };
        let version = second >> 3 & 3;
        let base = match third >> 2 & 3 {
            0 => 44_100,
            1 => 48_000,
            2 => 32_000,
            _ => return None,
        };
        let sample_rate = match version {
            3 => base,
            2 => base / 2,
            0 => base / 4,
            _ => return None,
        };
        Some(Self {
            mpeg1: version == 3,
            layer3: second >> 1 & 3 == 1,
            has_crc: second & 1 == 0,
            mono: fourth >> 6 == 3,
            sample_rate,
        })
    }

    pub(super) const fn channels(self) -> u16 {
        if self.mono { 1 } else { 2 }
    }

    /// Bytes of side information behind the header (and its CRC) of a layer III frame.
    const fn side_info(self) -> usize {
        match (self.mpeg1, self.mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        }
    }

    /// Bytes before the main data of a layer III frame.
    const fn overhead(self) -> usize {
        4 + (if self.has_crc { 2 } else { 0 }) + self.side_info()
    }

    const fn frames(self) -> u64 {
        if self.mpeg1 || !self.layer3 { 1152 } else { 576 }
    }
}

/// How many packets before a layer III packet must be decoded for it to come out exactly; `before`
/// are their data, the nearest first.
///
/// The packet's overlap and synthesis memory come from the packet before (two, where a packet has
/// but one granule). Those must be decoded in full, so the bit reservoir has to be filled for the
/// first of them: `main_data_begin` reaches back at most 511 bytes of main data (9 bits), or 255
/// (8 bits) at low sampling frequencies. ISO 11172-3 §2.4.3.4, ISO 13818-3 §2.4.1.7.
pub(super) fn preroll<'a>(before: impl Iterator<Item = &'a [u8]>) -> usize {
    let mut packets = 0;
    let mut reservoir = 0;
    for data in before {
        let Some(header) = FrameHeader::read(data) else { break };
        let (memory, reach) = if header.mpeg1 { (1, 511) } else { (2, 255) };
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

/// The length of the frame that `head` begins with, if that is of layer III and holds no audio but
/// a [`Tag`].
pub(super) fn tag_frame(head: &[u8]) -> Option<u64> {
    /// In kbit/s, of MPEG 1 and of what came later.
    const BIT_RATES: [[u64; 15]; 2] = [
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let header = FrameHeader::read(head)?;
    let (name, third) = (head.get(header.overhead()..)?, usize::from(head[2]));
    let is_tag = name.starts_with(b"Xing")
        || name.starts_with(b"Info")
        || head.get(36..).is_some_and(|name| name.starts_with(b"VBRI"));
    let bit_rate = 1000 * BIT_RATES[usize::from(!header.mpeg1)].get(third >> 4)?;
    let length = header.frames() / 8 * bit_rate / u64::from(header.sample_rate);
    (is_tag && header.layer3 && bit_rate > 0).then_some(length + (third as u64 >> 1 & 1))
}

/// The tag in the first frame of an MP3 file, by its two names or a third one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Audio frames of the whole file, before trimming.
    total: Option<u64>,
    /// Samples at the start and the end that the encoder added.
    delay_and_padding: Option<(u64, u64)>,
}

impl Tag {
    /// Looks for the tag in `bytes`, the beginning of the file.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let start = bytes.windows(2).position(|two| two[0] == 0xff && two[1] >= 0xe0)?;
        let frame = &bytes[start..];
        let header = FrameHeader::read(frame)?;
        if !header.layer3 {
            return None;
        }
        if frame.get(36..40) == Some(b"VBRI") {
            let packets = frame.get(50..54)?.try_into().ok().map(u32::from_be_bytes)?;
            let total = u64::from(packets) * header.frames();
            return Some(Self { total: Some(total), delay_and_padding: None });
        }
        let mut tag = frame.get(4 + header.side_info()..)?;
        if !matches!(tag.get(..4)?, b"Xing" | b"Info") {
            return None;
        }
        let flags = u32::from_be_bytes(tag.get(4..8)?.try_into().ok()?);
        tag = &tag[8..];
        let mut total = None;
        for (flag, length) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            if flags & flag != 0 {
                let field = tag.get(..length)?;
                if flag == 1 {
                    let packets = u32::from_be_bytes(field.try_into().ok()?);
                    total = Some(u64::from(packets) * header.frames());
                }
                tag = &tag[length..];
            }
        }
        let is_lame = tag.get(..4).is_some_and(|name| matches!(name, b"LAME" | b"Lavf" | b"Lavc"));
        let delay_and_padding = tag.get(21..24).filter(|_| is_lame).map(|three| {
            let both = u64::from(three[0]) << 16 | u64::from(three[1]) << 8 | u64::from(three[2]);
            (both >> 12, both & 0xfff)
        });
        Some(Self { total, delay_and_padding })
    }

    /// Frames of the recording that the tag declares.
    pub(super) fn declared(self) -> Option<u64> {
        let total = self.total?;
        let Some((delay, padding)) = self.delay_and_padding else { return Some(total) };
        let at_start = delay + DECODER_DELAY;
        Some(total.saturating_sub(at_start + padding.saturating_sub(DECODER_DELAY)))
    }

    /// What is to be cut off. What somebody appended behind the frames that are counted stays.
    pub(super) fn trim(self) -> Trim {
        let Some((delay, padding)) = self.delay_and_padding else { return Trim::NONE };
        let trim = Trim::keep(delay + DECODER_DELAY..u64::MAX);
        match self.total {
            Some(total) => {
                let padding = padding.saturating_sub(DECODER_DELAY).min(total);
                trim.without(total - padding..total)
            }
            None => trim,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn tagged(name: [u8; 4], packets: u32, delay: u32, padding: u32) -> Vec<u8> {
        let mut frame = packet(STEREO, 0);
        frame.extend(name);
        frame.extend(1_u32.to_be_bytes());
        frame.extend(packets.to_be_bytes());
        frame.extend(b"LAME3.100");
        frame.extend([0; 12]);
        frame.extend(&(delay << 12 | padding).to_be_bytes()[1..]);
        frame
    }

    #[test]
    fn a_lame_tag_cuts_both_ends() {
        let tag = Tag::read(&tagged(*b"Info", 10, 576, 1000)).expect("a tag");
        assert_eq!(tag.declared(), Some(11520 - 1576));
        assert_eq!(
            tag.trim(),
            Trim::keep(576 + 529..u64::MAX).without(11520 - (1000 - 529)..11520)
        );
    }

    #[test]
    fn without_a_tag_nothing_is_known() {
        assert_eq!(Tag::read(&packet(STEREO, 300)), None);
        assert_eq!(Tag::read(b"no frame"), None);
        assert_eq!(Tag::read(&tagged(*b"Info", 10, 576, 1000)[..30]), None);
    }
}
