//! Transport: wherever the audio lies on its way, the report is the same.
//!
//! Linux has both homes of the slots, so both are run here: the one that it uses, and the one for
//! systems where no descriptor can be inherited.

use std::process::Output;

use rustix::process::Signal;

use crate::program;
use crate::scene::{Expected, Scene};

/// What the program reports with this transport.
fn report(transport: &str, workers: &str, files: &[&str]) -> Output {
    program::audiopool()
        .env("AUDIOPOOL_TRANSPORT", transport)
        .current_dir(program::data())
        .args(["analyze", "--format", "ndjson", "--workers", workers])
        .args(["--min-chunk-ms", "1000", "--max-chunk-ms", "2000"])
        .args(files)
        .output()
        .unwrap()
}

#[test]
fn the_report_does_not_tell_where_the_audio_lay() {
    let files = [
        "s16-mono-8000-12s.wav",
        "s16-6ch-16000.flac",
        "s24-stereo-48000.wav",
        "f32-stereo-16000.wav",
        "u8-8ch-8000.wav",
        "mono-8000-64s.mp3",
        "stereo-44100.ogg",
        "empty.wav",
    ];
    let reports = [("memfd", "1"), ("memfd", "2"), ("portable", "1"), ("portable", "2")]
        .map(|(transport, workers)| report(transport, workers, &files));
    for report in &reports {
        let stderr = String::from_utf8_lossy(&report.stderr);
        assert_eq!(report.status.code(), Some(0), "{stderr}");
        assert_eq!(report.stdout, reports[0].stdout);
    }
    let lines = reports[0].stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    assert_eq!(lines.count(), files.len());
}

#[test]
fn a_worker_that_is_killed_costs_one_try_and_its_successor_gets_the_same_memory() {
    let running = Scene::rogue_in_the_middle("wait")
        .once()
        .gated()
        .args(["--workers", "1"])
        .env("AUDIOPOOL_TRANSPORT", "portable")
        .start();
    let gate = running.gate();
    running.child("worker 1").signal(Signal::KILL);
    running.hear("task tried again");
    drop(gate);
    running.wait().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn the_decoder_that_is_killed_is_started_again_where_it_was() {
    let running = Scene::rogue_in_the_middle("wait")
        .once()
        .gated()
        .args(["--workers", "1"])
        .env("AUDIOPOOL_TRANSPORT", "portable")
        .start();
    let gate = running.gate();
    running.child("decoder 1").signal(Signal::KILL);
    running.hear("decoder 1 died");
    drop(gate);
    running.wait().assert_nothing_lost(&Expected::all_well());
}

#[test]
fn a_transport_that_does_not_exist_is_named_before_anything_is_started() {
    let output = report("pigeon", "1", &["empty.wav"]);
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let expected =
        "AUDIOPOOL_TRANSPORT: `pigeon` is no transport; there are `memfd` and `portable`";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_second_that_is_larger_than_a_slot_is_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.wav");
    // Eight channels of 32 bits, 768 000 frames a second: 23 MiB of it. Two frames are there.
    let (rate, channels, width) = (768_000_u32, 8_u16, 4_u16);
    let samples = [0x11_u8; 64];
    let mut file = Vec::from(*b"RIFF\x64\0\0\0WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(channels * width)).to_le_bytes());
    file.extend((channels * width).to_le_bytes());
    file.extend((width * 8).to_le_bytes());
    file.extend(b"data\x40\0\0\0");
    file.extend(samples);
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();

    assert_eq!(report("memfd", "1", &[path]).status.code(), Some(0));
    let refused = report("portable", "1", &[path]);
    assert_eq!(refused.status.code(), Some(1));
    let record: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(record["error"]["kind"], "limit_exceeded");
    let message = record["error"]["message"].as_str().unwrap();
    assert!(message.contains("23 MiB of PCM, and 16 MiB is the most"), "{message}");
}
