//! Slots where no descriptor can be inherited: one ipc-channel region for each ring, sent to a
//! child once, in the handshake, and used again and again.
//!
//! Sent once, because a process on Windows never gets rid of a region that it has received. It is
//! less than a memfd: every process that has a region can write it, and nothing is sealed, so a sick child
//! can spoil its neighbours' attachments. They notice by the checksum. All of a region is in memory from
//! the moment that it is made, which is when it is first needed.
//!
//! On macOS and iOS a region becomes a copy for its receiver; they are refused.

use std::fmt;
use std::io;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipc_channel::ipc::IpcSharedMemory;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::page::{PAGE_BYTES, PAGE_WORDS};
use super::{Memory, Page, Reader, Share, Writer, memfd};
use crate::expected_panic::catch_expected_panic;

/// Largest region; more does not fit into the one number that Windows is told.
const MAX_BYTES: u64 = u32::MAX as u64 - 1;

/// Memory that another process has, too.
#[derive(Clone, Debug)]
pub struct Region(Arc<Mapping>);

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Arc::new(Mapping(IpcSharedMemory::deserialize(deserializer)?))))
    }
}

/// The memory at one address of this process.
struct Mapping(IpcSharedMemory);

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("bytes", &self.0.len()).finish()
    }
}

/// A region that is made when it is needed: children are started on demand, and so are their rings.
#[derive(Debug)]
struct LazyRegion {
    len: usize,
    made: Mutex<Option<Region>>,
}

impl LazyRegion {
    fn new(bytes: u64) -> io::Result<Self> {
        if cfg!(any(target_os = "macos", target_os = "ios")) {
            let reason = "regions of ipc-channel are copied on this system when they are sent";
            return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
        }
        let len = usize::try_from(bytes).ok().filter(|_| bytes <= MAX_BYTES).ok_or_else(|| {
            let reason = format!("a ring of {} MiB; 4 GiB is the most", bytes >> 20);
            io::Error::new(io::ErrorKind::InvalidInput, reason)
        })?;
        Ok(Self { len, made: Mutex::new(None) })
    }

    /// The region, which is made if it is not there yet.
    fn region(&self) -> io::Result<Region> {
        let mut made = lock(&self.made);
        if let Some(region) = &*made {
            return Ok(region.clone());
        }
        // Where the system refuses, ipc-channel would not say why and leave a descriptor open.
        match memfd::lay_out(self.len as u64) {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let memory = unpanicked(|| IpcSharedMemory::from_byte(0, self.len))?;
        Ok(made.insert(Region(Arc::new(Mapping(memory)))).clone())
    }
}

impl Memory for LazyRegion {
    fn share(&self, _: bool) -> io::Result<Share> {
        Ok(Share::Region(self.region()?))
    }

    fn writer(&self) -> io::Result<Box<dyn Writer>> {
        writer(self.region()?)
    }

    fn page(&self) -> io::Result<Box<dyn Page>> {
        page(self.region()?)
    }

