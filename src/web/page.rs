//! The page: HTML, styles and scripts, as they stand in the folder `page` and nowhere else.
//!
//! They are part of the program, so nothing can be missing and nothing is built or fetched.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// Path, content type and text of each file.
const FILES: [(&str, &str, &str); 9] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/page/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/page/files.js", "text/javascript; charset=utf-8", include_str!("page/files.js")),
    ("/page/job.js", "text/javascript; charset=utf-8", include_str!("page/job.js")),
    ("/page/figures.js", "text/javascript; charset=utf-8", include_str!("page/figures.js")),
    ("/page/plots.js", "text/javascript; charset=utf-8", include_str!("page/plots.js")),
    ("/page/waveform.js", "text/javascript; charset=utf-8", include_str!("page/waveform.js")),
    ("/page/words.js", "text/javascript; charset=utf-8", include_str!("page/words.js")),
    ("/page/settings.js", "text/javascript; charset=utf-8", include_str!("page/settings.js")),
];

/// A route for each file.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, &(path, content_type, text)| {
        router.route(path, get(move || async move { file(content_type, text) }))
    })
}

/// Asked for anew each time, so that a page and its scripts are of one version.
fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text)
}
