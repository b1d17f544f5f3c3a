//! Slots: the shared memory through which PCM, and whatever is too large for a message, travels.
//!
//! ```text
//!            Ring (one writer, any number of readers)
//!   Outbox ──▶ ┌────────┬────────┬────────┐ ──▶ Inbox
//!   writes     │ slot 0 │ slot 1 │ slot 2 │     reads
//!              └────────┴────────┴────────┘
//! ```
//!
//! The supervisor makes a [`Ring`] and hands one end to the process that fills it and the other to
//! those that read it. A slot is filled, named in a message ([`SlotRef`]), read, and filled again
//! when the supervisor says so; nothing here decides when. Every slot that is named carries a
//! checksum, so that a second reader provably sees what the first saw.

#[cfg(target_os = "linux")]
mod memfd;

#[cfg(target_os = "linux")]
pub use memfd::{Inbox, Outbox, Ring};

use crate::protocol::SlotRef;

/// Size of a ring. Only the part of a slot that is filled takes up memory.
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
        self.slots as u64 * self.slot_bytes
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
    Io(#[from] std::io::Error),
}

fn verify(at: &SlotRef, bytes: &[u8]) -> Result<(), SlotError> {
    let found = crc32fast::hash(bytes);
    if found == at.checksum {
        Ok(())
    } else {
        Err(SlotError::Checksum { slot: at.slot, expected: at.checksum, found })
    }
}

/// Fills one slot from its beginning and keeps the checksum.
#[derive(Debug)]
pub struct Filling {
    slot: u16,
    len: u64,
    checksum: crc32fast::Hasher,
}

impl Filling {
    /// Begins with an empty slot.
    pub fn new(slot: u16) -> Self {
        Self { slot, len: 0, checksum: crc32fast::Hasher::new() }
    }

    /// Appends bytes.
    pub fn append(&mut self, outbox: &Outbox, bytes: &[u8]) -> Result<(), SlotError> {
        outbox.write(self.slot, self.len, bytes)?;
        self.checksum.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The slot's number.
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// Names what has been filled in.
    pub fn finish(self, outbox: &Outbox) -> SlotRef {
        let checksum = self.checksum.finalize();
        SlotRef { ring: outbox.ring(), slot: self.slot, len: self.len, checksum }
    }
}
