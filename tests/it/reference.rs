//! Our figures are those that ffmpeg and `SoX` gave, recorded by `scripts/record-reference-figures`.
//!
//! Tolerances are half of the last digit that the other program prints, unless a comment says why.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// astats takes 32767 for full scale, everyone else 32768.
const ASTATS_FULL_SCALE_DB: f64 = 0.000_265_07;

fn data() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// What was recorded, file by file.
fn recorded() -> Vec<Value> {
    let text = fs::read(data().join("reference-figures.json")).unwrap();
    let recorded: Value = serde_json::from_slice(&text).unwrap();
    recorded["files"].as_array().unwrap().clone()
}

/// The records of those files, by name.
fn measured(metrics: &str) -> BTreeMap<String, Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audiopool"));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_") {
            command.env_remove(name);
        }
    }
    let names = recorded().into_iter().map(|file| file["file"].as_str().unwrap().to_owned());
    let output = command
        .current_dir(data())
        .args(["analyze", "--metrics", metrics, "--format", "ndjson"])
        .args(names)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| (record["path"].as_str().unwrap().to_owned(), record))
        .collect()
}

/// Both are nothing, or near each other.
#[track_caller]
fn near(ours: &Value, theirs: &Value, tolerance: f64, what: &str) {
    match (ours.as_f64(), theirs.as_f64()) {
        (None, None) => {}
        (Some(ours), Some(theirs)) if (ours - theirs).abs() <= tolerance => {}
        _ => panic!("{what}: {ours}, the other program says {theirs}"),
    }
}

#[test]
fn levels_are_those_of_astats_and_sox() {
    let measured = measured("level");
    let mut compared = 0;
    for theirs in recorded() {
        let file = theirs["file"].as_str().unwrap();
        let record = &measured[file];
        let ours = &record["metrics"];
        // Integers end at full scale, and so does SoX; astats sees the floats beyond.
        if file != "f32-stereo-16000.wav" && theirs["astats"].is_object() {
            let astats = &theirs["astats"];
            let narrow = record["format"]["sample_width"].as_u64().unwrap() <= 2;
            let shift = if narrow { ASTATS_FULL_SCALE_DB } else { 0.0 };
            let rms = ours["rms_dbfs"].as_f64().map_or(Value::Null, |rms| (rms + shift).into());
            near(&rms, &astats["rms_dbfs"], 2e-6, &format!("{file}: RMS"));
            near(&ours["dc_offset"], &astats["dc_offset"], 1e-6, &format!("{file}: DC"));
            compared += 1;
        }
        if theirs["sox"].is_object() {
            let sox = &theirs["sox"];
            near(&ours["rms_dbfs"], &sox["rms_dbfs"], 0.0051, &format!("{file}: RMS"));
            near(&ours["dc_offset"], &sox["dc_offset"], 1e-6, &format!("{file}: DC"));
            near(&ours["bit_depth_used"], &sox["bit_depth_used"], 0.0, &format!("{file}: bits"));
            compared += 1;
        }
    }
    assert!(compared >= 50, "only {compared} comparisons");
}
