//! `/api/v1/jobs`: create, look at, cancel, follow, and take the report away.
//!
//! A job is a [`Batch`]; its records are those of the command, and its reports are written by the
//! same [`report`](crate::report).

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::batch::Batch;
use super::order::{self, Asked};
use super::{ApiError, Grounds, Shared};
use crate::record::Summary;
use crate::report::{Csv, Json as JsonReport, Report};

/// The routes.
pub(super) fn router() -> Router<Arc<Grounds>> {
    Router::new()
        .route("/api/v1/jobs", post(create).get(list).delete(cancel_all))
        .route("/api/v1/jobs/{id}", get(show).delete(cancel))
        .route("/api/v1/jobs/{id}/events", get(events))
        .route("/api/v1/jobs/{id}/report.json", get(report_json))
        .route("/api/v1/jobs/{id}/report.csv", get(report_csv))
        .layer(DefaultBodyLimit::max(order::MOST_BYTES))
}

async fn create(State(site): Shared, request: Request) -> Result<Response, ApiError> {
    // Before anything is read: whoever finds no place is not to send for nothing.
    let mut place = site.queue.promise()?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let order = match essence.as_str() {
        "multipart/form-data" => {
            let form = Multipart::from_request(request, &()).await.map_err(|error| {
                let bounds = "multipart/form-data with its boundary".to_owned();
                ApiError::Body { problem: error.body_text(), bounds }
            })?;
            order::sent(form, &mut place).await?
        }
        "application/json" => {
            let asked = Json::<Asked>::from_request(request, &()).await;
            let Json(asked) = asked.map_err(|error| unread(&error))?;
            let site = Arc::clone(&site);
            let found = move || order::found(&asked, &site.allowed);
            tokio::task::spawn_blocking(found).await.map_err(|_| ApiError::Internal)??
        }
        _ => return Err(ApiError::MediaType { wanted: "multipart/form-data or application/json" }),
    };
    let batch = site.queue.enter(place, order);
    let location = format!("/api/v1/jobs/{}", batch.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(batch.full())).into_response())
}

async fn list(State(site): Shared) -> Json<Value> {
    let jobs: Vec<_> = site.queue.all().iter().map(|batch| batch.brief()).collect();
    Json(json!({ "jobs": jobs }))
}

async fn show(State(site): Shared, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(find(&site, &id)?.full()))
}

async fn cancel(State(site): Shared, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let batch = find(&site, &id)?;
    stop(&site, vec![Arc::clone(&batch)]).await?;
    Ok(Json(batch.brief()))
}

async fn cancel_all(State(site): Shared) -> Result<Json<Value>, ApiError> {
    stop(&site, site.queue.all()).await?;
    Ok(list(State(site)).await)
}

/// Kills processes and deletes files, so not on a thread that has others waiting.
async fn stop(site: &Arc<Grounds>, batches: Vec<Arc<Batch>>) -> Result<(), ApiError> {
    let site = Arc::clone(site);
    let stopping = tokio::task::spawn_blocking(move || {
        for batch in &batches {
            site.queue.cancel(batch);
        }
    });
    stopping.await.map_err(|_| ApiError::Internal)
}

/// Everything that happens, from the beginning or from where a watcher was cut off.
async fn events(
    State(site): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let batch = find(&site, &id)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let seen: usize = last.and_then(|id| id.parse().ok()).unwrap_or(0);
    if let (rest, true) = batch.since(seen)
        && rest.is_empty()
    {
        // Tells a browser not to come back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let news = batch.watch();
    let entries = stream::unfold((batch, news, seen, false), |following| async move {
        let (batch, mut news, seen, is_over) = following;
        if is_over {
            return None;
        }
        news.wait_for(|length| *length > seen).await.ok()?;
        let (entries, is_over) = batch.since(seen);
        let next = seen + entries.len();
        let told = (seen + 1..).zip(entries).map(|(number, entry)| {
            Ok::<_, Infallible>(
                sse::Event::default().id(number.to_string()).event(entry.kind).data(entry.text),
            )
        });
        Some((stream::iter(told.collect::<Vec<_>>()), (batch, news, next, is_over)))
    });
    Ok(Sse::new(entries.flatten()).keep_alive(KeepAlive::default()).into_response())
}

async fn report_json(State(site): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let batch = find(&site, &id)?;
    let mut out = Vec::new();
    write(&batch, &mut JsonReport::new(&mut out, &batch.analysis))?;
    Ok(download(out, "application/json", "audiopool.json"))
}

async fn report_csv(State(site): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let batch = find(&site, &id)?;
    let mut out = Vec::new();
    write(&batch, &mut Csv::new(&mut out, &batch.analysis))?;
    Ok(download(out, "text/csv; charset=utf-8", "audiopool.csv"))
}

/// The report that the command would have written.
fn write(batch: &Batch, report: &mut dyn Report) -> Result<(), ApiError> {
    let (records, summary): (_, Summary) = batch.outcome().ok_or(ApiError::NotYet)?;
    let written = report.begin().and_then(|()| {
        records.iter().try_for_each(|record| report.record(record))?;
        report.finish(&summary)
    });
    written.map_err(|_| ApiError::Internal)
}

fn download(body: Vec<u8>, content_type: &'static str, name: &str) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

fn find(site: &Grounds, id: &str) -> Result<Arc<Batch>, ApiError> {
    site.queue.find(id).ok_or_else(|| ApiError::NotFound { what: format!("job `{id}`") })
}

fn unread(error: &JsonRejection) -> ApiError {
    ApiError::Body {
        problem: error.body_text(),
        bounds: "an object such as {\"path\": \"/music\", \"metrics\": \"all\"}".to_owned(),
    }
}
