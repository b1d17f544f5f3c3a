//! Shapes: what the API sends and takes, as JSON schemas for its contract.
//!
//! Names, bounds and choices come from the constants that the program itself uses. The shapes of
//! records and of their summary are those of the reports, [`definitions`](crate::record::definitions).

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::settings::{GROUPS, METRICS, MIN_SILENCE_MS, SILENCE_THRESHOLD_DB};
use crate::threads::ThreadConfig;

macro_rules! shapes {
    ($( $(#[$doc:meta])* $name:ident: $json:expr; )+) => {
        $(
            $(#[$doc])*
            pub(in crate::web) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    serde_json::from_value($json).expect("it is a schema, as the tests see")
                }
            }

            impl ToSchema for $name {}
        )+

        /// All of them, with their names.
        pub(super) fn all() -> Vec<(&'static str, RefOr<Schema>)> {
            vec![$( (stringify!($name), $name::schema()), )+]
        }
    };
}

shapes! {
    /// What every refusal looks like.
    Refusal: object(json!({
        "success": {"type": "boolean", "enum": [false]},
        "error": {"type": "string", "minLength": 1},
    }));
    /// The setting of the worker count, as it is told.
    Threads: object(json!({
        "success": {"type": "boolean", "enum": [true]},
        "current_threads": threads(),
        "max_threads": {"type": "integer", "minimum": 1},
        "default_threads": threads(),
    }));
    /// The same after it was set.
    ThreadsSet: object(json!({
        "success": {"type": "boolean", "enum": [true]},
        "current_threads": threads(),
        "max_threads": {"type": "integer", "minimum": 1},
    }));
    /// Which number to set. A list, since 2.0 is an integer to a schema and a float to this API.
    ThreadsWanted: json!({
        "type": "object", "required": ["num_threads"], "example": {"num_threads": 1},
        "properties": {"num_threads":
            {"type": "integer", "enum": (1..=ThreadConfig::max_threads()).collect::<Vec<_>>()}},
    });
    /// One of Server-Sent Events; what is in `data` is JSON.
    Event: object(json!({
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        "event": {"type": "string", "enum":
            ["queued", "started", "file", "opened", "progress", "retried", "record", "ended"]},
        "data": {"type": "string", "pattern": "^[{]"},
    }));
    /// A path on the server to be measured.
    Asked: with_settings(json!({"path": {"type": "string", "minLength": 1}}), "path");
    /// Files to be measured.
    Sent: with_settings(json!({
        "files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}},
    }), "files");
    /// A job as lists show it.
    Job: object(job());
    /// A job with every file.
    FullJob: {
        let mut fields = job();
        fields["files"] = json!({"type": "array", "items": object(json!({
            "name": {"type": "string"},
            "percent": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
            "record": {"oneOf": [{"type": "null"}, reference("Record")]},
        }))});
        fields["settings"] = object(json!({
            (SILENCE_THRESHOLD_DB.key): threshold(),
            (MIN_SILENCE_MS.key): min_silence(),
            "metrics": {"type": "array", "items": {"type": "string", "enum": keys()}},
        }));
        object(fields)
    };
    /// All jobs that are remembered.
    Jobs: object(json!({"jobs": {"type": "array", "items": reference("Job")}}));
    /// The report of a job; the same as the command's.
    Report: json!({
        "type": "object", "required": ["files", "summary"],
        "properties": {"files": {"type": "array", "items": reference("Record")},
            "summary": reference("Summary")},
    });
    /// What a file is drawn by; least and largest sample of each column in turn.
    Peaks: object(json!({
        "version": {"type": "integer", "enum": [2]},
        "channels": {"type": "integer", "enum": [1]},
        "sample_rate": {"type": "integer", "minimum": 1},
        "samples_per_pixel": {"type": "integer", "minimum": 1},
        "bits": {"type": "integer", "enum": [16]},
        "length": {"type": "integer", "minimum": 0, "maximum": 2000},
        "data": {"type": "array", "maxItems": 4000,
            "items": {"type": "integer", "minimum": -32768, "maximum": 32767}},
    }));
    /// How loud a file is from moment to moment.
    Timelines: json!({"type": "object", "additionalProperties": object(timeline())});
    /// What can be asked for.
    Catalogue: object(json!({
        "groups": {"type": "array", "items": object(texts(&["name", "title", "about"]))},
        "metrics": {"type": "array", "items": metric()},
        "failures": {"type": "object", "additionalProperties": words()},
        "warnings": {"type": "object", "additionalProperties": words()},
        "default": {"type": "string"},
        "paths": {"type": "boolean"},
    }));
    /// A document like the contract itself.
    Document: json!({
        "type": "object", "required": ["openapi", "info", "paths"],
        "properties": {"openapi": {"type": "string"}, "info": {"type": "object"},
            "paths": {"type": "object"}},
    });
}

/// All of these fields and no other.
fn object(mut fields: Value) -> Value {
    let required: Vec<_> = fields.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({
        "type": "object", "properties": fields.take(), "required": required,
        "additionalProperties": false,
    })
}

fn texts(names: &[&str]) -> Value {
    names.iter().map(|&name| (name.to_owned(), json!({"type": "string"}))).collect()
}

/// Fields of an order, of which only one must be there.
fn with_settings(mut fields: Value, required: &str) -> Value {
    fields["metrics"] = json!({
        "type": "string", "pattern": format!("^({0})(,({0}))*$", names().join("|")),
        "maxLength": 4096, "example": "all",
    });
    fields[SILENCE_THRESHOLD_DB.key] = threshold();
    fields[MIN_SILENCE_MS.key] = min_silence();
    json!({
        "type": "object", "properties": fields, "required": [required],
        "additionalProperties": false,
    })
}

fn job() -> Value {
    json!({
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "status": {"type": "string",
            "enum": ["queued", "running", "finished", "cancelled", "failed"]},
        "workers": {"type": ["integer", "null"], "minimum": 1},
        "files": count(),
        "bytes": count(),
        "summary": reference("Summary"),
        "error": {"type": ["string", "null"]},
    })
}

fn timeline() -> Value {
    json!({
        "window_seconds": {"type": "number", "minimum": 0},
        "step_seconds": {"type": "number", "minimum": 0},
        "values": {"type": "array", "items": {"type": ["number", "null"]}},
    })
}

fn metric() -> Value {
    let mut fields = texts(&["key", "title", "unit", "definition", "reading", "group"]);
    fields["decimals"] = count();
    let bound = || json!({"type": ["number", "null"]});
    let usual = object(json!({"least": bound(), "most": bound()}));
    fields["usual"] = json!({"oneOf": [{"type": "null"}, usual]});
    object(fields)
}

fn words() -> Value {
    object(texts(&["title", "help"]))
}

fn threads() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": ThreadConfig::max_threads()})
}

fn threshold() -> Value {
    let setting = SILENCE_THRESHOLD_DB;
    json!({"type": "number", "minimum": setting.min, "maximum": setting.max,
        "description": setting.describe()})
}

fn min_silence() -> Value {
    let setting = MIN_SILENCE_MS;
    json!({"type": "integer", "minimum": setting.min, "maximum": setting.max,
        "description": setting.describe()})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn keys() -> Vec<&'static str> {
    METRICS.iter().filter(|metric| !metric.needs_target()).map(|metric| metric.key).collect()
}

/// Whatever `metrics` may be made of.
fn names() -> Vec<&'static str> {
    let groups = GROUPS.iter().map(|group| group.name);
    std::iter::once("all").chain(groups).chain(keys()).collect()
}
