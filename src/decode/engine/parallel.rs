//! Parallel: batches decoded on a few threads, delivered in order.
//!
//! ```text
//!            ┌─▶ decoder 1 ─┐
//! demux ─▶ batches          ├─▶ in order ─▶ caller
//!            └─▶ decoder 2 ─┘
//! ```
//!
//! The calling thread demuxes, which is little work, and hands out batches until there is one more
//! than there are decoders; then it waits for the oldest. This bounds the memory, and the decoders
//! work while the caller processes a batch. With one thread the caller decodes the same batches
//! itself.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use audiopool_worker::analyze::Damage;
use audiopool_worker::pcm::PcmFormat;

use super::Audio;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::plausible;
use crate::decode::codec::packet::Start;
use crate::decode::engine::batches::{Batch, BatchDecoder, Batches, Decoded};
use crate::record::WarningKind;

/// Coded audio, decoded batch by batch.
#[derive(Debug)]
pub(in crate::decode) struct Coded {
    batches: Batches,
    decoding: Decoding,
    frame_width: usize,
    /// There was a packet.
    is_any: bool,
    /// Set when what follows must not be used.
    ended: bool,
    /// The format of the audio changed before the last packet.
    changed: bool,
}

#[derive(Debug)]
enum Decoding {
    /// On the calling thread.
    Here(BatchDecoder),
    /// On other threads.
    DecoderThreads(Box<DecoderThreads>),
}

impl Coded {
    pub(in crate::decode) fn new(
        batches: Batches,
        pcm: PcmFormat,
        start: Start,
        threads: NonZeroUsize,
    ) -> Self {
        let decoding = match threads.get() {
            1 => Decoding::Here(BatchDecoder::new(pcm)),
            // Batches that must be decoded in order still run ahead of the caller.
            _ if start == Start::Continued => Decoding::on_threads(1, pcm),
            threads => Decoding::on_threads(threads, pcm),
        };
        Self {
            batches,
            decoding,
            frame_width: pcm.frame_width(),
            is_any: false,
            ended: false,
            changed: false,
        }
    }
}

impl Decoding {
    fn on_threads(threads: usize, pcm: PcmFormat) -> Self {
        DecoderThreads::new(threads, pcm).map_or_else(
            || Self::Here(BatchDecoder::new(pcm)),
            |crew| Self::DecoderThreads(Box::new(crew)),
        )
    }
}

impl Audio for Coded {
    fn read(&mut self, bytes: &mut Vec<u8>, frame: u64, findings: &mut Findings) -> bool {
        if self.ended {
            return false;
        }
        let before = bytes.len();
        let decoded = match &mut self.decoding {
            Decoding::Here(decoder) => self.batches.next(findings).map(|batch| {
                let mut decoded = Decoded { bytes: std::mem::take(bytes), ..Decoded::default() };
                decoder.decode(&batch, &mut decoded);
                *bytes = std::mem::take(&mut decoded.bytes);
                for fault in &mut decoded.faults {
                    fault.at -= before;
                }
                decoded
            }),
            Decoding::DecoderThreads(crew) => {
                crew.next(&mut self.batches, findings).map(|mut decoded| {
                    if bytes.is_empty() {
                        std::mem::swap(bytes, &mut decoded.bytes);
                    } else {
                        bytes.extend_from_slice(&decoded.bytes);
                    }
                    crew.spare.push(std::mem::take(&mut decoded.bytes));
                    decoded
                })
            }
        };
        let Some(decoded) = decoded else {
            self.ended = true;
            return false;
        };
        self.is_any = true;
        let frames = |bytes: usize| frame + (bytes / self.frame_width) as u64;
        for fault in &decoded.faults {
            let (frame, byte, bytes) = (frames(fault.at), fault.byte, fault.bytes);
            findings.damage(Damage { frame, byte, bytes }, &fault.what);
        }
        if let Some(to) = decoded.changed {
            let at = frames(bytes.len() - before);
            let message = format!("the audio changes to {to}; the rest was not analysed");
            findings.note(WarningKind::FormatChange, Some(at), None, message);
            self.ended = true;
            self.changed = true;
        }
        !self.ended
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        // After a change of format, the position of the demuxer depends on the number of threads.
        if !self.changed {
            self.batches.demux.finish(frames, findings);
        }
        if frames == 0 && self.is_any {
            plausible::no_frames(findings, "no audio came of the packets in the file");
        }
    }
}

