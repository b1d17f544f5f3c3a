//! Help, catalogues, and what is said of wrong arguments.

use super::{audiopool, expect_code, run, stderr, stdout};

/// Every number's flag, its variable, a value beyond each bound, and its bounds.
const NUMBERS: [(&str, &str, [&str; 4], &str); 9] = [
    ("--workers", "AUDIOPOOL_WORKERS", ["0", "257", "-1", "2.5"], "a whole number from 1 to 256"),
    (
        "--min-chunk-ms",
        "AUDIOPOOL_MIN_CHUNK_MS",
        ["0", "3600001", "-5", "x"],
        "a whole number from 1 to 3600000 ms",
    ),
    (
        "--max-chunk-ms",
        "AUDIOPOOL_MAX_CHUNK_MS",
        ["0", "3600001", "-5", "1e3"],
        "a whole number from 1 to 3600000 ms",
    ),
    (
        "--silence-threshold-db",
        "AUDIOPOOL_SILENCE_THRESHOLD_DB",
        ["0.1", "-200.5", "nan", "-inf"],
        "a number from -200 to 0 dBFS",
    ),
    (
        "--min-silence-ms",
        "AUDIOPOOL_MIN_SILENCE_MS",
        ["0", "60001", "-1", "0.5"],
        "a whole number from 1 to 60000 ms",
    ),
    (
        "--loudness-target",
        "AUDIOPOOL_LOUDNESS_TARGET",
        ["0.5", "-70.1", "nan", "loud"],
        "a number from -70 to 0 LUFS",
    ),
    ("--timeout", "AUDIOPOOL_TIMEOUT", ["0", "86401", "-1", "inf"], "a number from 0.1 to 86400 s"),
    (
        "--max-attempts",
        "AUDIOPOOL_MAX_ATTEMPTS",
        ["0", "101", "-3", "99999999999"],
        "a whole number from 1 to 100",
    ),
    (
        "--max-growth-mib",
        "AUDIOPOOL_MAX_GROWTH_MIB",
        ["0", "1048577", "-3", "0.5"],
        "a whole number from 1 to 1048576 MiB",
    ),
];

#[test]
fn a_number_out_of_bounds_is_answered_with_flag_and_bounds() {
    for (flag, variable, values, bounds) in NUMBERS {
        for value in values {
            let said = stderr(&run(&["analyze", flag, value, "x.wav"], 2));
            let expected = format!("invalid value '{value}' for '{flag} ");
            assert!(said.contains(&expected), "{said}");
            assert!(said.contains(&format!("must be {bounds}")), "{said}");
        }
        let output = audiopool().args(["analyze", "x.wav"]).env(variable, "x").output().unwrap();
        expect_code(&output, 2, variable);
        assert!(stderr(&output).contains(flag), "{}", stderr(&output));
    }
}

#[test]
fn a_flag_beats_its_variable() {
    let mut command = audiopool();
    command.args(["analyze", "--silence-threshold-db", "-7", "--format", "json", "gone.wav"]);
    let output = command.env("AUDIOPOOL_SILENCE_THRESHOLD_DB", "-8").output().unwrap();
    expect_code(&output, 1, "both");
    assert!(stdout(&output).contains("\"silence_threshold_db\":-7.0"));

    let mut command = audiopool();
    command.args(["analyze", "--format", "json", "gone.wav"]);
    let output = command.env("AUDIOPOOL_SILENCE_THRESHOLD_DB", "-8").output().unwrap();
    assert!(stdout(&output).contains("\"silence_threshold_db\":-8.0"));
}

#[test]
fn the_last_of_a_repeated_flag_holds_and_paths_add_up() {
    let args = ["analyze", "a", "--min-silence-ms=5", "b", "--min-silence-ms=6", "--format=json"];
    let report = stdout(&run(&args, 1));
    assert!(report.contains("\"min_silence_ms\":6"), "{report}");
    assert!(report.contains("\"inputs\":2"), "{report}");
}

#[test]
fn words_that_are_none_are_answered_with_those_that_are() {
    for (flag, words) in [
        ("--format", ["text", "json", "ndjson", "csv"].as_slice()),
        ("--isolation", &["always", "never"]),
        ("--color", &["auto", "always", "never"]),
        ("--metrics", &["all", "max_dbfs", "min_dbfs", "non_silence_seconds"]),
    ] {
        let said = stderr(&run(&["analyze", flag, "nonsense", "x.wav"], 2));
        assert!(said.contains(flag) && said.contains("nonsense"), "{said}");
        for word in words {
            assert!(said.contains(word), "{said}");
        }
    }
}

#[test]
fn arguments_that_do_not_agree_are_named() {
    for (args, parts) in [
        (["analyze"].as_slice(), ["PATH", "--help"]),
        (&["analyze", "-0", "x.wav"], ["--files-from", "--null"]),
        (
            &["analyze", "x.wav", "--min-chunk-ms", "40000"],
            ["--min-chunk-ms 40000", "--max-chunk-ms 30000"],
        ),
        (&["analyze", "-q", "-v", "x.wav"], ["--quiet", "--verbose"]),
        (
            &["analyze", "x.wav", "--isolation", "never", "--sandbox", "strict"],
            ["`--isolation never`", "`--sandbox strict`"],
        ),
        (&["analyze", "--loudness", "x.wav"], ["--loudness", "--help"]),
        (
            &["analyze", "x.wav", "--files-from", "no/list"],
            ["--files-from no/list", if cfg!(windows) { "not found" } else { "No such file" }],
        ),
        (&["analyze", "x.wav", "-o", "no/where/r.json"], ["--output no/where/r.json", "no/where"]),
        (&["analyze", "x.wav", "--output", "."], ["--output .", "directory"]),
        (&["completions", "tcsh"], ["tcsh", "zsh"]),
        (&["measure"], ["measure", "--help"]),
    ] {
        let output = run(args, 2);
        for part in parts {
            assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
        }
        assert_eq!(stdout(&output), "", "{args:?}");
    }
}

