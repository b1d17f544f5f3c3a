//! Our figures are those that pydub gave, recorded by `scripts/oracles/record-pydub-figures`.
//!
//! Where the samples are the same, so are the figures, to the integer. Two things are not:
//! decibels, which pydub computes as `20 * log(ratio, 10)` (the tolerance is far below what one
//! step of 32 bits makes), and the RMS of 32-bit samples, which pydub sums in doubles.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audiopool::segment::AudioSegment;
use audiopool_worker::analyze::{AnalysisSettings, Analyzers, Features, FrameSpan, METRICS};
use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use serde::Deserialize;

/// Decibels within which two numbers are the same; a step of 32 bits at full scale is 4e-9.
const SAME_DB: f64 = 1e-10;

#[derive(Deserialize)]
struct Recorded {
    files: Vec<Figures>,
}

#[derive(Deserialize)]
struct Figures {
    file: String,
    codec: String,
    bits: u32,
    frame_rate: u32,
    channels: u16,
    duration_seconds: f64,
    #[serde(flatten)]
    levels: Levels,
    non_silence: Vec<NonSilence>,
    slice: Slice,
}

#[derive(Deserialize)]
struct Levels {
    frames: u64,
    len_ms: u64,
    max: u32,
    max_dbfs: Option<f64>,
    min_dbfs: Option<f64>,
    rms: u32,
    dbfs: Option<f64>,
}

#[derive(Deserialize)]
struct NonSilence {
    #[serde(flatten)]
    settings: Settings,
    non_silent_ms: u64,
    regions: usize,
    first_regions: String,
}

#[derive(Deserialize)]
struct Settings {
    silence_threshold_db: f64,
    min_silence_ms: u32,
}

#[derive(Deserialize)]
struct Slice {
    start_ms: u64,
    end_ms: u64,
    #[serde(flatten)]
    levels: Levels,
}

