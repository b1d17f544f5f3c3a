//! What is fuzzed: each function takes any bytes, and panics if we do something with them that we
//! must not do.
//!
//! ```text
//!   codec     bytes ─▶ a value of ours                     or an error
//!   frame     bytes ─▶ a message, as it is and framed      or an error
//!   partials  bytes ─▶ partials of a worker ─▶ figures     or a refusal
//!   header    bytes ─▶ a file ─▶ its format                or an error
//!   decoder   bytes ─▶ a file ─▶ the decoder's task ─▶ PCM or an error
//! ```
//!
//! Ordinary functions over what is public: `fuzz_targets/` hands them to libFuzzer, and
//! `tests/it/fuzz.rs` runs them over the seeds and what becomes of those in a few mutations.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

use audiopool::chunk::ChunkLength;
use audiopool::decode::{DecodeError, Source, SourceFormat};
use audiopool::decoder::{DecodeFile, Decoded, Ending};
use audiopool::merge::Fold;
use audiopool_worker::analyze::{AnalysisSettings, Analyzers, METRICS, Partials};
use audiopool_worker::audio::AudioDescription;
use audiopool_worker::measure::Measure;
use audiopool_worker::pcm::PcmFormat;
use procpool::codec;
use procpool::confine::Needs;
use procpool::frame::{MAX_FRAME, decode_frame, encode_frame};
use procpool::protocol::{FromChild, ToChild, WorkerFault};
use procpool::task::{RawOutlet, Registry, StreamTask};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// More decoded bytes than this are not looked at: a short file may stand for hours of silence.
const MOST_DECODED: usize = 4 << 20;

/// Whatever the bytes are, they are a value or an error; and a value, written, is read as the same.
pub fn codec(bytes: &[u8]) {
    settles::<FromChild>(bytes);
    settles::<ToChild>(bytes);
    settles::<Partials>(bytes);
    settles::<Measure>(bytes);
    settles::<AudioDescription>(bytes);
    settles::<DecodeFile>(bytes);
    settles::<Decoded>(bytes);
    settles::<Result<Ending, DecodeError>>(bytes);
    settles::<Result<Vec<u8>, WorkerFault>>(bytes);
    settles::<(String, Vec<Option<f64>>)>(bytes);
}

/// A number may be written in several ways, so it is the second writing that must be like the
/// first.
fn settles<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(value) = codec::decode::<T>(bytes) {
        let written = codec::encode(&value).expect("what was read can be written");
        let again: T = codec::decode(&written).expect("what was written can be read");
        assert_eq!(codec::encode(&again).expect("it can be written again"), written);
    }
}

/// The bytes as a frame, and as the body of a frame that is sound, for either side.
pub fn frame(bytes: &[u8]) {
    arrives::<FromChild>(bytes);
    arrives::<ToChild>(bytes);
}

fn arrives<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let received = decode_frame::<T>(bytes).ok();
    // What stands for the body has no checksum that a mutation would have to hit.
    let framed = framed(bytes);
    let wrapped = decode_frame::<T>(&framed).ok();
    assert!(wrapped.is_none() || framed.len() <= MAX_FRAME, "a frame beyond the limit was read");
    for (generation, message) in received.into_iter().chain(wrapped) {
        let frame = encode_frame(generation, &message).expect("what arrived can be sent on");
        let (same, again): (u32, T) = decode_frame(&frame).expect("it can be read again");
        assert_eq!(same, generation);
        assert_eq!(encode_frame(same, &again).expect("it can be sent again"), frame);
    }
}

