//! Page: a few words of shared memory that one process writes while another may read them at any
//! time. Every access is atomic, so a reader sees for each word something that was written to it.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU64;

use super::{Geometry, Memory, Region, Share, Transport, memfd, portable};
use crate::protocol::RingHandle;

/// Size of a page.
pub(crate) const PAGE_BYTES: usize = 4 << 10;

/// How many words that is.
pub(crate) const PAGE_WORDS: usize = PAGE_BYTES / size_of::<u64>();

/// A mapping of a page.
pub(crate) trait Page: fmt::Debug + Send + Sync {
    /// All of it; never less than [`PAGE_WORDS`].
    fn words(&self) -> &[AtomicU64];
}

/// A page as its maker has it: all zeros.
#[derive(Debug)]
pub(crate) struct OwnPage {
    memory: Box<dyn Memory>,
    page: Box<dyn Page>,
    transport: Transport,
}

impl OwnPage {
    pub(crate) fn new(transport: Transport) -> io::Result<Self> {
        let geometry = Geometry { slots: 1, slot_bytes: PAGE_BYTES as u64 };
        let memory = transport.lay_out(geometry.bytes())?;
        Ok(Self { page: memory.page()?, memory, transport })
    }

    /// The hold on it for the process that writes.
    pub(crate) fn share(&self) -> io::Result<Share> {
        self.memory.share(true)
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.page.words()
    }
}

/// The page that was handed over under `handle`, for the process that writes.
pub(crate) fn open_page(handle: RingHandle, region: Option<Region>) -> io::Result<Box<dyn Page>> {
    match (handle, region) {
        (RingHandle::Descriptor(descriptor), _) => memfd::page(descriptor),
        (RingHandle::Region(_), Some(region)) => portable::page(region),
        (RingHandle::Region(_), None) => {
            Err(io::Error::other("the status page came without its region"))
        }
    }
}