#[test]
fn strict_confinement_without_processes_is_a_usage_error_wherever_it_comes_from() {
    for (name, value, flags) in [
        ("AUDIOPOOL_SANDBOX", "strict", ["--isolation", "never"]),
        ("AUDIOPOOL_ISOLATION", "never", ["--sandbox", "strict"]),
    ] {
        let mut command = audiopool();
        let output = command.args(["analyze", "x.wav"]).args(flags).env(name, value).output();
        let output = output.unwrap();
        expect_code(&output, 2, name);
        let said = stderr(&output);
        assert!(said.contains("help: `--isolation always`") && said.contains(name), "{said}");
        assert_eq!(stdout(&output), "", "{name}");
    }
}

#[test]
fn a_log_filter_that_is_none_is_a_usage_error() {
    let output =
        audiopool().args(["analyze", "x"]).env("AUDIOPOOL_LOG", "audiopool=loud").output().unwrap();
    expect_code(&output, 2, "AUDIOPOOL_LOG");
    assert!(stderr(&output).contains("AUDIOPOOL_LOG is not a log filter: `audiopool=loud`"));
    assert!(stderr(&output).contains("help: for example"));
}

#[test]
fn help_names_every_flag_with_its_bounds_and_every_exit_code() {
    let help = stdout(&run(&["analyze", "--help"], 0));
    for (flag, variable, _, bounds) in NUMBERS {
        let bounds = bounds.split_once("from ").unwrap().1;
        assert!(help.contains(flag) && help.contains(variable), "{flag}");
        assert!(help.contains(bounds), "{flag}: {bounds}");
    }
    let flags = ["--metrics", "--isolation", "--worker-program", "--format", "--output", "--stats"];
    for flag in flags.into_iter().chain(["--files-from", "--null", "-q", "-v", "--color"]) {
        assert!(help.contains(flag), "{flag}");
    }
    for code in ["0", "1", "2", "3", "4", "5", "7", "129", "130", "141", "143"] {
        assert!(help.contains(&format!("\n  {code:>3}  ")), "{code}");
    }
    let short = stdout(&run(&["--help"], 0));
    assert!(short.contains("Exit codes:") && short.contains("analyze"), "{short}");
}

#[test]
fn the_version_is_the_packages() {
    let expected = format!("audiopool {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(&run(&["--version"], 0)), expected);
}

#[test]
fn metrics_are_listed_with_unit_and_definition() {
    let text = stdout(&run(&["metrics"], 0));
    let json: serde_json::Value =
        serde_json::from_slice(&run(&["metrics", "--format", "json"], 0).stdout).unwrap();
    let list = json.as_array().unwrap();
    assert!(list.iter().any(|metric| metric["key"] == "non_silence_seconds"));
    for metric in list {
        for key in ["key", "title", "unit"] {
            let value = metric[key].as_str().unwrap();
            assert!(text.contains(value), "{value}");
        }
        assert!(metric["definition"].as_str().unwrap().len() > 20);
    }
}

#[test]
fn a_metric_and_a_group_are_explained() {
    let told = stdout(&run(&["explain", "min_dbfs"], 0));
    assert!(told.starts_with("min_dbfs (Quietest, dBFS)\n"), "{told}");
    for part in ["what it is", "source", "range", "reading it", "--metrics min_dbfs, or basic"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let keys = ["max_dbfs", "min_dbfs", "non_silence_seconds"];
    let told = stdout(&run(&["explain", "basic"], 0));
    assert!(keys.iter().all(|key| told.contains(&format!("{key} ("))), "{told}");
    let said = stderr(&run(&["explain", "nonsense"], 2));
    assert!(keys.iter().all(|key| said.contains(key)) && said.contains("nonsense"), "{said}");
}

#[test]
fn formats_are_listed_with_extensions_and_codecs() {
    let text = stdout(&run(&["formats"], 0));
    let json: serde_json::Value =
        serde_json::from_slice(&run(&["formats", "--format", "json"], 0).stdout).unwrap();
    for extension in ["wav", "flac", "mp3", "m4a", "ogg", "opus", "aiff"] {
        assert!(text.contains(extension), "{extension}");
        let known = json.as_array().unwrap().iter().any(|format| {
            format["extensions"].as_array().unwrap().iter().any(|known| known == extension)
        });
        assert!(known, "{extension}");
    }
}

#[test]
fn completions_know_the_flags_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&run(&["completions", shell], 0));
        assert!(script.contains("max-chunk-ms") && script.contains("audiopool"), "{shell}");
    }
}

#[test]
fn the_manual_names_flags_commands_and_exit_codes() {
    let page = stdout(&run(&["man"], 0)).replace("\\-", "-");
    assert!(page.contains(".TH audiopool 1"), "{page}");
    for part in
        ["--silence-threshold-db", "--files-from", "audiopool metrics", "EXIT STATUS", "130"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("audiopool-analyze(1)"), "there is only one page");
}
