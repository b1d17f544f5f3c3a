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

use audiopool_worker::board;
use audiopool_worker::confine::Needs;
use audiopool_worker::protocol::WorkerFault;
use audiopool_worker::task::{Outlet, StreamTask};
use serde::{Deserialize, Serialize};

use crate::chunk::{ChunkLength, Cutter};
use crate::decode::{self, DecodeError, DecodeErrorKind, Source, SourceFormat};
use crate::record::Warning;

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

/// How the decoding of a file ended that could be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Frames decoded.
    pub frames: u64,
    /// What was noticed on the way.
    pub warnings: Vec<Warning>,
}

impl StreamTask for DecodeFile {
    const NAME: &'static str = "audiopool.decode";
    type Item = Decoded;
    type Output = Result<Ending, DecodeError>;

    fn needs(&self) -> Needs {
        decode::needs(Path::new(&self.path))
    }

    fn run(self, outlet: &mut Outlet<'_, Decoded>) -> Result<Self::Output, WorkerFault> {
        board::stage("opening the file");
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

        let mut cutter = Cutter::new(pcm, chunk_frames);
        let (mut block, mut chunks, mut bytes) = (Vec::new(), 0, 0);
        let mut more = true;
        while more {
            block.clear();
            board::stage("decoding");
            more = source.next_block(&mut block);
            bytes += block.len() as u64;
            for piece in cutter.cut(&block) {
                outlet.append_audio(piece.bytes)?;
                if piece.completes {
                    outlet.emit(&Decoded::Chunk, Some((pcm, chunks * chunk_frames)))?;
                    chunks += 1;
                }
            }
        }
        if cutter.is_open() {
            outlet.emit(&Decoded::Chunk, Some((pcm, chunks * chunk_frames)))?;
        }
        let frames = bytes / pcm.frame_width() as u64;
        Ok(Ok(Ending { frames, warnings: source.warnings().to_vec() }))
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
