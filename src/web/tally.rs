//! `Tally`: what the site has done since it started, for Prometheus.
//!
//! Counts and nothing else: no names of files, no addresses.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use procpool::usage::Meter;

use super::Shared;
use crate::event::{Event, PoolEvent};

/// Counts since the beginning.
#[derive(Debug, Default)]
pub(super) struct Tally {
    batches: AtomicU64,
    measured: AtomicU64,
    failed: AtomicU64,
    chunks: AtomicU64,
    children: AtomicU64,
    deaths: AtomicU64,
    retries: AtomicU64,
}

impl Tally {
    /// A batch was taken in.
    pub(super) fn batch(&self) {
        one_more(&self.batches);
    }

    /// Counts what the pipeline says.
    pub(super) fn observe(&self, event: &Event) {
        match event {
            Event::JobFinished { ok: true, .. } => one_more(&self.measured),
            Event::JobFinished { ok: false, .. } => one_more(&self.failed),
            Event::ChunkMeasured { .. } => one_more(&self.chunks),
            Event::Pool(PoolEvent::ChildStarted { .. }) => one_more(&self.children),
            Event::Pool(PoolEvent::ChildDied { .. }) => one_more(&self.deaths),
            Event::Pool(PoolEvent::TaskRetried { .. }) => one_more(&self.retries),
            _ => {}
        }
    }
}

/// Whether the server answers.
#[utoipa::path(get, path = "/healthz", operation_id = "healthy", tag = "service",
    responses((status = 200, description = "It does.", content_type = "text/plain", body = String)))]
pub(super) async fn healthy() -> &'static str {
    "ok\n"
}

/// Counts for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "counts", tag = "service",
    responses((status = 200, description = "In Prometheus' text format.",
        content_type = "text/plain", body = String)))]
pub(super) async fn show(State(site): Shared) -> impl IntoResponse {
    let tally = &site.queue.tally;
    let (waiting, running, bytes) = site.queue.load();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: u64| {
        // A string takes whatever is written.
        let _written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    line("audiopool_jobs_total", "counter", "Jobs taken in.", count(&tally.batches));
    line("audiopool_jobs_waiting", "gauge", "Jobs that wait for their turn.", size(waiting));
    line("audiopool_jobs_running", "gauge", "Jobs in work.", size(running));
    line("audiopool_files_measured_total", "counter", "Files measured.", count(&tally.measured));
    line("audiopool_files_failed_total", "counter", "Files that failed.", count(&tally.failed));
    line("audiopool_chunks_total", "counter", "Chunks measured.", count(&tally.chunks));
    line("audiopool_children_total", "counter", "Processes started.", count(&tally.children));
    line("audiopool_deaths_total", "counter", "Processes that died.", count(&tally.deaths));
    line("audiopool_retries_total", "counter", "Tasks tried again.", count(&tally.retries));
    line("audiopool_temporary_bytes", "gauge", "Bytes of files sent here.", bytes);
    let peak = Meter::open().read().peak_rss_bytes;
    line("audiopool_peak_memory_bytes", "gauge", "Most memory of the server itself.", peak);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn size(count: usize) -> u64 {
    count.try_into().unwrap_or(u64::MAX)
}
