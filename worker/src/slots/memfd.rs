//! Slots on Linux: one sealed memfd for each ring, handed over as an inherited descriptor.
//!
//! - Sealed against shrinking and growing: nobody can pull the memory from under a reader (SIGBUS).
//! - Written with `pwrite`, so that memory running out is an error and not a signal.
//! - A reader gets a descriptor that was opened for reading only, and maps it so: the kernel
//!   refuses to make such a mapping writable.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use memmap2::{Mmap, MmapOptions};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{Geometry, SlotError, verify};
use crate::protocol::{RingGrant, RingId, SlotRef};

/// A ring as its maker has it.
#[derive(Debug)]
pub struct Ring {
    id: RingId,
    geometry: Geometry,
    file: File,
}

impl Ring {
    /// Makes a ring; it takes up no memory yet.
    pub fn new(id: RingId, geometry: Geometry) -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = File::from(memfd_create(c"audiopool", flags)?);
        file.set_len(geometry.bytes())?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(Self { id, geometry, file })
    }

    /// Its name.
    pub fn id(&self) -> RingId {
        self.id
    }

    /// Its size.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The end for a child: it may fill the slots if `writable`, else only read them.
    pub fn share(&self, writable: bool) -> io::Result<OwnedFd> {
        if writable {
            Ok(self.file.try_clone()?.into())
        } else {
            Ok(File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?.into())
        }
    }

    /// The end for this process itself to fill the slots.
    pub fn outbox(&self) -> io::Result<Outbox> {
        Ok(Outbox { ring: self.id, geometry: self.geometry, file: self.file.try_clone()? })
    }

    /// Copies out what a slot holds, after comparing the checksum.
    pub fn read(&self, at: &SlotRef) -> Result<Vec<u8>, SlotError> {
        let out_of_bounds = SlotError::OutOfBounds { slot: at.slot, offset: 0, len: at.len };
        let place = self.geometry.place(at.slot, 0, at.len);
        let (Some(place), Ok(len)) = (place, usize::try_from(at.len)) else {
            return Err(out_of_bounds);
        };
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, place)?;
        verify(at, &bytes)?;
        Ok(bytes)
    }
}

/// The end of a ring that is written to.
#[derive(Debug)]
pub struct Outbox {
    ring: RingId,
    geometry: Geometry,
    file: File,
}

impl Outbox {
    /// Takes over an inherited ring.
    pub fn open(grant: &RingGrant) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(inherited(grant))?;
        Ok(Self { ring: grant.ring, geometry: geometry(grant), file })
    }

    /// Name of the ring.
    pub fn ring(&self) -> RingId {
        self.ring
    }

    /// Size of the ring.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Writes into a slot.
    pub fn write(&self, slot: u16, offset: u64, bytes: &[u8]) -> Result<(), SlotError> {
        let len = bytes.len() as u64;
        let place = self.geometry.place(slot, offset, len);
        let place = place.ok_or(SlotError::OutOfBounds { slot, offset, len })?;
        Ok(self.file.write_all_at(bytes, place)?)
    }
}

/// The end of a ring that is read.
#[derive(Debug)]
pub struct Inbox {
    geometry: Geometry,
    map: Mmap,
}

impl Inbox {
    /// Maps an inherited ring for reading.
    pub fn open(grant: &RingGrant) -> io::Result<Self> {
        let file = File::open(inherited(grant))?;
        let geometry = geometry(grant);
        let len = usize::try_from(geometry.bytes()).map_err(io::Error::other)?;
        #[expect(unsafe_code, reason = "mapping memory is the purpose of this module")]
        // SAFETY: the file is a memfd sealed against shrinking (`Ring::new`), so the mapping stays
        // valid as long as it exists. Its contents are plain bytes; the one process that can write
        // them does so only in slots that nobody has been told to read (the supervisor grants a
        // slot again only after its readers have answered), and a breach shows in the checksum.
        let map = unsafe { MmapOptions::new().len(len).map(&file)? };
        Ok(Self { geometry, map })
    }

    /// What a slot holds, after comparing the checksum.
    pub fn read(&self, at: &SlotRef) -> Result<&[u8], SlotError> {
        let out_of_bounds = SlotError::OutOfBounds { slot: at.slot, offset: 0, len: at.len };
        let place = self.geometry.place(at.slot, 0, at.len);
        let range = place.and_then(|place| {
            let start = usize::try_from(place).ok()?;
            Some(start..start + usize::try_from(at.len).ok()?)
        });
        let bytes = range.and_then(|range| self.map.get(range)).ok_or(out_of_bounds)?;
        verify(at, bytes)?;
        Ok(bytes)
    }
}

fn inherited(grant: &RingGrant) -> String {
    format!("/proc/self/fd/{}", grant.handle)
}

fn geometry(grant: &RingGrant) -> Geometry {
    Geometry { slots: grant.slots, slot_bytes: grant.slot_bytes }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::slots::Filling;

    const GEOMETRY: Geometry = Geometry { slots: 2, slot_bytes: 1 << 20 };

    fn ring() -> Ring {
        Ring::new(RingId(3), GEOMETRY).unwrap()
    }

    fn grant(descriptor: &OwnedFd, writable: bool) -> RingGrant {
        let handle = u32::try_from(descriptor.as_raw_fd()).unwrap();
        let Geometry { slots, slot_bytes } = GEOMETRY;
        RingGrant { ring: RingId(3), handle, slots, slot_bytes, writable }
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let ring = ring();
        let (writer, reader) = (ring.share(true).unwrap(), ring.share(false).unwrap());
        let outbox = Outbox::open(&grant(&writer, true)).unwrap();
        let inbox = Inbox::open(&grant(&reader, false)).unwrap();
        let mut filling = Filling::new(1);
        filling.append(&outbox, b"hello ").unwrap();
        filling.append(&outbox, b"there").unwrap();
        let at = filling.finish(&outbox);
        assert_eq!(inbox.read(&at).unwrap(), b"hello there");
        assert_eq!(ring.read(&at).unwrap(), b"hello there");
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let ring = ring();
        let outbox = ring.outbox().unwrap();
        let mut filling = Filling::new(0);
        filling.append(&outbox, &[7; 100]).unwrap();
        let at = filling.finish(&outbox);
        outbox.write(0, 50, &[8]).unwrap();
        assert!(matches!(ring.read(&at), Err(SlotError::Checksum { .. })));
    }

    #[test]
    fn places_outside_a_slot_are_refused() {
        let ring = ring();
        let outbox = ring.outbox().unwrap();
        assert!(outbox.write(2, 0, &[0]).is_err());
        assert!(outbox.write(0, (1 << 20) - 1, &[0, 0]).is_err());
        assert!(outbox.write(0, u64::MAX, &[0, 0]).is_err());
        for (slot, len) in [(2, 1), (0, (1 << 20) + 1), (0, u64::MAX)] {
            let at = SlotRef { ring: RingId(3), slot, len, checksum: 0 };
            assert!(matches!(ring.read(&at), Err(SlotError::OutOfBounds { .. })));
        }
    }

    #[test]
    fn a_reader_can_neither_write_nor_resize() {
        let ring = ring();
        let reader = File::from(ring.share(false).unwrap());
        assert!(reader.write_all_at(&[1], 0).is_err());
        assert!(reader.set_len(0).is_err());
        let writer = File::from(ring.share(true).unwrap());
        assert_eq!(writer.set_len(0).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(writer.set_len(1 << 30).unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
}
