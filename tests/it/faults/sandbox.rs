//! Sandbox: a confined worker is refused everything that its tasks do not need.
//!
//! Each deed is tried twice: in a worker that is not confined, where it succeeds and leaves its mark,
//! and in one that is, where it does not. The difference is the sandbox.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::scene::{Ended, Expected, LONG, Scene, strictest};

/// Names the file, the socket or the port that the rogue is after.
const TARGET: &str = "AUDIOPOOL_ROGUE_TARGET";

/// With a rogue that does this in the middle of the long song, at every try.
fn trespass(deed: &str, target: impl AsRef<Path>) -> Scene {
    let target = target.as_ref().to_str().expect("a path in UTF-8").to_owned();
    Scene::rogue_in_the_middle(deed).env(TARGET, &target)
}

/// A deed that ends the process: each try ends at that system call, and only the first if only the
/// first does it.
#[track_caller]
fn stopped_at(call: &str, scene: impl Fn() -> Scene) {
    stopped(&format!("was stopped by the sandbox at the system call `{call}`"), scene);
}

/// The same where the call is unknown: the C library blocks every signal while it starts a
/// program.
#[track_caller]
fn stopped_in_silence(scene: impl Fn() -> Scene) {
    stopped("was stopped by the sandbox", scene);
}

#[track_caller]
fn stopped(cause: &str, scene: impl Fn() -> Scene) {
    let confined = || scene().args(["--sandbox", strictest()]);
    let ended = confined().args(["--max-attempts", "1"]).run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "crashed", 1, cause));
    let ended = confined().asked_for("attempt=1").run();
    ended.assert_nothing_lost(&Expected::all_well());
    assert!(ended.stderr.contains(cause), "{ended}");
}

/// A deed that is answered with an error: the task fails, and is not tried again.
#[track_caller]
fn answered_with(error: &str, scene: Scene) {
    let ended = scene.args(["--sandbox", strictest()]).run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "protocol", 0, error));
}

/// The same deed where nothing refuses it.
#[track_caller]
fn done_without_sandbox(scene: Scene) -> Ended {
    let ended = scene.asked_for("attempt=1").args(["--sandbox", "off"]).run();
    ended.assert_nothing_lost(&Expected::all_well());
    ended
}

#[test]
fn a_confined_worker_opens_no_file() {
    let secret = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    done_without_sandbox(trespass("read-file", secret));
    answered_with("Operation not permitted", trespass("read-file", secret));

    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made");
    done_without_sandbox(trespass("make-file", &made));
    assert_eq!(fs::read(&made).expect("it was made"), b"made");
    fs::remove_file(&made).expect("it is there");
    answered_with("Operation not permitted", trespass("make-file", &made));
    assert!(!made.exists());
}

#[test]
fn a_confined_worker_cannot_connect() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    tcp.set_nonblocking(true).expect("a socket");
    let port = tcp.local_addr().expect("a bound socket").to_string();
    done_without_sandbox(trespass("connect-tcp", &port));
    tcp.accept().expect("a connection");
    stopped_at("socket", || trespass("connect-tcp", &port));
    assert!(tcp.accept().is_err(), "no connection");

    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().join("socket");
    let unix = UnixListener::bind(&name).expect("a socket");
    unix.set_nonblocking(true).expect("a socket");
    done_without_sandbox(trespass("connect-unix", &name));
    unix.accept().expect("a connection");
    stopped_at("socket", || trespass("connect-unix", &name));
    assert!(unix.accept().is_err(), "no connection");
}

#[test]
fn a_confined_worker_starts_no_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark");
    for deed in ["exec", "start-program"] {
        done_without_sandbox(trespass(deed, &mark));
        fs::remove_file(&mark).expect("the program has run");
    }
    stopped_at("execve", || trespass("exec", &mark));
    stopped_in_silence(|| trespass("start-program", &mark));
    assert!(!mark.exists());
}

#[test]
fn a_confined_worker_leaves_its_parent_alone() {
    done_without_sandbox(trespass("signal-parent", ""));
    stopped_at("kill", || trespass("signal-parent", ""));
    // Whether a process may inspect its parent depends on the system; the attempt is not fatal.
    let ended = trespass("trace-parent", "").args(["--sandbox", "off"]).run();
    assert!(!ended.log().contains("died"), "{ended}");
    stopped_at("ptrace", || trespass("trace-parent", ""));
}

