//! Confine: a child gives up what its tasks do not need, once the handshake is over.
//!
//! ```text
//!   Welcome ──▶ rings open ──▶ confine ──▶ Ready (level reached) ──▶ the first task
//!                                 │
//!                privileges · memory dumps · limits · files · system calls
//! ```
//!
//! What was open before stays open: the channel, the rings, standard error. Nothing else can be
//! opened, connected, started or signalled any more by a worker. A child that streams goes on opening
//! files and starting programs: it can change no file, not even its rights or times, and connect to
//! nothing. Threads
//! that were there before keep what they had, so there should be none; each part says whether it
//! was reached, and why not.
//!
//! A child that streams is given one file after the other, and what is given up is never had again: so each
//! task has a thread of its own (`keep_to`), which opens its file and no other, and neither does the
//! ffmpeg that it starts.
//!
//! How it is done is a matter of the system: Linux has a home of its own, elsewhere no part can be
//! had and the level says so.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::protocol::Role;

#[cfg(not(target_os = "linux"))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use linux as system;

pub(crate) use system::{Allowance, hold_to_budget};

/// Processor time that a confined process may use for one task, or for one batch of small ones.
/// No task needs so much; a process that reaches it is replaced.
pub const PROCESSOR_TIME: Duration = Duration::from_hours(6);

/// How far children are to be confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sandbox {
    /// Not at all: a task can do whatever its user can.
    Off,
    /// As far as this system can.
    #[default]
    BestEffort,
    /// In every way, or there is no child.
    Strict,
}

impl Sandbox {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Off, Self::BestEffort, Self::Strict];

    /// `off`, `best-effort` or `strict`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::BestEffort => "best-effort",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Sandbox {
    type Err = UnknownSandbox;

    fn from_str(name: &str) -> Result<Self, UnknownSandbox> {
        let named = Self::ALL.into_iter().find(|sandbox| sandbox.name() == name);
        named.ok_or_else(|| UnknownSandbox { name: name.to_owned() })
    }
}

/// No sandbox has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no sandbox; there are `off`, `best-effort` and `strict`")]
pub struct UnknownSandbox {
    name: String,
}

/// What a child is told of its confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How far.
    pub sandbox: Sandbox,
    /// How much memory it may ask for beyond what it begins with, whatever the sandbox.
    pub memory_bytes: Option<u64>,
}

impl Terms {
    /// None at all.
    pub const NONE: Self = Self { sandbox: Sandbox::Off, memory_bytes: None };
}

/// One way in which a child is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Part {
    /// It has one thread, so that none is left out.
    Threads,
    /// No program that it starts can have more rights than it.
    Privileges,
    /// Its memory is not dumped, and no process of the same user can look into it.
    Dumps,
    /// Processor time of a task, size of files and number of descriptors have an end.
    Limits,
    /// It can open no file, or if it streams only those that its task needs, to read them, and
    /// programs with their libraries; and reach no port.
    Files,
    /// It can ask the kernel only for what its work needs: not for sockets, programs, processes,
    /// and not for signals to others. A child that streams may start programs, which inherit the rest.
    Calls,
}

impl Part {
    /// Every one, in the order in which they can be had.
    pub const ALL: [Self; 6] =
        [Self::Threads, Self::Privileges, Self::Dumps, Self::Limits, Self::Files, Self::Calls];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Privileges => "privileges",
            Self::Dumps => "dumps",
            Self::Limits => "limits",
            Self::Files => "files",
            Self::Calls => "system calls",
            Self::Threads => "threads",
        }
    }
}

/// How far a child is confined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    sandbox: Sandbox,
    role: Role,
    missing: Vec<(Part, String)>,
}

/// How far a child is confined, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// In no way.
    None,
    /// In some ways.
    Partial,
    /// In every way.
    Full,
}

impl Confinement {
    /// Not asked for, and not there.
    pub const OFF: Self = Self { sandbox: Sandbox::Off, role: Role::WORKER, missing: Vec::new() };

    /// What was asked for.
    pub fn sandbox(&self) -> Sandbox {
        self.sandbox
    }

    /// How far.
    pub fn level(&self) -> Level {
        match self.missing.len() {
            _ if self.sandbox == Sandbox::Off => Level::None,
            0 => Level::Full,
            missing if missing < Part::ALL.len() => Level::Partial,
            _ => Level::None,
        }
    }

    /// Whether the tasks of a role that opens files can be [kept to](keep_to) theirs.
    pub(crate) fn keeps_files(&self) -> bool {
        let is_missing = self.missing.iter().any(|(part, _)| *part == Part::Files);
        self.sandbox != Sandbox::Off && self.role.streams() && !is_missing
    }

