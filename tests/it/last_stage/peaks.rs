//! Peaks: the waveform in files, as audiowaveform writes it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::run;

/// A place for files.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The peaks of one file of `tests/data`.
    #[track_caller]
    fn drawn(&self, input: &str, name: &str, options: &[&str]) -> Vec<u8> {
        let target = self.at(name);
        run(&[&["analyze", input, "--peaks", &target], options].concat(), 0);
        fs::read(target).unwrap()
    }
}

fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let output = run(&[&["analyze"], arguments].concat(), 2);
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn numbers(json: &str) -> Vec<i64> {
    let parsed: Value = serde_json::from_str(json).unwrap();
    parsed["data"].as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

#[test]
fn files_are_those_of_audiowaveforms_definition_on_samples_of_libsndfile() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../data/peaks-figures.json")).unwrap();
    let place = Place::new();
    let (mut equal, mut near) = (0, 0);
    for file in recorded["files"].as_array().unwrap() {
        let [name, mean, split_8, dat_8, dat] =
            ["file", "json", "split_json_8", "split_dat_8", "split_dat"]
                .map(|key| file[key].as_str().unwrap());
        let zoom = file["zoom"].to_string();
        let common = ["--isolation", "never", "--peaks-zoom", &zoom];
        let of = |target: &str, options: &[&str]| {
            place.drawn(name, target, &[&common[..], options].concat())
        };
        let ours = String::from_utf8(of("a.json", &[])).unwrap();
        if file["lossy"] == true {
            // Another decoder: the last bit may be another.
            let (ours, theirs) = (numbers(&ours), numbers(mean));
            assert_eq!(ours.len(), theirs.len(), "{name}");
            let is_near = ours.iter().zip(&theirs).all(|(one, other)| (one - other).abs() <= 1);
            assert!(is_near, "{name}: {ours:?}, not {theirs:?}");
            near += 1;
            continue;
        }
        assert_eq!(ours, mean, "{name}");
        let (split, eight) = ("--peaks-split-channels", ["--peaks-bits", "8"]);
        let ours = of("b.json", &[split, eight[0], eight[1]]);
        assert_eq!(String::from_utf8(ours).unwrap(), split_8, "{name}");
        assert_eq!(hex(&of("a.dat", &[split, eight[0], eight[1]])), dat_8, "{name}");
        assert_eq!(hex(&of("b.DAT", &[split])), dat, "{name}");
        equal += 1;
    }
    assert!(equal > 30 && near > 0, "{equal} equal, {near} near");
}

#[test]
fn peaks_are_the_same_bytes_for_any_cut_and_the_report_is_as_without() {
    let place = Place::new();
    let files = ["s16-mono-8000-64s.flac", "u8-mono-3000-65s.wav", "s16-stereo-1600-31s.wav"];
    let of = |name: &str, options: &[&str]| {
        let directory = place.at(name);
        let peaks = [
            "analyze",
            "--format",
            "json",
            "--peaks-zoom",
            "777",
            "--peaks-split-channels",
            "--peaks",
            &directory,
        ];
        // A directory that is not there yet ends in a slash.
        let peaks =
            peaks.map(|word| if word == directory { format!("{word}/") } else { word.into() });
        let peaks: Vec<_> = peaks.iter().map(String::as_str).collect();
        let report = run(&[&peaks[..], options, &files].concat(), 0).stdout;
        let drawn = names(&directory).into_iter().map(|name| {
            let bytes = fs::read(Path::new(&directory).join(&name)).unwrap();
            (name, bytes)
        });
        (report, drawn.collect::<Vec<_>>())
    };
    let whole = of(
        "0",
        &["--isolation", "never", "--min-chunk-ms", "3600000", "--max-chunk-ms", "3600000"],
    );
    let expected = [
        "00000000-s16-mono-8000-64s.flac.dat",
        "00000001-u8-mono-3000-65s.wav.dat",
        "00000002-s16-stereo-1600-31s.wav.dat",
    ];
    assert_eq!(whole.1.iter().map(|(name, _)| name).collect::<Vec<_>>(), expected);
    for (name, options) in [
        ("1", &["--workers", "1", "--min-chunk-ms", "1000", "--max-chunk-ms", "1000"][..]),
        ("4", &["--workers", "4", "--min-chunk-ms", "7000", "--max-chunk-ms", "7000"]),
        ("never", &["--isolation", "never", "--min-chunk-ms", "2000", "--max-chunk-ms", "2000"]),
    ] {
        assert!(of(name, options) == whole, "{options:?}");
    }
    let plain = run(&[&["analyze", "--format", "json"], &files[..]].concat(), 0).stdout;
    assert!(plain == whole.0);
}

#[test]
fn a_failed_input_has_a_record_and_no_peaks() {
    let place = Place::new();
    let directory = place.at("peaks");
    let inputs = ["silence.wav", "README.md", "gone.wav", "silence.wav", "empty.wav"];
    let arguments = ["analyze", "--peaks-format", "json", "--format", "ndjson", "--peaks"];
    let slash = format!("{directory}/");
    let output = run(&[&arguments[..], &[&slash], &inputs].concat(), 1);
    let records = String::from_utf8(output.stdout).unwrap();
    assert_eq!(records.matches("\"status\":\"failed\"").count(), 2, "{records}");
    let expected =
        ["00000000-silence.wav.json", "00000003-silence.wav.json", "00000004-empty.wav.json"];
    assert_eq!(names(&directory), expected);
    let empty = fs::read_to_string(Path::new(&directory).join(expected[2])).unwrap();
    assert!(empty.ends_with("\"bits\":16,\"length\":0,\"data\":[]}\n"), "{empty}");

    // A file of one that failed stays as it was, and so does one that is hidden beside it.
    let target = place.at("x.json");
    fs::write(&target, "older").unwrap();
    fs::write(place.at(".x.json"), "another").unwrap();
    run(&["analyze", "README.md", "--peaks", &target], 1);
    assert_eq!(fs::read_to_string(&target).unwrap(), "older");
    assert_eq!(names(place.0.path()), [".x.json", "peaks", "x.json"]);
    place.drawn("silence.wav", "x.json", &[]);
    assert!(fs::read_to_string(&target).unwrap().starts_with("{\"version\":2,\"channels\":1,"));
}

