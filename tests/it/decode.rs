//! The decode room, from outside: what is in a file, and what is said of one that is not right.
//!
//! The oracle is ffmpeg, by the figures that `scripts/fixtures/make-trap-fixtures` recorded.

mod codecs;
mod containers;
mod fallback;
mod frames;
mod implausible;
mod matroska;
mod mp4;
pub(crate) mod noticed;
mod ogg;
mod refused;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use audiopool::decode::{
    DecodeError, DecodeErrorKind, DecodedBy, EXTENSIONS, Source, SourceFormat, formats,
};
use audiopool::record::{Warning, WarningKind};
use audiopool_worker::pcm::SampleFormat;

/// All of a file.
#[derive(Debug, PartialEq)]
struct Decoded {
    format: SourceFormat,
    bytes: Vec<u8>,
    warnings: Vec<Warning>,
}

impl Decoded {
    fn frames(&self) -> usize {
        self.bytes.len() / self.format.pcm.frame_width()
    }

    fn kinds(&self) -> Vec<WarningKind> {
        self.warnings.iter().map(|warning| warning.kind).collect()
    }

    #[track_caller]
    fn the_warning(&self, kind: WarningKind) -> &Warning {
        let found: Vec<_> = self.warnings.iter().filter(|warning| warning.kind == kind).collect();
        let [warning] = *found else { panic!("no {kind:?} in {:?}", self.warnings) };
        warning
    }
}

fn traps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traps")
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(traps().join(name)).expect("a fixture")
}

fn decode_on(path: &Path, threads: usize) -> Result<Decoded, DecodeError> {
    let threads = NonZeroUsize::new(threads).expect("at least one");
    let mut source = Source::open_with(path, threads)?;
    let mut bytes = Vec::new();
    while source.next_block(&mut bytes) {}
    let (format, warnings) = (source.format().clone(), source.warnings().to_vec());
    assert_eq!(bytes.len() % format.pcm.frame_width(), 0, "whole frames: {}", path.display());
    Ok(Decoded { format, bytes, warnings })
}

fn decode(path: &Path) -> Result<Decoded, DecodeError> {
    decode_on(path, 1)
}

#[track_caller]
fn decoded(name: &str) -> Decoded {
    decode(&traps().join(name)).expect("a fixture that decodes")
}

/// Writes a file of its own and decodes it.
fn decode_bytes(name: &str, bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    decode(&path)
}

#[track_caller]
fn error_of(path: &Path, kind: DecodeErrorKind, says: &str) {
    let error = decode(path).expect_err("not to be decoded");
    assert_eq!(error.kind, kind, "{}", error.message);
    assert!(error.message.contains(says), "{:?} is not in {:?}", says, error.message);
    let said_twice = path.to_str().expect("a path in UTF-8");
    assert!(!error.message.contains(said_twice), "the caller names the path: {}", error.message);
}

#[track_caller]
fn error_of_bytes(name: &str, bytes: &[u8], kind: DecodeErrorKind, says: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    error_of(&path, kind, says);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn ffmpeg_is_installed() -> bool {
    Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success())
}

/// Runs the test `name` of this program again, as if no ffmpeg were installed; `true` there.
fn is_without_ffmpeg(name: &str) -> bool {
    if std::env::var_os("AUDIOPOOL_FFMPEG").is_some_and(|value| value.is_empty()) {
        return true;
    }
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this)
        .args([name, "--exact", "--nocapture"])
        .env("AUDIOPOOL_FFMPEG", "")
        .output()
        .expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// One line of the recorded figures.
struct Figures {
    name: String,
    sample_rate: u32,
    channels: u16,
    sample_format: String,
    frames: usize,
    crc32: Option<u32>,
    peak: f64,
    rms: f64,
}

fn figures() -> Vec<Figures> {
    let table = fs::read_to_string(traps().join("figures.tsv")).expect("recorded figures");
    table
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, rate, channels, format, frames, crc32, peak, rms] = fields[..] else {
                panic!("eight fields: {line}")
            };
            Figures {
                name: name.to_owned(),
                sample_rate: rate.parse().expect("a rate"),
                channels: channels.parse().expect("channels"),
                sample_format: format.to_owned(),
                frames: frames.parse().expect("frames"),
                crc32: u32::from_str_radix(crc32, 16).ok(),
                peak: peak.parse().expect("a peak"),
                rms: rms.parse().expect("an RMS"),
            }
        })
        .collect()
}

/// Whether only an installed ffmpeg decodes the file of this name.
fn needs_ffmpeg(name: &str) -> bool {
    let extension = name.rsplit('.').next().expect("an extension");
    ["wv", "tta", "ac3", "wma"].contains(&extension) || name == "ac3.mp4"
}

#[test]
fn every_fixture_holds_what_ffmpeg_finds_in_it() {
    let with_ffmpeg = ffmpeg_is_installed();
    for expected in figures() {
        let name = &expected.name;
        if needs_ffmpeg(name) && !with_ffmpeg {
            println!("{name} was not decoded: there is no ffmpeg here");
            continue;
        }
        let found = decoded(name);
        let pcm = found.format.pcm;
        assert_eq!(pcm.sample_rate, expected.sample_rate, "{name}");
        assert_eq!(pcm.channels, expected.channels, "{name}");
        assert_eq!(found.frames(), expected.frames, "{name}");
        assert_eq!(pcm.lossy, expected.crc32.is_none(), "{name}");
        // ffmpeg delivers the 24 bits of this one in 32.
        let is_widened = name == "24.wv";
        if !is_widened {
            assert_eq!(pcm.sample_format.name(), expected.sample_format, "{name}");
        }
        match expected.crc32 {
            Some(crc) if !is_widened => assert_eq!(crc32(&found.bytes), crc, "{name}"),
            Some(_) => {}
            None => check_levels(&found.bytes, &expected),
        }
        let allowed: &[WarningKind] =
            if name == "two-tracks.mkv" { &[WarningKind::OtherTracks] } else { &[] };
        assert_eq!(found.kinds(), allowed, "{name}: {:?}", found.warnings);
    }
}

