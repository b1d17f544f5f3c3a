//! `/settings/threads`: the contract of the Python application.

use std::sync::{Mutex, MutexGuard, PoisonError};

use audiopool::ThreadConfig;
use axum::body::Body;
use serde_json::json;

use super::{Answer, ask, asked, get};

/// The number is that of the whole process, so one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    ThreadConfig::set_num_threads(None).unwrap();
    alone
}

fn post(content_type: &str, body: impl Into<Body>) -> Answer {
    let request = asked("POST", "/settings/threads").header("content-type", content_type);
    ask(request.body(body.into()).unwrap())
}

#[test]
fn the_setting_is_told_with_its_bounds() {
    let _alone = alone();
    let answer = get("/settings/threads");
    let max = ThreadConfig::max_threads();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "success": true,
            "current_threads": (max / 2).max(1),
            "max_threads": max,
            "default_threads": (max / 2).max(1),
        })
    );
}

#[test]
fn every_number_within_the_bounds_is_taken_and_lasts() {
    let _alone = alone();
    let max = ThreadConfig::max_threads();
    for threads in 1..=max {
        let body = json!({"num_threads": threads}).to_string();
        let answer = post("application/json; charset=utf-8", body);
        assert_eq!(answer.status, 200);
        let expected = json!({"success": true, "current_threads": threads, "max_threads": max});
        assert_eq!(answer.json(), expected);
        assert_eq!(get("/settings/threads").json()["current_threads"], threads);
        assert_eq!(audiopool::settings::RunSettings::default().workers, threads);
    }
}

#[test]
fn whatever_is_wrong_is_named_with_the_bounds_and_changes_nothing() {
    let _alone = alone();
    let max = ThreadConfig::max_threads();
    ThreadConfig::set_num_threads(Some(max)).unwrap();
    let bounds = format!("num_threads must be an integer from 1 to {max}, not ");
    for (body, given) in [
        (json!({"num_threads": "2"}), "a string"),
        (json!({"num_threads": ""}), "a string"),
        (json!({"num_threads": 1.0}), "1.0"),
        (json!({"num_threads": 1.5}), "1.5"),
        (json!({"num_threads": true}), "a boolean"),
        (json!({"num_threads": null}), "null"),
        (json!({"num_threads": [1]}), "an array"),
        (json!({"num_threads": {"n": 1}}), "an object"),
        (json!({}), "missing"),
        (json!({"threads": 1}), "missing"),
        (json!({"num_threads": 0}), "0"),
        (json!({"num_threads": -1}), "-1"),
        (json!({"num_threads": max + 1}), &(max + 1).to_string()),
        (json!({"num_threads": u64::MAX}), "18446744073709551615"),
    ] {
        let refusal = post("application/json", body.to_string()).refusal(400);
        assert_eq!(refusal, format!("{bounds}{given}"), "{body}");
    }
    let huge = post("application/json", r#"{"num_threads": 99999999999999999999999}"#);
    assert!(huge.refusal(400).starts_with(&bounds));

    for (body, what) in [
        (String::new(), "the body is empty"),
        ("{".to_owned(), "not valid JSON"),
        ("num_threads=2".to_owned(), "not valid JSON"),
        ("\u{feff}{}".to_owned(), "not valid JSON"),
        ("[]".to_owned(), "not a JSON object"),
        ("1".to_owned(), "not a JSON object"),
        ("[".repeat(4000), "not valid JSON"),
        (format!("{{\"num_threads\": 1{}}}", " ".repeat(5000)), "too large"),
    ] {
        let refusal = post("application/json", body).refusal(400);
        let bounds = format!("num_threads an integer from 1 to {max}");
        assert!(refusal.contains(what) && refusal.contains(&bounds), "{refusal}");
    }
    let not_text = post("application/json", vec![0xff, 0xfe]).refusal(400);
    assert!(not_text.contains("not valid JSON"), "{not_text}");
    assert_eq!(ThreadConfig::num_threads(), max);
}

#[test]
fn another_content_type_is_refused_before_the_body_is_read() {
    let _alone = alone();
    let before = ThreadConfig::num_threads();
    for wrong in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let refusal = post(wrong, r#"{"num_threads": 1}"#).refusal(415);
        assert_eq!(refusal, "the content type must be application/json", "{wrong}");
    }
    let untyped = asked("POST", "/settings/threads").body(Body::from(r#"{"num_threads": 1}"#));
    ask(untyped.unwrap()).refusal(415);
    assert_eq!(ThreadConfig::num_threads(), before);
}

#[test]
fn another_method_is_told_which_there_are() {
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = ask(asked(method, "/settings/threads").body(Body::empty()).unwrap());
        assert!(answer.refusal(405).contains(method));
        assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
    }
}

#[test]
fn concurrent_clients_never_see_a_number_that_was_not_set() {
    let _alone = alone();
    let max = ThreadConfig::max_threads();
    std::thread::scope(|scope| {
        for threads in [1, max] {
            scope.spawn(move || {
                for _ in 0..50 {
                    let body = json!({"num_threads": threads}).to_string();
                    let set = post("application/json", body).json();
                    assert_eq!(set["current_threads"], threads);
                    let seen = get("/settings/threads").json()["current_threads"].clone();
                    assert!(seen == 1 || seen == max || seen == (max / 2).max(1), "{seen}");
                }
            });
        }
    });
}
