//! Our figures are those that ffmpeg and `SoX` gave, recorded by `scripts/oracles/record-reference-figures`.
//!
//! Tolerances are half of the last digit that the other program prints, unless a comment says why.

use serde_json::Value;

use crate::program;

/// astats takes 32767 for full scale, everyone else 32768.
const ASTATS_FULL_SCALE_DB: f64 = 0.000_265_07;

/// What was recorded of each file, and our record of it.
fn compared_with(metrics: &str) -> Vec<(Value, Value)> {
    program::beside_recorded("reference-figures.json", metrics)
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
    let mut compared = 0;
    for (theirs, record) in compared_with("level") {
        let file = theirs["file"].as_str().unwrap();
        let ours = &record["metrics"];
        // Integers end at full scale, and so does SoX; astats sees the floats beyond.
        if file != "f32-stereo-16000.wav" && theirs["astats"].is_object() {
            let astats = &theirs["astats"];
            let narrow = record["format"]["sample_width"].as_u64().unwrap() <= 2;
            let shift = if narrow { ASTATS_FULL_SCALE_DB } else { 0.0 };
            let rms = ours["rms_dbfs"].as_f64().map_or(Value::Null, |rms| (rms + shift).into());
            near(&rms, &astats["rms_dbfs"], 2e-6, &format!("{file}: RMS"));
            near(&ours["dc_offset"], &astats["dc_offset"], 1e-6, &format!("{file}: DC"));
            // Of no sample, astats gives 0.
            if record["format"]["frames"] != 0 {
                near(&ours["entropy"], &astats["entropy"], 1e-6, &format!("{file}: entropy"));
            }
            // Its window has no edges: it weights by an exponential. Ours, of equal weight, is
            // the louder where a burst is as short as the window.
            if let Some(peak) = ours["rms_peak_dbfs"].as_f64() {
                let more = peak - astats["rms_peak_dbfs"].as_f64().unwrap();
                assert!((-0.3..3.5).contains(&more), "{file}: RMS peak {peak}, {more} more");
            }
            for (channel, ours) in record["channels"].as_array().unwrap().iter().enumerate() {
                let of = |key: &str| &astats["channels"][key][channel];
                let what = format!("{file}, channel {channel}");
                let db =
                    |x: &Value, more: f64| x.as_f64().map_or(Value::Null, |x| (x + more).into());
                near(&db(&ours["rms_dbfs"], shift), of("rms_dbfs"), 2e-6, &what);
                near(&ours["dc_offset"], of("dc_offset"), 1e-6, &what);
                near(&ours["entropy"], of("entropy"), 1e-6, &what);
                let crest = ours["crest_factor_db"].as_f64();
                // Of silence, astats gives 1.
                let crest = crest.map_or(1.0, |db| 10_f64.powf(db / 20.0)).into();
                near(&crest, of("crest_factor"), 2e-6, &what);
                compared += 1;
            }
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
    assert!(compared >= 100, "only {compared} comparisons");
}

#[test]
fn stereo_is_that_of_numpy_and_astats() {
    let mut compared = 0;
    for (theirs, record) in compared_with("stereo,rms_dbfs") {
        let file = theirs["file"].as_str().unwrap();
        let ours = &record["metrics"];
        let numpy = &theirs["numpy"];
        if numpy.is_object() {
            // Doubles, and floats that are made 32 bit integers.
            for key in ["correlation", "correlation_min", "side_to_mid_db"] {
                near(&ours[key], &numpy[key], 1e-8, &format!("{file}: {key}"));
                compared += 1;
            }
        }
        let [left, right] =
            [0, 1].map(|channel| theirs["astats"]["channels"]["rms_dbfs"][channel].as_f64());
        if let Some((left, right)) = left.zip(right).filter(|_| file != "f32-stereo-16000.wav") {
            near(&ours["channel_imbalance_db"], &Value::from(left - right), 2e-6, file);
            compared += 1;
        }
    }
    assert!(compared >= 40, "only {compared} comparisons");
}

#[test]
fn silence_is_that_of_silencedetect() {
    let mut compared = 0;
    for (theirs, record) in compared_with("silence_runs") {
        let file = theirs["file"].as_str().unwrap();
        // At a frame a second, 100 ms are no whole frame, and silencedetect begins one too late.
        if theirs["sample_rate"] == 1 {
            continue;
        }
        let ours = record["regions"]["silence_runs"].as_array().unwrap();
        let theirs = theirs["silencedetect"].as_array().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{file}: {ours:?}, silencedetect {theirs:?}");
        for (ours, theirs) in ours.iter().zip(theirs) {
            for (key, at) in [("start_seconds", &theirs[0]), ("end_seconds", &theirs[1])] {
                let Some(seconds) = at.as_f64() else { continue };
                // Six digits, and an `-0` for what begins with the file.
                let tolerance = 0.51e-5 * 10_f64.powf(seconds.abs().max(1e-5).log10().floor());
                near(&ours[key], &Value::from(seconds), tolerance, &format!("{file}: {key}"));
                compared += 1;
            }
        }
    }
    assert!(compared >= 40, "only {compared} comparisons");
}

#[test]
fn dynamics_are_those_of_drmeter() {
    let mut compared = 0;
    for (theirs, record) in compared_with("dr14") {
        let file = theirs["file"].as_str().unwrap();
        let seconds = record["format"]["duration_seconds"].as_f64().unwrap();
        // A second frame a second is not enough for its blocks.
        if seconds <= 6.0 || theirs["sample_rate"] == 1 {
            continue;
        }
        // Where a fifth of the blocks is no whole number of them, drmeter sums up one more than we
        // do and divides by the fraction, which takes the figure so far off at most. Peaks it has
        // to a ten-thousandth of full scale.
        let fifth = (seconds / 3.0).ceil() / 5.0;
        let off = [fifth.floor(), fifth.ceil()].map(|blocks| 10.0 * (blocks / fifth).log10());
        let pairs = record["channels"].as_array().unwrap().iter();
        for (channel, theirs) in pairs.zip(theirs["drmeter"].as_array().unwrap()) {
            let ours = channel["dr14"].as_f64().unwrap();
            let more = ours - theirs.as_f64().unwrap();
            let allowed = off[0] - 0.005..off[1] + 0.005;
            assert!(allowed.contains(&more), "{file}: {ours}, drmeter {theirs}, {allowed:?}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "only {compared} comparisons");
}

#[test]
fn loudness_is_that_of_ffmpegs_ebur128() {
    let mut compared = 0;
    for (theirs, record) in compared_with("loudness") {
        let file = theirs["file"].as_str().unwrap();
        let ours = &record["metrics"];
        let rate = theirs["sample_rate"].as_u64().unwrap();
        let theirs = &theirs["ebur128"];
        // Below 8 kHz we say nothing and ffmpeg nonsense (+3018 LUFS). The file of 44,056 Hz has
        // 400 ms to the frame, and ffmpeg rounds them up. Of 7.1, ffmpeg weights all four
        // surround channels 1.41, BS.1770-5 the two at the side.
        if !theirs.is_object()
            || rate < 8000
            || ["s16-stereo-44056.wav", "u8-8ch-8000.wav"].contains(&file)
        {
            continue;
        }
        // It counts blocks in bins of a hundredth, and calls −70 what has no loudness; where 100 ms
        // are no whole number of frames, its blocks drift.
        let tolerance = if rate % 10 == 0 { 0.012 } else { 0.04 };
        let integrated = Some(&theirs["integrated_lufs"]).filter(|found| **found != -70.0);
        near(&ours["integrated_lufs"], integrated.unwrap_or(&Value::Null), tolerance, file);
        compared += 1;
        // The largest of every 10 ms are no less than those of every 100 ms, and little more.
        for key in ["momentary_max_lufs", "short_term_max_lufs"] {
            let (Some(ours), Some(theirs)) = (ours[key].as_f64(), theirs[key].as_f64()) else {
                continue;
            };
            let more = ours - theirs;
            assert!((-0.003..0.35).contains(&more), "{file}: {key} {ours}, ffmpeg {theirs}");
            compared += 1;
        }
        // Of one window, ffmpeg gives a range of 20; of none 0.
        if ours["loudness_range_lu"].as_f64().is_some_and(|range| range > 0.0) {
            for key in ["loudness_range_lu", "loudness_range_low_lufs", "loudness_range_high_lufs"]
            {
                near(&ours[key], &theirs[key], 0.04, &format!("{file}: {key}"));
                compared += 1;
            }
        }
    }
    assert!(compared >= 50, "only {compared} comparisons");
}

#[test]
fn true_peaks_are_those_of_ffmpegs_ebur128() {
    let mut compared = 0;
    for (theirs, record) in
        compared_with("integrated_lufs,plr,replaygain_track_peak,true_peak_dbtp")
    {
        let file = theirs["file"].as_str().unwrap();
        let ours = &record["metrics"];
        let Some(theirs) = theirs["ebur128"]["true_peak"].as_f64().filter(|peak| *peak > 0.0)
        else {
            continue;
        };
        // Recorded to a thousandth of full scale. It oversamples by another filter than that of
        // the standard: 0.2 dB between the two.
        let peak = ours["replaygain_track_peak"].as_f64().unwrap();
        assert!((peak - theirs).abs() <= 0.0005 + 0.023 * peak, "{file}: {peak}, not {theirs}");
        near(&ours["true_peak_dbtp"], &Value::from(20.0 * peak.log10()), 1e-9, file);
        if let Some(integrated) = ours["integrated_lufs"].as_f64() {
            let ratio = 20.0 * peak.log10() - integrated;
            near(&ours["plr"], &Value::from(ratio), 1e-9, file);
        }
        compared += 1;
    }
    assert!(compared >= 29, "only {compared} comparisons");
}

#[test]
fn histograms_are_those_of_volumedetect() {
    let mut compared = 0;
    for (theirs, record) in compared_with("level") {
        let file = theirs["file"].as_str().unwrap();
        // It makes 16 bits of everything, and so moves samples of 24 bits over the edge of a bin.
        if record["format"]["sample_width"].as_u64().unwrap() > 2 {
            continue;
        }
        for (db, theirs) in theirs["volumedetect"].as_array().unwrap().iter().enumerate() {
            if let Some(theirs) = theirs.as_f64() {
                let ours = &record["metrics"][format!("histogram_{db}db")];
                near(ours, &theirs.into(), 0.0, &format!("{file}: {db} dB"));
                compared += 1;
            }
        }
    }
    assert!(compared >= 20, "only {compared} comparisons");
}
