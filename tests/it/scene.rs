//! Scene: one run of the real program in a folder of its own, with a rogue worker or trouble from
//! outside, and what must hold afterwards.
//!
//! ```text
//!   Scene ──start──▶ Running ──wait──▶ Ended ──▶ assert_nothing_lost
//!     songs, rogue      gate, pids,      exit code, records,
//!     folders           signals          who is still there
//! ```
//!
//! Nothing here sleeps or polls: a test waits for a named pipe to be opened, for a line of the
//! log, for the end of a process. Every run has a [watchdog](watchdog).

mod ended;
mod processes;
mod running;
mod songs;
mod watchdog;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::{env, fs};

use nix::sys::stat::Mode;
use tempfile::TempDir;

use crate::program;

pub(crate) use ended::{Ended, Expected};
pub(crate) use processes::{Process, not_gone_within, of_scene};
pub(crate) use running::{AtGate, Running, hear_signals};
pub(crate) use songs::{LONG, SONGS, tiny};

/// The strictest sandbox that there is here: kernels before Linux 6.12 cannot refuse all that
/// `strict` asks for. What is refused there is refused with `best-effort` as well.
pub(crate) fn strictest() -> &'static str {
    static HAS_ALL: LazyLock<bool> = LazyLock::new(|| {
        let ended = Scene::command(["doctor"]).run();
        ended.stdout.contains("worker sandbox   full")
    });
    if *HAS_ALL { "strict" } else { "best-effort" }
}

/// First frame of a chunk in the middle of the long song, and of no chunk of another.
pub(crate) const MIDDLE: u64 = 160_000;

/// The records of a run in which nothing goes wrong, in one process.
static CALM: LazyLock<Vec<String>> = LazyLock::new(|| {
    let ended = Scene::calm().args(["--isolation", "never"]).run();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let records: Vec<String> = ended.stdout.lines().map(str::to_owned).collect();
    assert_eq!(records.len(), SONGS.len(), "{records:#?}");
    records
});

/// A run to be.
pub(crate) struct Scene {
    folder: TempDir,
    command: Command,
    rogue: Option<String>,
    /// Whether it is asked what it leaves behind.
    is_asked: bool,
}

impl Scene {
    /// With workers that do nothing wrong.
    pub(crate) fn calm() -> Self {
        let scene = Self::command(["analyze", "songs", "--format", "ndjson", "-v"]);
        songs::write_into(&scene.path("songs"));
        let scene = Self { is_asked: true, ..scene.args(["--stats"]) };
        scene.args(["--workers", "2", "--min-chunk-ms", "1000", "--max-chunk-ms", "3000"])
    }

    /// Without songs, and with these arguments.
    pub(crate) fn command(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let folder = TempDir::with_prefix("ap").expect("a folder for temporary files");
        fs::create_dir(folder.path().join("tmp")).expect("a new folder");
        let mut command = program::audiopool();
        command
            .args(args)
            .current_dir(folder.path())
            .env("TMPDIR", folder.path().join("tmp"))
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { folder, command, rogue: None, is_asked: false }
    }

    /// With rogue workers that do this, as `worker/examples/rogue` understands it. They are not
    /// confined: most of what they do needs files to know when, and some of it would be refused.
    pub(crate) fn rogue(request: impl Into<String>) -> Self {
        Self { rogue: Some(request.into()), ..Self::calm() }
            .env("AUDIOPOOL_SANDBOX", "off")
            .args([OsStr::new("--worker-program"), rogue_program().as_os_str()])
    }

    /// With rogue workers that do this at the chunk in the [`MIDDLE`].
    pub(crate) fn rogue_in_the_middle(deed: &str) -> Self {
        Self::rogue(format!("{deed} frame={MIDDLE}"))
    }

    /// Only one of them, and only once.
    pub(crate) fn once(self) -> Self {
        let marker = self.path("once");
        self.asked_for(&format!("once={}", marker.display()))
    }

    /// They wait at a gate before it: [`Running::gate`].
    pub(crate) fn gated(self) -> Self {
        let gate = self.gate();
        nix::unistd::mkfifo(&gate, Mode::S_IRWXU).expect("a named pipe");
        self.asked_for(&format!("gate={}", gate.display()))
    }

    /// They do something else besides.
    pub(crate) fn asked_for(mut self, more: &str) -> Self {
        let rogue = self.rogue.get_or_insert_default();
        rogue.push(' ');
        rogue.push_str(more);
        self
    }

    /// With further arguments; they count more than the usual ones.
    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// After a shell has done that in the process that becomes the program: `ulimit -n 40`.
    pub(crate) fn behind(self, shell: &str) -> Self {
        let shell = ["-c".to_owned(), format!("{shell}\nexec \"$0\" \"$@\"")].map(OsString::from);
        let program = self.command.get_program().to_owned();
        let args = self.command.get_args().map(OsStr::to_owned).collect::<Vec<_>>();
        self.instead("sh", shell.into_iter().chain([program]).chain(args))
    }

    /// Started from a copy of the program.
    pub(crate) fn started_from(self, program: &Path) -> Self {
        let args = self.command.get_args().map(OsStr::to_owned).collect::<Vec<_>>();
        self.instead(program, args)
    }

    /// Its files are named one after another, as the test likes: [`Running::feed`].
    pub(crate) fn fed(self) -> Self {
        let list = self.path("list");
        nix::unistd::mkfifo(&list, Mode::S_IRWXU).expect("a named pipe");
        let program = self.command.get_program().to_owned();
        let args = self.command.get_args().flat_map(|arg| match arg.to_str() {
            Some("songs") => vec![OsString::from("--files-from"), list.clone().into()],
            _ => vec![arg.to_owned()],
        });
        let args: Vec<_> = args.collect();
        self.instead(program, args)
    }

    /// The same with another program and other arguments.
    fn instead(
        self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let mut command = Command::new(program);
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.args(args).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, ..self }
    }

    /// With a variable in its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With something else than a pipe for standard output.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// A path in the folder of the scene.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What lies in the folder of the scene, but for temporary files.
    fn inventory(folder: &Path) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).expect("a folder of the scene") {
                let path = entry.expect("it can be listed").path();
                if path.is_dir() && !path.ends_with("tmp") {
                    folders.push(path.clone());
                }
                found.insert(path);
            }
        }
        found
    }

    fn gate(&self) -> PathBuf {
        self.path("gate")
    }

    /// Starts the program.
    pub(crate) fn start(mut self) -> Running {
        if let Some(request) = &self.rogue {
            self.command.env("AUDIOPOOL_ROGUE", request);
        }
        Running::start(self)
    }

    /// Starts the program and waits for its end.
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }
}

/// The worker program that misbehaves, built by `cargo test` of the whole workspace.
pub(crate) fn rogue_program() -> PathBuf {
    let programs = Path::new(env!("CARGO_BIN_EXE_audiopool")).parent().expect("a folder");
    let rogue = programs.join("examples/rogue");
    assert!(
        rogue.is_file(),
        "{} is missing: run `cargo test --workspace`, or first `cargo build -p audiopool-worker --examples`",
        rogue.display()
    );
    rogue
}
