//! Running: the program at work, and what a test can do to it.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError};
use std::thread::{self, JoinHandle};
use std::{fs, process};

use nix::fcntl::OFlag;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT};

use super::processes::Process;
use super::watchdog::Watchdog;
use super::{Ended, Scene};

/// The program at work.
pub(crate) struct Running {
    scene: Scene,
    supervisor: Process,
    child: process::Child,
    stdout: Option<JoinHandle<String>>,
    stderr: JoinHandle<()>,
    log: Arc<Log>,
    watchdog: Watchdog,
    /// What lay in the folder before it began.
    before: BTreeSet<PathBuf>,
}

/// Holds the rogue at its gate until it is dropped.
#[must_use = "the gate is passed when this is dropped"]
#[derive(Debug)]
pub(crate) struct AtGate(#[expect(dead_code, reason = "it is kept open")] File);

impl Running {
    pub(super) fn start(mut scene: Scene) -> Self {
        hear_signals();
        let before = Scene::inventory(scene.folder.path());
        let mut child = scene.command.spawn().expect("the program starts");
        // With it goes our end of what it has for standard output.
        scene.command = Command::new("");
        let supervisor = Process::open(child.id()).expect("it is not waited for yet");
        let stdout = child.stdout.take().map(|mut stdout| {
            thread::spawn(move || {
                let mut text = String::new();
                stdout.read_to_string(&mut text).expect("a report in UTF-8");
                text
            })
        });
        let log = Arc::new(Log::default());
        let stderr = child.stderr.take().expect("a pipe");
        let stderr = thread::spawn({
            let (log, gate) = (Arc::clone(&log), scene.gate());
            move || {
                for line in BufReader::new(stderr).split(b'\n') {
                    let Ok(line) = line else { break };
                    log.add(String::from_utf8_lossy(&line).into_owned());
                }
                log.end(&gate);
            }
        });
        let watchdog = Watchdog::new(scene.folder.path());
        Self { scene, supervisor, child, stdout, stderr, log, watchdog, before }
    }

    /// Waits until a rogue stands at the gate, and holds it there.
    pub(crate) fn gate(&self) -> AtGate {
        let gate = OpenOptions::new().write(true).open(self.scene.gate());
        AtGate(gate.expect("the scene has a gate"))
    }

    /// Where to name the files of a scene that is fed; it ends when this is dropped.
    pub(crate) fn feed(&self) -> File {
        let list = OpenOptions::new().write(true).open(self.scene.path("list"));
        list.expect("the scene is fed, and reads")
    }

    /// Waits until the log tells of the start of this child, `worker 1`.
    pub(crate) fn child(&self, name: &str) -> Process {
        let pid = self.log.wait_for(|line| started(line).filter(|(who, _)| who == name));
        let (_, pid) = pid.unwrap_or_else(|| panic!("no {name} has started:\n{}", self.log.text()));
        Process::open(pid).unwrap_or_else(|error| panic!("{name}, process {pid}: {error}"))
    }

    /// Waits until the log says this.
    pub(crate) fn hear(&self, text: &str) {
        let heard = self.log.wait_for(|line| line.contains(text).then_some(()));
        assert!(heard.is_some(), "nothing is heard of `{text}`:\n{}", self.log.text());
    }

    /// How many lines of the log have said this so far.
    pub(crate) fn heard(&self, text: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// The program itself.
    pub(crate) fn supervisor(&self) -> &Process {
        &self.supervisor
    }

    /// The processes of this run, the program among them.
    pub(crate) fn processes(&self) -> Vec<Process> {
        super::processes::of_scene(self.scene.folder.path())
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.supervisor.signal(signal);
    }

    /// Waits until a signal has stopped the program.
    pub(crate) fn wait_until_stopped(&self) {
        let pid = i32::try_from(self.supervisor.pid).expect("a process id");
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        let status = waitid(Id::Pid(Pid::from_raw(pid)), flags).expect("a child of this process");
        assert!(matches!(status, WaitStatus::Stopped(..)), "{status:?}:\n{}", self.log.text());
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait().expect("it is waited for only here");
        let stdout = self.stdout.map(|stdout| stdout.join().expect("no panic")).unwrap_or_default();
        self.stderr.join().expect("no panic");
        let stderr = self.log.text();
        if let Some(stuck) = self.watchdog.dismiss() {
            panic!("the run did not end:\n{stuck}\n\nit said:\n{stderr}");
        }
        let children = self.log.lines().iter().filter_map(|line| started(line)).collect();
        let Scene { folder, is_asked, .. } = self.scene;
        Ended { folder, is_asked, before: self.before, status, stdout, stderr, children }
    }
}

/// Sees to it that the program hears SIGHUP and SIGINT even if this process was started with
/// `nohup` or in a script's background, and so is deaf to them. A signal that is caught here is
/// not ignored by processes that are started from here; one that was ignored here still has no effect.
pub(crate) fn hear_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").expect("a file of Linux");
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let ignored = ignored.expect("a mask of signals");
        for signal in [SIGHUP, SIGINT].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 1)
        {
            signal_hook::flag::register(signal, Arc::default()).expect("a signal to be caught");
        }
    });
}

/// Who has started, and its process id: `… worker 2 started pid=4711`.
fn started(line: &str) -> Option<(String, u32)> {
    let (before, after) = line.split_once(" started pid=")?;
    let mut words = before.rsplit(' ');
    let (number, role) = (words.next()?, words.next()?);
    Some((format!("{role} {number}"), after.trim().parse().ok()?))
}

/// What the program says on standard error, line by line.
#[derive(Default)]
struct Log {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    over: bool,
    /// The reading end of the gate, once no other process will open it.
    gate: Option<File>,
}

impl Log {
    fn add(&self, line: String) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).lines.push(line);
        self.more.notify_all();
    }

    /// The program has ended: threads that wait for more, or at the gate, wait in vain.
    fn end(&self, gate: &Path) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.over = true;
        said.gate = without_waiting(gate);
        self.more.notify_all();
    }

    fn lines(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// What `find` finds first; nothing if the program ends without it.
    fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = 0;
        loop {
            if let Some(found) = said.lines[seen..].iter().find_map(|line| find(line)) {
                return Some(found);
            }
            if said.over {
                return None;
            }
            seen = said.lines.len();
            said = self.more.wait(said).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn without_waiting(gate: &Path) -> Option<File> {
    let gate: PathBuf = gate.to_owned();
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(gate).ok()
}
