//! Figures of albums: of files together, wherever they stand in the report.

use serde_json::{Value, json};

use super::run;
use crate::program;

const FILES: [&str; 4] =
    ["speech-12000.flac", "s16-mono-8000-64s.flac", "s16-stereo-44100.wav", "silence.wav"];

fn json_report(options: &[&str], code: i32) -> Value {
    let output = run(&[&["analyze", "--format", "json"], options].concat(), code);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_album_is_gated_anew_and_its_files_are_as_without_it() {
    let with = json_report(&[&["--album", "--metrics", "loudness"], &FILES[..]].concat(), 0);
    let without = json_report(&[&["--metrics", "loudness"], &FILES[..]].concat(), 0);
    assert_eq!(with["files"], without["files"]);
    assert_eq!((&with["settings"]["album"], without.get("albums")), (&json!("all"), None));
    let [album] = &with["albums"].as_array().unwrap()[..] else { panic!("{with}") };
    assert_eq!(album["directory"], Value::Null);
    assert_eq!((&album["counted"], &album["not_counted"]), (&json!(4), &json!([])));
    let of = |file: usize, key: &str| with["files"][file]["metrics"][key].as_f64().unwrap();
    let figure = |key: &str| album["metrics"][key].as_f64().unwrap();
    let tracks: Vec<_> = (0..3).map(|file| of(file, "integrated_lufs")).collect();
    let (least, most) = (
        tracks.iter().copied().fold(f64::INFINITY, f64::min),
        tracks.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    let whole = figure("integrated_lufs");
    assert!(whole > least && whole < most, "{whole} of {tracks:?}");
    let is_mean = (whole - tracks.iter().sum::<f64>() / 3.0).abs() < 0.01;
    assert!(!is_mean, "no mean of the files' figures");
    assert!((figure("replaygain_album_gain_db") + 18.0 + whole).abs() < 1e-9);
    for (key, of_file) in [
        ("replaygain_album_peak", "replaygain_track_peak"),
        ("true_peak_dbtp", "true_peak_dbtp"),
        ("momentary_max_lufs", "momentary_max_lufs"),
    ] {
        let largest = (0..3).map(|file| of(file, of_file)).fold(f64::NEG_INFINITY, f64::max);
        assert!((figure(key) - largest).abs() < 1e-12, "{key}");
    }
}

#[test]
fn albums_are_those_of_loudgain() {
    let recorded = include_str!("../../data/album-figures.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    for theirs in recorded["albums"].as_array().unwrap() {
        let files: Vec<_> =
            theirs["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
        let report = json_report(&[&["--album"], &files[..]].concat(), 0);
        let ours = &report["albums"][0]["metrics"];
        // Half of the last digit; peaks by another filter; ranges of every second, not every 100 ms.
        for (key, tolerance) in [
            ("integrated_lufs", 0.0051),
            ("replaygain_album_gain_db", 0.0051),
            ("replaygain_album_peak", 0.023),
            ("loudness_range_lu", 1.0),
        ] {
            let [ours, theirs] = [ours, theirs].map(|figures| figures[key].as_f64().unwrap());
            assert!((ours - theirs).abs() <= tolerance, "{key} of {files:?}: {ours}, not {theirs}");
        }
    }
}

#[test]
fn albums_are_the_same_for_any_order_and_any_cut() {
    let album = |options: &[&str], files: &[&str]| {
        let report = json_report(&[&["--album"], options, files].concat(), 0);
        report["albums"][0]["metrics"].to_string()
    };
    let expected = album(&[], &FILES);
    let mut files = FILES;
    files.reverse();
    assert_eq!(album(&["--workers", "3", "--max-chunk-ms", "10000"], &files), expected);
    files.rotate_left(1);
    assert_eq!(
        album(
            &["--isolation", "never", "--min-chunk-ms", "60000", "--max-chunk-ms", "60000"],
            &files
        ),
        expected
    );
    // The album of one file is the file.
    let report = json_report(&["--album", "--metrics", "loudness", FILES[0]], 0);
    let (album, file) = (&report["albums"][0]["metrics"], &report["files"][0]["metrics"]);
    assert_eq!(album["integrated_lufs"], file["integrated_lufs"]);
    assert_eq!(album["replaygain_album_gain_db"], file["replaygain_track_gain_db"]);
    assert_eq!(album["loudness_range_lu"], file["loudness_range_lu"]);
}

#[test]
fn every_directory_is_an_album_and_what_failed_is_named() {
    let files = ["speech-12000.flac", "README.md", "./s16-mono-8000-12s.wav", "s16-mono-300.wav"];
    let arguments = [&["analyze", "--format", "ndjson", "--album=directory"], &files[..]].concat();
    let output = String::from_utf8(run(&arguments, 1).stdout).unwrap();
    let lines: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (records, albums) = lines.split_at(files.len());
    assert!(records.iter().all(|record| record["path"].is_string()));
    // A path without a directory lies in the current one, as `./…` does.
    let [album] = albums else { panic!("{albums:?}") };
    assert_eq!(album["album"]["directory"], ".");
    assert_eq!(album["album"]["counted"], 2);
    // One failed, the other has a rate without loudness.
    assert_eq!(album["album"]["not_counted"], json!(["README.md", "s16-mono-300.wav"]));
    assert_eq!(album["album"]["complete"], true);

    let folders = tempfile::tempdir().unwrap();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (folder, file) in [("a", FILES[0]), ("b", FILES[1]), ("a", FILES[2])] {
        std::fs::create_dir_all(folders.path().join(folder)).unwrap();
        std::fs::copy(data.join(file), folders.path().join(folder).join(file)).unwrap();
    }
    let report = json_report(&["--album=directory", folders.path().to_str().unwrap()], 0);
    let told: Vec<_> = report["albums"]
        .as_array()
        .unwrap()
        .iter()
        .map(|album| (album["directory"].as_str().unwrap(), album["counted"].as_u64().unwrap()))
        .collect();
    let of = |folder: &str| folders.path().join(folder).to_str().unwrap().to_owned();
    assert_eq!(told, [(of("a").as_str(), 2), (of("b").as_str(), 1)]);
}

#[test]
fn text_has_a_block_for_each_album_and_a_table_has_none() {
    let of = |format: &str| {
        let options = ["analyze", "--album", "--loudness-target", "-16", "--format", format];
        let output = run(&[&options[..], &["speech-12000.flac", "README.md"]].concat(), 1);
        [output.stdout, output.stderr].map(|told| String::from_utf8(told).unwrap())
    };
    let [text, _] = of("text");
    let (_, block) = text.split_once("\nAlbum, 1 file\n").unwrap_or_else(|| panic!("{text}"));
    assert!(block.contains("Deviation from target") && block.contains("Album gain"), "{block}");
    assert!(block.contains("  not counted: README.md\n"), "{block}");
    let [table, told] = of("csv");
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(told.contains("CSV has no place for albums"), "{told}");
    let report = program::records(&["--album", "--loudness-target", "-16", "speech-12000.flac"]);
    let [record, album] = &report[..] else { panic!("{report:?}") };
    let key = "loudness_target_deviation_lu";
    assert_eq!(album["album"]["metrics"][key], record["metrics"][key]);
}
