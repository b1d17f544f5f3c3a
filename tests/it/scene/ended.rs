//! Ended: what is left of a run, and the law that it must keep.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use super::processes::{self, Process};
use super::{CALM, SONGS, Scene};
use crate::program;

/// How long a process that was killed may take to disappear.
const DYING: Duration = Duration::from_secs(1);

/// The kinds of an attempt, as `docs/src/records.md` lists them.
const KINDS: [&str; 16] = [
    "signal",
    "killed",
    "panic",
    "stack_overflow",
    "out_of_memory",
    "processor_time",
    "shared_memory",
    "forbidden",
    "spinning",
    "idle",
    "stopped",
    "timed_out",
    "exited",
    "protocol",
    "invalid_result",
    "boot",
];

/// A run that is over.
pub(crate) struct Ended {
    pub(super) folder: TempDir,
    /// Whether it was asked what it leaves behind.
    pub(super) is_asked: bool,
    /// What lay in the folder before.
    pub(super) before: BTreeSet<PathBuf>,
    pub(super) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Every child that was announced, and its process id.
    pub(crate) children: Vec<(String, u32)>,
}

/// How a run is to end.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// None if it was killed.
    code: Option<i32>,
    /// Of inputs that are not the songs, or of nothing.
    instead: Option<Vec<String>>,
    hurt: Vec<Hurt>,
    cut_short: bool,
    /// How many descriptors the program may not get back.
    lost: usize,
}

