//! The loudness of every 100 ms: that of ffmpeg, and the same for any cut.

use serde_json::Value;

use super::run;
use crate::program;

#[test]
fn timelines_are_those_of_ffmpegs_ebur128() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../data/timeline-figures.json")).unwrap();
    let files = recorded["files"].as_array().unwrap();
    let names: Vec<_> = files.iter().map(|file| file["file"].as_str().unwrap()).collect();
    let records = program::records(&[&["--timeline"], &names[..]].concat());
    let mut compared = 0;
    for (theirs, record) in files.iter().zip(&records) {
        assert_eq!(theirs["file"], record["path"]);
        // ffmpeg weights the two at the back of 7.1 as surround channels, BS.1770-5 does not.
        if theirs["channels"] == 8 {
            continue;
        }
        for (key, window) in [("momentary_lufs", 0.4), ("short_term_lufs", 3.0)] {
            let ours = &record["timelines"][key];
            assert_eq!((ours["window_seconds"].as_f64(), ours["step_seconds"].as_f64()), {
                (Some(window), Some(0.1))
            });
            let (ours, theirs) =
                (ours["values"].as_array().unwrap(), theirs[key].as_array().unwrap());
            assert_eq!(ours.len(), theirs.len(), "{key} of {}", record["path"]);
            for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                // A thousandth is the last digit of both.
                let agree = match (ours.as_f64(), theirs.as_f64()) {
                    (Some(ours), Some(theirs)) => (ours - theirs).abs() < 0.0011,
                    (ours, theirs) => ours == theirs,
                };
                assert!(agree, "{key} {at} of {}: {ours}, not {theirs}", record["path"]);
                compared += 1;
            }
        }
    }
    assert!(compared > 1500, "only {compared} comparisons");
}

#[test]
fn timelines_are_the_same_bytes_for_any_cut() {
    let files = ["s16-mono-8000-64s.flac", "s16-stereo-1600-31s.wav", "speech-12000.flac"];
    let of = |options: &[&str]| {
        let common = ["analyze", "--timeline", "--format", "json"];
        run(&[&common[..], options, &files].concat(), 0).stdout
    };
    let whole =
        of(&["--isolation", "never", "--min-chunk-ms", "3600000", "--max-chunk-ms", "3600000"]);
    let counted: Value = serde_json::from_slice(&whole).unwrap();
    let momentary = &counted["files"][0]["timelines"]["momentary_lufs"]["values"];
    assert_eq!(momentary.as_array().unwrap().len(), 644);
    assert_eq!(counted["settings"]["timeline"], true);
    for options in [
        &["--workers", "3", "--min-chunk-ms", "1000", "--max-chunk-ms", "1000"][..],
        &["--workers", "1", "--min-chunk-ms", "7000", "--max-chunk-ms", "7000"],
        &["--isolation", "never", "--min-chunk-ms", "2000", "--max-chunk-ms", "2000"],
    ] {
        assert!(of(options) == whole, "{options:?}");
    }
}

#[test]
fn there_are_none_unless_they_are_asked_for() {
    let records = program::records(&["--metrics", "loudness", "speech-12000.flac"]);
    assert_eq!(records[0]["timelines"], serde_json::json!({}));
    // Below 8 kHz there is no loudness, and in a table no place.
    let records = program::records(&["--timeline", "s16-stereo-1600-31s.wav"]);
    let values = &records[0]["timelines"]["momentary_lufs"]["values"];
    assert_eq!(values, &serde_json::json!([]));
    let table = run(&["analyze", "--timeline", "--format", "csv", "speech-12000.flac"], 0);
    let told = String::from_utf8(table.stderr).unwrap();
    assert!(told.contains("CSV has no place for timelines"), "{told}");
    let text = String::from_utf8(run(&["analyze", "--timeline", "speech-12000.flac"], 0).stdout);
    let text = text.unwrap();
    assert_eq!(text.lines().filter(|line| line.contains('█')).count(), 2, "{text}");
}
