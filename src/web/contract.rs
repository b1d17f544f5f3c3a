//! `/api/openapi.json`: the contract of the API in `OpenAPI` 3.1, made from the routes themselves.
//!
//! [`described`](super::described) gives a route and its description in one call, so that neither is
//! there without the other. What every route has in common is added here; what it sends and takes is
//! in [`shapes`].

pub(super) mod shapes;

use std::sync::LazyLock;

use crate::record::definitions;
use axum::http::header;
use axum::response::IntoResponse;
use shapes::Document;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, OpenApi, Ref, ResponseBuilder};

/// Refusals that any request may meet, before its route is looked at or by a bug of ours.
const REFUSALS: [(&str, &str); 4] = [
    ("400", "The request is malformed; the sentence names the field and what it may be."),
    ("403", "A page of another site asks, or the path is in no allowed folder."),
    ("421", "The `Host` is a name that is not known here."),
    ("500", "A bug of the server's."),
];

/// Written once: nothing in it changes while the server runs.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document = serde_json::to_value(document()).expect("a document has only text for keys");
    for (name, schema) in definitions("/components/schemas") {
        document["components"]["schemas"][name] = schema;
    }
    document.to_string()
});

/// The contract of this API.
#[utoipa::path(get, path = "/api/openapi.json", operation_id = "contract", tag = "service",
    responses((status = 200, description = "This document.", content_type = "application/json",
        body = Document)))]
pub(super) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

fn document() -> OpenApi {
    let mut document = super::described().into_openapi();
    document.info = InfoBuilder::new()
        .title("audiopool")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Measures audio files on a pool of crash-isolated worker processes. Every refusal is \
             `{\"success\": false, \"error\": \"…\"}`.",
        ))
        .build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.delete];
        operations.into_iter().flatten().for_each(may_be_refused);
    }
    let components = document.components.get_or_insert_with(Components::new);
    for (name, schema) in shapes::all() {
        components.schemas.insert(name.to_owned(), schema);
    }
    document
}

fn may_be_refused(operation: &mut Operation) {
    for (status, description) in REFUSALS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Refusal"))).build();
        let refused = ResponseBuilder::new()
            .description(description)
            .content("application/json", content)
            .build();
        operation.responses.responses.entry(status.to_owned()).or_insert(refused.into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Every `$ref` below a value.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference.clone());
                }
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_openapi_3_1_and_refers_to_nothing_that_it_does_not_have() {
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 5, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_refuses() {
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(names.insert(name), "{method} {path}");
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(operation["responses"]["421"].is_object(), "{method} {path}");
            }
        }
        assert!(names.contains("createJob") && names.contains("setThreads"), "{names:?}");
    }
}
