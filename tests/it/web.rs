//! The web application: its router without a socket, and the program with one.

mod contract;
mod gate;
#[cfg(target_os = "linux")]
mod jobs;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod served;
#[cfg(target_os = "linux")]
mod sharing;
mod slowness;
mod threads;
#[cfg(target_os = "linux")]
mod uploads;

use audiopool::web::{Site, router};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks status and shape of a refusal, and returns its sentence.
    #[track_caller]
    fn refusal(&self, status: u16) -> String {
        let json = self.json();
        assert_eq!(self.status.as_u16(), status, "{json}");
        let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["error", "success"], "{json}");
        assert_eq!(json["success"], false);
        json["error"].as_str().unwrap().to_owned()
    }
}

/// A request as a program on this machine makes it.
fn asked(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080")
}

/// Asks the router, with a runtime of its own.
fn ask(request: Request<Body>) -> Answer {
    let site = Site { host_names: vec!["studio.example".to_owned()], ..Site::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = router(site).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    })
}

fn get(path: &str) -> Answer {
    ask(asked("GET", path).body(Body::empty()).unwrap())
}
