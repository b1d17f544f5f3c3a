//! The decoder role: what runs in a decoder process. It walks from the file to filled slots.
//!
//! ```text
//!   decode ──blocks──▶ chunk ──pieces──▶ slot ──▶ item: where the next chunk lies
//! ```
//!
//! A file is one streaming task. Tried again after a death, it decodes from the start, since most
//! codecs cannot do otherwise exactly, and passes over the chunks that were delivered before.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;

use audiopool_worker::analyze::Health;
use audiopool_worker::audio::{Audio, AudioDescription};
use audiopool_worker::pcm::PcmFormat;
use procpool::confine::Needs;
use procpool::protocol::WorkerFault;
use procpool::status_page;
use procpool::task::{Outlet, StreamTask};
use serde::{Deserialize, Serialize};

use crate::chunk::{ChunkLength, Cutter};
use crate::decode::{self, DecodeError, DecodeErrorKind, Filled, Source, SourceFormat};
use crate::record::{Failure, FailureKind, Warning};

/// Bytes that are read in place at a time, so that they are still in the processor's cache when
/// their checksum is made.
const IN_PLACE: usize = 256 * 1024;

/// Decodes one file into chunks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecodeFile {
    /// The file.
    pub path: OsString,
    /// How to cut it.
    pub chunk_length: ChunkLength,
    /// Threads to decode with, where a format can be decoded in pieces.
    pub threads: NonZeroUsize,
}

/// What a decoder delivers, in this order: one `Opened`, then chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decoded {
    /// What the file is.
    Opened(SourceFormat),
    /// The next chunk; its audio comes with it.
    Chunk,
}

/// What a decoder has delivered, with the audio of a chunk.
#[derive(Debug)]
pub enum Delivered {
    /// What the file is.
    Opened(SourceFormat),
    /// The next chunk.
    Chunk(Audio),
}

impl Decoded {
    /// Joins an item with its audio. A healthy decoder sends audio with each chunk and with nothing
    /// else.
    pub fn with(self, audio: Option<Audio>) -> Result<Delivered, Failure> {
        match (self, audio) {
            (Self::Opened(format), None) => Ok(Delivered::Opened(format)),
            (Self::Chunk, Some(audio)) => Ok(Delivered::Chunk(audio)),
            _ => Err(Failure::new(FailureKind::Protocol, "the decoder's items are mixed up")),
        }
    }
}

/// How the decoding of a file ended that could be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Frames decoded.
    pub frames: u64,
    /// What was noticed on the way.
    pub warnings: Vec<Warning>,
    /// Whether the file is what it says it is.
    pub health: Health,
}

impl StreamTask for DecodeFile {
    const NAME: &'static str = "audiopool.decode";
    type Item = Decoded;
    type Attachment = AudioDescription;
    type Output = Result<Ending, DecodeError>;

    fn needs(&self) -> Needs {
        decode::needs(Path::new(&self.path))
    }

    fn run(
        self,
        outlet: &mut Outlet<'_, Decoded, AudioDescription>,
    ) -> Result<Self::Output, WorkerFault> {
        status_page::stage("opening the file");
        let mut source = match Source::open_with(Path::new(&self.path), self.threads) {
            Ok(source) => source,
            Err(error) => return Ok(Err(error)),
        };
        let format = source.format().clone();
        let pcm = format.pcm;
        if pcm.grain_width() as u64 > outlet.room() {
            return Ok(Err(too_wide(&format, outlet.room())));
        }
        let chunk_frames = self.chunk_length.frames(pcm, format.declared_frames);
        outlet.emit(&Decoded::Opened(format), None)?;

        let cutter = Cutter::new(pcm, chunk_frames);
        let mut delivery = Delivery { outlet, pcm, chunk_frames, cutter, chunks: 0, bytes: 0 };
        let mut block = Vec::new();
        let mut more = true;
        while more {
            status_page::stage("decoding");
            if let Some(filled) = delivery.fill_from(&mut source)? {
                more = filled.more;
                continue;
            }
            block.clear();
            more = source.next_block(&mut block);
            delivery.append(&block)?;
        }
        if delivery.cutter.is_open() {
            delivery.end_chunk()?;
        }
        let frames = delivery.bytes / pcm.frame_width() as u64;
        Ok(Ok(Ending { frames, warnings: source.warnings().to_vec(), health: source.health() }))
    }
}

/// Audio on its way into slots, cut into chunks.
struct Delivery<'a, 'o> {
    outlet: &'a mut Outlet<'o, Decoded, AudioDescription>,
    pcm: PcmFormat,
    chunk_frames: u64,
    cutter: Cutter,
    /// Chunks that are complete.
    chunks: u64,
    /// Bytes of audio so far.
    bytes: u64,
}

impl Delivery<'_, '_> {
    /// Has the source put what is next straight into the slot, if both can do that.
    fn fill_from(&mut self, source: &mut Source) -> Result<Option<Filled>, WorkerFault> {
        let room = source.left_in_place().map(|left| left.min(IN_PLACE).min(self.cutter.room()));
        let Some(room) = room.filter(|&room| room > 0) else { return Ok(None) };
        let mut filled = Filled::default();
        let is_filled = self.outlet.fill(room, |memory| {
            filled = source.fill(memory);
            filled.bytes
        })?;
        if !is_filled {
            return Ok(None);
        }
        self.went_on(filled.bytes)?;
        Ok(Some(filled))
    }

    /// Copies a block into slots.
    fn append(&mut self, mut block: &[u8]) -> Result<(), WorkerFault> {
        while !block.is_empty() {
            let (piece, rest) = block.split_at(block.len().min(self.cutter.room()));
            self.outlet.append(piece)?;
            self.went_on(piece.len())?;
            block = rest;
        }
        Ok(())
    }

    /// So many bytes of the current chunk are there.
    fn went_on(&mut self, bytes: usize) -> Result<(), WorkerFault> {
        self.bytes += bytes as u64;
        if self.cutter.fill(bytes) { self.end_chunk() } else { Ok(()) }
    }

    fn end_chunk(&mut self) -> Result<(), WorkerFault> {
        let first_frame = self.chunks * self.chunk_frames;
        self.chunks += 1;
        let description = AudioDescription { format: self.pcm, first_frame };
        self.outlet.emit(&Decoded::Chunk, Some(&description))
    }
}

fn too_wide(format: &SourceFormat, room: u64) -> DecodeError {
    let mib = format.pcm.grain_width() >> 20;
    DecodeError {
        kind: DecodeErrorKind::LimitExceeded,
        message: format!(
            "one second of it is {mib} MiB of PCM, and {} MiB is the most; split the channels \
             into several files",
            room >> 20
        ),
    }
}
