//! The contract that the API serves, and what its strictness came to.

use axum::body::Body;
use axum::http::StatusCode;

use super::{ask, asked, get};

#[test]
fn the_contract_is_served_and_its_bounds_are_those_of_the_settings() {
    let contract = get("/api/openapi.json").json();
    let threads = get("/settings/threads").json();
    let wanted = &contract["components"]["schemas"]["ThreadsWanted"]["properties"]["num_threads"];
    assert_eq!(wanted["enum"].as_array().unwrap().last(), Some(&threads["max_threads"]));
    let routes = contract["paths"].as_object().unwrap();
    for path in ["/healthz", "/metrics", "/api/v1/jobs", "/api/v1/jobs/{id}/events"] {
        assert!(routes.contains_key(path), "{path}: {routes:?}");
    }
}

#[test]
fn text_in_the_place_of_a_file_is_refused_with_a_way_out() {
    let form =
        "--seam\r\nContent-Disposition: form-data; name=\"files\"\r\n\r\na.wav\r\n--seam--\r\n";
    let request = asked("POST", "/api/v1/jobs")
        .header("content-type", "multipart/form-data; boundary=seam")
        .body(Body::from(form))
        .unwrap();
    let refusal = ask(request).refusal(400);
    assert!(refusal.contains("files=@song.wav"), "{refusal}");
}

#[test]
fn a_whole_number_may_be_written_with_a_point_and_no_other() {
    let status = |length: &str| {
        let body = format!("{{\"path\": \"/no/such\", \"min_silence_ms\": {length}}}");
        let request = asked("POST", "/api/v1/jobs").header("content-type", "application/json");
        ask(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(status("70.0").status, StatusCode::FORBIDDEN);
    let refusal = status("70.5").refusal(400);
    assert_eq!(refusal, "min_silence_ms must be a whole number from 1 to 60000 ms");
}
