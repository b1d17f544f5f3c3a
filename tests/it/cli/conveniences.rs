//! What the command line does for those who type: suggestions, short names, formats by ending,
//! audio from standard input.

use std::fs;

use serde_json::Value;

use super::{audiopool, expect_code, records, run, stderr, stdout, write_wav};
use crate::program;

#[test]
fn misspelled_names_are_answered_with_a_suggestion() {
    for (arguments, suggestion) in [
        (
            &["analyze", "--metrics", "intergrated_lufs", "x.wav"][..],
            "did you mean `integrated_lufs`?",
        ),
        (&["explain", "true_peak"], "did you mean `true_peak_dbtp`?"),
        (&["analyse", "x.wav"], "'analyze'"),
        (&["analyze", "--metric", "all", "x.wav"], "'--metrics'"),
    ] {
        let said = stderr(&run(arguments, 2));
        assert!(said.contains(suggestion), "{arguments:?}: {said}");
    }
}

#[test]
fn a_file_in_the_place_of_a_subcommand_is_answered_with_analyze() {
    for path in ["song.wav", "./song", "album/song.flac"] {
        let said = stderr(&run(&[path], 2));
        assert!(said.contains(&format!("`audiopool analyze {path}`")), "{said}");
    }
    let said = stderr(&run(&["xyzzy"], 2));
    assert!(!said.contains("help: to measure it"), "{said}");
}

#[test]
fn a_wrong_value_of_a_variable_is_answered_with_its_name() {
    for (variable, value) in [
        ("AUDIOPOOL_WORKERS", "many"),
        ("AUDIOPOOL_METRICS", "xyzzy"),
        ("AUDIOPOOL_ISOLATION", "sometimes"),
    ] {
        let output = audiopool().args(["analyze", "x.wav"]).env(variable, value).output().unwrap();
        expect_code(&output, 2, variable);
        let said = stderr(&output);
        assert!(said.contains(&format!("environment variable {variable}")), "{said}");
    }
    let mut typed = audiopool();
    typed.args(["analyze", "--workers", "many", "x.wav"]).env("AUDIOPOOL_WORKERS", "many");
    let said = stderr(&typed.output().unwrap());
    assert!(!said.contains("environment variable"), "it was typed: {said}");
}

#[test]
fn j_is_short_for_workers() {
    let data = program::data().join("s16-mono-300.wav");
    let path = data.to_str().unwrap();
    let format = ["--format", "ndjson", path];
    let short = run(&[&["analyze", "-j", "2"][..], &format].concat(), 0);
    assert_eq!(
        stdout(&short),
        stdout(&run(&[&["analyze", "--workers", "2"][..], &format].concat(), 0))
    );
    assert!(stderr(&run(&["analyze", "-j", "0", path], 2)).contains("--workers"));
}

#[test]
fn the_ending_of_the_output_chooses_the_format() {
    let root = tempfile::tempdir().unwrap();
    let input = root.path().join("a.wav");
    write_wav(&input, &[0, 100, -100]);
    let input = input.to_str().unwrap();
    let written = |name: &str, further: &[&str]| {
        let output = root.path().join(name);
        let args = [&["analyze", input, "-o", output.to_str().unwrap()], further].concat();
        let ended = run(&args, 0);
        (fs::read_to_string(output).unwrap(), stderr(&ended))
    };
    let (csv, said) = written("r.csv", &[]);
    assert!(csv.starts_with("path,status,") && said.is_empty(), "{csv}{said}");
    assert!(written("r.JSONL", &[]).0.starts_with("{\"schema_version\":1,\"path\":"));
    assert!(written("r.json", &[]).0.starts_with("{\"audiopool\":"));
    assert!(written("r.report", &[]).0.contains("1 file: 1 ok"));
    let (json, said) = written("s.csv", &["--format", "json"]);
    assert!(json.starts_with("{\"audiopool\":"), "{json}");
    assert!(said.contains("is written as json, as `--format` says, and not as csv"), "{said}");
}

#[test]
fn counts_are_integers_in_json_and_csv() {
    let metrics = "clipped_samples,file_bytes,bit_depth_used,max_dbfs";
    let file = program::data().join("full-scale.wav");
    let args = ["analyze", "--metrics", metrics, file.to_str().unwrap(), "--format"];
    let [record] = &records(&run(&[&args[..], &["ndjson"]].concat(), 0))[..] else { panic!() };
    for key in ["clipped_samples", "file_bytes", "bit_depth_used"] {
        assert!(record["metrics"][key].is_u64(), "{key}: {}", record["metrics"][key]);
        let of_channel = &record["channels"][0][key];
        assert!(of_channel.is_null() || of_channel.is_u64(), "{key}: {of_channel}");
    }
    assert!(record["metrics"]["max_dbfs"].is_f64());
    let csv = stdout(&run(&[&args[..], &["csv"]].concat(), 0));
    let row = csv.lines().nth(1).unwrap();
    assert!(row.contains(&format!(",{},", fs::metadata(&file).unwrap().len())), "{row}");
}

