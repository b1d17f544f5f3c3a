//! The worker program from outside: what it says to a person, and to a supervisor that is none.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Child, Command, Output, Stdio};

use audiopool_worker::BUILD_ID;
use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::Signal;
use procpool::channel::{ChannelError, Listener, Receiver, Sender};
use procpool::confine::{Confinement, Terms};
use procpool::invitation::{Invitation, VARIABLE};
use procpool::lifeline;
use procpool::protocol::{
    Attempt, FromChild, PROTOCOL_VERSION, Payload, RingHandle, Role, Run, TaskId, ToChild, Welcome,
    WorkerFault,
};
use procpool::slots::{Share, Transport};
use procpool::status_page::{Notes, StatusPageView};
use procpool::task::CANARY;

/// As sysexits(3) would have it for internal errors; the worker's for "could not begin".
const COULD_NOT_BEGIN: i32 = 70;

fn worker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audiopool-worker"));
    command.env_remove(VARIABLE).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[track_caller]
fn could_not_begin(output: &Output, says: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(COULD_NOT_BEGIN), "{stderr}");
    assert!(stderr.contains(says), "`{says}` is not in: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(output.stdout.is_empty());
}

/// A worker with this process for its supervisor.
struct Hired {
    child: Child,
    listener: Listener,
    /// The end that only a supervisor has.
    lifeline: PipeWriter,
}

/// Where a status page is inherited, if one is.
const BOARD: u32 = 4;

fn hire() -> Hired {
    hire_with(None)
}

fn hire_with(status_page: Option<OwnedFd>) -> Hired {
    let (reader, lifeline) = io::pipe().unwrap();
    let (listener, server) = Listener::new().unwrap();
    let child = start(process::id(), &server, [Some(reader.into()), status_page]);
    Hired { child, listener, lifeline }
}

/// Starts a worker that inherits the descriptors from that of the lifeline on.
fn start(supervisor: u32, server: &str, inherited: [Option<OwnedFd>; 2]) -> Child {
    let invitation = Invitation { role: Role::WORKER, supervisor, server: server.to_owned() };
    let mappings = (lifeline::DESCRIPTOR..)
        .zip(inherited.into_iter().flatten())
        .map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd })
        .collect();
    let mut command = worker();
    command.env(VARIABLE, invitation.to_string()).fd_mappings(mappings).unwrap();
    command.spawn().unwrap()
}

/// Goes through the handshake. The worker is number 3, and the seventh process in its seat.
fn welcome(listener: Listener) -> (Sender<ToChild>, Receiver<FromChild>) {
    welcome_with(listener, None)
}

fn welcome_with(
    listener: Listener,
    status_page: Option<RingHandle>,
) -> (Sender<ToChild>, Receiver<FromChild>) {
    let (sender, receiver) = listener.accept(Vec::new()).unwrap();
    let (generation, FromChild::Hello(hello)) = receiver.recv().unwrap() else {
        panic!("no hello");
    };
    assert_eq!((generation, hello.protocol), (0, PROTOCOL_VERSION));
    assert_eq!((&*hello.build_id, hello.role), (BUILD_ID, Role::WORKER));
    let welcome = Welcome {
        number: 3,
        generation: 7,
        rings: Vec::new(),
        status_page,
        confine: Terms::NONE,
        initializer: None,
        log_filter: String::new(),
        chaos: None,
    };
    sender.send(&ToChild::Welcome(welcome)).unwrap();
    assert_eq!(receiver.recv().unwrap(), (7, FromChild::Ready(Confinement::OFF)));
    (sender, receiver)
}

fn run(name: &str) -> ToChild {
    ToChild::Run(Run {
        task: TaskId(5),
        attempt: Attempt(2),
        name: name.to_owned(),
        arguments: Payload::Inline(Vec::new()),
        attachment: None,
        delivered: 0,
        slots: Vec::new(),
    })
}

#[track_caller]
fn outcome(receiver: &Receiver<FromChild>) -> Result<Payload, WorkerFault> {
    let (7, FromChild::Reply { task: TaskId(5), attempt: Attempt(2), outcome, .. }) =
        receiver.recv().unwrap()
    else {
        panic!("no reply to that task");
    };
    outcome
}

#[test]
fn started_by_hand_it_says_who_starts_it() {
    could_not_begin(&worker().output().unwrap(), "started by audiopool, not by hand");
}

