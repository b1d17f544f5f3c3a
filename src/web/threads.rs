//! `/settings/threads`: how many workers the analyses have that start from now on.
//!
//! The contract is that of the Python application, to the letter. The number is
//! [`ThreadConfig`]'s, so it lasts as long as the server; whatever is wrong with a request, it stays.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;
use tower_http::timeout::TimeoutError;

use super::ApiError;
use super::contract::shapes;
use super::error::caused_by;
use crate::threads::ThreadConfig;

const FIELD: &str = "num_threads";

/// Far more than the one number needs.
const MOST_BYTES: usize = 4096;

/// The setting as it is told.
#[derive(Debug, Serialize)]
pub(super) struct Setting {
    success: bool,
    current_threads: usize,
    max_threads: usize,
    /// Only in the answer to `GET`.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_threads: Option<usize>,
}

/// What is set, and what can be.
#[utoipa::path(get, path = "/settings/threads", operation_id = "threads", tag = "settings",
    responses((status = 200, description = "The setting.", body = shapes::Threads)))]
pub(super) async fn show() -> Json<Setting> {
    Json(Setting {
        success: true,
        current_threads: ThreadConfig::num_threads(),
        max_threads: ThreadConfig::max_threads(),
        default_threads: Some(ThreadConfig::default_threads()),
    })
}

/// Sets it, for every job that begins from now on.
#[utoipa::path(post, path = "/settings/threads", operation_id = "setThreads", tag = "settings",
    request_body = shapes::ThreadsWanted,
    responses(
        (status = 200, description = "The setting as it is now.", body = shapes::ThreadsSet),
        (status = 408, description = "The body was too slow.", body = shapes::Refusal),
        (status = 415, description = "The body is not JSON.", body = shapes::Refusal),
    ))]
pub(super) async fn change(headers: HeaderMap, body: Body) -> Result<Json<Setting>, ApiError> {
    if !is_json(&headers) {
        return Err(ApiError::MediaType { wanted: "application/json" });
    }
    let body = to_bytes(body, MOST_BYTES).await.map_err(|error| unread(&error))?;
    let threads = number_in(&body)?;
    ThreadConfig::set_num_threads(Some(threads)).map_err(|error| out_of_bounds(error.given))?;
    // Not read again: another client may have set another number since.
    Ok(Json(Setting {
        success: true,
        current_threads: threads,
        max_threads: ThreadConfig::max_threads(),
        default_threads: None,
    }))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The number that a body asks for.
fn number_in(body: &[u8]) -> Result<usize, ApiError> {
    let unfit = |problem: &str| ApiError::Body {
        problem: problem.to_owned(),
        bounds: format!("an object such as {{\"{FIELD}\": 1}}, and {FIELD} {}", bounds()),
    };
    if body.is_empty() {
        return Err(unfit("the body is empty"));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|_| unfit("the body is not valid JSON"))?;
    let Value::Object(fields) = value else {
        return Err(unfit("the body is not a JSON object"));
    };
    match fields.get(FIELD) {
        None => Err(out_of_bounds("missing")),
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| out_of_bounds(number)),
        Some(Value::Null) => Err(out_of_bounds("null")),
        Some(Value::Bool(_)) => Err(out_of_bounds("a boolean")),
        Some(Value::String(_)) => Err(out_of_bounds("a string")),
        Some(Value::Array(_)) => Err(out_of_bounds("an array")),
        Some(Value::Object(_)) => Err(out_of_bounds("an object")),
    }
}

fn unread(error: &axum::Error) -> ApiError {
    if caused_by::<TimeoutError>(error) {
        return ApiError::TooSlow;
    }
    ApiError::Body {
        problem: "the body is too large or did not arrive whole".to_owned(),
        bounds: format!("at most {MOST_BYTES} bytes, with {FIELD} {}", bounds()),
    }
}

fn out_of_bounds(given: impl std::fmt::Display) -> ApiError {
    ApiError::Field { field: FIELD, bounds: bounds(), given: given.to_string() }
}

fn bounds() -> String {
    format!("an integer from 1 to {}", ThreadConfig::max_threads())
}