    /// The parts that were asked for and could not be had, and why.
    pub fn missing(&self) -> &[(Part, String)] {
        &self.missing
    }

    /// Why a child that was to be confined in every way must not be used, if that is so.
    pub fn refusal(&self, sandbox: Sandbox) -> Option<String> {
        if sandbox != Sandbox::Strict || self.level() == Level::Full {
            return None;
        }
        Some(format!(
            "it cannot be confined as `--sandbox strict` demands: {}; `--sandbox best-effort` \
             does without",
            self.reasons()
        ))
    }

    fn reasons(&self) -> String {
        let reasons: Vec<_> =
            self.missing.iter().map(|(part, why)| format!("{}: {why}", part.name())).collect();
        if reasons.is_empty() { "nothing was tried".to_owned() } else { reasons.join(", ") }
    }
}

impl fmt::Display for Confinement {
    /// `full`, `off`, or what is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level() {
            _ if self.sandbox == Sandbox::Off => f.write_str("off"),
            Level::Full if self.role.streams() => {
                f.write_str("full, except that tasks read their files and start programs")
            }
            Level::Full => f.write_str("full"),
            Level::Partial => write!(f, "partial, without {}", self.reasons()),
            Level::None => write!(f, "none; {}", self.reasons()),
        }
    }
}

/// Confines this process for good, as far as its role allows: a child that streams opens the files
/// that its tasks need and starts programs, which inherit what is left to it. `file_bytes` is the
/// size of the largest file that it may write, which is its ring.
pub(crate) fn confine(sandbox: Sandbox, role: Role, file_bytes: u64) -> Confinement {
    if sandbox == Sandbox::Off {
        return Confinement::OFF;
    }
    let mut missing = Vec::new();
    for part in Part::ALL {
        if let Err(why) = system::take(part, role, file_bytes) {
            missing.push((part, why));
        }
    }
    Confinement { sandbox, role, missing }
}

/// What a task opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files that it reads. What is there and is no regular file does not count.
    pub files: Vec<PathBuf>,
    /// Programs that it starts.
    pub programs: Vec<PathBuf>,
}

/// Gives up, for this thread and all that it starts, every file but those that the task needs and
/// what programs need to run: the folders of the system that hold programs and libraries.
pub(crate) fn keep_to(needs: &Needs) -> Result<(), String> {
    system::keep_to(needs)
}

/// The name of the system call that the sandbox has stopped, if a child's last words say so.
pub fn refused_call(stderr: &str) -> Option<&str> {
    let (_, after) = stderr.rsplit_once(REFUSED)?;
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    Some(&after[..end]).filter(|name| !name.is_empty())
}

/// What a child says before the sandbox ends it; the name of the call follows.
const REFUSED: &str = "audiopool: the sandbox refuses ";

#[cfg(test)]
mod tests {
    use super::*;

    fn without(missing: &[Part]) -> Confinement {
        let missing = missing.iter().map(|part| (*part, "no such thing".to_owned())).collect();
        Confinement { sandbox: Sandbox::BestEffort, role: Role::WORKER, missing }
    }

    #[test]
    fn a_sandbox_goes_by_its_name() {
        for sandbox in Sandbox::ALL {
            assert_eq!(sandbox.name().parse(), Ok(sandbox));
        }
        let unknown = "firm".parse::<Sandbox>().unwrap_err().to_string();
        assert_eq!(unknown, "`firm` is no sandbox; there are `off`, `best-effort` and `strict`");
    }

    #[test]
    fn the_level_is_that_of_the_parts() {
        assert_eq!(without(&[]).to_string(), "full");
        assert_eq!(without(&[Part::Files]).level(), Level::Partial);
        assert_eq!(without(&[Part::Files]).to_string(), "partial, without files: no such thing");
        assert_eq!(without(&Part::ALL).level(), Level::None);
        let off = Confinement::OFF;
        assert_eq!((off.level(), off.to_string().as_str()), (Level::None, "off"));
    }

    #[test]
    fn only_strict_refuses_and_says_what_is_missing() {
        assert_eq!(without(&[Part::Files]).refusal(Sandbox::BestEffort), None);
        assert_eq!(without(&[]).refusal(Sandbox::Strict), None);
        let refusal = without(&[Part::Files, Part::Calls]).refusal(Sandbox::Strict).unwrap();
        assert!(refusal.contains("files: no such thing, system calls: no such"), "{refusal}");
    }

    #[test]
    fn the_last_words_name_the_call() {
        let said = format!("something\n{REFUSED}execve (system call 59)\n");
        assert_eq!(refused_call(&said), Some("execve"));
        assert_eq!(refused_call(REFUSED), None);
        assert_eq!(refused_call("nothing"), None);
    }
}
