//! `AudioProcessor`: the figures of the command, for every number of threads.

use std::path::Path;

use assert_cmd::Command;
use audiopool::{AudioProcessor, ChunkOptions};

use super::{Program, fixture};

/// Of each kind, and long enough for several chunks of ten seconds.
const RECORDINGS: &[&str] = &[
    "s16-mono-8000-64s.flac",
    "mono-8000-64s.mp3",
    "mono-16000-33s.m4a",
    "mono-48000-33s.opus",
    "s16-stereo-1600-31s.wav",
    "u8-mono-3000-65s.wav",
    "s24-stereo-48000.wav",
    "f32-stereo-16000.wav",
    "s16-mono-18900.wav",
    "silence.wav",
    "frames-1.wav",
    "empty.wav",
];

const THRESHOLD_DB: f64 = -35.0;

/// What the command says: three metrics, or nothing.
fn command_figures(path: &Path) -> [Option<f64>; 3] {
    let program = env!("CARGO_BIN_EXE_audiopool");
    let output = Command::new(program)
        .args(["analyze", "--format=ndjson", "--silence-threshold-db=-35"])
        .args(["--worker-program", program])
        .arg(path)
        .output()
        .unwrap();
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["status"], "ok", "{record}");
    ["max_dbfs", "min_dbfs", "non_silence_seconds"].map(|key| record["metrics"][key].as_f64())
}

#[test]
fn figures_are_those_of_the_command_for_every_number_of_threads() {
    let program = Program::example("my_metric");
    for name in RECORDINGS {
        let path = fixture(name);
        let expected = command_figures(&path).map(|figure| figure.map(f64::to_bits));
        for (threads, min_chunk_size_ms) in
            [(1, 10_000), (2, 10_000), (3, 77), (4, 10_000), (4, 77)]
        {
            let options = ChunkOptions { min_chunk_size_ms, ..program.options(threads) };
            let recording = AudioProcessor::open(&path).unwrap().with_options(options);
            let figures = [
                recording.max_dbfs().unwrap(),
                recording.min_dbfs().unwrap(),
                Some(recording.non_silence_seconds(THRESHOLD_DB).unwrap()),
            ];
            let figures = figures.map(|figure| figure.map(f64::to_bits));
            assert_eq!(figures, expected, "{name}, {threads} × {min_chunk_size_ms} ms");
        }
    }
    program.expect_no_process_left();
}

#[test]
fn a_file_that_cannot_be_opened_says_why() {
    let error = AudioProcessor::open(fixture("README.md")).unwrap_err();
    assert_eq!(error.kind, audiopool::decode::DecodeErrorKind::UnknownFormat, "{error}");
}
