//! Ring: slots, bounds and checksums, wherever the memory lies.
//!
//! A [`Ring`] is the supervisor's, an [`Outbox`] belongs to the process that fills it, an [`Inbox`] to
//! the one that reads it. [`open`] makes the two latter out of what a child was granted.

use std::io;

use super::{
    Geometry, Memory, Reader, Region, Share, SlotError, Transport, Writer, memfd, portable, verify,
};
use crate::protocol::{RingGrant, RingHandle, RingId, SlotRef};

/// A ring as its maker has it.
#[derive(Debug)]
pub struct Ring {
    id: RingId,
    transport: Transport,
    geometry: Geometry,
    memory: Box<dyn Memory>,
}

impl Ring {
    /// Makes a ring; it takes up no memory yet.
    pub fn new(transport: Transport, id: RingId, geometry: Geometry) -> io::Result<Self> {
        Ok(Self { id, transport, geometry, memory: transport.lay_out(geometry.bytes())? })
    }

    /// Its name.
    pub fn id(&self) -> RingId {
        self.id
    }

    /// Where its memory lies.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its size.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The end for a child: to fill the slots if `writable`, else only to read them.
    pub fn share(&self, writable: bool) -> io::Result<Share> {
        self.memory.share(writable)
    }

    /// The end for this process itself to fill the slots.
    pub fn outbox(&self) -> io::Result<Outbox> {
        Ok(Outbox { ring: self.id, geometry: self.geometry, writer: self.memory.writer()? })
    }

    /// Copies out what a slot holds, after comparing the checksum.
    pub fn read(&self, at: &SlotRef) -> Result<Vec<u8>, SlotError> {
        let place = self.geometry.place(at.slot, 0, at.len);
        let (Some(place), Ok(len)) = (place, usize::try_from(at.len)) else {
            return Err(out_of_bounds(at));
        };
        let mut bytes = vec![0; len];
        self.memory.copy_out(place, &mut bytes)?;
        verify(at, &bytes)?;
        Ok(bytes)
    }
}

/// The end of a ring that is written to.
#[derive(Debug)]
pub struct Outbox {
    ring: RingId,
    geometry: Geometry,
    writer: Box<dyn Writer>,
}

impl Outbox {
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
        Ok(self.writer.write(place, bytes)?)
    }

    /// Has `fill` write into a slot, where it is given the memory itself.
    pub fn fill(
        &self,
        slot: u16,
        offset: u64,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), SlotError> {
        let len = bytes as u64;
        let place = self.geometry.place(slot, offset, len);
        let place = place.ok_or(SlotError::OutOfBounds { slot, offset, len })?;
        Ok(self.writer.fill(place, bytes, fill)?)
    }
}

/// The end of a ring that is read.
#[derive(Debug)]
pub struct Inbox {
    ring: RingId,
    geometry: Geometry,
    reader: Box<dyn Reader>,
}

impl Inbox {
    /// Name of the ring.
    pub fn ring(&self) -> RingId {
        self.ring
    }

    /// What a slot holds, after comparing the checksum.
    pub fn read(&self, at: &SlotRef) -> Result<&[u8], SlotError> {
        let place = self.geometry.place(at.slot, 0, at.len);
        let range = place.and_then(|place| {
            let start = usize::try_from(place).ok()?;
            Some(start..start + usize::try_from(at.len).ok()?)
        });
        let bytes = range.and_then(|range| self.reader.bytes().get(range));
        let bytes = bytes.ok_or_else(|| out_of_bounds(at))?;
        verify(at, bytes)?;
        Ok(bytes)
    }
}

