//! Protocol: what a supervisor and a child say to each other. Plain data, no I/O.
//!
//! ```text
//!   supervisor                                   child
//!       │ ◀──────────── Hello ──────────────────── │  version, build id, role, pid
//!       │ ───────────── Welcome ─────────────────▶ │  number, generation, rings, log filter
//!       │ ◀──────────── Ready ──────────────────── │  how far it is confined
//!       │ ───────────── Run (task, attempt) ─────▶ │
//!       │ ◀──────────── Item … ─────────────────── │  streaming tasks only
//!       │ ───────────── Grant (slot) ────────────▶ │  a slot may be filled again
//!       │ ◀──────────── Reply ──────────────────── │  exactly one for each Run
//!       │ ───────────── Batch (tasks) ───────────▶ │  small tasks share a message …
//!       │ ◀──────────── Answers … ──────────────── │  … and so do their replies, in order
//!       │ ───────────── Quit ────────────────────▶ │
//!       │ ◀──────────── Goodbye (usage) ────────── │
//! ```
//!
//! A message is one [frame](crate::frame) of at most [`MAX_FRAME`](crate::frame::MAX_FRAME) bytes. What is larger, and
//! every attachment, lies in a [slot](crate::slots) and is only named in the message.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chaos;
use crate::confine::{Confinement, Terms};

/// Version of the messages in this module; both sides must have the same.
pub const PROTOCOL_VERSION: u16 = 1;

/// What is at most put into a message itself; larger values travel in a slot.
pub const MAX_INLINE: usize = 48 << 10;

/// Most bytes of the encoded description of an attachment.
pub const MAX_DESCRIPTION: usize = 256;

/// Names a task in its pool; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId(pub u64);

/// One try at a task, the first being 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt(pub u32);

/// Names a ring of slots; unique among all rings of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RingId(pub u32);

/// What the children of a pool are for: the name that messages and events give them, and whether
/// they stream.
///
/// A child that streams runs [streaming tasks](crate::StreamTask): it may open the files that its
/// task [needs](crate::confine::Needs), and has slots for several attachments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Role {
    /// ASCII, filled up with zeros.
    name: [u8; 16],
    streams: bool,
}

impl Role {
    /// The role of the children of a pool that does not stream.
    pub const WORKER: Self = Self::named("worker", false);

    /// The role of children that stream, with a name of up to 16 ASCII letters.
    ///
    /// # Panics
    ///
    /// If the name is longer, empty or has other characters.
    pub const fn streaming(name: &str) -> Self {
        Self::named(name, true)
    }

    const fn named(name: &str, streams: bool) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 16, "a role has 1 to 16 letters");
        let mut padded = [0; 16];
        let mut at = 0;
        while at < bytes.len() {
            assert!(bytes[at].is_ascii_alphabetic(), "the name of a role is ASCII letters");
            padded[at] = bytes[at];
            at += 1;
        }
        Self { name: padded, streams }
    }

    /// The name: `worker`, if it does not stream.
    pub fn name(&self) -> &str {
        let letters = self.name.iter().take_while(|letter| letter.is_ascii_alphabetic()).count();
        std::str::from_utf8(&self.name[..letters]).unwrap_or_default()
    }

    /// Whether children of this role stream.
    pub const fn streams(&self) -> bool {
        self.streams
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes in a slot of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRef {
    /// The ring.
    pub ring: RingId,
    /// The slot in it.
    pub slot: u16,
    /// How many bytes of the slot count.
    pub len: u64,
    /// CRC-32 of those bytes, made by their writer.
    pub checksum: u32,
}

/// A value that may be too large for a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// In the message.
    Inline(Vec<u8>),
    /// In a slot.
    Slot(SlotRef),
}

/// An attachment in a slot: where its bytes are, and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRef {
    /// Where the bytes are.
    pub at: SlotRef,
    /// Their [description](crate::attachment::Description), encoded: at most
    /// [`MAX_DESCRIPTION`] bytes.
    pub description: Vec<u8>,
}

/// The child's first message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the child.
    pub protocol: u16,
    /// [`BUILD_ID`](crate::BUILD_ID) of the child.
    pub package: String,
    /// What the child's program says that it was built from.
    pub build_id: String,
    /// What it takes itself for.
    pub role: Role,
    /// Its process id.
    pub pid: u32,
}

/// A ring that a child may use, and how it was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingGrant {
    /// Its name.
    pub ring: RingId,
    /// Where the child finds it.
    pub handle: RingHandle,
    /// How many slots it has.
    pub slots: u16,
    /// Bytes of each slot.
    pub slot_bytes: u64,
    /// Whether this child fills it (then no other process does).
    pub writable: bool,
}

/// How the memory of a ring, or of a status page, was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RingHandle {
    /// Number of an inherited descriptor.
    Descriptor(u32),
    /// Position among the regions that came with the handshake.
    Region(u16),
}

