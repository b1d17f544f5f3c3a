//! Tasks for the tests of the executor. Compiled into the tests and into the worker program that
//! they name (`examples/chores.rs`).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use audiopool::{Attachment, Registry, Task, TaskFailure};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All of them.
pub(crate) fn registry() -> Registry {
    Registry::new()
        .with::<Double>()
        .with::<Hold>()
        .with::<Go>()
        .with::<Tricky>()
        .with::<Prepare>()
        .with::<Recall>()
        .with::<Nested>()
        .with::<Long>()
        .with::<Weigh>()
}

/// Twice the number; too large a one is an error.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Double(pub(crate) u64);

impl Task for Double {
    const NAME: &'static str = "chores.double";
    type Attachment = ();
    type Output = u64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u64, TaskFailure> {
        self.0.checked_mul(2).ok_or_else(|| TaskFailure::new("no room for twice as much"))
    }
}

/// Calls at a port, says who it is, and waits until it is let go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hold {
    pub(crate) port: u16,
}

impl Task for Hold {
    const NAME: &'static str = "chores.hold";
    type Attachment = ();
    /// The process.
    type Output = u32;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u32, TaskFailure> {
        let mut call = TcpStream::connect(("127.0.0.1", self.port)).map_err(TaskFailure::new)?;
        call.write_all(&process::id().to_le_bytes()).map_err(TaskFailure::new)?;
        let mut word = [0];
        call.read_exact(&mut word).map_err(TaskFailure::new)?;
        Ok(process::id())
    }
}

/// A way for a task, or the process that runs it, to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Go {
    Well,
    Fail,
    Panic,
    Exit(i32),
    Abort,
}

impl Go {
    fn go(self) -> Result<(), &'static str> {
        match self {
            Self::Well => Ok(()),
            Self::Fail => Err("it does not want to"),
            Self::Panic => panic!("it is frightened"),
            Self::Exit(code) => process::exit(code),
            Self::Abort => process::abort(),
        }
    }
}

impl Task for Go {
    const NAME: &'static str = "chores.go";
    type Attachment = ();
    /// The process.
    type Output = u32;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u32, TaskFailure> {
        self.go().map(|()| process::id()).map_err(TaskFailure::new)
    }
}

/// Goes its way at one of the places that a task and its output pass.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Tricky {
    pub(crate) sent: OnTheWay,
    /// How its output goes when it is written by the worker, and when it is read.
    pub(crate) answered: (Go, Go),
}

impl Task for Tricky {
    const NAME: &'static str = "chores.tricky";
    type Attachment = ();
    type Output = OnTheWay;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<OnTheWay, TaskFailure> {
        let (written, read) = self.answered;
        Ok(OnTheWay { written, read })
    }
}

/// A value that goes its way when it is written, or when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnTheWay {
    pub(crate) written: Go,
    pub(crate) read: Go,
}

impl Serialize for OnTheWay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.go().map_err(S::Error::custom)?;
        self.read.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OnTheWay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Go::deserialize(deserializer)?;
        read.go().map_err(D::Error::custom)?;
        Ok(Self { written: Go::Well, read })
    }
}

static PREPARED: AtomicU64 = AtomicU64::new(0);

/// Notes a number in its process, or goes its way.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Prepare {
    pub(crate) number: u64,
    pub(crate) go: Go,
}

impl Task for Prepare {
    const NAME: &'static str = "chores.prepare";
    type Attachment = ();
    type Output = ();

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<(), TaskFailure> {
        PREPARED.fetch_add(self.number, Ordering::Relaxed);
        self.go.go().map_err(TaskFailure::new)
    }
}

/// The number that was noted in its process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Recall;

impl Task for Recall {
    const NAME: &'static str = "chores.recall";
    type Attachment = ();
    type Output = u64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u64, TaskFailure> {
        Ok(PREPARED.load(Ordering::Relaxed))
    }
}

/// Tries to have a pool of its own.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Nested;

impl Task for Nested {
    const NAME: &'static str = "chores.nested";
    type Attachment = ();
    type Output = u64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u64, TaskFailure> {
        let pool = audiopool::ProcessPool::builder().build().map_err(TaskFailure::new)?;
        let future = pool.submit(&Double(1)).map_err(TaskFailure::new)?;
        future.result().map_err(TaskFailure::new)
    }
}

/// Bytes that are sent there and back, or that a process dies with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Long {
    pub(crate) bytes: audiopool::Bytes,
    pub(crate) go: Go,
}

impl Task for Long {
    const NAME: &'static str = "chores.long";
    type Attachment = ();
    type Output = audiopool::Bytes;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<audiopool::Bytes, TaskFailure> {
        self.go.go().map_err(TaskFailure::new)?;
        Ok(self.bytes)
    }
}

static WEIGHT: AtomicU64 = AtomicU64::new(0);

/// Counts how many of it there are in its process.
#[derive(Debug, Serialize)]
pub(crate) struct Weigh;

impl<'de> Deserialize<'de> for Weigh {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)?;
        WEIGHT.fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }
}

impl Drop for Weigh {
    fn drop(&mut self) {
        WEIGHT.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Task for Weigh {
    const NAME: &'static str = "chores.weigh";
    type Attachment = ();
    type Output = u64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u64, TaskFailure> {
        Ok(WEIGHT.load(Ordering::Relaxed))
    }
}