#[test]
fn version_tells_the_build_and_ffmpeg() {
    let told = stdout(&run(&["version", "--format", "json"], 0));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["build"], audiopool::BUILD_ID);
    let without = audiopool().args(["version"]).env("AUDIOPOOL_FFMPEG", "").output().unwrap();
    expect_code(&without, 0, "version");
    assert!(stdout(&without).contains("no ffmpeg"), "{}", stdout(&without));
    let nowhere = audiopool()
        .args(["version", "--format", "json"])
        .env("AUDIOPOOL_FFMPEG", "/no/such/ffmpeg")
        .output()
        .unwrap();
    let told: Value = serde_json::from_str(&stdout(&nowhere)).unwrap();
    assert_eq!(told["ffmpeg"]["program"], "/no/such/ffmpeg");
    assert!(told["ffmpeg"]["version"].is_null() && told["ffmpeg"]["error"].is_string(), "{told}");
}

#[test]
fn audio_from_standard_input_has_the_figures_of_the_file() {
    let file = program::data().join("speech-12000.flac");
    let audio = fs::read(&file).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let from_stdin = |args: &[&str], audio: &[u8]| {
        let mut command = audiopool();
        command.args(["analyze", "--format", "ndjson"]).args(args).env("TMPDIR", temporary.path());
        command.write_stdin(audio).output().unwrap()
    };
    let output = from_stdin(&["-", "--stdin-name", "take.flac"], &audio);
    expect_code(&output, 0, "-");
    let direct = run(&["analyze", "--format", "ndjson", file.to_str().unwrap()], 0);
    let ([mut ours], [mut theirs]) = (
        <[Value; 1]>::try_from(records(&output)).unwrap(),
        <[Value; 1]>::try_from(records(&direct)).unwrap(),
    );
    assert_eq!(ours["path"], "take.flac");
    ours["path"].take();
    theirs["path"].take();
    assert_eq!(ours, theirs);
    // Without a name there is no ending to compare with.
    let unnamed = from_stdin(&["-"], &audio);
    assert_eq!(records(&unnamed)[0]["path"], "-");
    assert_eq!(records(&unnamed)[0]["warnings"], serde_json::json!([]));

    let empty = from_stdin(&["-"], b"");
    expect_code(&empty, 1, "nothing");
    assert_eq!(records(&empty)[0]["error"]["kind"], "empty");
    let left = fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left, 0, "the copy goes with the run");

    for (args, part) in [
        (&["-", "-"][..], "more than once"),
        (&["-", "--files-from", "-"], "both read standard input"),
    ] {
        let output = from_stdin(args, &audio);
        expect_code(&output, 2, part);
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn fail_on_makes_a_warning_or_damage_exit_1() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name).display().to_string();
    write_wav(at("sound.wav").as_ref(), &[0, 100, -100]);
    fs::copy(at("sound.wav"), at("sound.flac")).unwrap();
    let whole = fs::read(program::data().join("s16-stereo-44100.wav")).unwrap();
    fs::write(at("cut.wav"), &whole[..whole.len() / 2]).unwrap();
    let ended = |fail_on: &[&str], name: &str, code| {
        let path = at(name);
        stderr(&run(&[&["analyze", "-q", &path], fail_on].concat(), code))
    };
    let (warning, damage) = (["--fail-on", "warning"], ["--fail-on", "damage"]);
    assert_eq!(ended(&[], "cut.wav", 0), "");
    assert_eq!(ended(&damage, "sound.wav", 0), "");
    assert_eq!(ended(&damage, "sound.flac", 0), "", "a wrong name is no damage");
    for (fail_on, name) in [(&warning, "sound.flac"), (&warning, "cut.wav"), (&damage, "cut.wav")] {
        let said = ended(fail_on, name, 1);
        assert!(said.contains(&format!("`--fail-on {}`", fail_on[1])), "{said}");
    }
    let text = stdout(&run(&["analyze", &at("cut.wav"), &at("sound.wav")], 0));
    assert!(text.contains("2 files: 2 ok, 0 failed, 1 damaged · "), "{text}");
    let json = stdout(&run(&["analyze", "--format", "json", &at("cut.wav")], 0));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["summary"]["damaged"], 1);
}
