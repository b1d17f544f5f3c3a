//! Stored partials: the same reports without the audio, and nothing out of what is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use audiopool::merge::{self, Changes};
use procpool::codec::checksum;
use serde_json::Value;
use tempfile::TempDir;

use super::run;

/// Where the header begins.
const PREFIX: usize = 32;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A directory with stored partials in it.
struct Kept {
    place: TempDir,
}

impl Kept {
    fn new() -> Self {
        Self { place: tempfile::tempdir().unwrap() }
    }

    fn directory(&self) -> String {
        self.place.path().join("kept").to_str().unwrap().to_owned()
    }

    /// Measures, and keeps the partials.
    #[track_caller]
    fn analyze(&self, arguments: &[&str], code: i32) -> Output {
        run(&[&["analyze", "--save-partials", &self.directory()], arguments].concat(), code)
    }

    #[track_caller]
    fn merge(&self, arguments: &[&str], code: i32) -> Output {
        run(&[&["merge", &self.directory()], arguments].concat(), code)
    }

    fn files(&self) -> Vec<PathBuf> {
        merge::files(&[self.directory().into()])
    }
}

/// Every fixture that needs no other program, what is none, and what is not there.
fn inputs() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_none_or(|end| end != "json"))
        .collect();
    names.sort();
    names.push("traps/changing.flac".to_owned());
    names.push("gone.wav".to_owned());
    // Twice the same is two inputs.
    names.push("frames-1.wav".to_owned());
    names
}