    fn copy_out(&self, place: u64, into: &mut [u8]) -> io::Result<()> {
        let made = lock(&self.made);
        // A slot that was not given to a child was not filled.
        let bytes = made.as_ref().map_or(&[][..], |region| &*region.0.0);
        let from = usize::try_from(place).ok().and_then(|place| bytes.get(place..));
        let from =
            from.and_then(|from| from.get(..into.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(from);
        Ok(())
    }
}

/// Writing takes turns: there is one way to the whole region, though slots are filled one by one.
impl Writer for Mutex<Mapping> {
    fn write(&self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.fill(place, bytes.len(), &mut |memory| memory.copy_from_slice(bytes))
    }

    fn fill(&self, place: u64, bytes: usize, fill: &mut dyn FnMut(&mut [u8])) -> io::Result<()> {
        let mut mapping = lock(self);
        #[expect(unsafe_code, reason = "writing shared memory is the purpose of this module")]
        // SAFETY: there is no other way to the bytes at this address, since the mapping is owned
        // here and locked. Other mappings of the memory, in this process or another, are only read,
        // and only in slots that a child has been told to read; those are not written (the
        // supervisor grants a slot again only after its readers have answered). They are plain
        // bytes, and a breach shows in the checksum.
        let memory = unsafe { mapping.0.deref_mut() };
        let into = usize::try_from(place).ok().and_then(|place| memory.get_mut(place..));
        let into = into.and_then(|into| into.get_mut(..bytes));
        fill(into.ok_or(io::ErrorKind::WriteZero)?);
        Ok(())
    }
}

impl Reader for Region {
    fn bytes(&self) -> &[u8] {
        &self.0.0
    }
}

/// The memory of a new ring.
pub(super) fn lay_out(bytes: u64) -> io::Result<Box<dyn Memory>> {
    Ok(Box::new(LazyRegion::new(bytes)?))
}

/// Takes over a region to fill it, through a mapping of its own.
pub(super) fn writer(region: Region) -> io::Result<Box<dyn Writer>> {
    let mapping = match Arc::try_unwrap(region.0) {
        Ok(mapping) => mapping,
        Err(shared) => Mapping(unpanicked(|| shared.0.clone())?),
    };
    Ok(Box::new(Mutex::new(mapping)))
}

/// Takes over a received region to read it.
pub(super) fn reader(region: Region) -> Box<dyn Reader> {
    Box::new(region)
}

/// Takes over a region of one page, to read or write its words.
pub(super) fn page(region: Region) -> io::Result<Box<dyn Page>> {
    let mut mapping = match Arc::try_unwrap(region.0) {
        Ok(mapping) => mapping,
        Err(shared) => Mapping(unpanicked(|| shared.0.clone())?),
    };
    #[expect(unsafe_code, reason = "writing shared memory is the purpose of this module")]
    // SAFETY: no other code has this mapping, and no reference into it is kept.
    let bytes = unsafe { mapping.0.deref_mut() };
    let words = NonNull::from(&mut *bytes).cast::<AtomicU64>();
    if bytes.len() < PAGE_BYTES || !words.is_aligned() {
        return Err(io::Error::other("a region that is no page"));
    }
    Ok(Box::new(Words { words, _mapping: mapping }))
}

/// A page, and where its words are.
#[derive(Debug)]
struct Words {
    words: NonNull<AtomicU64>,
    _mapping: Mapping,
}

#[expect(unsafe_code, reason = "a pointer is not Send by itself")]
// SAFETY: the pointer leads into the mapping that is owned here, and to atomics alone.
unsafe impl Send for Words {}

#[expect(unsafe_code, reason = "a pointer is not Sync by itself")]
// SAFETY: as above; atomics may be used from any thread.
unsafe impl Sync for Words {}

impl Page for Words {
    fn words(&self) -> &[AtomicU64] {
        #[expect(unsafe_code, reason = "mapping memory is the purpose of this module")]
        // SAFETY: the mapping is owned here, does not move, and is as long and as aligned as the
        // words need (`page`). Any bits are a word; this mapping is never used in another way, and
        // other processes go by atomics, too.
        unsafe {
            slice::from_raw_parts(self.words.as_ptr(), PAGE_WORDS)
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// ipc-channel panics where the system refuses memory or another handle.
fn unpanicked<R>(make: impl FnOnce() -> R) -> io::Result<R> {
    let refused = || io::Error::new(io::ErrorKind::OutOfMemory, "the system refuses it");
    catch_expected_panic(make).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_made_once_and_when_it_is_needed() {
        let ring = LazyRegion::new(1 << 20).unwrap();
        assert!(lock(&ring.made).is_none());
        let mut nothing = [0];
        assert!(ring.copy_out(0, &mut nothing).is_err(), "it cannot have been written");
        let (first, second) = (ring.region().unwrap(), ring.region().unwrap());
        assert!(Arc::ptr_eq(&first.0, &second.0));
        assert_eq!(first.bytes().len(), 1 << 20);
    }

    #[test]
    fn a_ring_beyond_four_gigabytes_is_refused() {
        assert!(LazyRegion::new(u64::from(u32::MAX)).is_err());
        assert!(LazyRegion::new(u64::MAX).is_err());
        assert!(LazyRegion::new(MAX_BYTES).is_ok());
    }

    #[test]
    fn a_panic_of_the_library_is_an_error() {
        let refused = unpanicked(|| IpcSharedMemory::from_byte(0, usize::MAX)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);
    }
}
