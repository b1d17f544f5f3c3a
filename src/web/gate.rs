//! The gate: who may ask at all, and what every answer says to a browser.
//!
//! A page of another site must not use the visitor's browser to reach us. It could in two ways: by
//! posting here, which its `Origin` gives away, or by a name of its own that it makes point to our
//! address (DNS rebinding), which the `Host` gives away. Addresses cannot be rebound, names can; so
//! any address will do, but only names that are known. Nothing here looks at paths or bodies.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::{ApiError, Shared};

/// Said with every answer. Scripts and styles come from files of ours alone.
const SIGNS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Lets only those through who came by a known name and from no other site.
pub(super) async fn check(
    State(site): Shared,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let host = host(&request)?;
    if !is_ours(host.host(), &site.host_names) {
        return Err(ApiError::ForeignHost { host: host.host().to_owned() });
    }
    if let Some(origin) = foreign_origin(request.headers(), &host) {
        return Err(ApiError::ForeignOrigin { origin });
    }
    Ok(next.run(request).await)
}

/// Signs every answer, and writes the access log.
pub(super) async fn sign(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SIGNS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let status = response.status().as_u16();
    tracing::info!(%method, path, status, taken = ?began.elapsed(), "answered");
    response
}

/// The name by which the client came. A request that is written to a proxy names it in its target.
fn host(request: &Request) -> Result<Authority, ApiError> {
    if let Some(authority) = request.uri().authority() {
        return Ok(authority.clone());
    }
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(ApiError::NoHost) };
    let host: Authority = host
        .to_str()
        .ok()
        .and_then(|host| host.parse().ok())
        .filter(|host: &Authority| !host.as_str().contains('@'))
        .ok_or(ApiError::NoHost)?;
    Ok(host)
}

fn is_ours(host: &str, names: &[String]) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// The origin of a page that is not ours. Programs that are no browsers send none.
fn foreign_origin(headers: &HeaderMap, host: &Authority) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?;
    let shown = String::from_utf8_lossy(origin.as_bytes()).into_owned();
    // Behind a proxy that speaks TLS, the same site is https.
    let site = shown.strip_prefix("http://").or_else(|| shown.strip_prefix("https://"));
    let is_same = site.is_some_and(|site| site.eq_ignore_ascii_case(host.as_str()));
    (!is_same).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_known_names_are_ours() {
        let names = ["studio.example".to_owned()];
        for ours in ["127.0.0.1", "[::1]", "192.168.1.7", "LOCALHOST", "studio.Example"] {
            assert!(is_ours(ours, &names), "{ours}");
        }
        for foreign in ["evil.example", "localhost.evil.example", "studio.example.evil", ""] {
            assert!(!is_ours(foreign, &names), "{foreign}");
        }
    }

    #[test]
    fn an_origin_is_ours_only_with_host_and_port() {
        let host: Authority = "127.0.0.1:8080".parse().unwrap();
        let foreign = |origin: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
            foreign_origin(&headers, &host).is_some()
        };
        assert!(!foreign("http://127.0.0.1:8080"));
        assert!(!foreign("https://127.0.0.1:8080"));
        for origin in ["http://127.0.0.1:8081", "http://127.0.0.1", "http://evil.example", "null"] {
            assert!(foreign(origin), "{origin}");
        }
        assert_eq!(foreign_origin(&HeaderMap::new(), &host), None);
    }
}