#[test]
fn f26_a_fork_bomb_is_stopped_at_its_first_process() {
    stopped_in_silence(|| trespass("fork-bomb", ""));
}

#[test]
fn f26_stray_grandchildren_are_killed_with_their_group_even_without_a_sandbox() {
    let ended = trespass("fork-bomb", "").asked_for("attempt=1").run();
    ended.assert_nothing_lost(&Expected::all_well());
    assert!(ended.stderr.contains("SIGABRT"), "{ended}");
}

#[test]
fn f27_a_worker_without_descriptors_fails_its_task_and_no_other() {
    answered_with("Too many open files", trespass("exhaust-descriptors", ""));
}

#[test]
fn f30_no_worker_shortens_or_changes_the_audio_that_it_reads() {
    for sandbox in ["off", strictest()] {
        // Without a sandbox it is the seal of the memory that refuses.
        let short = trespass("truncate-input", "").args(["--sandbox", sandbox]).run();
        short.assert_nothing_lost(&Expected::exit(1).hurt(
            LONG,
            "protocol",
            0,
            "Operation not permitted",
        ));
        let written = trespass("write-input", "").args(["--sandbox", sandbox]).run();
        written.assert_nothing_lost(&Expected::exit(1).hurt(
            LONG,
            "protocol",
            0,
            "Permission denied",
        ));
    }
}

#[test]
fn f30_audio_that_was_changed_where_it_can_be_is_never_measured() {
    let scene = trespass("write-input-and-abort", "").asked_for("attempt=1");
    let ended = scene.env("AUDIOPOOL_TRANSPORT", "portable").run();
    let changed = "checksum of the input is";
    assert!(ended.stderr.contains(changed), "{ended}");
    let tries = ["SIGABRT", changed, changed];
    ended.assert_nothing_lost(&Expected::exit(1).hurt_in_turn(LONG, "protocol", &tries));
}

/// What the decoder takes for ffmpeg, since it is told so, and what becomes of what that tries.
fn impostor(folder: &Path, does: &str) -> std::path::PathBuf {
    let program = folder.join("ffmpeg");
    fs::write(&program, format!("#!/bin/sh\n{does}\n")).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    program
}

#[test]
fn what_a_decoder_starts_changes_no_file_and_cannot_connect() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made");
    let victim = folder.path().join("victim");
    fs::write(&victim, "old").expect("a file");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    tcp.set_nonblocking(true).expect("a socket");
    let port = tcp.local_addr().expect("a bound socket").port();
    let does = format!(
        "test -e {0}.moved && exit; chmod 640 {0}; touch -d 1999-01-01 {0}; chown \"$(id -u)\" {0}; mv {0} {0}.moved; \
         echo made > {1}; exec 3<>/dev/tcp/127.0.0.1/{port}; echo no audio >&2",
        victim.display(),
        made.display()
    );
    let rights_and_times = |path: &Path| {
        let file = fs::metadata(path).expect("a file");
        (file.mode() & 0o777, file.mtime())
    };
    let program = impostor(folder.path(), &does);
    let script = fs::read_to_string(&program).expect("it was written");
    fs::write(&program, script.replace("/bin/sh", "/bin/bash")).expect("it is ours");
    let run = |sandbox: &str| {
        // A file that only ffmpeg could decode.
        let file = folder.path().join("a.ac3");
        fs::write(&file, [0x0B, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xE0]).expect("a file");
        let scene = Scene::calm().env("AUDIOPOOL_FFMPEG", program.to_str().expect("UTF-8"));
        let file = file.to_str().expect("UTF-8").to_owned();
        let ended = scene.args([&file, "--sandbox", sandbox]).run();
        assert_eq!(ended.code(), Some(1), "{ended}");
        ended.assert_no_process_left();
        ended
    };
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let before = fs::metadata(&victim).expect("a file");
    let ended = run(strictest());
    let after = fs::metadata(&victim).expect("it has not been moved");
    assert_eq!(rights_and_times(&victim), (0o600, before.mtime()), "{ended}");
    assert_eq!(after.ctime_nsec(), before.ctime_nsec(), "{ended}");
    assert!(!made.exists(), "{ended}");
    assert!(tcp.accept().is_err(), "no connection\n{ended}");

    let ended = run("off");
    let moved = folder.path().join("victim.moved");
    let (rights, time) = rights_and_times(&moved);
    assert!(rights == 0o640 && time < before.mtime(), "{rights:o}, {time}\n{ended}");
    assert!(made.exists(), "{ended}");
    tcp.accept().expect("a connection");
}

