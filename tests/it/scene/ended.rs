//! Ended: what is left of a run, and the law that it must keep.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use super::processes::{self, Process};
use super::{CALM, SONGS};

/// How long a process that was killed may take to disappear.
const DYING: Duration = Duration::from_secs(1);

/// The kinds of an attempt, as the README lists them.
const KINDS: [&str; 15] = [
    "signal",
    "killed",
    "panic",
    "stack_overflow",
    "out_of_memory",
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
    pub(super) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Every child that was announced, and its process id.
    pub(crate) children: Vec<(String, u32)>,
}

/// How a run is to end.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    code: i32,
    hurt: Vec<Hurt>,
    cut_short: bool,
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
    attempts: usize,
    cause: String,
}

impl Expected {
    /// Every file measured, whatever happened on the way.
    pub(crate) fn all_well() -> Self {
        Self::exit(0)
    }

    /// With this code.
    pub(crate) fn exit(code: i32) -> Self {
        Self { code, hurt: Vec::new(), cut_short: false }
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
        self.hurt.push(Hurt { path: path.to_owned(), kind, attempts, cause: cause.to_owned() });
        self
    }

    /// What is to come of each input: of the songs, and of the files besides, whose names come
    /// after theirs.
    fn inputs(&self) -> Vec<Input<'_>> {
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
    /// - (c) what was hit says how, at each attempt;
    /// - (d) no process and no file is left behind;
    /// - (e) the program ends by itself, with the code that says what happened.
    #[track_caller]
    pub(crate) fn assert_nothing_lost(&self, expected: &Expected) {
        assert_eq!(self.code(), Some(expected.code), "{self}"); // (e)
        let lines: Vec<&str> = self.stdout.lines().collect();
        let inputs = expected.inputs();
        let complete = if expected.cut_short {
            lines.len() <= inputs.len()
        } else {
            lines.len() == inputs.len()
        };
        assert!(complete, "{} records of {}\n{self}", lines.len(), inputs.len()); // (a)
        for (line, input) in lines.iter().zip(&inputs) {
            match input {
                Input::Hurt(hurt) => self.assert_hurt(line, hurt), // (c)
                Input::Calm(calm) => assert_eq!(line, calm, "\n{self}"), // (b)
            }
        }
        let is_recorded = |hurt: &&Hurt| lines.iter().any(|line| line.contains(&hurt.path));
        let missing = expected.hurt.iter().find(|hurt| !is_recorded(hurt));
        assert!(missing.is_none(), "no record of {missing:?}\n{self}");
        self.assert_nobody_left();
    }

    #[track_caller]
    fn assert_hurt(&self, line: &str, hurt: &Hurt) {
        let record: Value = serde_json::from_str(line).expect("a record");
        let error = &record["error"];
        assert_eq!(record["path"], hurt.path.as_str(), "{self}");
        assert_eq!(record["status"], "failed", "{self}");
        assert_eq!(record["metrics"], serde_json::json!({}), "{self}");
        assert_eq!(error["kind"], hurt.kind, "{self}");
        let attempts = error["attempts"].as_array().expect("a list");
        assert_eq!(attempts.len(), hurt.attempts, "{self}");
        for (number, attempt) in (1..).zip(attempts) {
            assert_eq!(attempt["attempt"], number, "{self}");
            assert!(KINDS.iter().any(|kind| attempt["kind"] == *kind), "{attempt}\n{self}");
        }
        let causes = attempts.iter().map(|attempt| &attempt["cause"]).chain([&error["message"]]);
        for cause in causes {
            assert!(
                cause.as_str().is_some_and(|text| text.contains(&hurt.cause)),
                "{hurt:?}\n{self}"
            );
        }
    }

    /// Runs a command of the program, as a shell reads it, where this run was, with rogue workers
    /// that do this.
    pub(crate) fn run_again(&self, command: &str, rogue: &str) -> Again {
        let program = Path::new(env!("CARGO_BIN_EXE_audiopool")).parent().expect("a folder");
        let mut places = vec![program.to_owned()];
        places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let mut shell = Command::new("sh");
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AUDIOPOOL_") {
                shell.env_remove(name);
            }
        }
        let ended = shell
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

    /// (d): no process of this run lives, and its folder for temporary files is empty.
    #[track_caller]
    pub(crate) fn assert_nobody_left(&self) {
        let left = processes::not_gone_within(DYING, processes::of_scene(self.folder.path()));
        let left: Vec<_> = left.iter().map(Process::describe).collect();
        assert!(left.is_empty(), "left behind:\n{}\n{self}", left.join("\n"));
        let files = fs::read_dir(self.folder.path().join("tmp")).expect("it is still there");
        let files: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
        assert!(files.is_empty(), "left behind: {files:?}\n{self}");
    }
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
