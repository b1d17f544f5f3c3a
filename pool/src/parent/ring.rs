//! Rings as the supervisor sees them: who may fill which slot, and who still reads it.
//!
//! ```text
//!   free ──grant──▶ granted (the writer may fill it)
//!    ▲                 │ named in a message
//!    └──── dropped ── lease (its readers may read it)
//! ```

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::{fmt, io};

use crate::protocol::{RingGrant, RingHandle, RingId, SlotRef};
use crate::slots::{Filling, Geometry, Outbox, Ring, Share, SlotError, Transport};
use crate::status_page::StatusPageView;

use super::child::Handover;
use super::deadline::Deadline;
use super::fault::TaskError;
use super::process::FIRST_RING;

/// Rings are numbered through, whatever pool they belong to.
static NEXT_RING: AtomicU32 = AtomicU32::new(1);

/// Makes a ring with a name of its own.
pub(super) fn new_ring(transport: Transport, geometry: Geometry) -> io::Result<Arc<Ring>> {
    let id = RingId(NEXT_RING.fetch_add(1, Ordering::Relaxed));
    let ring = Ring::new(transport, id, geometry).map_err(|error| not_had(geometry, &error))?;
    Ok(Arc::new(ring))
}

fn not_had(geometry: Geometry, error: &io::Error) -> io::Error {
    let mib = geometry.bytes() >> 20;
    let reason = format!(
        "{mib} MiB of shared memory cannot be had: {error}; make room, raise the limits (ulimit \
         -f, -v) or use fewer workers"
    );
    io::Error::new(error.kind(), reason)
}

/// Grants the slots of a ring.
pub(super) trait SlotOwner: Send + Sync {
    /// No reader has the slot any more.
    fn slot_free(&self, seat: usize, slot: u16);
}

/// A filled slot. While it lives, the slot is not filled again.
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
    slots: Mutex<Slots>,
    freed: Condvar,
}

#[derive(Debug)]
struct Slots {
    free: Vec<u16>,
    is_claimed: bool,
}

/// The right to fill slots for one task. If several had it at a time, each could hold one slot and
/// wait for another for ever.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    ring: &'a Arc<OwnRing>,
    deadline: Deadline,
}

impl OwnRing {
    pub(super) fn new(transport: Transport, geometry: Geometry) -> io::Result<Arc<Self>> {
        let ring = new_ring(transport, geometry)?;
        let outbox = ring.outbox().map_err(|error| not_had(geometry, &error))?;
        let slots = Slots { free: (0..geometry.slots).rev().collect(), is_claimed: false };
        Ok(Arc::new(Self { ring, outbox, slots: Mutex::new(slots), freed: Condvar::new() }))
    }

    pub(super) fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// Waits until no other task fills slots.
    pub(super) fn claim(self: &Arc<Self>, deadline: Deadline) -> Result<Claim<'_>, TaskError> {
        self.wait(deadline, |slots| (!slots.is_claimed).then(|| slots.is_claimed = true))?;
        Ok(Claim { ring: self, deadline })
    }

    /// Waits for something to be there, and takes it.
    fn wait<T>(
        &self,
        deadline: Deadline,
        mut take: impl FnMut(&mut Slots) -> Option<T>,
    ) -> Result<T, TaskError> {
        let mut slots = self.lock();
        loop {
            if let Some(taken) = take(&mut slots) {
                return Ok(taken);
            }
            let left = deadline.left();
            if left.is_zero() {
                return Err(deadline.over());
            }
            let waited = self.freed.wait_timeout(slots, left);
            slots = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// Waits for a free slot and fills it.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<Lease, TaskError> {
        let ring = self.ring;
        let slot = ring.wait(self.deadline, |slots| slots.free.pop())?;
        let mut filling = Filling::new(slot);
        if let Err(error) = filling.append(&ring.outbox, bytes) {
            ring.slot_free(0, slot);
            return Err(TaskError::Fault(error.into()));
        }
        let owner: Arc<dyn SlotOwner> = Arc::clone(ring) as _;
        let at = filling.finish(&ring.outbox);
        Ok(Lease::new(at, Arc::clone(&ring.ring), Arc::downgrade(&owner), 0))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.ring.lock().is_claimed = false;
        self.ring.freed.notify_all();
    }
}

impl SlotOwner for OwnRing {
    fn slot_free(&self, _: usize, slot: u16) {
        self.lock().free.push(slot);
        self.freed.notify_all();
    }
}

/// State of one slot of a writer's ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Free,
    Granted,
    Leased,
}

/// What a child is given of its own ring, to fill it, of the others, to read them, and of its
/// status page, which comes last.
pub(super) fn share(
    own: &Ring,
    others: &[Arc<Ring>],
    status_page: &StatusPageView,
) -> io::Result<Handover> {
    let mut handover = Handover::default();
    let rings = rings(own, others).map(|(ring, writable)| ring.share(writable));
    for share in rings.chain([status_page.share()]) {
        match share? {
            #[cfg(target_os = "linux")]
            Share::Descriptor(descriptor) => handover.descriptors.push(descriptor),
            Share::Region(region) => handover.regions.push(region),
        }
    }
    Ok(handover)
}

/// Where the child finds what [`share`] has given it, for its welcome.
pub(super) fn grants(
    own: &Ring,
    others: &[Arc<Ring>],
    status_page: &StatusPageView,
) -> (Vec<RingGrant>, Option<RingHandle>) {
    let first = u32::try_from(FIRST_RING).expect("a small positive number");
    let (mut descriptors, mut regions) = (first.., 0..);
    // The numbers do not run out.
    let mut handle = |transport: Transport| match transport {
        Transport::Memfd => descriptors.next().map(RingHandle::Descriptor),
        Transport::Portable => regions.next().map(RingHandle::Region),
    };
    let grant = |(ring, writable): (&Ring, bool)| {
        let handle = handle(ring.transport())?;
        let Geometry { slots, slot_bytes } = ring.geometry();
        Some(RingGrant { ring: ring.id(), handle, slots, slot_bytes, writable })
    };
    let rings = rings(own, others).filter_map(grant).collect();
    (rings, handle(status_page.transport()))
}

/// All rings of a child, and whether it fills them.
fn rings<'a>(own: &'a Ring, others: &'a [Arc<Ring>]) -> impl Iterator<Item = (&'a Ring, bool)> {
    std::iter::once((own, true)).chain(others.iter().map(|ring| (ring.as_ref(), false)))
}
