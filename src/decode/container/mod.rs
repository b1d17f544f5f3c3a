//! Containers: how packets and samples lie in a file, and what the file says of them.
//!
//! Each container describes itself and reads its files: a type that implements [`Container`], in a
//! file or folder of its own, and a line in [`READERS`].

pub(super) mod aiff;
pub(super) mod au;
mod bytes;
mod caf;
mod channels;
pub(super) mod flac;
pub(super) mod format;
mod matroska;
mod mp4;
pub(super) mod mpeg;
pub(super) mod nist;
pub(super) mod ogg;
pub(super) mod riff;
pub(super) mod samples;
pub(super) mod wave64;

use std::fs::File;
use std::sync::Arc;

use super::Opened;
use super::accounting::findings::Findings;
use super::accounting::trim::Trim;
use super::codec::packet::Setup;
use super::engine::Demux;
use super::refusal::Refusal;
use format::{FormatRow, Kind};
use samples::Samples;

/// The containers that this program reads, in the order of `audiopool formats`.
pub(super) const READERS: &[Reader] = &[
    Reader::of::<riff::Riff>(),
    Reader::of::<wave64::Wave64>(),
    Reader::of::<aiff::Aiff>(),
    Reader::of::<au::Au>(),
    Reader::of::<nist::Nist>(),
    Reader::of::<flac::Flac>(),
    Reader::of::<ogg::Ogg>(),
    Reader::of::<mpeg::MpegAudio>(),
    Reader::of::<mpeg::Adts>(),
    Reader::of::<mpeg::Loas>(),
    Reader::of::<mp4::Mp4>(),
    Reader::of::<matroska::Matroska>(),
    Reader::of::<caf::Caf>(),
];

/// A container that this program reads.
pub(super) trait Container {
    /// What it is called and how it is recognised.
    const FORMAT: FormatRow;

    /// Reads the headers of a file. What is found owns the file from then on: there is one handle
    /// and one walk through the file.
    fn open(
        file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal>;
}

/// What is known of a file before its container is read.
#[derive(Debug)]
pub(super) struct Subject {
    /// What the file was recognised as. A reader corrects it when it finds another format.
    pub(super) row: &'static FormatRow,
    /// Where the content begins, behind `ID3v2` tags.
    pub(super) start: u64,
    /// Bytes of the file.
    pub(super) length: u64,
}

/// What a container holds.
pub(super) enum Contents {
    /// Samples in one piece.
    Samples(File, Samples),
    /// Coded packets.
    Packets(Packets),
}

/// Coded packets, and what the container says of them.
pub(super) struct Packets {
    /// The codec, in lower case.
    pub(super) codec: String,
    /// How the first packets are decoded.
    pub(super) setup: Arc<Setup>,
    pub(super) demux: Box<dyn Demux>,
    pub(super) declared_frames: Option<u64>,
    pub(super) trim: Trim,
    /// Adds what can be said only when the first packet was decoded.
    pub(super) complete: Box<dyn FnOnce(Opened) -> Opened>,
}

impl Packets {
    /// Packets that declare no length and are not trimmed.
    fn new(codec: impl Into<String>, setup: Arc<Setup>, demux: impl Demux + 'static) -> Self {
        Self {
            codec: codec.into(),
            setup,
            demux: Box::new(demux),
            declared_frames: None,
            trim: Trim::NONE,
            complete: Box::new(|opened| opened),
        }
    }
}

/// The function of a container that reads its files.
type Open = fn(File, &mut Subject, &mut Findings) -> Result<Contents, Refusal>;

/// A container in the table of readers.
pub(super) struct Reader {
    pub(super) format: FormatRow,
    pub(super) open: Open,
}

impl Reader {
    const fn of<C: Container>() -> Self {
        Self { format: C::FORMAT, open: C::open }
    }
}

/// The reader of a container; `None` if this program has none.
pub(super) fn reader_of(kind: Kind) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.format.kind == kind)
}
