//! `/api/v1/jobs` with real processes: what is sent is measured as the command measures it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::served::Part::{File, Text};
use super::served::{Reply, Served, form};
use crate::scene;

const JSON: &str = "Content-Type: application/json\r\n";

/// Number, kind and value of each.
pub(super) type Events = Vec<(u64, String, Value)>;

/// A server whose workers hang for ever.
pub(super) fn hanging() -> Served {
    let rogue = scene::rogue_program();
    let args = ["--sandbox", "off", "--worker-program", rogue.to_str().unwrap()];
    Served::with(&args, &[("AUDIOPOOL_ROGUE", "hang")])
}

pub(super) fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

#[track_caller]
pub(super) fn id(created: &Reply) -> String {
    created.json(201)["id"].as_str().unwrap().to_owned()
}

/// Everything that happens to a job, until it has ended.
pub(super) fn follow(served: &Served, id: &str) -> Events {
    served.get(&format!("/api/v1/jobs/{id}/events")).events()
}

/// Asks again until it is so.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "never: {what}");
    }
}

#[test]
fn files_that_are_sent_end_in_the_bytes_that_the_command_writes() {
    let served = Served::start();
    let names = ["speech-12000.flac", "s16-stereo-44100.wav", "mono-8000-64s.mp3", "README.md"];
    let files = names.map(fixture);
    let mut parts: Vec<_> =
        names.iter().zip(&files).map(|(name, bytes)| File(name, bytes)).collect();
    parts.push(Text("metrics", "all"));
    parts.push(Text("silence_threshold_db", "-42.5"));
    let id = id(&served.send(&parts));
    let events = follow(&served, &id);
    let (_, kind, last) = events.last().unwrap();
    assert_eq!((kind.as_str(), &last["status"]), ("ended", &json!("finished")));

    for format in ["json", "csv"] {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("audiopool");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let args = ["analyze", "--metrics", "all", "--silence-threshold-db=-42.5", "--format"];
        let said = command.current_dir(data).args(args).arg(format).args(names).output().unwrap();
        let report = served.get(&format!("/api/v1/jobs/{id}/report.{format}"));
        assert!(report.head.contains("attachment"), "{}", report.head);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&report.body), text(&said.stdout), "{format}");
    }
    let files = served.get(&format!("/api/v1/jobs/{id}")).json(200)["files"].clone();
    let shown: Vec<_> = files.as_array().unwrap().iter().map(|file| &file["name"]).collect();
    assert_eq!(shown, names);
    assert_eq!(served.temporary(), Vec::<std::path::PathBuf>::new(), "nothing is left");
}

#[test]
fn how_loud_a_file_is_from_moment_to_moment_is_told_apart_from_its_record() {
    let served = Served::start();
    let speech = fixture("speech-12000.flac");
    let measured = |metrics| {
        let id = id(&served.send(&[File("a.flac", &speech), Text("metrics", metrics)]));
        let record = follow(&served, &id).into_iter().find(|(_, kind, _)| kind == "record");
        assert_eq!(record.unwrap().2["record"]["timelines"], json!({}));
        served.get(&format!("/api/v1/jobs/{id}/files/0/timelines.json"))
    };
    assert_eq!(measured("basic").json(200), json!({}));
    let told = measured("integrated_lufs").json(200);
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("audiopool");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let args = ["analyze", "--timeline", "--format", "ndjson", "speech-12000.flac"];
    let said = command.current_dir(data).args(args).output().unwrap();
    let record: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(told, record["timelines"], "thirteen seconds need no thinning");
    assert!(told["momentary_lufs"]["values"].as_array().unwrap().len() > 100, "{told}");
    let id = id(&served.send(&[File("bad.wav", b"RIFF")]));
    follow(&served, &id);
    for index in ["0", "1", "x"] {
        served.get(&format!("/api/v1/jobs/{id}/files/{index}/timelines.json")).refusal(404);
    }
}

#[test]
fn every_event_is_told_once_and_a_watcher_may_come_back() {
    let served = Served::start();
    let good = fixture("s16-mono-8000-64s.flac");
    let id = id(&served.send(&[File("ü/<b>good</b>.flac", &good), File("bad.wav", b"RIFF")]));
    let events = follow(&served, &id);
    let numbers: Vec<_> = events.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let count = |wanted: &str| events.iter().filter(|(_, kind, _)| kind == wanted).count();
    assert_eq!((count("queued"), count("started"), count("record"), count("ended")), (1, 1, 2, 1));
    assert!(count("progress") >= 2, "{events:?}");
    let paths: Vec<_> =
        events.iter().filter_map(|(.., value)| value["record"]["path"].as_str()).collect();
    assert_eq!(paths, ["ü/<b>good</b>.flac", "bad.wav"]);

    let path = format!("/api/v1/jobs/{id}/events");
    let rest = served.ask("GET", &path, "Last-Event-ID: 3\r\n", b"").events();
    assert_eq!(rest, events[3..]);
    let over = served.ask("GET", &path, &format!("Last-Event-ID: {}\r\n", events.len()), b"");
    assert_eq!((over.status, over.body.len()), (204, 0));
}

