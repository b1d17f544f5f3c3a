//! Our spectra are those of librosa, recorded by `scripts/record-spectrum-figures`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

#[test]
fn spectra_are_those_of_librosa() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let recorded: Value =
        serde_json::from_slice(&fs::read(data.join("spectrum-figures.json")).unwrap()).unwrap();
    let files = recorded["files"].as_array().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_audiopool"));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_") {
            command.env_remove(name);
        }
    }
    let output = command
        .current_dir(&data)
        .args(["analyze", "--metrics", "spectrum", "--format", "ndjson"])
        .args(files.iter().map(|file| file["file"].as_str().unwrap()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let records = String::from_utf8(output.stdout).unwrap();
    let (mut compared, mut bands) = (0, 0);
    for (theirs, ours) in files.iter().zip(records.lines()) {
        let ours: Value = serde_json::from_str(ours).unwrap();
        assert_eq!(ours["path"], theirs["file"]);
        let frames = theirs["heard"].as_f64().unwrap();
        let bin = theirs["sample_rate"].as_f64().unwrap() / 2048.0;
        for (key, tolerance) in [
            ("spectral_centroid_hz", 1e-6),
            // Where 85 % fall between two bins, the last digit decides: one bin of one frame.
            ("spectral_rolloff_hz", 1e-6 + bin / frames),
            ("spectral_flatness", 1e-9),
        ] {
            let [ours, theirs] = [&ours["metrics"][key], &theirs[key]].map(Value::as_f64);
            let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
            let near = (ours - theirs).abs() <= tolerance * 1.0_f64.max(theirs);
            assert!(near, "{key}: {ours}, librosa says {theirs}");
            compared += 1;
        }
        let [ours, theirs] = [&ours, theirs].map(|of| of["spectrum_bands"].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            let (level, theirs) = (ours["level_dbfs"].as_f64(), theirs.as_f64());
            // Each power of ours is rounded to a step at −156 dBFS.
            let [level, theirs] = [level, theirs].map(|level| level.unwrap_or(-120.0).max(-120.0));
            assert!((level - theirs).abs() < 1e-3, "{ours}, SciPy says {theirs}");
            bands += 1;
        }
    }
    assert!(compared >= 60 && bands >= 400, "only {compared} comparisons and {bands} bands");
}