/// What is to come of an input.
enum Input<'a> {
    /// The same as in a calm run.
    Calm(&'a str),
    Hurt(&'a Hurt),
}

#[derive(Clone, Debug)]
struct Hurt {
    path: String,
    kind: &'static str,
    /// How each try ended.
    attempts: Vec<String>,
    /// How the whole did.
    cause: String,
}

impl Expected {
    /// Every file measured, whatever happened on the way.
    pub(crate) fn all_well() -> Self {
        Self::exit(0)
    }

    /// With this code.
    pub(crate) fn exit(code: i32) -> Self {
        Self { code: Some(code), instead: None, hurt: Vec::new(), cut_short: false, lost: 0 }
    }

    /// Killed on the way, so that nothing is sure but what was written before.
    pub(crate) fn killed() -> Self {
        Self { code: None, cut_short: true, ..Self::exit(0) }
    }

    /// Refused before it began: with this code, and without a report.
    pub(crate) fn refused(code: i32) -> Self {
        Self { instead: Some(Vec::new()), ..Self::exit(code) }
    }

    /// With this code, and with no file measured, for that cause.
    pub(crate) fn not_run(code: i32, cause: &str) -> Self {
        SONGS.iter().fold(Self::exit(code), |expected, (name, ..)| {
            expected.hurt(&format!("songs/{name}"), "not_run", 0, cause)
        })
    }

    /// The songs after this one were not begun, since the run was stopped.
    pub(crate) fn stopped_after(self, path: &str) -> Self {
        let songs = SONGS.iter().map(|(name, ..)| format!("songs/{name}"));
        songs.skip_while(|song| song != path).skip(1).fold(self, |expected, song| {
            expected.hurt(&song, "not_run", 0, "the run was stopped before its turn")
        })
    }

    /// These records, of inputs that are not the songs.
    pub(crate) fn records(records: Vec<String>) -> Self {
        Self { instead: Some(records), ..Self::exit(0) }
    }

    /// This file failed after so many attempts, each of which (or, without attempts, the whole)
    /// ended as `cause` says.
    pub(crate) fn hurt(
        mut self,
        path: &str,
        kind: &'static str,
        attempts: usize,
        cause: &str,
    ) -> Self {
        let attempts = vec![cause.to_owned(); attempts];
        self.hurt.push(Hurt { path: path.to_owned(), kind, attempts, cause: cause.to_owned() });
        self
    }

    /// The same, where each try ended in another way.
    pub(crate) fn hurt_in_turn(
        mut self,
        path: &str,
        kind: &'static str,
        causes: &[&'static str],
    ) -> Self {
        let attempts: Vec<_> = causes.iter().copied().map(str::to_owned).collect();
        let cause = attempts.last().expect("a try").clone();
        self.hurt.push(Hurt { path: path.to_owned(), kind, attempts, cause });
        self
    }

    /// The program has so many descriptors more at its end than before: a limit that is documented.
    pub(crate) fn but_descriptors(self, lost: usize) -> Self {
        Self { lost, ..self }
    }

    /// What is to come of each input: of the songs, and of the files besides, whose names come
    /// after theirs.
    fn inputs(&self) -> Vec<Input<'_>> {
        if let Some(records) = &self.instead {
            return records.iter().map(|record| Input::Calm(record)).collect();
        }
        let is_song = |hurt: &&Hurt, name: &str| hurt.path == format!("songs/{name}");
        let songs = SONGS.iter().zip(&*CALM).map(|((name, ..), calm)| {
            let hurt = self.hurt.iter().find(|hurt| is_song(hurt, name));
            hurt.map_or(Input::Calm(calm), Input::Hurt)
        });
        let others =
            self.hurt.iter().filter(|hurt| !SONGS.iter().any(|(name, ..)| is_song(hurt, name)));
        songs.chain(others.map(Input::Hurt)).collect()
    }

    /// The later files have no record.
    pub(crate) fn cut_short(self) -> Self {
        Self { cut_short: true, ..self }
    }
}

impl Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// With what it has written to where only the test could read it.
    pub(crate) fn reported(self, stdout: String) -> Self {
        Self { stdout, ..self }
    }

    /// What was logged on the way, without what is said at the end.
    pub(crate) fn log(&self) -> &str {
        self.stderr.split_once("\nwall time ").map_or(&*self.stderr, |(log, _)| log)
    }

    /// The records, in order.
    pub(crate) fn records(&self) -> Vec<Value> {
        let parse = |line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The law of conservation, as seen from outside:
    ///
    /// - (a) one record an input, in order of the inputs;
    /// - (b) what was not hit is byte for byte as in a calm run;
    /// - (c) what was hit says how, at each attempt, and the log tells of each process;
    /// - (d) no process, dead or alive, no thread, descriptor, shared memory and file is left
    ///   behind: of its own process the program says so itself, at its end;
    /// - (e) the program ends by itself, with the code that says what happened; or a
    ///   [watchdog](super::watchdog) ends the test.
    #[track_caller]
    pub(crate) fn assert_nothing_lost(&self, expected: &Expected) {
        assert_eq!(self.code(), expected.code, "{self}"); // (e)
        if let Some(code) = expected.code {
            let row = format!("\n| {code} | ");
            assert!(
                include_str!("../../../docs/src/exit-codes.md").contains(&row),
                "an undocumented {row}"
            );
        }
        let mut lines: Vec<&str> = self.stdout.lines().collect();
        if expected.code.is_none() && !self.stdout.ends_with('\n') {
            lines.pop(); // torn
        }
        let inputs = expected.inputs();
        let complete = if expected.cut_short {
            lines.len() <= inputs.len()
        } else {
            lines.len() == inputs.len()
        };
        assert!(complete, "{} records of {}\n{self}", lines.len(), inputs.len()); // (a)
        for (index, (line, input)) in lines.iter().zip(&inputs).enumerate() {
            match input {
                Input::Hurt(hurt) => self.assert_hurt(index, line, hurt), // (c)
                Input::Calm(calm) => assert_eq!(line, calm, "\n{self}"),  // (b)
            }
        }
        let is_recorded = |hurt: &&Hurt| lines.iter().any(|line| line.contains(&hurt.path));
        let missing = expected.hurt.iter().find(|hurt| !is_recorded(hurt));
        assert!(missing.is_none(), "no record of {missing:?}\n{self}");
        self.assert_left(expected.lost);
    }

    #[track_caller]
    fn assert_hurt(&self, index: usize, line: &str, hurt: &Hurt) {
        let record: Value = serde_json::from_str(line).expect("a record");
        let error = &record["error"];
        assert_eq!(record["path"], hurt.path.as_str(), "{self}");
        assert_eq!(record["status"], "failed", "{self}");
        assert_eq!(record["metrics"], serde_json::json!({}), "{self}");
        assert_eq!(error["kind"], hurt.kind, "{self}");
        let attempts = error["attempts"].as_array().expect("a list");
        assert_eq!(attempts.len(), hurt.attempts.len(), "{self}");
        let died = format!(" died file={index} cause=");
        let logged = |line: &&str| line.contains(&died) && line.contains(" evidence=\"pid ");
        let deaths = self.stderr.lines().filter(logged).count();
        assert!(deaths >= attempts.len(), "the log tells of {deaths} deaths\n{self}");
        for (number, attempt) in (1..).zip(attempts) {
            assert_eq!(attempt["attempt"], number, "{self}");
            assert!(KINDS.iter().any(|kind| attempt["kind"] == *kind), "{attempt}\n{self}");
        }
        let told = attempts.iter().map(|attempt| &attempt["cause"]).chain([&error["message"]]);
        for (told, cause) in told.zip(hurt.attempts.iter().chain([&hurt.cause])) {
            let is_told = told.as_str().is_some_and(|text| text.contains(cause));
            assert!(is_told, "`{cause}` is not `{told}` of {hurt:?}\n{self}");
        }
    }

    /// The law, as far as it is about a rehearsal: the program compares its results itself, ends
    /// with this code and says so.
    #[track_caller]
    pub(crate) fn assert_rehearsed(&self, code: i32, said: &str) {
        assert_eq!(self.code(), Some(code), "{self}");
        assert!(self.stdout.contains(said) || self.stderr.contains(said), "`{said}`\n{self}");
        self.assert_no_process_left();
    }

    /// Runs a command of the program, as a shell reads it, where this run was, with rogue workers
    /// that do this.
    pub(crate) fn run_again(&self, command: &str, rogue: &str) -> Again {
        let program = Path::new(env!("CARGO_BIN_EXE_audiopool")).parent().expect("a folder");
        let mut places = vec![program.to_owned()];
        places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let ended = program::deaf(Command::new("sh"))
            .args(["-c", command])
            .env("PATH", env::join_paths(places).expect("folders without colons"))
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("RUST_BACKTRACE", "0")
            .env("AUDIOPOOL_ROGUE", rogue)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&ended.stdout), text(&ended.stderr));
        Again { command: command.to_owned(), code: ended.status.code(), stdout, stderr }
    }

    /// (d): no process of this run lives, its folder for temporary files is empty, and so on.
    #[track_caller]
    pub(crate) fn assert_no_process_left(&self) {
        self.assert_left(0);
    }

    #[track_caller]
    fn assert_left(&self, lost: usize) {
        let left = processes::not_gone_within(DYING, processes::of_scene(self.folder.path()));
        let left: Vec<_> = left.iter().map(Process::describe).collect();
        assert!(left.is_empty(), "left behind:\n{}\n{self}", left.join("\n"));
        let files = fs::read_dir(self.folder.path().join("tmp")).expect("it is still there");
        let files: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
        assert!(files.is_empty(), "left behind: {files:?}\n{self}");
        let now = Scene::inventory(self.folder.path());
        // The rogue makes those two.
        let is_told = |path: &&PathBuf| !path.ends_with("once") && !path.ends_with("tally");
        let made: Vec<_> = now.symmetric_difference(&self.before).filter(is_told).collect();
        assert!(made.is_empty(), "made or removed: {made:?}\n{self}");
        let named = fs::read_dir("/dev/shm").into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            ["audiopool", "ipc-channel"].iter().any(|ours| name.contains(ours)).then_some(name)
        });
        let named: Vec<_> = named.collect();
        assert!(named.is_empty(), "shared memory under a name: {named:?}\n{self}");
        if self.is_asked && self.code().is_some() {
            let told = self.stderr.lines().find_map(|line| line.strip_prefix("left behind  "));
            let nothing = "no process, thread, descriptor or mapping of shared memory";
            // Without descriptors it cannot look.
            let is_blind = self.stderr.contains("Too many open files");
            let is_as_expected = told.map_or(is_blind, |told| match lost {
                0 => told == nothing,
                lost => is_lost(told, lost),
            });
            assert!(is_as_expected, "something is left behind\n{self}");
        }
    }
}

/// Whether so many descriptors are left, and nothing else: `before: 7 descriptors, …; after: …`.
fn is_lost(told: &str, lost: usize) -> bool {
    let parts = told.strip_prefix("before: ").and_then(|told| told.split_once("; after: "));
    let split = |side: &str| -> Option<(usize, String)> {
        let (number, rest) = side.split_once(' ')?;
        Some((number.parse().ok()?, rest.to_owned()))
    };
    let sides = parts.and_then(|(before, after)| Some((split(before)?, split(after)?)));
    sides.is_some_and(|(before, after)| before.0 + lost == after.0 && before.1 == after.1)
}

/// What a command has said that was run after the run.
pub(crate) struct Again {
    command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl std::fmt::Display for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "--- {command}\n--- {code:?}; it said:\n{stderr}\n--- and:\n{stdout}")
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = match self.status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("exit code {:?}", self.status.code()),
        };
        write!(f, "--- {status}; it said:\n{}\n--- and reported:\n{}", self.stderr, self.stdout)
    }
}
