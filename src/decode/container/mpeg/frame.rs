//! Frame: one header for the three ways in which frames follow one another in a file without a
//! container.

use super::{Adts, Loas, MpegAudio};
use crate::decode::codec::mpa;
use crate::decode::container::Container;
use crate::decode::container::format::FormatRow;

/// The most bytes that a header takes.
pub(super) const MOST_HEADER: usize = 7;
/// The most bytes of a frame in the free format of MPEG audio: 640 kbit/s at 8 kHz and more.
pub(super) const MOST_FREE: usize = 16 * 1024;

/// How a frame is told to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// MPEG audio of any layer.
    Mpeg,
    /// AAC in ADTS: ISO 13818-7 §6.2.
    Adts,
    /// AAC in LOAS: ISO 14496-3 §1.7.2.
    Loas,
}

impl Framing {
    /// The row of files that consist of such frames.
    pub(super) const fn row(self) -> &'static FormatRow {
        match self {
            Self::Mpeg => &MpegAudio::FORMAT,
            Self::Adts => &Adts::FORMAT,
            Self::Loas => &Loas::FORMAT,
        }
    }

    /// The byte with which every frame begins.
    pub(super) const fn first_byte(self) -> u8 {
        match self {
            Self::Mpeg | Self::Adts => 0xff,
            Self::Loas => 0x56,
        }
    }
}

/// What all frames of a stream have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Mpeg(mpa::Format),
    Adts { object_type: u8, rate: u32, layout: u8 },
    Loas,
}

impl Format {
    /// Sample rate and channels for a person, as far as the header says them.
    pub(super) fn name(self) -> String {
        match self {
            Self::Mpeg(format) => format!(
                "MPEG layer {}, {} Hz, {} channels",
                format.layer, format.sample_rate, format.channels
            ),
            Self::Adts { rate, layout, .. } => {
                format!("AAC, {rate} Hz, channel configuration {layout}")
            }
            Self::Loas => "AAC in LOAS".to_owned(),
        }
    }
}

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: Format,
    /// Bytes of the frame; `None` in the free format of MPEG audio.
    pub(super) length: Option<usize>,
    /// Bytes of padding, which a frame in the free format may have.
    pub(super) padding: usize,
    /// Frames of audio in it.
    pub(super) frames: u64,
}

impl Header {
    /// Reads the header that `bytes` begin with.
    pub(super) fn read(bytes: &[u8], framing: Framing) -> Option<Self> {
        match framing {
            Framing::Mpeg => {
                let header = mpa::FrameHeader::read(bytes)?;
                let frames = header.format.frames();
                let (length, padding) = (header.length(), header.padding());
                Some(Self { format: Format::Mpeg(header.format), length, padding, frames })
            }
            Framing::Adts => Self::read_adts(bytes),
            Framing::Loas => {
                let &[0x56, second @ 0xe0..=0xff, third, ..] = bytes else { return None };
                let length = usize::from(second & 0x1f) << 8 | usize::from(third);
                // A configuration and a payload take more than a few bytes.
                (length > 2).then_some(Self {
                    format: Format::Loas,
                    length: Some(3 + length),
                    padding: 0,
                    frames: 1024,
                })
            }
        }
    }

    fn read_adts(bytes: &[u8]) -> Option<Self> {
        /// Hertz, by the index in the header.
        const RATES: [u32; 13] = [
            96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
            8000, 7350,
        ];
        let &[0xff, second, third, fourth, fifth, sixth, seventh, ..] = bytes else { return None };
        if second & 0xf6 != 0xf0 {
            return None;
        }
        let rate = *RATES.get(usize::from(third >> 2 & 0xf))?;
        let layout = (third & 1) << 2 | fourth >> 6;
        let length =
            usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth) >> 5;
        let header = if second & 1 == 0 { 9 } else { 7 };
        (length > header).then_some(Self {
            format: Format::Adts { object_type: (third >> 6) + 1, rate, layout },
            length: Some(length),
            padding: 0,
            frames: 1024 * (u64::from(seventh & 3) + 1),
        })
    }

    /// Bytes of the frame, where one of the free format takes `free` bytes without padding.
    pub(super) fn length_in(self, free: Option<usize>) -> Option<usize> {
        self.length.or_else(|| Some(free? + self.padding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_adts_tells_its_length_and_format() {
        let bytes = [0xff, 0xf1, 0x4c, 0x80, 0x20, 0x02, 0x80];
        let header = Header::read(&bytes, Framing::Adts).expect("a header");
        let format = Format::Adts { object_type: 2, rate: 48_000, layout: 2 };
        assert_eq!((header.format, header.length, header.frames), (format, Some(256), 1024));
        // Longer than nothing, with a rate that there is.
        assert_eq!(Header::read(&[0xff, 0xf1, 0x4c, 0x80, 0, 0xe0, 0], Framing::Adts), None);
        assert_eq!(Header::read(&[0xff, 0xf1, 0x7c, 0x80, 0x20, 2, 0], Framing::Adts), None);
        assert_eq!(Header::read(&bytes, Framing::Mpeg), None);
        assert_eq!(Header::read(&bytes[..6], Framing::Adts), None);
    }

    #[test]
    fn a_header_of_loas_tells_its_length() {
        let header = Header::read(&[0x56, 0xe1, 0x02], Framing::Loas).expect("a header");
        assert_eq!(header.length, Some(3 + 0x102));
        assert_eq!(Header::read(b"Vorbis", Framing::Loas), None);
    }
}
