//! Rings as the supervisor sees them: who may fill which slot, and who still reads it.
//!
//! ```text
//!   free ──grant──▶ granted (the writer may fill it)
//!    ▲                 │ named in a message
//!    └──── dropped ── lease (its readers may read it)
//! ```

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::{fmt, io};

use audiopool_worker::protocol::{RingGrant, RingId, SlotRef};
use audiopool_worker::slots::{Filling, Geometry, Outbox, Ring, SlotError};

use super::child::FIRST_RING;

/// Rings are numbered through, whatever pool they belong to.
static NEXT_RING: AtomicU32 = AtomicU32::new(1);

/// Makes a ring with a name of its own.
pub(super) fn new_ring(geometry: Geometry) -> io::Result<Arc<Ring>> {
    let id = RingId(NEXT_RING.fetch_add(1, Ordering::Relaxed));
    Ok(Arc::new(Ring::new(id, geometry)?))
}

/// Whoever grants the slots of a ring.
pub(super) trait SlotOwner: Send + Sync {
    /// Nobody reads the slot any more.
    fn slot_free(&self, seat: usize, slot: u16);
}

/// A filled slot. While it lives, nobody fills the slot again.
pub(crate) struct Lease {
    at: SlotRef,
    ring: Arc<Ring>,
    owner: Weak<dyn SlotOwner>,
    seat: usize,
}

impl Lease {
    pub(super) fn new(
        at: SlotRef,
        ring: Arc<Ring>,
        owner: Weak<dyn SlotOwner>,
        seat: usize,
    ) -> Self {
        Self { at, ring, owner, seat }
    }

    /// Where the bytes are.
    pub(crate) fn at(&self) -> SlotRef {
        self.at
    }

    /// Copies the bytes out.
    pub(crate) fn read(&self) -> Result<Vec<u8>, SlotError> {
        self.ring.read(&self.at)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.upgrade() {
            owner.slot_free(self.seat, self.at.slot);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The ring that the supervisor itself fills, for what is too large for a message.
#[derive(Debug)]
pub(super) struct OwnRing {
    ring: Arc<Ring>,
    outbox: Outbox,
    free: Mutex<Vec<u16>>,
    freed: Condvar,
}

impl OwnRing {
    pub(super) fn new(geometry: Geometry) -> io::Result<Arc<Self>> {
        let ring = new_ring(geometry)?;
        let outbox = ring.outbox()?;
        let free = Mutex::new((0..geometry.slots).rev().collect());
        Ok(Arc::new(Self { ring, outbox, free, freed: Condvar::new() }))
    }

    pub(super) fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Waits for a free slot and fills it.
    pub(super) fn put(self: &Arc<Self>, bytes: &[u8]) -> Result<Lease, SlotError> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = loop {
            match free.pop() {
                Some(slot) => break slot,
                None => free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(free);
        let mut filling = Filling::new(slot);
        if let Err(error) = filling.append(&self.outbox, bytes) {
            self.slot_free(0, slot);
            return Err(error);
        }
        let owner: Arc<dyn SlotOwner> = Arc::clone(self) as _;
        let at = filling.finish(&self.outbox);
        Ok(Lease::new(at, Arc::clone(&self.ring), Arc::downgrade(&owner), 0))
    }
}

impl SlotOwner for OwnRing {
    fn slot_free(&self, _: usize, slot: u16) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        self.freed.notify_one();
    }
}

/// State of one slot of a writer's ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Free,
    Granted,
    Leased,
}

/// The descriptors that a child inherits: its own ring to fill, then the others to read.
pub(super) fn share(own: &Ring, others: &[Arc<Ring>]) -> io::Result<Vec<OwnedFd>> {
    let own = std::iter::once(own.share(true));
    own.chain(others.iter().map(|ring| ring.share(false))).collect()
}

/// What those descriptors are, for the child's welcome.
pub(super) fn grants(own: &Ring, others: &[Arc<Ring>]) -> Vec<RingGrant> {
    let own = std::iter::once((own, true));
    let all = own.chain(others.iter().map(|ring| (ring.as_ref(), false)));
    let first = u32::try_from(FIRST_RING).expect("a small positive number");
    all.zip(first..)
        .map(|((ring, writable), handle)| {
            let Geometry { slots, slot_bytes } = ring.geometry();
            RingGrant { ring: ring.id(), handle, slots, slot_bytes, writable }
        })
        .collect()
}
