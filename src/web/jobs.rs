//! `/api/v1/jobs`: create, look at, cancel, follow, and take the report away.
//!
//! A job is a [`Batch`]; its records are those of the command, and its reports are written by the
//! same [`report`](crate::report).

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::batch::Batch;
use super::contract::shapes;
use super::metered::Meter;
use super::order;
use super::{ApiError, AppState, Shared};
use crate::record::Summary;
use crate::report::{Csv, Json as JsonReport, Report};
use crate::settings::Bits;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(create, list, cancel_all))
        .routes(routes!(show, cancel))
        .routes(routes!(events))
        .routes(routes!(waveform))
        .routes(routes!(timelines))
        .routes(routes!(report_json))
        .routes(routes!(report_csv))
        .layer(DefaultBodyLimit::max(order::MOST_BYTES))
}

/// Creates a job, of files that are sent or of a path on the server.
#[utoipa::path(post, path = "/api/v1/jobs", operation_id = "createJob", tag = "jobs",
    request_body(content(
        (shapes::Asked = "application/json"),
        (shapes::Sent = "multipart/form-data"),
    )),
    responses(
        (status = 201, description = "The job, which waits for its turn.", body = shapes::FullJob,
            headers(("Location" = String, description = "Where it is."))),
        (status = 408, description = "The body was too slow.", body = shapes::Refusal),
        (status = 413, description = "Too many or too large files.", body = shapes::Refusal),
        (status = 415, description = "Neither a form nor JSON.", body = shapes::Refusal),
        (status = 429, description = "Too many jobs wait.", body = shapes::Refusal,
            headers(("Retry-After" = u32, description = "In seconds."))),
        (status = 503, description = "The server is ending.", body = shapes::Refusal,
            headers(("Retry-After" = u32, description = "In seconds."))),
        (status = 507, description = "There is no room.", body = shapes::Refusal),
    ))]
async fn create(State(site): Shared, request: Request) -> Result<Response, ApiError> {
    // Before anything is read, so that a client for whom there is no place does not send its files.
    let mut place = site.queue.promise()?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let order = match essence.as_str() {
        "multipart/form-data" => {
            let (request, meter) = Meter::of(request);
            let form = Multipart::from_request(request, &()).await.map_err(|error| {
                let bounds = "multipart/form-data with its boundary".to_owned();
                ApiError::Body { problem: error.body_text(), bounds }
            })?;
            order::sent(form, &meter, &mut place).await?
        }
        "application/json" => {
            let asked = order::asked(request.into_body()).await?;
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

/// Every job that is remembered.
#[utoipa::path(get, path = "/api/v1/jobs", operation_id = "jobs", tag = "jobs",
    responses((status = 200, description = "The jobs.", body = shapes::Jobs)))]
async fn list(State(site): Shared) -> Json<Value> {
    let jobs: Vec<_> = site.queue.all().iter().map(|batch| batch.brief()).collect();
    Json(json!({ "jobs": jobs }))
}

/// One job with every file.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", operation_id = "job", tag = "jobs",
    params(("id" = String, Path, description = "Of the job.")),
    responses(
        (status = 200, description = "The job.", body = shapes::FullJob),
        (status = 404, description = "There is no such job.", body = shapes::Refusal),
    ))]
async fn show(State(site): Shared, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(find(&site, &id)?.full()))
}

/// Cancels a job; what is measured already is kept.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", operation_id = "cancelJob", tag = "jobs",
    params(("id" = String, Path, description = "Of the job.")),
    responses(
        (status = 200, description = "The job.", body = shapes::Job),
        (status = 404, description = "There is no such job.", body = shapes::Refusal),
    ))]
async fn cancel(State(site): Shared, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let batch = find(&site, &id)?;
    stop(&site, vec![Arc::clone(&batch)]).await?;
    Ok(Json(batch.brief()))
}

/// Cancels every job.
#[utoipa::path(delete, path = "/api/v1/jobs", operation_id = "cancelJobs", tag = "jobs",
    responses((status = 200, description = "The jobs.", body = shapes::Jobs)))]
async fn cancel_all(State(site): Shared) -> Result<Json<Value>, ApiError> {
    stop(&site, site.queue.all()).await?;
    Ok(list(State(site)).await)
}

