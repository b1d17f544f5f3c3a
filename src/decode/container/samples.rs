//! Samples: audio that lies in a file in one piece, as its header describes it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use audiopool_worker::pcm::{ChannelLayout, PcmFormat, SampleFormat};

use crate::decode::accounting::extent::Extent;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::{adpcm, disguise};
use crate::decode::engine::blocks::Blocks;
use crate::decode::engine::raw::{Layout, Order, Raw};
use crate::decode::open::Candidate;
use crate::decode::probe::formats::FormatRow;
use crate::decode::refusal::{Refusal, check_limits};
use crate::decode::{DecodeError, DecodeErrorKind, DecodedBy, Opened, SourceFormat};
use crate::record::WarningKind;

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

impl Candidate<'_> {
    /// Opens what a header says; what it is called, for a message.
    pub(in crate::decode) fn open_header(
        &self,
        file: File,
        row: &FormatRow,
        header: Result<Header, String>,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        match header {
            Ok(Header::Samples(samples)) => self.open_samples(file, row, samples, findings),
            Ok(Header::Frames(bytes)) => self.open_mpeg_in(file, row, bytes, findings),
            Ok(Header::Other(codec)) => Err(Refusal::Unsupported(format!(
                "this is {} with {codec}, which audiopool does not decode itself",
                row.name
            ))),
            Ok(Header::Unreliable(codec)) => Err(Refusal::Final(DecodeError::new(
                DecodeErrorKind::UnsupportedFormat,
                format!(
                    "this is {} with {codec}, which audiopool does not decode, and which ffmpeg \
                     decodes wrongly; convert it with the program that made it, or with SoX",
                    row.name
                ),
            ))),
            Err(what) => {
                let name = row.name.split(',').next().unwrap_or_default();
                Err(Refusal::Corrupt(format!("the {name} header is broken: {what}")))
            }
        }
    }

    fn open_samples(
        &self,
        mut file: File,
        row: &FormatRow,
        samples: Samples,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let pcm = samples.pcm();
        let Samples { meaning, start, extent, stated_frames, .. } = samples;
        check_limits(pcm).map_err(Refusal::Final)?;
        let format = |declared_frames| SourceFormat {
            container: row.container().to_owned(),
            codec: meaning.codec.to_owned(),
            decoder: DecodedBy::BuiltIn,
            pcm,
            declared_frames,
        };
        let opened = |declared_frames, trim, audio| Opened {
            format: format(declared_frames),
            trim,
            signature: None,
            audio,
        };
        match meaning.coding {
            Coding::Plain(order) => {
                if let Some(what) = disguised(&mut file, pcm, start) {
                    return Err(Refusal::Unsupported(format!(
                        "this is {} whose samples are {what}, which audiopool does not decode \
                         itself",
                        row.name
                    )));
                }
                let layout = Layout { pcm, order, start, declared: extent.bytes() };
                let width = layout.stored_frame() as u64;
                let raw = Raw::new(file, self.file_length, layout, findings)
                    .map_err(|error| Refusal::of_io(&error))?;
                let declared = stated_frames.or(extent.declared.map(|bytes| bytes / width));
                Ok(opened(declared, Trim::NONE, Box::new(raw)))
            }
            Coding::Adpcm(blocks) => {
                let present = self.file_length.saturating_sub(start);
                let bytes = extent.bytes().unwrap_or(present).min(present);
                let there = Blocks::frames_in(&blocks, bytes);
                if let Some(declared) = extent.declared.filter(|&declared| declared > present) {
                    let message = format!(
                        "the file ends {} bytes before the end of the audio that its header \
                         declares",
                        declared - present
                    );
                    let end = Some(self.file_length);
                    findings.note(WarningKind::Truncated, Some(there), end, message);
                }
                let block = blocks.frames as u64;
                let trim = match stated_frames {
                    // The last block is filled up.
                    Some(stated) if stated <= there && there - stated < block => {
                        Trim::keep(0..stated)
                    }
                    Some(stated) if !findings.has(WarningKind::Truncated) => {
                        let message =
                            format!("the header declares {stated} frames, there are {there}");
                        findings.note(WarningKind::LengthMismatch, Some(there), None, message);
                        Trim::NONE
                    }
                    _ => Trim::NONE,
                };
                let audio = Blocks::new(file, blocks, start, bytes)
                    .map_err(|error| Refusal::of_io(&error))?;
                Ok(opened(stated_frames, trim, Box::new(audio)))
            }
        }
    }
}

/// What is sent as if it were samples of 16 bits in two channels, if it is not samples.
fn disguised(file: &mut File, pcm: PcmFormat, start: u64) -> Option<&'static str> {
    if pcm.sample_format != SampleFormat::S16 || pcm.channels != 2 {
        return None;
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start)).ok()?;
    file.take(disguise::SEARCHED).read_to_end(&mut bytes).ok()?;
    disguise::of(&bytes)
}
