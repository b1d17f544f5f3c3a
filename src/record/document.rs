//! `RecordDocument`: a record as JSON holds it, to be written and to be read again.
//!
//! This is the contract with programs that read reports: field for field what `--format json`, `ndjson` and the API
//! write. Its JSON Schema is [`schema`]; `audiopool schema` prints it, and `docs/src/record.schema.json` is a copy.
//!
//! [`SCHEMA_VERSION`] grows when a field is removed, is renamed or changes its meaning. New fields, metrics and kinds
//! do not change it, so a reader should ignore what it does not know.

use audiopool_worker::analyze::{Details, METRICS, Metric};
use indexmap::IndexMap;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

use super::{Failure, FileFormat, Record, Warning, number, percent_encoded};

/// Version of the shape of a record.
pub const SCHEMA_VERSION: u32 = 1;

/// Figures by the key of their metric, in report order; `null` is not defined, or −∞.
pub type Figures = IndexMap<String, Option<Number>>;

/// A record as JSON holds it. Every record has every field but `path_percent_encoded`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Record", deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordDocument {
    /// Version of the shape of this record.
    #[schemars(schema_with = "schema_version")]
    pub schema_version: u32,
    /// The input as it was given; for a file found in a directory, the directory as given and the way there.
    /// U+FFFD stands for what is not UTF-8.
    pub path: String,
    /// The exact bytes of a path that is not UTF-8, percent-encoded (RFC 3986).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub path_percent_encoded: Option<String>,
    /// Whether the input was measured.
    pub status: Status,
    /// What the file is, as far as it became known.
    pub format: Option<FileFormat>,
    /// The figures that were asked for; empty if the input failed.
    #[schemars(schema_with = "figures")]
    pub metrics: Figures,
    /// The figures of each channel.
    pub channels: Vec<ChannelDocument>,
    /// Stretches that something is true of, by the key of their metric, in order of time.
    pub regions: IndexMap<String, Vec<RegionDocument>>,
    /// Places that deserve attention, in order of time.
    pub findings: Vec<FindingDocument>,
    /// Figures over time, by name, if they were asked for.
    pub timelines: IndexMap<String, TimelineDocument>,
    /// The long-term average spectrum in thirds of an octave, if it was asked for.
    pub spectrum_bands: Vec<BandDocument>,
    /// What the owner of the file should know, at most one of each kind.
    pub warnings: Vec<Warning>,
    /// Why there are no figures, if the input failed.
    pub error: Option<Failure>,
}

/// Whether an input was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Status {
    /// It was measured up to the last frame that can be decoded.
    Ok,
    /// There are no figures.
    Failed,
}

/// The figures of one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Channel")]
#[non_exhaustive]
pub struct ChannelDocument {
    /// Its number, from 1.
    #[schemars(range(min = 1))]
    pub channel: usize,
    /// Its figures.
    #[serde(flatten)]
    #[schemars(schema_with = "figures")]
    pub figures: Figures,
}

/// A stretch of the file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Region", deny_unknown_fields)]
#[non_exhaustive]
pub struct RegionDocument {
    /// Where it begins, in seconds.
    #[schemars(range(min = 0))]
    pub start_seconds: f64,
    /// Where it ends, in seconds.
    #[schemars(range(min = 0))]
    pub end_seconds: f64,
}

/// A place that deserves attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Finding", deny_unknown_fields)]
#[non_exhaustive]
pub struct FindingDocument {
    /// The key of its metric.
    pub kind: String,
    /// The channel that it is in, from 1; `null` if it is in all of them.
    #[schemars(range(min = 1))]
    pub channel: Option<u16>,
    /// Where it begins, in seconds.
    #[schemars(range(min = 0))]
    pub start_seconds: f64,
    /// Where it ends, in seconds.
    #[schemars(range(min = 0))]
    pub end_seconds: f64,
    /// How severe it is, in the unit that the definition of its metric states.
    pub value: Option<f64>,
    /// From which value on it is a finding.
    pub threshold: Option<f64>,
    /// The byte of the file at which it begins, if it was found there and not in the audio.
    pub byte: Option<u64>,
}

/// A figure for windows of one length, one window beginning every step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Timeline", deny_unknown_fields)]
#[non_exhaustive]
pub struct TimelineDocument {
    /// How long a window is.
    #[schemars(range(min = 0))]
    pub window_seconds: f64,
    /// How long after the one before it a window begins.
    #[schemars(range(min = 0))]
    pub step_seconds: f64,
    /// The figure of each window; `null` is not defined, or −∞.
    pub values: Vec<Option<f64>>,
}

/// A third of an octave of the average spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Band", deny_unknown_fields)]
#[non_exhaustive]
pub struct BandDocument {
    /// Its nominal centre.
    pub centre_hz: f64,
    /// Its mean power, that of a full-scale square wave being 0; `null` if there is none.
    pub level_dbfs: Option<f64>,
}

