//! Memory: what all processes of a run have at their peaks stays below the one formula for it
//! (`pool/src/parent/peak.rs`), however long, wide or many the inputs are.
//!
//! With one worker no memory is shared by two that count it: a decoder writes its ring without
//! mapping it, so the sum of the peaks counts everything once.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::library::Program;
use crate::scene::{Ended, Scene};

/// What `--stats` says of the memory of a run, in tenths of a MiB.
pub(crate) struct Memory {
    bound: u64,
    peaks: u64,
}

/// Silence in a WAV file that takes up no room on the disk.
fn write_sparse_wav(path: &Path, channels: u16, rate: u32, bytes_per_sample: u16, seconds: u32) {
    let width = channels * bytes_per_sample;
    let bytes = u32::from(width) * rate * seconds;
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((bytes + 36).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    header.extend(channels.to_le_bytes());
    header.extend(rate.to_le_bytes());
    header.extend((rate * u32::from(width)).to_le_bytes());
    header.extend(width.to_le_bytes());
    header.extend((bytes_per_sample * 8).to_le_bytes());
    header.extend(b"data");
    header.extend(bytes.to_le_bytes());
    let mut file = File::create(path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(u64::from(bytes) + 44).unwrap();
}

fn tenths(text: &str) -> u64 {
    let digits = text.trim().strip_suffix(" MiB").expect("a size").replace('.', "");
    digits.parse().expect("a number with one decimal")
}

#[track_caller]
fn memory_of(channels: u16, rate: u32, bytes_per_sample: u16, seconds: u32, audio: &str) -> Memory {
    memory_with(&[], channels, rate, bytes_per_sample, seconds, audio)
}

#[track_caller]
fn memory_with(
    options: &[&str],
    channels: u16,
    rate: u32,
    bytes_per_sample: u16,
    seconds: u32,
    audio: &str,
) -> Memory {
    let arguments = ["analyze", "sparse.wav", "--format", "ndjson", "--stats", "--workers", "1"];
    let scene = Scene::command(arguments).args(options);
    write_sparse_wav(&scene.path("sparse.wav"), channels, rate, bytes_per_sample, seconds);
    let ended = scene.run();
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(ended.stderr.contains(audio), "{ended}");
    let memory = told_by(&ended);
    ended.assert_no_process_left();
    memory
}

/// What a run with one worker and `--stats` says of its memory, which stayed within its bound.
#[track_caller]
pub(crate) fn told_by(ended: &Ended) -> Memory {
    let rows = ["decoder 1", "worker 1", "supervisor"].map(|name| {
        let row = ended.stderr.lines().find(|line| line.starts_with(name)).expect("a row");
        tenths(row.rsplit_once("  ").expect("columns").1)
    });
    assert!(rows.iter().all(|peak| *peak > 10), "a process has not reported: {rows:?}\n{ended}");
    let line = ended.stderr.lines().find_map(|line| line.strip_prefix("memory       at most "));
    let (bound, peaks) = line
        .and_then(|line| line.split_once(" at a time; the peaks below add up to "))
        .unwrap_or_else(|| panic!("no line for memory\n{ended}"));
    let memory = Memory { bound: tenths(bound), peaks: tenths(peaks) };
    assert!(rows.iter().sum::<u64>() <= memory.peaks, "{rows:?}\n{ended}");
    assert!(memory.peaks <= memory.bound, "{ended}");
    memory
}

#[test]
fn ten_hours_take_no_more_memory_than_ten_minutes_may() {
    let hours = memory_of(1, 8000, 1, 36_000, "audio        10:00:00 in 1200 chunks");
    let minutes = memory_of(1, 8000, 1, 600, "audio        10:00.0 in 20 chunks");
    assert_eq!(hours.bound, minutes.bound, "the length is not in the formula");
    assert!(hours.peaks < 96 * 10, "{} tenths of a MiB", hours.peaks);
}

#[test]
fn a_waveform_is_in_the_bound() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("x.dat");
    let drawing = ["--peaks", target.to_str().unwrap(), "--peaks-zoom", "16"];
    let drawn = memory_with(&drawing, 1, 8000, 1, 3600, "audio        1:00:00 in 120 chunks");
    let plain = memory_of(1, 8000, 1, 3600, "audio        1:00:00 in 120 chunks");
    // Four bytes for each of 1,800,000 pairs.
    let more = drawn.bound - plain.bound;
    assert!((68..=69).contains(&more), "{more} tenths of a MiB");
}

#[test]
fn eight_channels_at_192_khz_stay_within_the_bound() {
    let wide = memory_of(8, 192_000, 3, 40, "audio        0:40.0 in ");
    // Three chunks of nearly 16 MiB were there at a time, and had to be.
    assert!(wide.peaks > 40 * 10, "{} tenths of a MiB", wide.peaks);
}

#[test]
fn twenty_thousand_tiny_tasks_stay_within_the_bound() {
    let program = Program::example("chores");
    let output = Command::new(&program.path).args(["tiny", "20000"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let figures: Vec<u64> = printed.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [supervisor, children, bound] = figures[..] else { panic!("{printed}") };
    assert!(supervisor > 1 << 20 && children > 2 << 20, "{printed}");
    assert!(supervisor + children <= bound, "{printed}");
    program.expect_no_process_left();
}
