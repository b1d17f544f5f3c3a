//! Slots: the shared memory through which attachments, and whatever is too large for a message, travels.
//!
//! ```text
//!            Ring (one writer, any number of readers)
//!   Outbox ──▶ ┌────────┬────────┬────────┐ ──▶ Inbox
//!   writes     │ slot 0 │ slot 1 │ slot 2 │     reads
//!              └────────┴────────┴────────┘
//!                 Memory: memfd or portable
//! ```
//!
//! The supervisor makes a [`Ring`] and hands one end to the process that fills it and the other to
//! those that read it. A slot is filled, named in a message ([`SlotRef`]), read, and filled again
//! when the supervisor says so; nothing here decides when. Every slot that is named carries a
//! checksum, so that a second reader provably sees what the first saw.
//!
//! Slots, bounds and checksums are the same everywhere (`ring`). Where the bytes lie is a matter of
//! the [`Transport`], behind three small traits: `Memory`, `Writer` and `Reader`.

#[cfg(target_os = "linux")]
mod memfd;
#[cfg(not(target_os = "linux"))]
#[path = "no_memfd.rs"]
mod memfd;
mod page;
mod portable;
mod ring;

use std::fmt;
use std::io;
use std::str::FromStr;

pub(crate) use page::{OwnPage, PAGE_WORDS, Page, open_page};
pub use portable::Region;
pub use ring::{Filling, Inbox, Outbox, Ring, open};

use crate::protocol::SlotRef;

/// Where the bytes of a ring lie, and how they reach a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A sealed memory file, inherited as a descriptor: it cannot be shortened, its readers cannot
    /// write, and only what is filled takes up memory. Linux.
    Memfd,
    /// A region of ipc-channel, sent once in the handshake: writable for every process that has it, all of it
    /// in memory from its first use on. Wherever such a region stays shared once it is sent,
    /// which is not so on macOS and iOS.
    Portable,
}

impl Transport {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Memfd, Self::Portable];

    /// The best that this system has.
    pub const fn native() -> Self {
        if cfg!(target_os = "linux") { Self::Memfd } else { Self::Portable }
    }

    /// `memfd` or `portable`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memfd => "memfd",
            Self::Portable => "portable",
        }
    }

    /// Lays out the memory of a ring; it may not take up any yet.
    fn lay_out(self, bytes: u64) -> io::Result<Box<dyn Memory>> {
        match self {
            Self::Memfd => memfd::lay_out(bytes),
            Self::Portable => portable::lay_out(bytes),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<Self, UnknownTransport> {
        let named = Self::ALL.into_iter().find(|transport| transport.name() == name);
        named.ok_or_else(|| UnknownTransport { name: name.to_owned() })
    }
}

/// No transport has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no transport; there are `memfd` and `portable`")]
pub struct UnknownTransport {
    name: String,
}

/// The memory of a ring, as its maker has it.
trait Memory: fmt::Debug + Send + Sync {
    /// The hold on it that a child is given: to write too if `writable`, else only to read.
    fn share(&self, writable: bool) -> io::Result<Share>;
    /// A hold on it for this process itself to write.
    fn writer(&self) -> io::Result<Box<dyn Writer>>;
    /// The same memory as words that another process may be writing; for as much as one page.
    fn page(&self) -> io::Result<Box<dyn Page>>;
    /// Copies out the bytes from `place` on.
    fn copy_out(&self, place: u64, into: &mut [u8]) -> io::Result<()>;
}

/// A hold on memory by which to write.
trait Writer: fmt::Debug + Send + Sync {
    /// Puts bytes down at `place`.
    fn write(&self, place: u64, bytes: &[u8]) -> io::Result<()>;
    /// Has `fill` put them down, in as many bytes of memory from `place` on. What is there before
    /// is of no use.
    fn fill(&self, place: u64, bytes: usize, fill: &mut dyn FnMut(&mut [u8])) -> io::Result<()>;
}

/// A hold on memory by which to read.
trait Reader: fmt::Debug + Send {
    /// All of it.
    fn bytes(&self) -> &[u8];
}

/// A hold on a ring's memory on its way to a child.
#[derive(Debug)]
pub enum Share {
    /// To be inherited.
    #[cfg(target_os = "linux")]
    Descriptor(std::os::fd::OwnedFd),
    /// To be sent in the handshake.
    Region(Region),
}

/// Size of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How many slots.
    pub slots: u16,
    /// Bytes of each.
    pub slot_bytes: u64,
}

impl Geometry {
    /// Bytes of the whole ring.
    pub const fn bytes(self) -> u64 {
        (self.slots as u64).saturating_mul(self.slot_bytes)
    }

    /// Where the bytes `offset..offset + len` of a slot lie in the ring, if they lie in the slot.
    pub fn place(self, slot: u16, offset: u64, len: u64) -> Option<u64> {
        let fits = offset.checked_add(len).is_some_and(|end| end <= self.slot_bytes);
        (slot < self.slots && fits).then(|| u64::from(slot) * self.slot_bytes + offset)
    }
}

/// Why a slot cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// There is no such place in the ring.
    #[error("no room for {len} bytes at {offset} in slot {slot}")]
    OutOfBounds {
        /// The slot.
        slot: u16,
        /// First byte in it.
        offset: u64,
        /// How many bytes.
        len: u64,
    },
    /// What is in the slot is not what was put there.
    #[error("checksum of slot {slot} is {found:08x} instead of {expected:08x}")]
    Checksum {
        /// The slot.
        slot: u16,
        /// As named in the message.
        expected: u32,
        /// As found.
        found: u32,
    },
    /// The operating system refused.
    #[error("cannot use shared memory")]
    Io(#[from] io::Error),
}

fn verify(at: &SlotRef, bytes: &[u8]) -> Result<(), SlotError> {
    let found = crc32fast::hash(bytes);
    if found == at.checksum {
        Ok(())
    } else {
        Err(SlotError::Checksum { slot: at.slot, expected: at.checksum, found })
    }
}
