//! Health: checksums that another program's encoder wrote into its files, and files that do not
//! keep to what they say.

mod damage;

use std::fs;
use std::path::{Path, PathBuf};

use audiopool::decode::Source;
use audiopool_worker::analyze::Health;
use serde_json::Value;

use crate::program;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// What is said of a file after all of it was decoded.
fn health(path: &Path) -> Health {
    let mut source = Source::open(path).unwrap();
    let mut block = Vec::new();
    while source.next_block(&mut block) {
        block.clear();
    }
    source.health()
}

/// A fixture with other bytes in it.
fn changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("changed.flac");
    let mut bytes = fs::read(fixture(name)).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    (place, path)
}

/// Where the MD5 stands: behind the mark, the head of the block, and the other fields.
const MD5: usize = 4 + 4 + 18;

#[test]
fn audio_comes_to_the_checksum_of_its_encoder() {
    // Those that `flac -t` says are ok, of 16 and 24 bits, one, two and six channels.
    let sound = [
        "s16-6ch-16000.flac",
        "s16-mono-8000-64s.flac",
        "s16-stereo-44100.flac",
        "s24-stereo-48000.flac",
        "speech-12000.flac",
        "traps/surround.flac",
    ];
    for name in sound {
        let Health { declared_frames, decode_errors, checksum_matches, .. } =
            health(&fixture(name));
        assert_eq!((decode_errors, checksum_matches), (Some(0), Some(true)), "{name}");
        assert!(declared_frames.is_some_and(|frames| frames > 0), "{name}");
    }
}

#[test]
fn another_checksum_is_told_and_none_is_none() {
    let (_place, path) = changed("s16-stereo-44100.flac", |bytes| bytes[MD5] ^= 1);
    assert_eq!(health(&path).checksum_matches, Some(false));
    let (_place, path) = changed("s16-stereo-44100.flac", |bytes| bytes[MD5..][..16].fill(0));
    assert_eq!(health(&path).checksum_matches, None);
    assert_eq!(health(&fixture("s16-stereo-44100.wav")).checksum_matches, None);
}

#[test]
fn a_damaged_frame_is_an_error_and_another_checksum() {
    let (_place, path) = changed("s16-stereo-44100.flac", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
    });
    let health = health(&path);
    assert_eq!((health.decode_errors, health.checksum_matches), (Some(1), Some(false)));
}

#[test]
fn it_stands_among_the_metrics_when_asked_for() {
    let output = program::audiopool()
        .args(["analyze", "--metrics", "health", "--format", "ndjson"])
        .args([fixture("s16-stereo-44100.flac"), fixture("s16-stereo-44100.wav")])
        .output()
        .unwrap();
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [flac, wav] = &lines[..] else { panic!("{lines:?}") };
    for record in [flac, wav] {
        let figures = &record["metrics"];
        assert_eq!(figures["declared_frames"].as_f64(), record["format"]["frames"].as_f64());
        assert_eq!(figures["decode_errors"].as_f64(), Some(0.0));
    }
    assert_eq!(flac["metrics"]["checksum_matches"].as_f64(), Some(1.0));
    assert!(wav["metrics"]["checksum_matches"].is_null());
}