#[test]
fn what_cannot_be_meant_is_refused_before_the_work() {
    let place = Place::new();
    let [png, json, dat, deep] =
        ["x.png", "x.json", "x.dat", "no/such/x.dat"].map(|name| place.at(name));
    let told = refused(&["silence.wav", "--peaks", &png]);
    assert!(told.contains("x.png` ends in neither `.dat` nor `.json`"), "{told}");
    assert!(told.contains("help: ") && told.contains("x.png/`"), "{told}");
    for inputs in [&["silence.wav", "threshold.wav"][..], &["traps"], &["--files-from", "-"]] {
        let told = refused(&[inputs, &["--peaks", &json]].concat());
        assert!(told.contains("x.json` is one file, for one input"), "{told}");
        assert!(told.contains("--peaks "), "{told}");
        assert!(told.contains(&format!("{}x/`", std::path::MAIN_SEPARATOR)), "{told}");
    }
    let told = refused(&["silence.wav", "--peaks", &json, "--output", &json]);
    assert!(told.contains("is the file of `--output`, too"), "{told}");
    let told = refused(&["silence.wav", "--peaks", &json, "--peaks-format", "dat"]);
    assert!(told.contains("of another format than `--peaks-format`"), "{told}");
    let told = refused(&["silence.wav", "--peaks", &deep]);
    assert!(
        told.contains("cannot write peaks to `--peaks ") && told.contains("x.dat`: "),
        "{told}"
    );
    fs::write(&dat, "not audio, but not to be lost").unwrap();
    let told = refused(&[&dat, "--peaks", &dat]);
    assert!(told.contains("x.dat` is an input of this run"), "{told}");
    let told = refused(&["silence.wav", "--peaks", place.0.path().to_str().unwrap()]);
    assert!(told.contains("the directory is not empty; name a new one"), "{told}");
    assert!(refused(&["silence.wav", "--peaks-bits", "8"]).contains("--peaks <FILE>"));
    for zoom in ["15", "-5", "x", "2147483648"] {
        let told = refused(&["silence.wav", "--peaks", &json, "--peaks-zoom", zoom]);
        assert!(told.contains("--peaks-zoom"), "{told}");
    }
    assert_eq!(names(place.0.path()), ["x.dat"]);
    assert_eq!(fs::read_to_string(&dat).unwrap(), "not audio, but not to be lost");
}

#[test]
fn stored_partials_hold_no_waveform_and_merge_says_so() {
    let place = Place::new();
    let [with, without, peaks] = ["with", "without", "peaks/"].map(|name| place.at(name));
    let common = ["analyze", "s16-mono-8000-64s.flac", "--save-partials"];
    run(&[&common[..], &[&with, "--peaks", &peaks]].concat(), 0);
    run(&[&common[..], &[&without]].concat(), 0);
    let stored = |directory: &str| {
        fs::read(PathBuf::from(directory).join("00000000-s16-mono-8000-64s.flac.partials")).unwrap()
    };
    assert!(stored(&with) == stored(&without));
    run(&["merge", &with], 0);
    let output = run(&["merge", &with, "--peaks", &place.at("x.dat")], 2);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("`--peaks` needs the audio; stored partials hold no waveform"), "{told}");
    assert!(told.contains("help: `audiopool analyze --peaks`"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_place_without_room_for_peaks_ends_the_run_plainly() {
    let place = Place::new();
    let program = super::audiopool();
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" analyze --isolation never --format ndjson \
                  --peaks-zoom 16 --peaks \"$1\" silence-short.wav s16-mono-8000-64s.flac frames-22.wav";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(program.get_program())
        .arg(place.at("peaks/"))
        .current_dir(program.get_current_dir().unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(told.contains("cannot write peaks in the place of `--peaks`: "), "{told}");
    assert!(told.contains("help: make room or choose another place"), "{told}");
    let records = String::from_utf8(output.stdout).unwrap();
    assert!(records.contains("\"path\":\"silence-short.wav\",\"status\":\"ok\""), "{records}");
    let names = names(place.at("peaks"));
    assert!(names.contains(&"00000000-silence-short.wav.dat".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| !name.starts_with('.') && !name.contains("64s")), "{names:?}");
}

#[test]
fn the_report_may_go_to_the_directory_of_the_peaks() {
    let place = Place::new();
    let (directory, report) = (place.at(""), place.at("r.json"));
    run(&["analyze", "silence.wav", "--peaks", &directory, "--output", &report], 0);
    assert_eq!(names(directory), ["00000000-silence.wav.dat", "r.json"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_of_peaks_stays_a_link() {
    let place = Place::new();
    std::os::unix::fs::symlink("behind", place.at("x.dat")).unwrap();
    fs::write(place.at("behind"), "").unwrap();
    let drawn = place.drawn("silence.wav", "x.dat", &[]);
    assert!(fs::symlink_metadata(place.at("x.dat")).unwrap().is_symlink());
    assert_eq!(fs::read(place.at("behind")).unwrap(), drawn);
}