/// Kills processes and deletes files, so not on a thread that has others waiting.
async fn stop(site: &Arc<AppState>, batches: Vec<Arc<Batch>>) -> Result<(), ApiError> {
    let site = Arc::clone(site);
    let stopping = tokio::task::spawn_blocking(move || {
        for batch in &batches {
            site.queue.cancel(batch);
        }
    });
    stopping.await.map_err(|_| ApiError::Internal)
}

/// Everything that happens, from the beginning or from where a watcher was cut off.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", operation_id = "events", tag = "jobs",
    params(("id" = String, Path, description = "Of the job."),
        ("Last-Event-ID" = Option<String>, Header, description = "The last one that was seen.")),
    responses(
        (status = 200, description = "Server-Sent Events.", content_type = "text/event-stream",
            body = shapes::Event),
        (status = 204, description = "All was seen; nothing more will happen."),
        (status = 404, description = "There is no such job.", body = shapes::Refusal),
    ))]
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

/// What a file is drawn by: audiowaveform's JSON, version 2, in at most 2000 columns.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/files/{index}/waveform.json",
    operation_id = "waveform", tag = "jobs",
    params(
        ("id" = String, Path, description = "Of the job."),
        ("index" = String, Path, description = "Of the file, from 0."),
    ),
    responses(
        (status = 200, description = "The waveform.", body = shapes::Peaks),
        (status = 404, description = "No such file, or no waveform of it yet.",
            body = shapes::Refusal),
    ))]
async fn waveform(
    State(site): Shared,
    Path((id, index)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let waveform = of_file(&site, &id, &index, "waveform", Batch::waveform)?;
    let json = waveform.json(Bits::Sixteen);
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// How loud a file is from moment to moment, in at most 2000 steps, each with its loudest; nothing
/// unless its loudness was asked for.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/files/{index}/timelines.json",
    operation_id = "timelines", tag = "jobs",
    params(
        ("id" = String, Path, description = "Of the job."),
        ("index" = String, Path, description = "Of the file, from 0."),
    ),
    responses(
        (status = 200, description = "The timelines, by name.", body = shapes::Timelines),
        (status = 404, description = "No such file, or it is not measured yet.",
            body = shapes::Refusal),
    ))]
async fn timelines(
    State(site): Shared,
    Path((id, index)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(Json(of_file(&site, &id, &index, "timelines", Batch::timelines)?).into_response())
}

/// The report that the command would have written.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/report.json", operation_id = "reportJson", tag = "jobs",
    params(("id" = String, Path, description = "Of the job.")),
    responses(
        (status = 200, description = "The report.", body = shapes::Report),
        (status = 409, description = "The job has not ended.", body = shapes::Refusal),
        (status = 404, description = "There is no such job.", body = shapes::Refusal),
    ))]
async fn report_json(State(site): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let batch = find(&site, &id)?;
    let mut out = Vec::new();
    write(&batch, &mut JsonReport::new(&mut out, &batch.analysis))?;
    Ok(download(out, "application/json", "audiopool.json"))
}

/// The same as a table.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/report.csv", operation_id = "reportCsv", tag = "jobs",
    params(("id" = String, Path, description = "Of the job.")),
    responses(
        (status = 200, description = "The table.", content_type = "text/csv", body = String),
        (status = 409, description = "The job has not ended.", body = shapes::Refusal),
        (status = 404, description = "There is no such job.", body = shapes::Refusal),
    ))]
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

fn find(site: &AppState, id: &str) -> Result<Arc<Batch>, ApiError> {
    site.queue.find(id).ok_or_else(|| ApiError::NotFound { what: format!("job `{id}`") })
}

/// What there is of one file of a job.
fn of_file<T>(
    site: &AppState,
    id: &str,
    index: &str,
    what: &str,
    get: impl Fn(&Batch, usize) -> Option<T>,
) -> Result<T, ApiError> {
    let batch = find(site, id)?;
    let found = index.parse().ok().and_then(|index| get(&batch, index));
    found.ok_or_else(|| ApiError::NotFound { what: format!("{what} of file `{index}`") })
}