/// The ends that a child was granted: at most one to fill, and those to read. `regions` are those
/// that came with the handshake.
pub fn open(
    grants: &[RingGrant],
    regions: Vec<Region>,
) -> io::Result<(Option<Outbox>, Vec<Inbox>)> {
    let mut regions: Vec<_> = regions.into_iter().map(Some).collect();
    let mut region = |place: u16| {
        let region = regions.get_mut(usize::from(place)).and_then(Option::take);
        region.ok_or_else(|| io::Error::other("a ring came without its region"))
    };
    let (mut outbox, mut inboxes) = (None, Vec::new());
    for grant in grants {
        let RingGrant { ring, handle, slots, slot_bytes, writable } = *grant;
        let geometry = Geometry { slots, slot_bytes };
        if writable {
            let writer = match handle {
                RingHandle::Descriptor(descriptor) => memfd::writer(descriptor)?,
                RingHandle::Region(place) => portable::writer(region(place)?)?,
            };
            outbox = Some(Outbox { ring, geometry, writer });
        } else {
            let reader = match handle {
                RingHandle::Descriptor(descriptor) => memfd::reader(descriptor, geometry.bytes())?,
                RingHandle::Region(place) => portable::reader(region(place)?),
            };
            inboxes.push(Inbox { ring, geometry, reader });
        }
    }
    Ok((outbox, inboxes))
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

    /// Has `fill` append at most so many bytes; it says how many from the first on it has put down.
    pub fn fill(
        &mut self,
        outbox: &Outbox,
        most: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> usize,
    ) -> Result<(), SlotError> {
        let Self { slot, len, checksum } = self;
        outbox.fill(*slot, *len, most, &mut |memory| {
            let filled = fill(memory).min(memory.len());
            checksum.update(&memory[..filled]);
            *len += filled as u64;
        })
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

fn out_of_bounds(at: &SlotRef) -> SlotError {
    SlotError::OutOfBounds { slot: at.slot, offset: 0, len: at.len }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOMETRY: Geometry = Geometry { slots: 2, slot_bytes: 1 << 20 };

    /// A ring of each kind that this system has.
    fn rings() -> impl Iterator<Item = Ring> {
        let rings = Transport::ALL.map(|transport| Ring::new(transport, RingId(3), GEOMETRY));
        let rings: Vec<_> = rings.into_iter().flatten().collect();
        assert!(rings.iter().any(|ring| ring.transport() == Transport::native()));
        rings.into_iter()
    }

    fn grant(handle: RingHandle, writable: bool) -> RingGrant {
        let Geometry { slots, slot_bytes } = GEOMETRY;
        RingGrant { ring: RingId(3), handle, slots, slot_bytes, writable }
    }

    /// Both ends, shared and opened as for a child.
    fn ends(ring: &Ring) -> (Outbox, Inbox) {
        let (mut grants, mut regions) = (Vec::new(), Vec::new());
        #[cfg(target_os = "linux")]
        let mut descriptors = Vec::new();
        for writable in [true, false] {
            let handle = match ring.share(writable).unwrap() {
                #[cfg(target_os = "linux")]
                Share::Descriptor(descriptor) => {
                    let number = std::os::fd::AsRawFd::as_raw_fd(&descriptor);
                    descriptors.push(descriptor);
                    RingHandle::Descriptor(u32::try_from(number).unwrap())
                }
                Share::Region(region) => {
                    regions.push(region);
                    RingHandle::Region(u16::try_from(regions.len() - 1).unwrap())
                }
            };
            grants.push(grant(handle, writable));
        }
        let (outbox, mut inboxes) = open(&grants, regions).unwrap();
        (outbox.unwrap(), inboxes.remove(0))
    }

    #[test]
    fn what_is_put_in_comes_out_and_again() {
        for ring in rings() {
            let (outbox, inbox) = ends(&ring);
            assert_eq!((outbox.ring(), inbox.ring()), (RingId(3), RingId(3)));
            for (word, more) in [("hello ", "there"), ("good", "bye")] {
                let mut filling = Filling::new(1);
                filling.append(&outbox, word.as_bytes()).unwrap();
                filling.append(&outbox, more.as_bytes()).unwrap();
                let at = filling.finish(&outbox);
                let expected = format!("{word}{more}").into_bytes();
                assert_eq!(inbox.read(&at).unwrap(), expected, "{}", ring.transport());
                assert_eq!(ring.read(&at).unwrap(), expected, "{}", ring.transport());
            }
        }
    }

    #[test]
    fn what_is_filled_in_place_comes_out_with_what_is_appended() {
        for ring in rings() {
            let (outbox, inbox) = ends(&ring);
            for byte in [1, 2] {
                // Across the borders of pages.
                let mut filling = Filling::new(1);
                filling.append(&outbox, &[byte; 1000]).unwrap();
                for (most, filled) in [(300_000, 300_000), (300_000, 7), (8, 0), (8, 8)] {
                    let fill = &mut |memory: &mut [u8]| {
                        assert_eq!(memory.len(), most);
                        memory.fill(byte + 2);
                        filled
                    };
                    filling.fill(&outbox, most, fill).unwrap();
                }
                filling.append(&outbox, &[byte; 10]).unwrap();
                let at = filling.finish(&outbox);
                let expected = [vec![byte; 1000], vec![byte + 2; 300_015], vec![byte; 10]].concat();
                assert_eq!(inbox.read(&at).unwrap(), expected, "{}", ring.transport());
                assert_eq!(ring.read(&at).unwrap(), expected, "{}", ring.transport());
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        for ring in rings() {
            let outbox = ring.outbox().unwrap();
            let mut filling = Filling::new(0);
            filling.append(&outbox, &[7; 100]).unwrap();
            let at = filling.finish(&outbox);
            outbox.write(0, 50, &[8]).unwrap();
            assert!(matches!(ring.read(&at), Err(SlotError::Checksum { .. })));
        }
    }

    #[test]
    fn places_outside_a_slot_are_refused() {
        for ring in rings() {
            let outbox = ring.outbox().unwrap();
            outbox.write(1, (1 << 20) - 1, &[0]).unwrap();
            assert!(outbox.write(2, 0, &[0]).is_err());
            assert!(outbox.write(0, (1 << 20) - 1, &[0, 0]).is_err());
            assert!(outbox.write(0, u64::MAX, &[0, 0]).is_err());
            for (slot, offset, bytes) in [(2, 0, 1), (1, (1 << 20) - 1, 2), (0, u64::MAX, 1)] {
                let fill = &mut |_: &mut [u8]| panic!("there is no such place");
                assert!(outbox.fill(slot, offset, bytes, fill).is_err());
            }
            for (slot, len) in [(2, 1), (0, (1 << 20) + 1), (0, u64::MAX)] {
                let at = SlotRef { ring: RingId(3), slot, len, checksum: 0 };
                assert!(matches!(ring.read(&at), Err(SlotError::OutOfBounds { .. })));
            }
        }
    }

    #[test]
    fn a_grant_whose_memory_did_not_come_is_refused() {
        for handle in [RingHandle::Region(0), RingHandle::Descriptor(u32::MAX)] {
            for writable in [true, false] {
                assert!(open(&[grant(handle, writable)], Vec::new()).is_err(), "{handle:?}");
            }
        }
    }
}
