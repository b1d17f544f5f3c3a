//! Our spectra are those of librosa, recorded by `scripts/oracles/record-spectrum-figures`.

use serde_json::Value;

use crate::program;

#[test]
fn spectra_are_those_of_librosa() {
    let (mut compared, mut bands) = (0, 0);
    for (theirs, ours) in program::beside_recorded("spectrum-figures.json", "spectrum") {
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
        let [ours, theirs] = [&ours, &theirs].map(|of| of["spectrum_bands"].as_array().unwrap());
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
