//! Web: the page and its API, for the person who does not use a terminal.
//!
//! ```text
//!   socket ─▶ serve ─▶ gate ─▶ router ─┬─▶ page       what the browser shows
//!                                      ├─▶ threads    the setting of the worker count
//!                                      └─▶ jobs ─▶ order ─▶ queue ─▶ pipeline
//! ```
//!
//! A surface like the command line: it walks the same `pipeline` and holds no logic of its own.
//! The only place with an async runtime. [`router`] answers requests and knows no socket;
//! [`Server`] has the socket and knows no path. Every answer that is not what was asked for is one
//! [`ApiError`], with one status and one shape.

mod batch;
mod catalogue;
mod contract;
mod error;
mod folder;
mod gate;
mod jobs;
mod metered;
mod order;
mod page;
mod queue;
mod serve;
mod shared;
mod tally;
mod threads;

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes as described_routes;

pub use error::ApiError;
pub use serve::{Limits, Server};

use crate::settings::RunSettings;
use queue::Queue;

/// What a site is to be like.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Host names besides `localhost` under which browsers may reach the site. Requests to an IP
    /// address are always accepted: DNS rebinding needs a name.
    pub host_names: Vec<String>,
    /// Folders on this machine in which visitors may have files measured, without links and `..`.
    pub allowed: Vec<PathBuf>,
    /// How long clients may take, and how many there may be.
    pub limits: Limits,
    /// How each job is worked on. The number of workers is `ThreadConfig`'s when it begins.
    pub run: RunSettings,
}

/// What all requests share.
#[derive(Debug)]
struct AppState {
    host_names: Vec<String>,
    allowed: Vec<PathBuf>,
    queue: Arc<Queue>,
}

/// How a request gets at it.
type Shared = State<Arc<AppState>>;

/// Everything that is answered, without a socket.
pub fn router(site: Site) -> Router {
    routes(&Arc::new(AppState::of(site)))
}

impl AppState {
    fn of(site: Site) -> Self {
        let Site { host_names, allowed, run, .. } = site;
        Self { host_names, allowed, queue: Queue::new(run) }
    }
}

fn routes(state: &Arc<AppState>) -> Router {
    Router::from(described())
        .merge(page::router())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_way)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(state), gate::check))
        .layer(from_fn(gate::sign))
        .with_state(Arc::clone(state))
}

/// The API, each route with its description.
fn described() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(described_routes!(threads::show, threads::change))
        .routes(described_routes!(tally::healthy))
        .routes(described_routes!(tally::show))
        .routes(described_routes!(catalogue::show))
        .routes(described_routes!(contract::show))
        .merge(jobs::router())
}

async fn nothing_here(uri: Uri) -> ApiError {
    ApiError::NotFound { what: uri.path().to_owned() }
}

async fn not_this_way(method: Method, uri: Uri) -> ApiError {
    ApiError::MethodNotAllowed { method: method.to_string(), path: uri.path().to_owned() }
}

/// A bug of ours; the panic hook has told the log.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::Internal.into_response()
}