#[test]
fn an_invitation_that_is_none_is_refused() {
    let output = worker().env(VARIABLE, "come in").output().unwrap();
    could_not_begin(&output, "started by audiopool, not by hand");
}

#[test]
fn it_does_not_serve_who_did_not_start_it() {
    let (reader, _writer) = io::pipe().unwrap();
    // Process 0 is no supervisor, and nothing is ever at that name.
    let child = start(0, "/nonexistent", [Some(reader.into()), None]);
    could_not_begin(&child.wait_with_output().unwrap(), "the supervisor is gone");
}

#[test]
fn it_does_not_wait_for_a_supervisor_that_listens_no_more() {
    let (reader, _writer) = io::pipe().unwrap();
    let (listener, server) = Listener::new().unwrap();
    drop(listener);
    let child = start(process::id(), &server, [Some(reader.into()), None]);
    could_not_begin(&child.wait_with_output().unwrap(), "lost the supervisor");
}

#[test]
fn it_answers_and_says_goodbye() {
    let Hired { child, listener, lifeline } = hire();
    let (sender, receiver) = welcome(listener);
    sender.send(&run(CANARY)).unwrap();
    assert_eq!(outcome(&receiver), Ok(Payload::Inline(Vec::new())));
    sender.send(&run("dance")).unwrap();
    assert_eq!(outcome(&receiver), Err(WorkerFault::UnknownTask { name: "dance".into() }));
    sender.send(&run("audiopool.measure")).unwrap();
    assert!(matches!(outcome(&receiver), Err(WorkerFault::Codec { .. })), "no arguments");

    sender.send(&ToChild::Quit).unwrap();
    let (_, FromChild::Goodbye(usage)) = receiver.recv().unwrap() else { panic!("no goodbye") };
    assert_eq!(usage.tasks, 3);
    assert!(usage.peak_rss_bytes > 0);
    assert!(matches!(receiver.recv(), Err(ChannelError::Closed)));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    drop(lifeline);
}

#[test]
fn it_writes_on_its_status_page_what_it_is_at() {
    let status_page = StatusPageView::new(Transport::Memfd).unwrap();
    let Share::Descriptor(page) = status_page.share().unwrap() else {
        panic!("a memfd is inherited")
    };
    let Hired { child, listener, lifeline } = hire_with(Some(page));
    let (sender, receiver) = welcome_with(listener, Some(RingHandle::Descriptor(BOARD)));
    assert_eq!(status_page.read(), Notes::default(), "it has not begun");
    sender.send(&run(CANARY)).unwrap();
    assert_eq!(outcome(&receiver), Ok(Payload::Inline(Vec::new())));
    let Notes { task, attempt, beats, panic, .. } = status_page.read();
    assert_eq!((task, attempt, panic), (Some(TaskId(5)), Attempt(2), None));
    assert!(beats > 0);
    sender.send(&ToChild::Quit).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(status_page.task(), Some(TaskId(5)), "it outlives the child");
    drop(lifeline);
}

#[test]
fn it_ends_when_its_channel_does() {
    let Hired { child, listener, lifeline } = hire();
    drop(welcome(listener));
    could_not_begin(&child.wait_with_output().unwrap(), "lost the supervisor");
    drop(lifeline);
}

#[test]
fn it_refuses_a_second_welcome() {
    let Hired { child, listener, lifeline } = hire();
    let (sender, receiver) = welcome(listener);
    let again = Welcome {
        number: 1,
        generation: 1,
        rings: Vec::new(),
        status_page: None,
        confine: Terms::NONE,
        initializer: None,
        log_filter: String::new(),
        chaos: None,
    };
    sender.send(&ToChild::Welcome(again)).unwrap();
    could_not_begin(&child.wait_with_output().unwrap(), "unexpected message");
    drop((receiver, lifeline));
}

#[test]
fn it_does_not_outlive_its_lifeline() {
    let Hired { child, listener, lifeline } = hire();
    // Its channel stays open, and its parent lives.
    let channel = welcome(listener);
    drop(lifeline);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(Signal::SIGKILL as i32), "{output:?}");
    drop(channel);
}

#[test]
fn garbage_is_not_obeyed() {
    let Hired { child, listener, lifeline } = hire();
    let (sender, receiver) = welcome(listener);
    sender.send_raw(b"dance!").unwrap();
    could_not_begin(&child.wait_with_output().unwrap(), "malformed frame");
    drop((receiver, lifeline));
}
