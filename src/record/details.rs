//! Details in JSON: figures of each channel, regions, findings, timelines and the average spectrum,
//! behind the metrics.
//!
//! ```text
//! "channels": [{"channel": 1, "rms_dbfs": -20.1, …}, …]      one object a channel
//! "regions":  {"non_silence_regions": [{"start_seconds": 0.0, "end_seconds": 1.5}, …], …}
//! "findings": [{"kind", "channel", "start_seconds", "end_seconds", "value", "threshold", "byte"}, …]
//! "timelines": {"momentary_lufs": {"window_seconds": 0.4, "step_seconds": 0.1, "values": [-23.1, …]}}
//! "spectrum_bands": [{"centre_hz": 1000.0, "level_dbfs": -31.4}, …]   thirds of an octave
//! ```
//!
//! All five are there in every record, empty where there is nothing to tell.

use audiopool_worker::analyze::Details;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::number;

/// Writes the five entries.
pub(super) fn serialize<M: SerializeMap>(
    details: Option<&Details>,
    record: &mut M,
) -> Result<(), M::Error> {
    let none = Details::default();
    let details = details.unwrap_or(&none);
    let count = details.channels.iter().map(|(_, figures)| figures.len()).max().unwrap_or(0);
    let channels: Vec<_> = (0..count).map(|index| Channel { details, index }).collect();
    record.serialize_entry("channels", &channels)?;
    record.serialize_entry("regions", &ByKey(&details.regions))?;
    record.serialize_entry("findings", &details.findings)?;
    record.serialize_entry("timelines", &ByKey(&details.timelines))?;
    record.serialize_entry("spectrum_bands", &details.spectrum_bands)
}

/// The figures of one channel.
struct Channel<'a> {
    details: &'a Details,
    index: usize,
}

/// Each under its key.
struct ByKey<'a, T>(&'a [(&'static str, T)]);

impl Serialize for Channel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut channel = serializer.serialize_map(None)?;
        channel.serialize_entry("channel", &(self.index + 1))?;
        for (key, figures) in &self.details.channels {
            let figure = figures.get(self.index).copied().flatten();
            channel.serialize_entry(key, &number(key, figure))?;
        }
        channel.end()
    }
}

impl<T: Serialize> Serialize for ByKey<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audiopool_worker::analyze::{Band, Finding, Region, Timeline};
    use serde_json::{Serializer, json};

    use super::*;

    fn written(details: Option<&Details>) -> serde_json::Value {
        let mut out = Vec::new();
        let mut serializer = Serializer::new(&mut out);
        let mut map = serde::Serializer::serialize_map(&mut serializer, None).unwrap();
        serialize(details, &mut map).unwrap();
        SerializeMap::end(map).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_channel_is_an_object_and_every_place_is_in_seconds() {
        let region = Region { start_seconds: 0.5, end_seconds: 1.25 };
        let kind = "clipping_runs";
        let details = Details {
            regions: vec![("non_silence_regions", vec![region])],
            findings: vec![
                Finding {
                    kind,
                    channel: Some(2),
                    region,
                    value: Some(7.0),
                    threshold: Some(3.0),
                    byte: None,
                },
                Finding {
                    kind,
                    channel: None,
                    region,
                    value: None,
                    threshold: None,
                    byte: Some(44),
                },
            ],
            channels: vec![
                ("max_dbfs", vec![Some(-1.5), None]),
                ("dc_offset", vec![Some(f64::NAN), Some(0.25)]),
            ],
            timelines: vec![(
                "momentary_lufs",
                Timeline::new(
                    Duration::from_millis(400),
                    Duration::from_millis(100),
                    [Some(-23.0), None].into_iter(),
                ),
            )],
            spectrum_bands: vec![Band { centre_hz: 31.5, level_dbfs: Some(-60.25) }],
            ..Details::default()
        };
        assert_eq!(
            written(Some(&details)),
            json!({
                "channels": [
                    {"channel": 1, "max_dbfs": -1.5, "dc_offset": null},
                    {"channel": 2, "max_dbfs": null, "dc_offset": 0.25},
                ],
                "regions": {"non_silence_regions": [{"start_seconds": 0.5, "end_seconds": 1.25}]},
                "findings": [
                    {
                        "kind": "clipping_runs", "channel": 2, "start_seconds": 0.5,
                        "end_seconds": 1.25, "value": 7.0, "threshold": 3.0, "byte": null,
                    },
                    {
                        "kind": "clipping_runs", "channel": null, "start_seconds": 0.5,
                        "end_seconds": 1.25, "value": null, "threshold": null, "byte": 44,
                    },
                ],
                "timelines": {
                    "momentary_lufs": {
                        "window_seconds": 0.4, "step_seconds": 0.1, "values": [-23.0, null],
                    },
                },
                "spectrum_bands": [{"centre_hz": 31.5, "level_dbfs": -60.25}],
            })
        );
    }

    #[test]
    fn a_failed_input_has_the_keys_and_nothing_in_them() {
        let empty = json!({"channels": [], "regions": {}, "findings": [], "timelines": {}, "spectrum_bands": []});
        assert_eq!(written(None), empty);
    }
}
