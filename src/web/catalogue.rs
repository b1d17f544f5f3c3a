//! `/api/v1/catalogue`: what can be asked for here, so that the page needs no list of its own.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Shared;
use super::contract::shapes;
use crate::record::{FAILURES, WARNINGS};
use crate::settings::{DEFAULT_METRICS, GROUPS, METRICS};

/// Groups and metrics in report order, what kinds of failures and warnings mean, and whether paths
/// may be named.
#[utoipa::path(get, path = "/api/v1/catalogue", operation_id = "catalogue", tag = "jobs",
    responses((status = 200, description = "What can be asked for.", body = shapes::Catalogue)))]
pub(super) async fn show(State(site): Shared) -> Json<Value> {
    let groups = GROUPS
        .iter()
        .map(|group| json!({"name": group.name, "title": group.title, "about": group.about}));
    let metrics = METRICS.iter().filter(|metric| !metric.needs_target()).map(|metric| {
        json!({
            "key": metric.key, "title": metric.title, "unit": metric.unit,
            "decimals": metric.decimals, "definition": metric.definition,
            "reading": metric.reading, "group": metric.groups[0].name, "usual": metric.expected_range(),
        })
    });
    let failures = FAILURES.iter().map(|kind| (kind.to_string(), kind.words()));
    let warnings = WARNINGS.iter().map(|kind| (kind.to_string(), kind.words()));
    Json(json!({
        "groups": groups.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "failures": failures.collect::<BTreeMap<_, _>>(),
        "warnings": warnings.collect::<BTreeMap<_, _>>(),
        "default": DEFAULT_METRICS,
        "paths": !site.allowed.is_empty(),
    }))
}
