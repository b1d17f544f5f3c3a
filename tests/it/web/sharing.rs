//! Several jobs at once: they share processes, do not wait for each other, and do not affect each
//! other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::jobs::{Events, fixture, follow, hanging, id, until};
use super::served::Part::File;
use super::served::{Reply, Served};
use crate::scene::{self, Process};

fn set_workers(served: &Served, workers: u64) -> Reply {
    let body = json!({"num_threads": workers}).to_string();
    let headers = "Content-Type: application/json\r\n";
    served.ask("POST", "/settings/threads", headers, body.as_bytes())
}

/// A server with one worker, which does that.
fn with_one_worker(rogue: &str) -> Served {
    let program = scene::rogue_program();
    let args = ["-v", "--sandbox", "off", "--worker-program", program.to_str().unwrap()];
    let served = Served::with(&args, &[("AUDIOPOOL_ROGUE", rogue)]);
    set_workers(&served, 1).json(200);
    served
}

fn status(served: &Served, id: &str) -> Value {
    served.get(&format!("/api/v1/jobs/{id}")).json(200)["status"].clone()
}

/// How far its first file is.
fn percent(served: &Served, id: &str) -> Value {
    served.get(&format!("/api/v1/jobs/{id}")).json(200)["files"][0]["percent"].clone()
}

fn count(served: &Served, name: &str) -> u64 {
    let metrics = String::from_utf8(served.get("/metrics").body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap().parse().unwrap()
}

fn of_kind(events: &Events, wanted: &str) -> Vec<Value> {
    let events = events.iter().filter(|(_, kind, _)| kind == wanted);
    events.map(|(.., value)| value.clone()).collect()
}

/// The children of a server that run that program.
fn children(served: &Served, program: &Path) -> Vec<Process> {
    let mut all = scene::of_scene(served.folder());
    all.retain(|one| one.pid != served.child.id() && runs(one, program));
    all
}

fn runs(process: &Process, program: &Path) -> bool {
    let running = fs::read_link(format!("/proc/{}/exe", process.pid));
    running.is_ok_and(|running| running == program.canonicalize().unwrap())
}

fn this_program() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("audiopool").to_owned()
}

/// Ten minutes of noise, which has more chunks than a decoder has slots.
fn long() -> Vec<u8> {
    let samples: u32 = 8000 * 600;
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file[4..8].copy_from_slice(&(samples * 2 + 36).to_le_bytes());
    for word in [8000, 16_000, 0x0010_0002] {
        file.extend(u32::to_le_bytes(word));
    }
    file.extend(b"data");
    file.extend((samples * 2).to_le_bytes());
    let noise = (0..samples).map(|at: u32| at.wrapping_mul(2_654_435_761).to_le_bytes());
    file.extend(noise.flat_map(|[.., low, high]| [low, high]));
    file
}

#[test]
fn jobs_at_once_share_their_processes_and_leave_none() {
    let served = with_one_worker("hang");
    let speech = fixture("speech-12000.flac");
    let jobs =
        [(); 2].map(|()| id(&served.send(&[File("a.flac", &speech), File("b.flac", &speech)])));
    // Each has a decoder at work, though there is one worker, which is held by one of them.
    until("both are decoded, and someone measures", || {
        jobs.iter().all(|id| percent(&served, id) != Value::Null)
            && count(&served, "audiopool_children_total") >= 3
    });
    assert_eq!(count(&served, "audiopool_jobs_running"), 2);
    assert_eq!(count(&served, "audiopool_children_total"), 3);
    assert_eq!(children(&served, &this_program()).len(), 2);
    assert_eq!(children(&served, &scene::rogue_program()).len(), 1);
    served.ask("DELETE", "/api/v1/jobs", "", b"").json(200);
    for id in &jobs {
        assert_eq!(follow(&served, id).last().unwrap().2["status"], "cancelled");
    }
    until("an idle server has no child", || scene::of_scene(served.folder()).len() == 1);
    assert_eq!(count(&served, "audiopool_deaths_total"), 0, "no process died");
}

#[test]
fn a_small_job_ends_while_a_large_one_is_in_work_and_a_death_is_told_to_whom_it_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    nix::unistd::mkfifo(&gate, Mode::S_IRWXU).unwrap();
    let once = folder.path().join("once");
    let request = format!("sigkill frame=0 once={} gate={}", once.display(), gate.display());
    let served = with_one_worker(&request);
    let long = long();
    let large = id(&served.send(&[File("long.wav", &long)]));
    // The only worker is at the first chunk, so the decoder cannot deliver the last.
    let opened = fs::OpenOptions::new().write(true).open(&gate).unwrap();
    let [decoder] = &children(&served, &this_program())[..] else { panic!("one decoder") };
    decoder.signal(Signal::STOP);
    let speech = fixture("speech-12000.flac");
    let small = id(&served.send(&[File("a.flac", &speech)]));
    // And now it dies.
    drop(opened);
    let told = follow(&served, &small);
    assert_eq!(told.last().unwrap().2["status"], "finished");
    assert_eq!(of_kind(&told, "retried").len(), 0, "{told:?}");
    assert_eq!(status(&served, &large), "running");
    assert_ne!(percent(&served, &large), json!(100));
    decoder.signal(Signal::CONT);
    let long_told = follow(&served, &large);
    assert_eq!(long_told.last().unwrap().2["status"], "finished");
    assert_eq!(of_kind(&long_told, "retried").len(), 1, "{long_told:?}");
    assert_eq!(count(&served, "audiopool_deaths_total"), 1);
    let (_, log, _) = served.end("-TERM");
    let line = log.lines().find(|line| line.contains("worker 1 died")).expect(&log);
    assert!(line.contains("SIGKILL") && line.contains("pid"), "{line}");
    let line = log.lines().find(|line| line.contains("task tried again")).expect(&log);
    assert!(line.contains(&large), "{line}");

    // Nothing of it stands in the records.
    let calm = Served::start();
    let again = id(&calm.send(&[File("long.wav", &long)]));
    assert_eq!(of_kind(&follow(&calm, &again), "record"), of_kind(&long_told, "record"));
    let again = id(&calm.send(&[File("a.flac", &speech)]));
    assert_eq!(of_kind(&follow(&calm, &again), "record"), of_kind(&told, "record"));
}