impl From<&Record> for RecordDocument {
    fn from(record: &Record) -> Self {
        let none = Details::default();
        let details = record.details().unwrap_or(&none);
        Self {
            schema_version: SCHEMA_VERSION,
            path: record.path.to_string_lossy().into_owned(),
            path_percent_encoded: record
                .path
                .to_str()
                .is_none()
                .then(|| percent_encoded(&record.path)),
            status: if record.error().is_none() { Status::Ok } else { Status::Failed },
            format: record.format().cloned(),
            metrics: by_key(record.metrics(), |key, &figure| number(key, figure)),
            channels: channels(details),
            regions: by_key(&details.regions, |_, regions| {
                regions
                    .iter()
                    .map(|region| RegionDocument {
                        start_seconds: region.start_seconds,
                        end_seconds: region.end_seconds,
                    })
                    .collect()
            }),
            findings: details
                .findings
                .iter()
                .map(|finding| FindingDocument {
                    kind: finding.kind.to_owned(),
                    channel: finding.channel,
                    start_seconds: finding.region.start_seconds,
                    end_seconds: finding.region.end_seconds,
                    value: finding.value,
                    threshold: finding.threshold,
                    byte: finding.byte,
                })
                .collect(),
            timelines: by_key(&details.timelines, |_, timeline| TimelineDocument {
                window_seconds: timeline.window().as_secs_f64(),
                step_seconds: timeline.step().as_secs_f64(),
                values: timeline.values().collect(),
            }),
            spectrum_bands: details
                .spectrum_bands
                .iter()
                .map(|band| BandDocument { centre_hz: band.centre_hz, level_dbfs: band.level_dbfs })
                .collect(),
            warnings: record.warnings().to_vec(),
            error: record.error().cloned(),
        }
    }
}

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RecordDocument::from(self).serialize(serializer)
    }
}

/// The JSON Schema (draft 2020-12) of a record.
pub fn schema() -> Schema {
    let mut schema = settings().into_generator().into_root_schema_for::<RecordDocument>();
    let object = schema.ensure_object();
    object.insert("$id".to_owned(), format!("urn:audiopool:record:{SCHEMA_VERSION}").into());
    schema
}

/// The same, and the schema of a [`Summary`](super::Summary), as named definitions that refer to each other below `path`, as an `OpenAPI`
/// document holds them.
#[cfg(feature = "web")]
pub(crate) fn definitions(path: &'static str) -> Vec<(String, serde_json::Value)> {
    let settings = settings().with(|settings| settings.definitions_path = path.into());
    let mut generator = settings.into_generator();
    generator.subschema_for::<RecordDocument>();
    generator.subschema_for::<super::Summary>();
    generator.take_definitions(true).into_iter().collect()
}

/// Of what is written, where every field is present.
fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().for_serialize()
}

fn by_key<T, U>(values: &[(&'static str, T)], make: impl Fn(&str, &T) -> U) -> IndexMap<String, U> {
    values.iter().map(|(key, value)| ((*key).to_owned(), make(key, value))).collect()
}

fn channels(details: &Details) -> Vec<ChannelDocument> {
    let count = details.channels.iter().map(|(_, figures)| figures.len()).max().unwrap_or(0);
    let channel = |index: usize| ChannelDocument {
        channel: index + 1,
        figures: by_key(&details.channels, |key, figures| {
            number(key, figures.get(index).copied().flatten())
        }),
    };
    (0..count).map(channel).collect()
}

/// Each metric with its definition.
fn figures(_: &mut SchemaGenerator) -> Schema {
    let figure = |metric: &Metric| {
        let unit = if metric.unit.is_empty() { "" } else { " Unit: " };
        let description = format!("{}{unit}{}", metric.definition, metric.unit);
        let kind = if metric.is_whole() { "integer" } else { "number" };
        (metric.key.to_owned(), json!({"type": [kind, "null"], "description": description}))
    };
    let properties: serde_json::Map<_, _> = METRICS.iter().map(figure).collect();
    json_schema!({"type": "object", "properties": properties})
}

fn schema_version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "const": SCHEMA_VERSION})
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audiopool_worker::analyze::{Band, Finding, Region, Timeline};
    use audiopool_worker::pcm::{PcmFormat, SampleFormat};

    use serde_json::Value;

    use super::*;
    use crate::record::{DecodedBy, Outcome, SourceFormat};

    fn record(details: Details) -> Record {
        let pcm = PcmFormat::new(SampleFormat::S16, 8000, 2);
        let (container, codec) = ("wav".to_owned(), "pcm_s16le".to_owned());
        let source = SourceFormat {
            container,
            codec,
            decoder: DecodedBy::BuiltIn,
            pcm,
            declared_frames: None,
        };
        let format = FileFormat::of(&source, Some(8000));
        let metrics =
            vec![("max_dbfs", Some(-6.5)), ("clipped_samples", Some(3.0)), ("min_dbfs", None)];
        Record {
            path: "a.wav".into(),
            outcome: Outcome::Ok { format, metrics, details, warnings: Vec::new() },
        }
    }

    fn written(details: Details) -> Value {
        let mut written = serde_json::to_value(record(details)).unwrap();
        for key in ["schema_version", "path", "status", "format", "metrics", "warnings", "error"] {
            assert!(written.as_object_mut().unwrap().remove(key).is_some(), "{key}");
        }
        written
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
            written(details),
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
    fn record_is_read_again_and_written_with_the_same_bytes() {
        let written = serde_json::to_string(&record(Details::default())).unwrap();
        let read: RecordDocument = serde_json::from_str(&written).unwrap();
        assert_eq!(read, RecordDocument::from(&record(Details::default())));
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
        assert!(
            written.contains(r#""metrics":{"max_dbfs":-6.5,"clipped_samples":3,"min_dbfs":null}"#)
        );
    }

    #[test]
    fn unknown_field_of_a_later_version_is_ignored_when_a_record_is_read() {
        let mut written = serde_json::to_value(record(Details::default())).unwrap();
        written["added_later"] = json!([1]);
        let read: RecordDocument = serde_json::from_value(written).unwrap();
        assert_eq!(read, RecordDocument::from(&record(Details::default())));
    }

    #[test]
    fn schema_names_every_field_of_a_record() {
        let schema = schema();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap();
        let written = serde_json::to_value(record(Details::default())).unwrap();
        for key in written.as_object().unwrap().keys() {
            assert!(properties.contains_key(key), "{key}");
        }
        assert_eq!(
            properties.len(),
            written.as_object().unwrap().len() + 1,
            "path_percent_encoded"
        );
    }
}