/// Peak and RMS of float samples, which no two decoders round alike.
fn check_levels(bytes: &[u8], expected: &Figures) {
    let samples =
        bytes.as_chunks::<4>().0.iter().map(|&sample| f64::from(f32::from_le_bytes(sample)));
    let peak = samples.clone().fold(0.0, |peak: f64, sample| peak.max(sample.abs()));
    let count = u32::try_from(samples.len()).expect("a short file");
    let rms = (samples.map(|sample| sample * sample).sum::<f64>() / f64::from(count)).sqrt();
    // ffmpeg's own decoder of surround Opus differs from the reference by more,
    // and of the upper band of HE-AAC it computes filters of tones in single precision.
    let name = &expected.name;
    let is_rough = name.contains("opus") || name.starts_with("he-");
    let tolerance = if is_rough { 2e-3 } else { 2e-5 };
    assert!((peak - expected.peak).abs() < 10.0 * tolerance, "{name}: {peak} {}", expected.peak);
    assert!((rms - expected.rms).abs() < tolerance, "{name}: {rms} {}", expected.rms);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes_and_warnings() {
    if !is_without_ffmpeg("decode::any_number_of_threads_gives_the_same_bytes_and_warnings") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for Figures { name, .. } in figures().iter().filter(|one| !needs_ffmpeg(&one.name)) {
        let whole = bytes_of(name);
        let mut cut = whole.clone();
        cut.truncate(whole.len() * 2 / 3);
        let mut damaged = whole.clone();
        for place in (1..10).map(|tenth| whole.len() * tenth / 10) {
            damaged[place] ^= 0x55;
        }
        for (case, bytes) in [("whole", whole), ("cut", cut), ("damaged", damaged)] {
            let path = folder.path().join(format!("{case}-{name}"));
            fs::write(&path, bytes).expect("a temporary file");
            let alone = decode_on(&path, 1);
            for threads in [2, 3] {
                assert_eq!(decode_on(&path, threads), alone, "{case} {name}, {threads} threads");
            }
        }
    }
}

#[test]
fn what_is_noticed_ahead_is_told_in_its_place() {
    // Damage in the first batch, and another format behind the last: a demuxer ahead of the
    // decoders sees the second before the first.
    let mut bytes = bytes_of("long.mp3");
    let frames = bytes.windows(2).enumerate().filter(|(_, two)| *two == [0xff, 0xf3]);
    let damaged = frames.map(|(at, _)| at).nth(9).expect("a tenth frame");
    bytes[damaged + 4..damaged + 21].fill(0xff);
    for _ in 0..4 {
        bytes.extend(bytes_of("lsf.mp3"));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("changing.mp3");
    fs::write(&path, bytes).expect("a temporary file");
    let alone = decode_on(&path, 1).expect("audio");
    assert_eq!(alone.kinds(), [WarningKind::DecodeErrors, WarningKind::FormatChange]);
    for threads in [2, 3, 8] {
        assert_eq!(decode_on(&path, threads).as_ref(), Ok(&alone), "{threads} threads");
    }
}

#[test]
fn blocks_are_appended_and_the_end_stays_the_end() {
    let mut source = Source::open(&traps().join("long.flac")).expect("a fixture");
    let mut bytes = b"before".to_vec();
    let mut blocks = 0;
    let mut length = bytes.len();
    while source.next_block(&mut bytes) {
        assert!(bytes.len() > length, "a block holds something");
        length = bytes.len();
        blocks += 1;
    }
    assert!(blocks > 2, "{blocks} blocks");
    assert!(bytes.starts_with(b"before"));
    assert!(!source.next_block(&mut bytes));
    assert_eq!(bytes.len(), length);
}

#[test]
fn the_table_of_formats_lists_what_the_fixtures_need() {
    for extension in ["wav", "mp3", "flac", "ogg", "opus", "m4a", "webm", "aiff", "wv", "wma"] {
        assert!(EXTENSIONS.contains(&extension), "{extension}");
    }
    assert!(!EXTENSIONS.contains(&"txt"));
    let wavpack = formats().iter().find(|row| row.name == "WavPack").expect("a row");
    assert_eq!(wavpack.decoding.name(), "via ffmpeg");
    assert!(formats().iter().all(|row| !row.codecs.is_empty()));
}

#[test]
fn the_shared_corpus_decodes_to_what_it_declares() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/flac");
    let Ok(files) = fs::read_dir(&corpus) else {
        println!("not run: no {}", corpus.display());
        return;
    };
    for path in files.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.extension().is_none_or(|extension| extension != "flac") {
            continue;
        }
        let found = decode(&path).expect("a FLAC file");
        assert_eq!(found.warnings, [], "{}", path.display());
        assert_eq!(Some(found.frames() as u64), found.format.declared_frames, "{}", path.display());
    }
}