/// A header like ours before `body`.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = encode_frame(7, &()).expect("an empty message fits");
    let end = frame.len(); // the header ends with the length and the checksum of the body
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    frame[end - 8..end - 4].copy_from_slice(&length.to_le_bytes());
    frame[end - 4..].copy_from_slice(&crc32(body).to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Partials as a sick worker may send them, of stretches one after the other, in a format that a
/// decoder may have told us: refused, or merged to figures.
pub fn partials(bytes: &[u8]) {
    type Told = (PcmFormat, Vec<(u32, Partials)>);
    let Ok((format, told)) = codec::decode::<Told>(bytes) else { return };
    if format.sample_rate > 1_536_000 || format.channels > 64 {
        return; // refused where files are opened
    }
    let analyzers = every_analyzer();
    let mut fold = Fold::new(&analyzers, format);
    for (frames, partials) in told {
        let frames = u64::from(frames).min(30 * u64::from(format.sample_rate));
        if fold.add(partials, frames).is_err() {
            // The file fails; what is of the others must not.
            break;
        }
    }
    let frames = fold.frames();
    for (metric, figure) in fold.finish().iter() {
        assert!(figure.is_none_or(f64::is_finite), "{} after {frames} frames", metric.key);
    }
}

fn every_analyzer() -> Analyzers {
    let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
    Analyzers::select(&keys, &AnalysisSettings::default()).expect("keys of the catalogue")
}

/// A file is opened, and no more of it read than that takes.
pub fn header(bytes: &[u8]) {
    with_file(bytes, |path| {
        if let Some(Ok(source)) = unless_theirs(|| Source::open(path)) {
            believable(source.format());
        }
    });
}

fn believable(format: &SourceFormat) {
    let PcmFormat { sample_rate, channels, .. } = format.pcm;
    assert!((1..=1_536_000).contains(&sample_rate), "{sample_rate} Hz");
    assert!((1..=64).contains(&channels), "{channels} channels");
}

/// A file is decoded by the task of a decoder process; and as by another process, on several
/// threads, after the first has died half way: what is still to be delivered is the same.
pub fn decoder(bytes: &[u8]) {
    with_file(bytes, |path| {
        let (first, ended) = decode(path, 1, 0);
        let delivered = first.len() / 2;
        let (rest, ended_again) = decode(path, 3, delivered);
        let both = rest.len().min(first.len() - delivered);
        for (item, again) in first[delivered..].iter().zip(&rest) {
            assert!(item == again, "another try with more threads delivers something else");
        }
        if let (Some(ended), Some(ended_again)) = (ended, ended_again) {
            assert_eq!(first.len() - delivered, both, "… or not as much");
            assert_eq!(ended, ended_again, "… or ends in another way");
        }
    });
}

/// The items that a decoder process delivers, behind those that are `delivered`; how it ended,
/// unless it was broken off.
fn decode(path: &Path, threads: usize, delivered: usize) -> (Vec<Item>, Option<Ended>) {
    let task = DecodeFile {
        path: path.into(),
        chunk_length: ChunkLength { pieces: 3, min_ms: 1000, max_ms: 2000 },
        threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
    };
    let task = codec::encode(&task).expect("a task can be written");
    let mut outlet = Delivered { before: delivered, ..Delivered::default() };
    let tasks = Registry::new().with_stream::<DecodeFile>();
    let ended = unless_theirs(|| tasks.run(DecodeFile::NAME, &task, None, &mut outlet));
    let ended = match ended {
        Some(ended) if outlet.seen <= MOST_DECODED => ended,
        _ => return (outlet.items, None),
    };
    let ended = ended.expect("the task does not fail, whatever the file is");
    let ended: Ended = codec::decode(&ended).expect("its output can be read");
    if let Ok(ending) = &ended {
        let width = outlet.format.expect("the format comes first").frame_width() as u64;
        assert!(delivered > 0 || ending.frames * width == outlet.seen as u64);
    }
    (outlet.items, Some(ended))
}

type Ended = Result<Ending, DecodeError>;

/// Position of the first frame of a chunk, and its bytes; or no position, and an encoded format.
type Item = (Option<u64>, Vec<u8>);

/// Keeps what a decoder delivers.
#[derive(Default)]
struct Delivered {
    before: usize,
    format: Option<PcmFormat>,
    open: Vec<u8>,
    items: Vec<Item>,
    /// Bytes of audio, passed over or not.
    seen: usize,
}

impl RawOutlet for Delivered {
    fn keep_to(&mut self, _: &Needs) -> Result<(), WorkerFault> {
        Ok(())
    }

    fn delivered(&self) -> u64 {
        self.before as u64
    }

    fn room(&self) -> u64 {
        64 << 20
    }

    fn begin_attachment(&mut self) -> Result<(), WorkerFault> {
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WorkerFault> {
        self.seen += bytes.len();
        self.open.extend_from_slice(bytes);
        assert!(self.open.len() as u64 <= self.room(), "a chunk that no slot could hold");
        Ok(())
    }

    fn emit(&mut self, item: Vec<u8>, description: Option<Vec<u8>>) -> Result<(), WorkerFault> {
        let bytes = std::mem::take(&mut self.open);
        let audio =
            description.map(|encoded| codec::decode(&encoded).expect("a description can be read"));
        match (codec::decode(&item).expect("an item can be read"), audio) {
            (Decoded::Opened(format), None) => {
                believable(&format);
                self.format = Some(format.pcm);
                self.items.push((None, item));
            }
            (Decoded::Chunk, Some(AudioDescription { format, first_frame })) => {
                assert!(self.format.is_none_or(|opened| opened == format), "one format per file");
                self.format = Some(format);
                assert_eq!(bytes.len() % format.frame_width(), 0, "whole frames");
                self.items.push((Some(first_frame), bytes));
            }
            (item, audio) => panic!("{item:?} with {audio:?}"),
        }
        if self.seen > MOST_DECODED {
            return Err(WorkerFault::Failed { message: "broken off".to_owned() });
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), WorkerFault> {
        Ok(())
    }
}

/// Runs what may meet a panic in a crate that is not ours: `None` then. For that, files are decoded
/// in a process that reports it and goes on with the next. Panics of ours go through.
fn unless_theirs<R>(run: impl FnOnce() -> R) -> Option<R> {
    static HOOK: Once = Once::new();
    static OURS: AtomicBool = AtomicBool::new(false);
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            if !place.contains("registry") {
                OURS.store(true, Ordering::Relaxed);
                before(info);
            } else if KNOWN.lock().is_ok_and(|mut known| known.insert(place)) {
                let told = writeln!(io::stderr(), "in a crate of others: {info}");
                told.expect("standard error can be written");
            }
        }));
    });
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(panic) if OURS.load(Ordering::Relaxed) => panic::resume_unwind(panic),
        Err(_) => None,
    }
}

/// Writes the bytes to a file. Its name is that of a format whose beginning is searched for, so
/// that bytes without any known beginning are looked through, too.
fn with_file(bytes: &[u8], look: impl FnOnce(&Path)) {
    struct Scratch {
        _folder: tempfile::TempDir,
        path: PathBuf,
        file: File,
    }
    thread_local! {
        static SCRATCH: RefCell<Scratch> = RefCell::new({
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("song.mp3");
            let file = File::create(&path).expect("a file in a folder of our own");
            Scratch { _folder: folder, path, file }
        });
    }
    SCRATCH.with_borrow_mut(|scratch| {
        rewrite(&mut scratch.file, bytes);
        look(&scratch.path);
    });
}

/// Makes these the bytes of a file.
pub fn rewrite(file: &mut File, bytes: &[u8]) {
    // Not cut to nothing in between: file systems take that for a reason to write to the disk.
    let rewritten = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.write_all(bytes))
        .and_then(|()| file.set_len(bytes.len() as u64));
    rewritten.expect("a file of our own can be written");
}
