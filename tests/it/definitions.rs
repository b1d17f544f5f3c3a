//! Our figures are those that the definitions give when they are written down a second time, in
//! Python: `scripts/oracles/definitions.py`, recorded by `scripts/oracles/record-definition-figures`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::program;

/// What was recorded of each file, and our record of it.
fn compared() -> Vec<(Value, Value)> {
    program::beside_recorded("definition-figures.json", "all")
}

/// How far ours may be from what is found in Python.
fn tolerance(key: &str) -> f64 {
    let is_count_or_share = key.ends_with("_share")
        || key.starts_with("histogram")
        || ["samples", "runs", "tops", "dropouts", "clicks", "repeats", "channels", "count"]
            .iter()
            .any(|end| key.ends_with(end));
    match key {
        // Each power of the average spectrum is rounded to a step at −156 dBFS.
        "cutoff_depth_db" => 1e-5,
        // Levels of 50 ms are counted in bins of 0.1 dB; those of an edge are kept in whole steps.
        "noise_floor_dbfs" => 0.0501,
        "snr_db" => 0.1001,
        // Counted in bins of half a decibel.
        "hum_db" | "hum_dbfs" => 0.26,
        "loudest_edge_dbfs" => 1e-3,
        _ if is_count_or_share => 1e-15,
        // Sums of doubles in another order.
        _ => 1e-9,
    }
}

#[test]
fn figures_are_those_of_the_definitions_written_down_again() {
    let (mut compared_keys, mut found) = (BTreeSet::new(), BTreeSet::new());
    let mut comparisons = 0;
    for (theirs, ours) in compared() {
        for (key, theirs) in theirs["figures"].as_object().unwrap() {
            let what = format!("{key} of {}", ours["path"]);
            let ours = &ours["metrics"][key];
            match (ours.as_f64(), theirs.as_f64()) {
                (None, None) => {}
                (Some(ours), Some(theirs)) if (ours - theirs).abs() <= tolerance(key) => {
                    if theirs != 0.0 {
                        found.insert(key.clone());
                    }
                }
                _ => panic!("{what}: {ours}, by the definition {theirs}"),
            }
            compared_keys.insert(key.clone());
            comparisons += 1;
        }
    }
    assert!(comparisons >= 1200, "only {comparisons} comparisons");
    // Whatever is looked for is there in some file.
    assert_eq!(compared_keys, found);
    for key in [
        "clicks",
        "dropouts",
        "repeats",
        "flat_tops",
        "clipping_runs",
        "dead_channels",
        "hum_db",
        "psr",
    ] {
        assert!(found.contains(key), "{key}");
    }
}

#[test]
fn the_spectrum_ends_where_it_was_cut() {
    let mut compared_files = 0;
    for (theirs, ours) in compared() {
        if let [Some(from), Some(to)] = [0, 1].map(|end| theirs["low_pass_hz"][end].as_f64()) {
            let found = ours["metrics"]["bandwidth_hz"].as_f64().unwrap();
            let is_there = (from - 100.0..to + 100.0).contains(&found);
            assert!(is_there, "{}: {found} Hz, not from {from} to {to}", ours["path"]);
            compared_files += 1;
        }
    }
    assert_eq!(compared_files, 5);
}