impl Figures {
    fn is_lossy(&self) -> bool {
        ["mp3", "aac", "vorbis", "opus"].contains(&self.codec.as_str())
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn recorded() -> Vec<Figures> {
    let text = fs::read(data().join("pydub-figures.json")).unwrap();
    serde_json::from_slice::<Recorded>(&text).unwrap().files
}

/// All metrics of a segment, measured in chunks of `grains` seconds.
fn features(segment: &AudioSegment, settings: &AnalysisSettings, grains: u64) -> Features {
    let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
    let analyzers = Analyzers::select(&keys, settings).unwrap();
    let mut merged = analyzers.identity();
    let mut rest = segment.pcm();
    while rest.frames() > 0 {
        let (chunk, behind) = rest.split_at(grains * u64::from(segment.frame_rate()));
        let partial = analyzers.analyze(chunk);
        assert_eq!(partial.check(&analyzers, &FrameSpan::from(chunk)), Ok(()));
        merged = analyzers.merge(merged, partial);
        rest = behind;
    }
    analyzers.finish(merged, segment.format())
}

/// What is not silent, each as pydub's milliseconds.
fn regions_ms(features: &Features) -> Vec<String> {
    let details = features.clone().into_details();
    let (_, regions) =
        details.regions.into_iter().find(|(key, _)| *key == "non_silence_regions").unwrap();
    let ms = |seconds: f64| (seconds * 1000.0).round();
    regions.iter().map(|at| format!("{}-{}", ms(at.start_seconds), ms(at.end_seconds))).collect()
}

fn assert_same_db(ours: Option<f64>, pydubs: Option<f64>, what: &str) {
    match (ours, pydubs) {
        (None, None) => {}
        (Some(ours), Some(pydubs)) if (ours - pydubs).abs() < SAME_DB => {}
        _ => panic!("{what}: {ours:?} dBFS, pydub {pydubs:?}"),
    }
}

#[track_caller]
fn assert_same_levels(segment: &AudioSegment, pydubs: &Levels, what: &str) {
    assert_eq!(segment.frame_count(), pydubs.frames, "{what}: frames");
    assert_eq!(segment.len_ms(), pydubs.len_ms, "{what}: milliseconds");
    assert_eq!(segment.max(), pydubs.max, "{what}: max");
    assert_same_db(segment.max_dbfs(), pydubs.max_dbfs, what);
    assert_same_db(segment.min_dbfs(), pydubs.min_dbfs, what);
    // Σx² of 32 bits is beyond the 53 that a double has, so that pydub's is rounded.
    let rounded = u32::from(segment.format().integer_bits() == 32);
    assert!(segment.rms().abs_diff(pydubs.rms) <= rounded, "{what}: RMS {}", segment.rms());
    if rounded == 0 {
        assert_same_db(segment.dbfs(), pydubs.dbfs, what);
    }
}

/// Everything that was recorded of a file, to the integer.
fn assert_same(segment: &AudioSegment, pydubs: &Figures) {
    let what = pydubs.file.as_str();
    assert_eq!(segment.format().integer_bits(), pydubs.bits, "{what}: bits");
    assert_eq!(segment.frame_rate(), pydubs.frame_rate, "{what}: rate");
    assert_eq!(segment.channels(), pydubs.channels, "{what}: channels");
    assert_eq!(segment.duration_seconds().to_bits(), pydubs.duration_seconds.to_bits(), "{what}");
    assert_same_levels(segment, &pydubs.levels, what);
    let slice = segment.slice_ms(pydubs.slice.start_ms..pydubs.slice.end_ms);
    assert_same_levels(&slice, &pydubs.slice.levels, &format!("{what}, slice"));

    for NonSilence { settings, non_silent_ms, regions, first_regions } in &pydubs.non_silence {
        let &Settings { silence_threshold_db, min_silence_ms } = settings;
        let settings =
            AnalysisSettings { silence_threshold_db, min_silence_ms, ..Default::default() };
        let whole = features(segment, &settings, u64::MAX / u64::from(u32::MAX));
        assert_same_db(whole.get("max_dbfs"), pydubs.levels.max_dbfs, what);
        assert_same_db(whole.get("min_dbfs"), pydubs.levels.min_dbfs, what);
        let non_silent = whole.get("non_silence_seconds").map(Duration::from_secs_f64);
        let expected = Some(Duration::from_millis(*non_silent_ms));
        assert_eq!(non_silent, expected, "{what}, {settings:?}");
        let found = regions_ms(&whole);
        // Of less than a millisecond, pydub makes a region from 0 to 0.
        let expected = if first_regions == "0-0" { 0 } else { *regions };
        assert_eq!(found.len(), expected, "{what}, {settings:?}");
        let begins = expected == 0 || found.join(" ").starts_with(first_regions);
        assert!(begins, "{what}, {settings:?}: {found:?}");
        for grains in [1, 10] {
            assert_eq!(features(segment, &settings, grains), whole, "{what}, {grains} s");
        }
    }
}

/// The audio of a plain WAV file, read without any decoder; `None` of any other.
fn plain_wav(path: &Path) -> Option<AudioSegment> {
    let bytes = fs::read(path).unwrap();
    let header = bytes.get(..44).filter(|header| header[..4] == *b"RIFF")?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let sample_format = match (short(20), short(34)) {
        (1, 8) => SampleFormat::U8,
        (1, 16) => SampleFormat::S16,
        (1, 24) => SampleFormat::S24,
        (1, 32) => SampleFormat::S32,
        (3, 32) => SampleFormat::F32,
        (3, 64) => SampleFormat::F64,
        _ => return None,
    };
    let sample_rate = u32::from(short(24)) + (u32::from(short(26)) << 16);
    let length = usize::from(short(40)) + (usize::from(short(42)) << 16);
    let format = PcmFormat::new(sample_format, sample_rate, short(22));
    Some(AudioSegment::from_raw(&bytes[44..44 + length], format))
}

#[test]
fn figures_of_plain_wav_files_are_pydubs() {
    let mut formats = HashSet::new();
    for pydubs in recorded() {
        if let Some(segment) = plain_wav(&data().join(&pydubs.file)) {
            assert_same(&segment, &pydubs);
            formats.insert(segment.format().sample_format);
        }
    }
    assert_eq!(formats.len(), 6, "not every sample format was there: {formats:?}");
}

#[test]
fn figures_of_losslessly_decoded_files_are_pydubs() {
    for pydubs in recorded().iter().filter(|pydubs| !pydubs.is_lossy()) {
        let segment = AudioSegment::from_file(data().join(&pydubs.file))
            .unwrap_or_else(|error| panic!("{}: {error}", pydubs.file));
        assert_same(&segment, pydubs);
    }
}

#[test]
fn a_file_and_its_samples_are_the_same_pcm() {
    for pydubs in recorded() {
        let path = data().join(&pydubs.file);
        if let Some(plain) = plain_wav(&path) {
            let decoded = AudioSegment::from_file(&path).unwrap();
            assert_eq!(decoded.format(), plain.format(), "{}", pydubs.file);
            assert!(decoded.raw_data() == plain.raw_data(), "{}", pydubs.file);
        }
    }
}

/// Decoders of lossy codecs are not bit-exact to each other, and ffmpeg 5.1, which decoded for
/// pydub, leaves the padding of the last AAC or Vorbis packet at the end.
#[test]
fn figures_of_lossy_files_are_nearly_pydubs() {
    for pydubs in recorded().iter().filter(|pydubs| pydubs.is_lossy()) {
        let what = pydubs.file.as_str();
        let segment = AudioSegment::from_file(data().join(what)).unwrap();
        let padded = ["aac", "vorbis"].contains(&pydubs.codec.as_str());
        let padding = pydubs.levels.frames - segment.frame_count();
        assert!(padding <= if padded { 1024 } else { 0 }, "{what}: {padding} frames fewer");

        // Ours of Opus computes in fixed point, ffmpeg's in floating point.
        let (steps, ms) = if pydubs.codec == "opus" { (8, 8) } else { (1, 1) };
        assert!(
            segment.max().abs_diff(pydubs.levels.max) <= steps,
            "{what}: max {}",
            segment.max()
        );
        assert_same_db(segment.min_dbfs(), pydubs.levels.min_dbfs, what);
        let slice = segment.slice_ms(pydubs.slice.start_ms..pydubs.slice.end_ms);
        let rms = slice.rms();
        assert!(rms.abs_diff(pydubs.slice.levels.rms) <= steps, "{what}: RMS of the slice {rms}");

        for NonSilence { settings, non_silent_ms, .. } in &pydubs.non_silence {
            let &Settings { silence_threshold_db, min_silence_ms } = settings;
            let settings =
                AnalysisSettings { silence_threshold_db, min_silence_ms, ..Default::default() };
            let ours = features(&segment, &settings, 1);
            assert_eq!(features(&segment, &settings, 10), ours, "{what}");
            let ours = Duration::from_secs_f64(ours.get("non_silence_seconds").unwrap());
            let allowed = pydubs.levels.len_ms - segment.len_ms() + ms;
            let difference = ours.abs_diff(Duration::from_millis(*non_silent_ms));
            assert!(difference <= Duration::from_millis(allowed), "{what}, {settings:?}: {ours:?}");
        }
    }
}