#[test]
fn a_worker_that_is_killed_shows_as_a_retry_and_nowhere_else() {
    let once = tempfile::tempdir().unwrap();
    let rogue = format!("sigkill once={}", once.path().join("once").display());
    let program = scene::rogue_program();
    let args = ["--sandbox", "off", "--worker-program", program.to_str().unwrap()];
    let served = Served::with(&args, &[("AUDIOPOOL_ROGUE", &rogue)]);
    let speech = fixture("speech-12000.flac");
    let hit = follow(&served, &id(&served.send(&[File("a.flac", &speech)])));
    let calm = follow(&served, &id(&served.send(&[File("a.flac", &speech)])));
    let of = |events: &[(u64, String, Value)], wanted: &str| {
        let kinds = events.iter().filter(|(_, kind, _)| kind == wanted);
        kinds.map(|(.., value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(&hit, "record"), of(&calm, "record"));
    assert_eq!(of(&hit, "record")[0]["record"]["status"], "ok");
    assert_eq!((of(&hit, "retried").len(), of(&calm, "retried").len()), (1, 0));
    let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
    for line in
        ["audiopool_jobs_total 2", "audiopool_deaths_total 1", "audiopool_temporary_bytes 0"]
    {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
}

#[test]
fn a_job_that_is_cancelled_ends_with_a_record_for_each_file() {
    let served = hanging();
    let speech = fixture("speech-12000.flac");
    let files: Vec<_> = (0..20).map(|_| File("a.flac", &speech)).collect();
    let id = id(&served.send(&files));
    let path = format!("/api/v1/jobs/{id}");
    assert_eq!(
        served.get(&format!("{path}/report.json")).refusal(409),
        "the job has not ended yet"
    );
    served.ask("DELETE", &path, "", b"").json(200);
    let events = follow(&served, &id);
    assert_eq!(events.last().unwrap().2["status"], "cancelled");
    let records = events.iter().filter(|(_, kind, _)| kind == "record").count();
    assert_eq!(records, 20);
    let summary = &served.get(&path).json(200)["summary"];
    assert_eq!((&summary["inputs"], &summary["complete"]), (&json!(20), &json!(false)));
    assert!(served.temporary().is_empty());
    served.ask("DELETE", &path, "", b"").json(200);
    served.ask("DELETE", "/api/v1/jobs/none", "", b"").refusal(404);
}

#[test]
fn beyond_a_full_queue_it_is_said_when_to_come_back() {
    let served = hanging();
    let speech = fixture("speech-12000.flac");
    // Three are in work, and sixteen wait.
    for _ in 0..19 {
        served.send(&[File("a.flac", &speech)]).json(201);
    }
    let refused = served.send(&[File("a.flac", &speech)]);
    assert!(refused.refusal(429).contains("16 jobs wait"));
    assert!(refused.head.to_lowercase().contains("retry-after: 5"), "{}", refused.head);
    served.ask("DELETE", "/api/v1/jobs", "", b"").json(200);
    until("all are cancelled", || {
        let jobs = served.get("/api/v1/jobs").json(200)["jobs"].clone();
        jobs.as_array().unwrap().iter().all(|job| job["status"] == "cancelled")
    });
    assert!(served.temporary().is_empty());
}

#[test]
fn a_signal_in_the_middle_leaves_no_file_and_no_process() {
    let served = hanging();
    let speech = fixture("speech-12000.flac");
    let id = id(&served.send(&[File("a.flac", &speech)]));
    until("it has begun", || {
        served.get(&format!("/api/v1/jobs/{id}")).json(200)["status"] == "running"
    });
    // One client follows a job, and another has not sent all of its own.
    let follower =
        served.begin(served.head("GET", &format!("/api/v1/jobs/{id}/events"), "", 0).as_bytes());
    let headers = "Content-Type: multipart/form-data; boundary=seam\r\n";
    let mut half = served.head("POST", "/api/v1/jobs", headers, 1_000_000).into_bytes();
    half.extend(&form(&[File("b.flac", &speech)])[..1000]);
    let sender = served.begin(&half);
    until("it is being sent", || served.temporary().len() == 2);
    let folder = served.folder().to_owned();
    let (code, _, left) = served.end("-TERM");
    assert_eq!((code, left), (Some(0), vec![]));
    assert_eq!(scene::of_scene(&folder).len(), 0);
    drop((follower, sender));
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing() {
    let served = Served::start();
    let headers = "Content-Type: multipart/form-data; boundary=seam\r\n";
    let mut half = served.head("POST", "/api/v1/jobs", headers, 1_000_000).into_bytes();
    half.extend(&form(&[File("b.flac", &[7; 5000])])[..2000]);
    let sender = served.begin(&half);
    until("it is being sent", || served.temporary().len() == 1);
    drop(sender);
    until("it is gone", || served.temporary().is_empty());
    until("its room is given back", || {
        let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
        metrics.contains("audiopool_temporary_bytes 0\n")
    });
    assert_eq!(served.get("/api/v1/jobs").json(200), json!({"jobs": []}));
}

#[test]
fn a_disk_without_room_is_said_and_nothing_is_left() {
    // The system refuses to write more to a file, as it does when a disk or a quota is full.
    let served = Served::behind("ulimit -f 64", &[], &[]);
    let large = vec![7; 1 << 20];
    let refused = served.send(&[File("small.wav", b"RIFF"), File("large.wav", &large)]);
    assert!(refused.refusal(507).contains("no room"), "{refused:?}");
    assert!(served.temporary().is_empty());
    let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
    assert!(metrics.contains("audiopool_temporary_bytes 0\n"), "{metrics}");
}

#[test]
fn what_is_wrong_with_an_order_is_named() {
    let served = Served::start();
    let file = File("a.wav", b"RIFF");
    let unfit =
        |name, value| served.send(&[File("a.wav", b"RIFF"), Text(name, value)]).refusal(400);
    assert!(unfit("metrics", "noise").contains("there is no metric or group `noise`"));
    assert!(unfit("silence_threshold_db", "3").contains("silence_threshold_db"));
    assert!(unfit("min_silence_ms", "0.5").contains("1 to 60000"));
    assert!(unfit("colour", "blue").contains("there is no field `colour`"));
    assert!(served.send(&[Text("metrics", "all")]).refusal(400).contains("there are no files"));
    let many: Vec<_> = (0..1001).map(|_| File("a.wav", b"")).collect();
    assert_eq!(served.send(&many).refusal(413), "too many files; at most 1000 are taken at a time");

    let post = |headers: &str, body: &[u8]| served.ask("POST", "/api/v1/jobs", headers, body);
    post("", b"").refusal(415);
    post("Content-Type: text/plain\r\n", b"a").refusal(415);
    post("Content-Type: multipart/form-data\r\n", b"a").refusal(400);
    let torn = &form(&[file])[..60];
    post("Content-Type: multipart/form-data; boundary=seam\r\n", torn).refusal(400);
    post(JSON, b"{}").refusal(400);
    post(JSON, br#"{"path": "/", "colour": 1}"#).refusal(400);
    assert!(served.temporary().is_empty());
}

#[test]
fn a_path_is_measured_only_in_an_allowed_folder() {
    let music = tempfile::tempdir().unwrap();
    let inside = music.path().join("allowed");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("a.flac"), fixture("speech-12000.flac")).unwrap();
    fs::write(music.path().join("secret.wav"), fixture("threshold.wav")).unwrap();
    std::os::unix::fs::symlink("../secret.wav", inside.join("link.wav")).unwrap();
    std::os::unix::fs::symlink("a.flac", inside.join("same.flac")).unwrap();
    let served = Served::with(&["--allow-path", inside.to_str().unwrap()], &[]);
    let order = |path: &str| {
        let body = json!({"path": path, "metrics": "max_dbfs"}).to_string();
        served.ask("POST", "/api/v1/jobs", JSON, body.as_bytes())
    };
    let shown = inside.display();
    for outside in [
        format!("{shown}/../secret.wav"),
        format!("{shown}/link.wav"),
        format!("{shown}/nothing.wav"),
        format!("{}/secret.wav", music.path().display()),
        "/etc/passwd".to_owned(),
        "a.flac".to_owned(),
        String::new(),
    ] {
        assert!(order(&outside).refusal(403).contains("--allow-path"), "{outside}");
    }
    let events = follow(&served, &id(&order(&format!("{shown}/."))));
    let status = |name: &str| {
        let of_file =
            |value: &&Value| value["path"].as_str().is_some_and(|path| path.ends_with(name));
        let records = events.iter().map(|(.., value)| &value["record"]).filter(of_file);
        records.map(|record| record["status"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(status("a.flac"), ["ok"]);
    assert_eq!(status("same.flac"), ["ok"]);
    assert_eq!(status("link.wav"), ["failed"], "a link that leads out is no way out");
}