/// The supervisor's answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Number of the child among its kind, from 1.
    pub number: u32,
    /// Which process this is in its seat; every frame carries it from now on.
    pub generation: u32,
    /// The rings of this child; at most one is writable.
    pub rings: Vec<RingGrant>,
    /// Its [status page](crate::status_page), to write on, if it is given one.
    pub status_page: Option<RingHandle>,
    /// What it gives up before its first task.
    pub confine: Terms,
    /// What the child runs before it is ready.
    pub initializer: Option<Initializer>,
    /// What the child shall log, as a `tracing` filter.
    pub log_filter: String,
    /// What it shall do wrong, in a rehearsal.
    pub chaos: Option<chaos::Plan>,
}

/// A task that every child runs once, before any other. Its output is not wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initializer {
    /// Name of the task's type in the registry.
    pub name: String,
    /// The task itself, encoded.
    pub arguments: Vec<u8>,
}

/// Supervisor to child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToChild {
    /// Answers [`Hello`]; the first message.
    Welcome(Welcome),
    /// Run this task. The child has no other.
    Run(Run),
    /// Run these small tasks, one after another. The child has no other.
    Batch(Vec<Run>),
    /// A slot of the child's own ring may be filled (again).
    Grant {
        /// The slot.
        slot: u16,
    },
    /// Say goodbye and end.
    Quit,
}

/// A task on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The task.
    pub task: TaskId,
    /// Which try this is.
    pub attempt: Attempt,
    /// Name of the task's type in the registry.
    pub name: String,
    /// The task itself, encoded.
    pub arguments: Payload,
    /// The attachment, if it has one.
    pub attachment: Option<AttachmentRef>,
    /// Items of this task that earlier tries have delivered; they are not wanted again.
    pub delivered: u64,
    /// Slots of the child's own ring that it may fill.
    pub slots: Vec<u16>,
}

/// Child to supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromChild {
    /// The first message.
    Hello(Hello),
    /// Ready for tasks, and so far confined.
    Ready(Confinement),
    /// One of the results of a streaming task.
    Item {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// Counts the items of the task from 0, over all tries.
        index: u64,
        /// The item, encoded.
        item: Vec<u8>,
        /// Its attachment, if it has one, in the child's own ring.
        attachment: Option<AttachmentRef>,
    },
    /// A long task is getting on although it has nothing to show yet.
    Alive {
        /// The task.
        task: TaskId,
    },
    /// The end of a task.
    Reply {
        /// The task.
        task: TaskId,
        /// Which try.
        attempt: Attempt,
        /// The output, encoded, or why there is none.
        outcome: Result<Payload, WorkerFault>,
        /// How long the child was busy with it.
        busy: Duration,
    },
    /// The ends of the next tasks of a batch, in order.
    Answers {
        /// One for each.
        answers: Vec<Answer>,
        /// Whether the rest of the batch is not done here.
        gives_back: bool,
    },
    /// A line of the child's log.
    Log(LogLine),
    /// The last message.
    Goodbye(Usage),
    /// The initializer has failed, and so will the child's successor's: instead of
    /// [`Ready`](Self::Ready), and the last message.
    Unfit(WorkerFault),
}

/// The end of a task of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The task.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// The output, encoded, or why there is none.
    pub outcome: Result<Payload, WorkerFault>,
    /// How long the child was busy with it.
    pub busy: Duration,
}

/// A failure that the worker lived to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerFault {
    /// The task panicked.
    #[error("the task panicked at {location}: {message}")]
    Panic {
        /// What it said.
        message: String,
        /// `file:line:column`.
        location: String,
    },
    /// The task gave up for a reason of its own.
    #[error("{message}")]
    Failed {
        /// The reason.
        message: String,
    },
    /// No task of that name is registered in this program.
    #[error("no task `{name}` is registered in the worker program")]
    UnknownTask {
        /// The name.
        name: String,
    },
    /// The arguments or the output cannot be encoded or decoded.
    #[error("{message}")]
    Codec {
        /// What is wrong.
        message: String,
    },
    /// The bytes in the slot are not those that were put there.
    #[error("checksum of the input is {found:08x} instead of {expected:08x}")]
    InputChanged {
        /// As sent.
        expected: u32,
        /// As found.
        found: u32,
    },
    /// A slot could not be read or written.
    #[error("shared memory: {message}")]
    SharedMemory {
        /// What the operating system says.
        message: String,
    },
}

impl WorkerFault {
    /// The same, its words cut to what fits into a message with room to spare.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        const MOST: usize = 8 << 10;
        match &mut self {
            Self::Panic { message, .. }
            | Self::Failed { message }
            | Self::Codec { message }
            | Self::SharedMemory { message }
            | Self::UnknownTask { name: message } => {
                message.truncate(message.floor_char_boundary(MOST));
            }
            Self::InputChanged { .. } => {}
        }
        self
    }
}

/// A line of a child's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How grave.
    pub level: LogLevel,
    /// Which module.
    pub target: String,
    /// The message and its fields.
    pub message: String,
}

/// Levels of `tracing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// What a process has used in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tasks answered.
    pub tasks: u64,
    /// Time spent in tasks.
    pub busy: Duration,
    /// CPU time in user mode.
    pub cpu_user: Duration,
    /// CPU time in the kernel.
    pub cpu_system: Duration,
    /// Largest resident set, in bytes.
    pub peak_rss_bytes: u64,
}