/// A batch for the next free thread, and the channel for its audio.
#[derive(Debug)]
struct Job {
    batch: Batch,
    buffer: Vec<u8>,
    reply: SyncSender<Decoded>,
}

/// The threads that decode.
#[derive(Debug)]
struct DecoderThreads {
    /// `None` once the threads are told to end.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    /// Batches that are being decoded, oldest first, each with the findings of its demuxing. They
    /// are reported when the batch is delivered, as with one thread, and never if it is not.
    under_way: VecDeque<(Findings, Receiver<Decoded>)>,
    /// What was noticed behind the last batch.
    behind: Findings,
    /// Buffers to be used again, since allocating them is slow.
    spare: Vec<Vec<u8>>,
}

impl DecoderThreads {
    /// `None` if the system cannot start a thread.
    fn new(threads: usize, pcm: PcmFormat) -> Option<Self> {
        let (jobs, queue) = channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let mut crew = Self {
            jobs: Some(jobs),
            threads: Vec::new(),
            under_way: VecDeque::new(),
            behind: Findings::default(),
            spare: Vec::new(),
        };
        for number in 1..=threads {
            let queue = queue.clone();
            let thread = std::thread::Builder::new()
                .name(format!("decode-{number}"))
                .spawn(move || serve(&queue, pcm));
            match thread {
                Ok(thread) => crew.threads.push(thread),
                Err(_) => break,
            }
        }
        (!crew.threads.is_empty()).then_some(crew)
    }

    /// The oldest batch, decoded; `None` when there are no more.
    fn next(&mut self, batches: &mut Batches, findings: &mut Findings) -> Option<Decoded> {
        while self.under_way.len() <= self.threads.len() {
            let mut noticed = Findings::default();
            let Some(batch) = batches.next(&mut noticed) else {
                self.behind.append(noticed);
                break;
            };
            let (reply, audio) = sync_channel(1);
            let buffer = self.spare.pop().unwrap_or_default();
            let job = Job { batch, buffer, reply };
            if self.jobs.as_ref().is_none_or(|jobs| jobs.send(job).is_err()) {
                break;
            }
            self.under_way.push_back((noticed, audio));
        }
        let Some((noticed, oldest)) = self.under_way.pop_front() else {
            findings.append(std::mem::take(&mut self.behind));
            return None;
        };
        findings.append(noticed);
        oldest.recv().map_or_else(|_| self.resume_panic(), Some)
    }

    /// A thread did not reply, so its decoder panicked: panics on this thread as well.
    fn resume_panic(&mut self) -> Option<Decoded> {
        self.jobs = None;
        self.under_way.clear();
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        None
    }
}

impl Drop for DecoderThreads {
    fn drop(&mut self) {
        self.jobs = None;
        self.under_way.clear();
        for thread in self.threads.drain(..) {
            // The panic hook has reported a panic; it must not be raised again here.
            drop(thread.join());
        }
    }
}

/// The loop of a decoding thread.
fn serve(queue: &Mutex<Receiver<Job>>, pcm: PcmFormat) {
    let mut decoder = BatchDecoder::new(pcm);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { batch, mut buffer, reply }) = job else { return };
        buffer.clear();
        let mut decoded = Decoded { bytes: buffer, ..Decoded::default() };
        decoder.decode(&batch, &mut decoded);
        // The caller may have ended.
        drop(reply.send(decoded));
    }
}