#[test]
fn what_a_decoder_starts_reads_the_file_of_its_task_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let [secret, file] = ["secret", "a.ac3"].map(|name| folder.path().join(name));
    fs::write(&secret, "word").expect("a file");
    fs::write(&file, b"\x0B\x77\0\0\x14\x40\x43\xE0word").expect("a file");
    let does = format!(
        "does() {{ grep -q word \"$1\" && echo reads || echo misses; }}; \
         echo \"it $(does {}) the secret and $(does {}) its file\" >&2",
        secret.display(),
        file.display()
    );
    let program = impostor(folder.path(), &does);
    for (sandbox, does) in [("off", "reads"), (strictest(), "misses")] {
        let scene = Scene::calm().env("AUDIOPOOL_FFMPEG", program.to_str().expect("UTF-8"));
        let file = file.to_str().expect("UTF-8");
        // One decoder, which is given other files before and after.
        let ended = scene.args([file, "--sandbox", sandbox, "--workers", "1", "-v"]).run();
        let said = format!("it {does} the secret and reads its file");
        assert!(ended.stderr.contains(&said), "{ended}");
        assert_eq!(ended.code(), Some(1), "{ended}");
        ended.assert_no_process_left();
    }
}

#[test]
fn what_a_decoder_starts_cannot_leave_the_group_that_is_killed_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.ac3");
    fs::write(&file, [0x0B, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xE0]).expect("a file");
    // A process that is left behind holds standard output, a pipe that the decoder waits for. What setsid
    // says goes elsewhere: its child writes at the same time as the shell.
    let program = impostor(folder.path(), "setsid -f sleep 1000 2>/dev/null; echo no audio >&2");
    let scene = Scene::calm().env("AUDIOPOOL_FFMPEG", program.to_str().expect("UTF-8"));
    let ended = scene.args([file.to_str().expect("UTF-8"), "--sandbox", strictest(), "-v"]).run();
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("ffmpeg: no audio"), "{ended}");
    ended.assert_no_process_left();
}

#[test]
fn f06_a_worker_that_hoards_memory_comes_to_its_limit() {
    for sandbox in ["off", strictest()] {
        let scene = || {
            let scene = trespass("hoard-memory", "").args(["--child-memory-mib", "256"]);
            scene.args(["--sandbox", sandbox])
        };
        scene().asked_for("attempt=1").run().assert_nothing_lost(&Expected::all_well());
        let ended = scene().args(["--max-attempts", "2"]).run();
        let cause = "ran out of memory; its limit is 268435456 bytes";
        ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "out_of_memory", 2, cause));
    }
}

#[test]
fn a_worker_that_cannot_be_confined_in_every_way_is_refused_by_strict_alone() {
    let missing = "threads: it has 2 threads already";
    let run = |sandbox| Scene::rogue("start-thread").args(["--sandbox", sandbox]).run();
    let ended = run("best-effort");
    ended.assert_nothing_lost(&Expected::all_well());
    let line = ended.stderr.lines().find(|line| line.contains("partial, without "));
    assert!(line.is_some_and(|line| line.contains(missing)), "{ended}");
    let ended = run("strict");
    assert_eq!(ended.code(), Some(3), "{ended}");
    assert!(ended.stderr.contains(missing) && ended.stderr.contains("best-effort"), "{ended}");
    ended.assert_no_process_left();
}

#[test]
fn the_level_that_was_reached_stands_in_the_statistics() {
    let reached = |role: &str, full: &str| match strictest() {
        "strict" => format!("{role}: full{full}"),
        _ => format!("{role}: partial, without "),
    };
    for (sandbox, said) in [
        ("off", "workers: off".to_owned()),
        (strictest(), reached("workers", "")),
        (strictest(), reached("decoders", ", except that tasks read their files")),
    ] {
        let ended = Scene::calm().args(["--sandbox", sandbox]).run();
        ended.assert_nothing_lost(&Expected::all_well());
        assert!(ended.stderr.contains(&said), "{ended}");
    }
}