#[test]
fn whether_the_checksum_matches_can_be_asked_of_partials() {
    let kept = Kept::new();
    kept.analyze(&["--metrics", "basic,declared_frames", "s16-stereo-44100.flac"], 0);
    let options = ["--metrics", "decode_errors,checksum_matches", "--format", "ndjson"];
    let merged = kept.merge(&options, 0);
    assert!(stdout(&merged).contains(r#""checksum_matches":1"#), "{merged:?}");
}

#[test]
fn reports_of_partials_are_the_same_bytes_as_those_of_the_audio() {
    let kept = Kept::new();
    let inputs = inputs();
    let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
    let all = ["--metrics", "all", "--format", "json"];
    let expected = kept.analyze(&[&all[..], &inputs].concat(), 1);
    let report: Value = serde_json::from_slice(&expected.stdout).unwrap();
    let count = report["files"].as_array().unwrap().len();
    assert!(count > 40 && report["summary"]["failed"].as_u64().unwrap() > 1, "{count}");
    assert_eq!(kept.files().len(), count);
    assert!(kept.merge(&["--format", "json"], 1).stdout == expected.stdout);
    for format in ["ndjson", "csv"] {
        let options = ["analyze", "--metrics", "all", "--format", format];
        let expected = run(&[&options[..], &inputs].concat(), 1);
        let merged = kept.merge(&["--format", format], 1);
        assert!(merged.stdout == expected.stdout, "{format}");
    }
}

#[test]
fn partials_are_the_same_bytes_for_any_cut() {
    let files = ["s16-mono-8000-64s.flac", "speech-12000.flac", "s16-6ch-16000.wav"];
    let kept = |options: &[&str]| {
        let kept = Kept::new();
        kept.analyze(&[&["--metrics", "all"], options, &files].concat(), 0);
        let bytes: Vec<_> = kept.files().iter().map(|file| fs::read(file).unwrap()).collect();
        bytes
    };
    let whole =
        kept(&["--isolation", "never", "--min-chunk-ms", "90000", "--max-chunk-ms", "90000"]);
    assert_eq!(whole.len(), files.len());
    assert!(kept(&["--workers", "3", "--min-chunk-ms", "1000", "--max-chunk-ms", "3000"]) == whole);
}

#[test]
fn what_the_last_stage_decides_can_be_chosen_anew() {
    let files = ["speech-12000.flac", "s16-stereo-44100.wav", "README.md", "s16-mono-300.wav"];
    let kept = Kept::new();
    kept.analyze(&[&["--metrics", "level,loudness"], &files[..]].concat(), 1);
    let again = [
        "--metrics",
        "loudness",
        "--loudness-target",
        "-16",
        "--album=directory",
        "--dual-mono",
        "--timeline",
        "--format",
        "json",
    ];
    let expected = run(&[&["analyze"], &again[..], &files].concat(), 1);
    assert_eq!(stdout(&kept.merge(&again, 1)), stdout(&expected));
    // What was asked for then is asked for now.
    let with = Kept::new();
    let expected = with.analyze(&[&again[..], &files].concat(), 1);
    assert_eq!(stdout(&with.merge(&["--format", "json"], 1)), stdout(&expected));
    // Fewer figures, other albums, another target, and settings that are as they were.
    let fewer = ["--metrics", "rms_dbfs,max_dbfs", "--format", "ndjson"];
    let expected = run(&[&["analyze"], &fewer[..], &files].concat(), 1);
    let same = ["--silence-threshold-db", "-50", "--min-silence-ms", "100"];
    assert_eq!(stdout(&kept.merge(&[&fewer[..], &same].concat(), 1)), stdout(&expected));
}

#[test]
fn what_the_samples_were_measured_with_is_refused_by_name() {
    let kept = Kept::new();
    kept.analyze(&["speech-12000.flac"], 0);
    for (arguments, told) in [
        (&["--silence-threshold-db", "-40"][..], "`--silence-threshold-db -40` cannot be chosen"),
        (&["--min-silence-ms", "99"], "`--min-silence-ms 99` cannot be chosen any more"),
        (&["--metrics", "dr14"], "`--metrics dr14` is made of what"),
        (&["--album"], "`--album` is made of what"),
        (&["--timeline"], "`--timeline` is made of what"),
        (&["--loudness-target", "-23"], "`--loudness-target` is made of what"),
        (&["--metrics", "loudness_target_deviation_lu"], "`--loudness-target` names it"),
    ] {
        let output = kept.merge(arguments, 2);
        let said = stderr(&output);
        assert!(said.contains(told) && said.contains("help: "), "{said}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    let other = Kept::new();
    other.analyze(&["--silence-threshold-db", "-40", "speech-12000.flac"], 0);
    let said = stderr(&run(&["merge", &kept.directory(), &other.directory()], 2));
    assert!(
        said.contains("other settings of silence") && said.contains("merge them apart"),
        "{said}"
    );
    let figures = Kept::new();
    figures.analyze(&["--metrics", "level", "speech-12000.flac"], 0);
    let both = ["merge", &kept.directory(), &figures.directory(), "--format", "ndjson"];
    let said = stderr(&run(&both, 2));
    assert!(said.contains("for other figures") && said.contains("`--metrics` chooses"), "{said}");
    let chosen = run(&[&both[..], &["--metrics", "max_dbfs,min_dbfs"]].concat(), 0);
    assert_eq!(stdout(&chosen).lines().count(), 2);
}

#[test]
fn a_damaged_or_foreign_file_fails_alone() {
    let kept = Kept::new();
    kept.analyze(&["speech-12000.flac", "silence.wav", "s16-mono-18900.wav"], 0);
    let files = kept.files();
    let mut bytes = fs::read(&files[1]).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&files[1], bytes).unwrap();
    let directory = PathBuf::from(kept.directory());
    fs::write(directory.join("zzz.partials"), "RIFF, it is none").unwrap();
    fs::write(directory.join("notes.txt"), "not looked at").unwrap();
    let output = kept.merge(&["--format", "ndjson"], 1);
    let records: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = records.iter().map(|record| record["error"]["kind"].as_str()).collect();
    let kind = Some("invalid_partials");
    assert_eq!(told, [None, kind, None, kind]);
    let message = |at: usize| records[at]["error"]["message"].as_str().unwrap();
    assert!(message(1).contains("a checksum differs; analyse the file again"), "{}", message(1));
    assert!(message(3).contains("no stored partials"), "{}", message(3));
    // Explicitly named: the audio itself, a directory without any, a path that is not there.
    let empty = kept.place.path().to_str().unwrap();
    let output = run(&["merge", "speech-12000.flac", empty, "gone", "--format", "ndjson"], 1);
    assert_eq!(stdout(&output).matches("\"kind\":\"invalid_partials\"").count(), 3);
}

/// What is told of a file with these bytes; nothing if it has a record of its input.
fn refusal(place: &Path, bytes: &[u8]) -> Option<String> {
    let file = place.join("x.partials");
    fs::write(&file, bytes).unwrap();
    let files = std::slice::from_ref(&file);
    let settings = merge::settings(files, &Changes::default()).unwrap();
    let record = merge::record(&file, &settings);
    let error = record.error().filter(|_| record.path == file)?;
    assert_eq!(error.kind.to_string(), "invalid_partials");
    Some(error.message.clone())
}

#[test]
fn no_damage_goes_unnoticed() {
    let kept = Kept::new();
    kept.analyze(&["--metrics", "basic,loudness", "s16-mono-18900.wav"], 0);
    let whole = fs::read(&kept.files()[0]).unwrap();
    let place = kept.place.path();
    assert_eq!(refusal(place, &whole), None);
    for at in (0..whole.len()).step_by(if whole.len() > 4000 { 7 } else { 1 }) {
        let mut harmed = whole.clone();
        harmed[at] ^= 1 << (at % 8);
        assert!(refusal(place, &harmed).is_some(), "byte {at}");
        if at % 5 == 0 {
            assert!(refusal(place, &whole[..at]).is_some(), "cut at {at}");
        }
    }
    assert!(refusal(place, &[&whole[..], &[0]].concat()).unwrap().contains("bytes instead of"));
    let with = |at: usize, bytes: &[u8]| {
        let mut harmed = whole.clone();
        harmed[at..at + bytes.len()].copy_from_slice(bytes);
        refusal(place, &harmed).unwrap()
    };
    assert!(with(8, &4_u32.to_le_bytes()).contains("of version 4, and this audiopool reads 3"));
    assert!(with(12, b"0000beef").contains("of another build of audiopool (0000beef"));
    assert!(with(20, &u32::MAX.to_le_bytes()).contains("a length beyond any"));
    assert!(with(24, &u64::MAX.to_le_bytes()).contains("a length beyond any"));
}

/// The file with another body, and every length and checksum right.
fn sound(whole: &[u8], body: &[u8]) -> Vec<u8> {
    let header = u32::from_le_bytes(whole[20..24].try_into().unwrap());
    let header = usize::try_from(header).unwrap();
    let mut bytes = whole[..PREFIX + header].to_vec();
    bytes[24..32].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes.extend(body);
    bytes.extend(checksum(body).to_le_bytes());
    bytes
}

#[test]
fn bytes_with_right_checksums_do_no_harm_either() {
    let kept = Kept::new();
    kept.analyze(&["--metrics", "all", "frames-23.wav"], 0);
    let whole = fs::read(&kept.files()[0]).unwrap();
    let header = usize::try_from(u32::from_le_bytes(whole[20..24].try_into().unwrap())).unwrap();
    let body = &whole[PREFIX + header + 4..whole.len() - 4];
    let place = kept.place.path();
    assert!(sound(&whole, body) == whole);
    let mut refused = 0;
    for at in 0..body.len().min(3000) {
        // A length of 2⁶³ where one was, and a flipped bit.
        let huge = [&body[..at], &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
        let mut flipped = body.to_vec();
        flipped[at] ^= 1 << (at % 8);
        for harmed in [&huge[..], &[&huge[..], &body[at..]].concat(), &flipped, &body[..at]] {
            let told = refusal(place, &sound(&whole, harmed));
            let is_panic = told.as_ref().is_some_and(|told| told.contains("make no figures"));
            assert!(!is_panic, "byte {at}");
            refused += usize::from(told.is_some());
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn a_place_that_cannot_be_used_is_told_before_the_work() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("x"), "").unwrap();
    let of = |path: &Path| {
        let path = path.to_str().unwrap();
        stderr(&run(&["analyze", "--save-partials", path, "silence.wav"], 2))
    };
    let said = of(place.path());
    assert!(said.contains("--save-partials") && said.contains("not empty"), "{said}");
    assert!(of(&place.path().join("x")).contains("cannot store partials"));
}

#[cfg(unix)]
#[test]
fn a_place_without_room_ends_the_run_plainly() {
    let kept = Kept::new();
    let program = super::audiopool();
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" analyze --isolation never \
                  --metrics loudness --format ndjson --save-partials \"$1\" silence.wav \
                  s16-mono-8000-64s.flac speech-12000.flac";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(program.get_program())
        .arg(kept.directory())
        .current_dir(program.get_current_dir().unwrap())
        .output()
        .unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("cannot store partials in the place of `--save-partials`"), "{said}");
    assert!(said.contains("help: make room or choose another place"), "{said}");
    // What was measured has its record; of what was not stored there is no half a file.
    assert!(stdout(&output).contains("\"path\":\"silence.wav\",\"status\":\"ok\""));
    let names: Vec<_> = fs::read_dir(kept.directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.contains(&"00000000-silence.wav.partials".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    assert!(names.iter().all(|name| !name.contains("64s")), "{names:?}");
}
