//! How far files are from the loudness that is wanted.

use super::run;
use crate::program;

const DEVIATION: &str = "loudness_target_deviation_lu";

#[test]
fn positive_is_louder_than_wanted() {
    let files = ["s16-stereo-44100.flac", "silence.wav"];
    for target in ["-23", "-6.5"] {
        let options = ["--metrics", "integrated_lufs", "--loudness-target", target];
        let records = program::records(&[&options[..], &files].concat());
        let loudness = records[0]["metrics"]["integrated_lufs"].as_f64().unwrap();
        let expected = loudness - target.parse::<f64>().unwrap();
        assert!(loudness < -6.5 && loudness > -23.0, "{loudness}");
        assert_eq!(records[0]["metrics"][DEVIATION].as_f64(), Some(expected));
        // What has no loudness is not far from any.
        assert!(records[1]["metrics"][DEVIATION].is_null());
    }
}

#[test]
fn there_is_no_deviation_unless_a_target_is_named() {
    let file = "s16-mono-18900.wav";
    for metrics in ["loudness", "all", "basic"] {
        let records = program::records(&["--metrics", metrics, file]);
        assert!(records[0]["metrics"].get(DEVIATION).is_none(), "{metrics}");
    }
    let told = run(&["analyze", "--metrics", DEVIATION, file], 2).stderr;
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains(DEVIATION) && told.contains("`--loudness-target`"), "{told}");
}
