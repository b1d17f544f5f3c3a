//! Who is let in, what browsers are told, and what is not there.

use axum::body::Body;
use axum::http::Request;

use super::{Answer, ask, asked, get};

fn from_host(host: &str) -> Answer {
    ask(Request::builder().uri("/healthz").header("host", host).body(Body::empty()).unwrap())
}

fn from_origin(method: &str, origin: &str) -> Answer {
    ask(asked(method, "/settings/threads").header("origin", origin).body(Body::empty()).unwrap())
}

#[test]
fn a_request_under_an_unknown_host_name_is_refused() {
    for host in ["127.0.0.1:8080", "localhost:9", "[::1]:8080", "10.1.2.3", "studio.example"] {
        assert_eq!(from_host(host).status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:8080", "127.0.0.1.evil.example"] {
        assert!(from_host(host).refusal(421).contains("--allow-host"), "{host}");
    }
    for host in ["", "127.0.0.1@evil.example", "a b"] {
        from_host(host).refusal(400);
    }
    ask(Request::builder().uri("/healthz").body(Body::empty()).unwrap()).refusal(400);
    ask(asked("GET", "/healthz").header("host", "localhost").body(Body::empty()).unwrap())
        .refusal(400);
}

#[test]
fn pages_of_other_sites_are_turned_away() {
    assert_eq!(from_origin("GET", "http://127.0.0.1:8080").status, 200);
    for origin in ["http://evil.example", "http://127.0.0.1:8081", "null", "file://"] {
        for method in ["GET", "POST"] {
            let answer = from_origin(method, origin);
            assert!(answer.refusal(403).contains(origin), "{origin}");
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
}

#[test]
fn every_answer_tells_the_browser_to_be_careful() {
    let refused = from_host("evil.example");
    for answer in [get("/"), get("/page/style.css"), get("/settings/threads"), get("/no"), refused]
    {
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(answer.headers.contains_key("cache-control"));
    }
}

#[test]
fn the_page_has_nothing_inline_and_everything_it_names() {
    let page = String::from_utf8(get("/").body).unwrap();
    assert!(page.contains("Settings</button>"), "{page}");
    for inline in ["<style", " style=", " onclick=", "javascript:", "http://", "https://"] {
        assert!(!page.contains(inline), "{inline}");
    }
    assert_eq!(page.matches("<script").count(), page.matches("\"></script>").count());
    let named: Vec<_> =
        page.split('"').filter(|part| part.starts_with("/page/")).map(str::to_owned).collect();
    assert!(named.len() >= 3, "{named:?}");
    for path in named {
        let answer = get(&path);
        assert_eq!(answer.status, 200, "{path}");
        let content_type = answer.headers["content-type"].to_str().unwrap();
        let extension = path.rsplit('.').next().unwrap();
        let expected = if extension == "css" { "text/css" } else { "text/javascript" };
        assert!(content_type.starts_with(expected), "{path}: {content_type}");
    }
}

#[test]
fn the_catalogue_is_that_of_the_command() {
    let catalogue = get("/api/v1/catalogue").json();
    let metrics = catalogue["metrics"].as_array().unwrap();
    let keys: Vec<_> = metrics.iter().map(|metric| metric["key"].as_str().unwrap()).collect();
    let metrics = audiopool::settings::METRICS.iter().filter(|metric| !metric.needs_target());
    let known: Vec<_> = metrics.map(|metric| metric.key).collect();
    assert_eq!(keys, known);
    assert_eq!(catalogue["default"], "basic");
    assert_eq!(catalogue["paths"], false);
}

#[test]
fn what_is_not_there_is_named() {
    for path in ["/nothing", "/settings", "/settings/threads/", "/page/", "/page/../Cargo.toml"] {
        assert!(get(path).refusal(404).contains(path), "{path}");
    }
    let answer = ask(asked("POST", "/").body(Body::empty()).unwrap());
    assert!(answer.refusal(405).contains("POST"));
}
