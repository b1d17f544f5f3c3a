//! Inputs and what is reported of them.

use std::fs;

use super::{audiopool, expect_code, records, run, stderr, stdout, write_wav};

#[test]
fn every_input_ends_in_one_record_in_the_order_given() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name).display().to_string();
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("text.wav"), "this is no audio at all, whatever its name says").unwrap();
    let args =
        ["analyze", "--format=ndjson", &at("gone"), &at("text.wav"), &at("empty"), &at("gone")];
    let output = run(&args, 1);
    let found = records(&output);
    let paths: Vec<_> = found.iter().map(|record| record["path"].as_str().unwrap()).collect();
    assert_eq!(paths, args[2..]);
    let kinds: Vec<_> = found.iter().map(|record| &record["error"]["kind"]).collect();
    assert_eq!(kinds[0], "not_found");
    assert_eq!(kinds[2], "no_audio");
    assert_eq!(kinds[3], "not_found");
    for record in &found {
        assert_eq!(record["status"], "failed");
        assert_eq!(record["metrics"], serde_json::json!({}));
    }
    let told = "error: 4 of 4 inputs have failed; the report says why (standard output)\n";
    assert_eq!(stderr(&output), told, "no bar where there is no terminal, no log unasked");
}

#[test]
fn a_list_on_standard_input_is_read_either_way() {
    for (args, list) in [
        (["--files-from", "-"].as_slice(), "gone/a\n\ngone/b\r\n"),
        (&["--files-from", "-", "-0"], "gone/a\0gone/b"),
    ] {
        let mut command = audiopool();
        command.args(["analyze", "--format=ndjson", "first"]).args(args).write_stdin(list);
        let output = command.output().unwrap();
        expect_code(&output, 1, list);
        let found = records(&output);
        let paths: Vec<_> = found.iter().map(|record| record["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["first", "gone/a", "gone/b"]);
    }
}

#[test]
fn a_list_that_names_nothing_is_refused_and_leaves_no_report() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("r.json");
    let list = root.path().join("list");
    let lists = [("", "--files-from=-"), ("\n\r\n", "--files-from=-"), ("", "--files-from=list")];
    for (content, flag) in lists {
        fs::write(&list, content).unwrap();
        fs::write(&target, "an earlier report").unwrap();
        let mut command = audiopool();
        command.current_dir(root.path()).args(["analyze", "-q", "-o", "r.json", flag]);
        let output = command.write_stdin(content).output().unwrap();
        expect_code(&output, 2, flag);
        let told = stderr(&output);
        let name = flag.replace('=', " ");
        assert!(told.starts_with(&format!("error: `{name}` names no file\n")), "{told}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "an earlier report");
    }
    // An empty file is told at once, beside other inputs as well.
    let args = ["analyze", "gone.wav", "--files-from", "list"];
    let output = audiopool().current_dir(root.path()).args(args).output().unwrap();
    expect_code(&output, 2, "an empty list beside a path");
    let mut command = audiopool();
    command.args(["analyze", "gone.wav", "--files-from", "-"]).write_stdin("");
    let output = command.output().unwrap();
    expect_code(&output, 1, "an empty list beside a path");
    assert!(stderr(&output).contains("the list `-` names no file"), "{}", stderr(&output));
}

#[test]
fn a_file_that_comes_twice_is_told_and_has_its_record_each_time() {
    let root = tempfile::tempdir().unwrap();
    write_wav(&root.path().join("a.wav"), &[100; 800]);
    fs::hard_link(root.path().join("a.wav"), root.path().join("b.wav")).unwrap();
    fs::write(root.path().join("#1.wav"), "").unwrap();
    let list = "./a.wav\n#1.wav\n";
    let mut command = audiopool();
    command.current_dir(root.path()).args(["analyze", "--format=ndjson", "a.wav", "b.wav"]);
    let output = command.args(["--files-from", "-"]).write_stdin(list).output().unwrap();
    expect_code(&output, 1, "an empty file");
    let found = records(&output);
    let paths: Vec<_> = found.iter().map(|record| record["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["a.wav", "b.wav", "./a.wav", "#1.wav"]);
    assert_eq!(found[0]["metrics"], found[2]["metrics"]);
    let told = stderr(&output);
    let twice = |name: &str| format!("`{name}` is the same file as an input before it");
    assert!(told.contains(&twice("./a.wav")), "{told}");
    assert_eq!(told.contains(&twice("b.wav")), cfg!(unix), "{told}");
    assert!(!told.contains(&twice("a.wav")) && !told.contains(&twice("#1.wav")), "{told}");
}

#[test]
fn every_exit_but_0_has_its_reason_on_standard_error() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("not.partials"), "no partials").unwrap();
    write_wav(&root.path().join("a.wav"), &[100; 800]);
    for (args, code, reason) in [
        (&["analyze", "-q", "-o", "r", "gone.wav"][..], 1, "1 of 1 input has failed; the report"),
        (&["merge", "-q", "-o", "m", "not.partials"], 1, "1 of 1 input has failed"),
        (&["replay", "-q", "gone.wav"], 1, "it failed again (not_found)"),
        (&["analyze", "-q", "-o", "r"], 2, "required arguments were not provided"),
        (&["analyze", "-q", "-o", ".", "gone.wav"], 2, "is a directory"),
        (&["analyze", "-q", "-o", "r", "a.wav", "--worker-program", "no/such"], 3, "no/such"),
    ] {
        let output = audiopool().current_dir(root.path()).args(args).output().unwrap();
        expect_code(&output, code, &format!("{args:?}"));
        let told = stderr(&output);
        assert!(told.starts_with("error: ") && told.contains(reason), "{args:?}: {told}");
    }
}

#[test]
fn the_report_appears_under_its_name_and_nothing_else_does() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("report.ndjson");
    fs::write(&target, "an older report").unwrap();
    let to = format!("--output={}", target.display());
    let output = run(&["analyze", "--format=ndjson", &to, "gone.wav"], 1);
    assert_eq!(stdout(&output), "");
    let expected = run(&["analyze", "--format=ndjson", "--output=-", "gone.wav"], 1).stdout;
    assert_eq!(fs::read(&target).unwrap(), expected);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn stats_and_logs_stay_off_standard_output() {
    let calm = run(&["analyze", "--format=ndjson", "gone.wav"], 1);
    let loud = run(&["analyze", "--format=ndjson", "--stats", "-vv", "gone.wav"], 1);
    assert_eq!(stdout(&calm), stdout(&loud));
    assert!(stderr(&loud).contains("wall time"), "{}", stderr(&loud));
    assert!(stderr(&loud).contains("files        0 ok, 1 failed"), "{}", stderr(&loud));
    assert!(stderr(&loud).contains("finished"), "{}", stderr(&loud));

    let mut command = audiopool();
    command.args(["analyze", "-q", "gone.wav"]).env("AUDIOPOOL_LOG", "trace");
    let told = stderr(&command.output().unwrap());
    assert!(told.starts_with("error: 1 of 1 input has failed"), "-q beats the variable: {told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn what_children_log_arrives_with_their_number_and_their_task() {
    let root = tempfile::tempdir().unwrap();
    write_wav(&root.path().join("a.wav"), &[1000; 800]);
    let output =
        audiopool().args(["analyze", "-vvv"]).arg(root.path().join("a.wav")).output().unwrap();
    expect_code(&output, 0, "a good file");
    let log = stderr(&output);
    for (child, name) in [("decoder 1", "audiopool.decode"), ("worker 1", "audiopool.measure")] {
        let told = format!("task{{id=1 attempt=1 name=\"{name}\"}}: answered");
        let of_child = |line: &str| line.contains(child) && line.contains(&told);
        assert!(log.lines().any(of_child), "{child}: {told}\n{log}");
    }
    let of_file =
        |line: &str| line.contains("file{index=0 path=") && line.contains("chunk measured");
    assert!(log.lines().any(of_file), "{log}");
}

#[test]
fn colour_follows_the_flag_and_never_enters_a_file() {
    let coloured = |args: &[&str]| run(args, 1).stdout.contains(&0x1b);
    assert!(!coloured(&["analyze", "gone.wav"]), "no terminal, no colour");
    assert!(coloured(&["analyze", "gone.wav", "--color=always"]));
    assert!(!coloured(&["analyze", "gone.wav", "--color=always", "--format=csv"]));

    let mut command = audiopool();
    command.args(["analyze", "gone.wav", "--color=always"]).env("NO_COLOR", "1");
    assert!(command.output().unwrap().stdout.contains(&0x1b), "the flag beats NO_COLOR");

    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("report.txt");
    let to = format!("-o{}", target.display());
    run(&["analyze", "gone.wav", "--color=always", &to], 1);
    assert!(!fs::read(target).unwrap().contains(&0x1b));
}

#[test]
fn a_name_cannot_command_the_terminal() {
    let text = stdout(&run(&["analyze", "evil\u{1b}[2J\nfake.wav: ok"], 1));
    assert!(text.contains(r"evil\u{1b}[2J\nfake.wav: ok"), "{text}");
    assert!(!text.contains('\u{1b}'));
    let said = stderr(&run(&["analyze", "x", "--files-from", "evil\u{1b}[2J"], 2));
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_utf_8_can_be_recovered_from_the_report() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let mut command = audiopool();
    command.args(["analyze", "--format=ndjson"]).arg(OsStr::from_bytes(b"gone/caf\xE9.wav"));
    let output = command.output().unwrap();
    expect_code(&output, 1, "not UTF-8");
    let record = &records(&output)[0];
    assert_eq!(record["path"], "gone/caf\u{fffd}.wav");
    assert_eq!(record["path_percent_encoded"], "gone/caf%E9.wav");
}

#[test]
fn a_good_file_gives_its_figures_in_every_format() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("half.wav");
    let samples: Vec<i16> = (0..8000).map(|n| if n % 2 == 0 { 16_384 } else { -16_384 }).collect();
    write_wav(&file, &samples);
    let path = file.display().to_string();
    let half_scale = 20.0 * 0.5_f64.log10();

    let record = &records(&run(&["analyze", "--format=ndjson", &path], 0))[0];
    assert_eq!(record["status"], "ok");
    assert_eq!(record["error"], serde_json::Value::Null);
    assert_eq!(record["format"]["frames"], 8000);
    assert_eq!(record["format"]["duration_seconds"], 1.0);
    assert_eq!(record["format"]["sample_format"], "s16");
    for key in ["max_dbfs", "min_dbfs"] {
        assert!((record["metrics"][key].as_f64().unwrap() - half_scale).abs() < 1e-12, "{key}");
    }
    assert_eq!(record["metrics"]["non_silence_seconds"], 1.0);

    let document: serde_json::Value =
        serde_json::from_slice(&run(&["analyze", "--format=json", &path], 0).stdout).unwrap();
    assert_eq!(&document["files"][0], record);
    assert_eq!(document["summary"]["audio_seconds"], 1.0);

    let csv = stdout(&run(&["analyze", "--format=csv", "--metrics=max_dbfs", &path], 0));
    let header = csv.lines().next().unwrap();
    assert!(header.contains(",max_dbfs,warnings,") && !header.contains("min_dbfs"), "{header}");
    assert!(csv.contains(&format!(",{},,,", record["metrics"]["max_dbfs"])), "{csv}");

    let text = stdout(&run(&["analyze", &path], 0));
    assert!(text.contains("-6.02 dBFS") && text.contains("1 file: 1 ok, 0 failed"), "{text}");
}
