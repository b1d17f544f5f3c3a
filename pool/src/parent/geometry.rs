//! Geometry: which transport the rings of a pool use, and how large they are.
//!
//! A memfd costs what is written to it, so its slots can be roomy. A portable region costs all its
//! bytes, so its slots are tight, and there are no more of them than are in use at a time.

use std::env;
use std::ffi::OsStr;
use std::io;

use crate::slots::{Geometry, Transport};

use super::fault::PoolError;

/// Names the transport, for tests and to find out whose fault something is.
const VARIABLE: &str = "AUDIOPOOL_TRANSPORT";

/// Room for large attachments.
const ROOMY: u64 = 64 << 20;

/// Room for attachments where each slot takes up all its bytes.
const TIGHT: u64 = 16 << 20;

/// Room for the arguments of tasks whose attachments lie elsewhere.
const ARGUMENTS: u64 = 1 << 20;

/// The sizes of a pool's rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Of the ring that the supervisor fills.
    pub(super) own: Geometry,
    /// Of the ring that each child fills.
    pub(super) child: Geometry,
}

impl Sizes {
    /// For a pool whose children stream, or not. `fed` means that its attachments come from another pool, or it has none.
    pub(super) fn of(transport: Transport, streams: bool, fed: bool) -> Self {
        // One that is filled, and two that are read or wait for it.
        let slots = if streams { 3 } else { 1 };
        let (own, slot_bytes) = match transport {
            Transport::Memfd => (Geometry { slots: 4, slot_bytes: ROOMY }, ROOMY),
            Transport::Portable if fed => (Geometry { slots: 1, slot_bytes: ARGUMENTS }, TIGHT),
            Transport::Portable => (Geometry { slots: 1, slot_bytes: TIGHT }, TIGHT),
        };
        Self { own, child: Geometry { slots, slot_bytes } }
    }
}

/// Most bytes of an attachment that an item can have where there are no slots: as many as
/// with them.
pub(super) fn room() -> u64 {
    Sizes::of(Transport::native(), true, true).child.slot_bytes
}

/// The transport that the environment variable `AUDIOPOOL_TRANSPORT` names, or the best that there
/// is.
pub fn transport() -> Result<Transport, PoolError> {
    let value = env::var_os(VARIABLE);
    named(value.as_deref()).map_err(|reason| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{VARIABLE}: {reason}")).into()
    })
}

fn named(value: Option<&OsStr>) -> Result<Transport, String> {
    match value.filter(|value| !value.is_empty()) {
        None => Ok(Transport::native()),
        Some(name) => name.to_string_lossy().parse().map_err(|error| format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_goes_by_its_name() {
        assert_eq!(named(None), Ok(Transport::native()));
        assert_eq!(named(Some(OsStr::new(""))), Ok(Transport::native()));
        for transport in Transport::ALL {
            assert_eq!(named(Some(OsStr::new(transport.name()))), Ok(transport));
        }
        let unknown = named(Some(OsStr::new("pigeon"))).unwrap_err();
        assert_eq!(unknown, "`pigeon` is no transport; there are `memfd` and `portable`");
    }
}