#[test]
fn a_job_that_is_cancelled_takes_nothing_of_another_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let served = with_one_worker(&format!("hang once={}", folder.path().join("once").display()));
    let speech = fixture("speech-12000.flac");
    let hung = id(&served.send(&[File("a.flac", &speech), File("b.flac", &speech)]));
    until("its worker hangs", || folder.path().join("once").exists());
    let other = id(&served.send(&[File("a.flac", &speech), File("b.flac", &speech)]));
    until("the other has begun", || status(&served, &other) == "running");
    served.ask("DELETE", &format!("/api/v1/jobs/{hung}"), "", b"").json(200);
    let told = follow(&served, &hung);
    assert_eq!(told.last().unwrap().2["status"], "cancelled");
    assert_eq!(of_kind(&told, "record").len(), 2);
    let told = follow(&served, &other);
    assert_eq!(told.last().unwrap().2["status"], "finished");
    assert_eq!(of_kind(&told, "retried").len(), 0, "{told:?}");
    assert_eq!(count(&served, "audiopool_deaths_total"), 0);
    let calm = Served::start();
    let again = id(&calm.send(&[File("a.flac", &speech), File("b.flac", &speech)]));
    assert_eq!(of_kind(&follow(&calm, &again), "record"), of_kind(&told, "record"));
}

#[test]
fn a_changed_setting_applies_to_the_next_job_and_not_to_the_one_in_work() {
    let folder = tempfile::tempdir().unwrap();
    let served = with_one_worker(&format!("hang once={}", folder.path().join("once").display()));
    let speech = fixture("speech-12000.flac");
    let first = id(&served.send(&[File("a.flac", &speech)]));
    until("its worker hangs", || folder.path().join("once").exists());
    set_workers(&served, 2).json(200);
    // Were there one worker still, it would wait for the one that hangs.
    let second = follow(&served, &id(&served.send(&[File("a.flac", &speech)])));
    assert_eq!(of_kind(&second, "started")[0]["workers"], 2);
    assert_eq!(second.last().unwrap().2["status"], "finished");
    assert_eq!(status(&served, &first), "running");
    served.ask("DELETE", "/api/v1/jobs", "", b"").json(200);
    let first = follow(&served, &first);
    assert_eq!(of_kind(&first, "started")[0]["workers"], 1);
    until("an idle server has no child", || scene::of_scene(served.folder()).len() == 1);
}

#[test]
fn pools_that_cannot_work_give_every_job_its_records_and_the_next_has_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("worker");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let args = ["--sandbox", "off", "--worker-program", program.to_str().unwrap()];
    let served = Served::with(&args, &[("AUDIOPOOL_ROGUE", "hang frame=1")]);
    let speech = fixture("speech-12000.flac");
    let files = [File("a.flac", &speech), File("b.flac", &speech)];
    let jobs = [id(&served.send(&files)), id(&served.send(&files))];
    for job in jobs {
        let told = follow(&served, &job);
        assert_eq!(told.last().unwrap().2["status"], "failed", "{told:?}");
        assert_eq!(of_kind(&told, "record").len(), 2);
    }
    let better = folder.path().join("better");
    fs::copy(scene::rogue_program(), &better).unwrap();
    fs::rename(better, &program).unwrap();
    let told = follow(&served, &id(&served.send(&files)));
    assert_eq!(told.last().unwrap().2["status"], "finished", "{told:?}");
    assert!(of_kind(&told, "record").iter().all(|value| value["record"]["status"] == "ok"));
}

#[test]
fn a_signal_ends_all_jobs_and_all_that_they_share() {
    let served = hanging();
    let speech = fixture("speech-12000.flac");
    for _ in 0..3 {
        served.send(&[File("a.flac", &speech)]).json(201);
    }
    until("three are in work", || count(&served, "audiopool_jobs_running") == 3);
    let folder = served.folder().to_owned();
    let (code, _, left) = served.end("-TERM");
    assert_eq!((code, left), (Some(0), vec![]));
    assert_eq!(scene::of_scene(&folder).len(), 0);
}
