//! What is sent to the server: who can read it, how much of it is looked at, and that nothing stays.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use futures_util::stream;

use super::jobs::{fixture, hanging, id};
use super::served::Part::File;
use super::served::{Served, form};
use super::{Answer, ask, asked};

/// The folders with files that were sent.
fn folders(served: &Served) -> Vec<PathBuf> {
    let is_folder = |path: &PathBuf| path.to_string_lossy().contains("audiopool-upload-");
    served.temporary().into_iter().filter(is_folder).collect()
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_that_are_sent_can_be_read_by_this_user_alone() {
    let served = hanging();
    id(&served.send(&[File("a.wav", &fixture("silence.wav")), File("b", b"no audio")]));
    let [folder] = &folders(&served)[..] else { panic!("{:?}", served.temporary()) };
    assert_eq!(mode(folder), 0o700);
    let files = ["0.wav", "1"].map(|name| folder.join(name));
    assert_eq!([mode(&files[0]), mode(&files[1])], [0o600, 0o600]);
}

#[test]
fn what_a_killed_server_leaves_is_deleted_by_the_next_and_what_a_living_one_has_is_not() {
    let mut killed = hanging();
    let living = {
        let place = killed.folder().join("tmp");
        let rogue = crate::scene::rogue_program();
        let args = ["--sandbox", "off", "--worker-program", rogue.to_str().unwrap()];
        let place = place.to_str().unwrap();
        Served::with(&args, &[("AUDIOPOOL_ROGUE", "hang"), ("TMPDIR", place)])
    };
    let audio = fixture("silence.wav");
    id(&killed.send(&[File("a.wav", &audio)]));
    let of_killed = folders(&killed);
    id(&living.send(&[File("a.wav", &audio)]));
    assert_eq!((of_killed.len(), folders(&killed).len()), (1, 2));
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert_eq!(folders(&killed).len(), 2, "a killed server deletes nothing");
    let place = killed.folder().join("tmp");
    let next = Served::with(&[], &[("TMPDIR", place.to_str().unwrap())]);
    let left = folders(&killed);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(!of_killed.contains(&left[0]) && left[0].join("0.wav").is_file());
    assert_eq!(next.end("-TERM").0, Some(0));
    assert_eq!(living.end("-TERM").0, Some(0));
    assert!(folders(&killed).is_empty());
}

/// Sends these pieces, as many as are taken; returns how many those were.
fn sent(content_type: &str, pieces: Vec<Vec<u8>>) -> (Answer, usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = pieces.into_iter().inspect({
        let taken = Arc::clone(&taken);
        move |_| {
            taken.fetch_add(1, Ordering::Relaxed);
        }
    });
    let body = Body::from_stream(stream::iter(counted.map(Ok::<_, std::io::Error>)));
    let request = asked("POST", "/api/v1/jobs").header("content-type", content_type);
    let answer = ask(request.body(body).unwrap());
    (answer, taken.load(Ordering::Relaxed))
}

const FORM: &str = "multipart/form-data; boundary=seam";

#[test]
fn json_is_read_no_further_than_64_kib() {
    let (answer, taken) = sent("application/json", vec![vec![b' '; 16 << 10]; 1000]);
    let told = answer.refusal(413);
    assert!(told.contains("the JSON is too large; at most 64 KiB"), "{told}");
    assert_eq!(taken, 5);
    let padded = format!("{}{{\"path\": \"/no/such\"}}", " ".repeat(60 << 10));
    let (answer, _) = sent("application/json", vec![padded.into_bytes()]);
    answer.refusal(403);
}

#[test]
fn what_lies_before_and_between_the_parts_of_a_form_is_bounded() {
    let told = "too much before or between the parts of the form; at most 16 KiB";
    let nothing = |length: usize| vec![b'x'; length];
    let part =
        b"--seam\r\nContent-Disposition: form-data; name=\"metrics\"\r\n\r\nbasic\r\n".to_vec();
    let endless_header = b"--seam\r\nContent-Disposition: form-data; x=\"".to_vec();
    for (name, first) in [
        ("preamble", vec![]),
        ("headers", vec![endless_header.clone()]),
        ("headers of a later part", vec![part.clone(), endless_header]),
    ] {
        let before = first.len();
        let pieces = first.into_iter().chain(vec![nothing(4 << 10); 10_000]).collect();
        let (answer, taken) = sent(FORM, pieces);
        let said = answer.refusal(413);
        assert!(said.contains(told), "{name}: {said}");
        assert!(taken <= before + 5, "{name}: {taken} pieces were read");
    }
}

#[test]
fn what_comes_after_the_last_part_is_not_waited_for() {
    let served = hanging();
    let whole = form(&[File("a.wav", b"RIFF")]);
    let headers = format!("Content-Type: {FORM}\r\n");
    let head = served.head("POST", "/api/v1/jobs", &headers, whole.len() + (256 << 20));
    let mut connection = served.begin(&[head.as_bytes(), &whole].concat());
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.0 201");
}

#[test]
fn a_form_of_very_many_parts_is_refused() {
    let part =
        b"--seam\r\nContent-Disposition: form-data; name=\"metrics\"\r\n\r\nbasic\r\n".to_vec();
    let (answer, taken) = sent(FORM, vec![part; 100_000]);
    assert!(answer.refusal(413).contains("too many files"), "{answer:?}");
    assert!(taken < 1100, "{taken}");
}
