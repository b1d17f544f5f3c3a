//! None: faults that only Linux has, on other systems.

use std::io;

/// What goes past the transport; no other system's is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {}

impl Packet {
    pub(super) fn named(_: &str) -> Option<Self> {
        None
    }

    pub(super) fn send(self, _: &[u8]) -> io::Result<bool> {
        match self {}
    }
}

/// What a sandbox is there to refuse; only Linux has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trespass {}

impl Trespass {
    pub(super) fn named(_: &str) -> Option<Self> {
        None
    }

    pub(super) fn commit(self, _: Option<&[u8]>) -> io::Result<()> {
        match self {}
    }
}
