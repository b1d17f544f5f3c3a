//! Samples: audio that lies in a file in one piece, as its header describes it.

use std::fs::File;
use std::ops::Range;

use audiopool_worker::pcm::{ChannelLayout, PcmFormat, SampleFormat};

use super::bytes::Endian;
use super::{Contents, Subject, mpeg};
use crate::decode::accounting::extent::Extent;
use crate::decode::codec::adpcm;
use crate::decode::engine::raw::Order;
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind};

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Header {
    /// Samples that are decoded here.
    Samples(Samples),
    /// Frames of MPEG audio in these bytes of the file.
    Frames(Range<u64>),
    /// A codec that is not, by its name.
    Other(String),
    /// One that ffmpeg opens and decodes wrongly.
    Unreliable(String),
}

/// Audio in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Samples {
    pub(in crate::decode) meaning: Meaning,
    pub(in crate::decode) sample_rate: u32,
    pub(in crate::decode) channels: u16,
    pub(in crate::decode) layout: ChannelLayout,
    /// Byte of the file at which it begins.
    pub(in crate::decode) start: u64,
    pub(in crate::decode) extent: Extent,
    /// Frames that are stated beside the number of bytes.
    pub(in crate::decode) stated_frames: Option<u64>,
}

impl Samples {
    /// What they are decoded to.
    pub(in crate::decode) fn pcm(&self) -> PcmFormat {
        let pcm = PcmFormat::new(self.meaning.format, self.sample_rate, self.channels);
        PcmFormat { layout: self.layout, ..pcm }
    }
}

/// What the bytes of samples mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Meaning {
    pub(in crate::decode) coding: Coding,
    pub(in crate::decode) format: SampleFormat,
    /// The name of the codec.
    pub(in crate::decode) codec: &'static str,
}

/// How samples are coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Coding {
    /// One after the other.
    Plain(Order),
    /// In blocks of ADPCM.
    Adpcm(adpcm::Blocks),
}

impl Meaning {
    pub(super) const fn plain(format: SampleFormat, order: Order, codec: &'static str) -> Self {
        Self { coding: Coding::Plain(order), format, codec }
    }

    /// Linear samples of so many bytes each, where those of one byte are signed. `None` for a width
    /// that no format has.
    pub(super) fn linear(is_float: bool, bytes: u64, endian: Endian) -> Option<Self> {
        let (format, names) = match (is_float, bytes) {
            (false, 1) => return Some(Self::plain(SampleFormat::U8, Order::Signed8, "pcm_s8")),
            (false, 2) => (SampleFormat::S16, ["pcm_s16le", "pcm_s16be"]),
            (false, 3) => (SampleFormat::S24, ["pcm_s24le", "pcm_s24be"]),
            (false, 4) => (SampleFormat::S32, ["pcm_s32le", "pcm_s32be"]),
            (true, 4) => (SampleFormat::F32, ["pcm_f32le", "pcm_f32be"]),
            (true, 8) => (SampleFormat::F64, ["pcm_f64le", "pcm_f64be"]),
            _ => return None,
        };
        let (order, name) = match endian {
            Endian::Little => (Order::Native, names[0]),
            Endian::Big => (Order::Reversed, names[1]),
        };
        Some(Self::plain(format, order, name))
    }

    /// A-law in one byte for each sample.
    pub(super) const fn alaw() -> Self {
        Self::plain(SampleFormat::S16, Order::Alaw, "pcm_alaw")
    }

    /// Mu-law in one byte for each sample.
    pub(super) const fn mulaw() -> Self {
        Self::plain(SampleFormat::S16, Order::Mulaw, "pcm_mulaw")
    }

    pub(super) const fn adpcm(blocks: adpcm::Blocks, codec: &'static str) -> Self {
        Self { coding: Coding::Adpcm(blocks), format: SampleFormat::S16, codec }
    }

    /// Bytes of the file for one frame, or one block of frames.
    pub(super) fn stored_frame(&self, channels: u16) -> u64 {
        match &self.coding {
            Coding::Plain(order) => {
                let width = order.stored_width(self.format) as u64;
                width * u64::from(channels)
            }
            Coding::Adpcm(blocks) => blocks.size as u64,
        }
    }
}

/// The contents of a file that one header describes.
pub(super) fn contents(
    file: File,
    subject: &mut Subject,
    header: Result<Header, String>,
) -> Result<Contents, Refusal> {
    let name = subject.row.name;
    match header {
        Ok(Header::Samples(samples)) => Ok(Contents::Samples(file, samples)),
        Ok(Header::Frames(bytes)) => mpeg::frames_in(file, subject, bytes),
        Ok(Header::Other(codec)) => Err(Refusal::Unsupported(format!(
            "this is {name} with {codec}, which audiopool does not decode itself"
        ))),
        Ok(Header::Unreliable(codec)) => Err(Refusal::Final(DecodeError::new(
            DecodeErrorKind::UnsupportedFormat,
            format!(
                "this is {name} with {codec}, which audiopool does not decode, and which ffmpeg \
                 decodes wrongly; convert it with the program that made it, or with SoX"
            ),
        ))),
        Err(what) => {
            let name = name.split(',').next().unwrap_or_default();
            Err(Refusal::Corrupt(format!("the {name} header is broken: {what}")))
        }
    }
}
