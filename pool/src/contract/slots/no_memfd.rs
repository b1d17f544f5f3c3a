//! Slots in sealed memory files, on systems that have none: every wish is refused.

use std::io;

use super::{Memory, Page, Reader, Writer};

pub(super) fn lay_out(_: u64) -> io::Result<Box<dyn Memory>> {
    Err(refusal())
}

pub(super) fn writer(_: u32) -> io::Result<Box<dyn Writer>> {
    Err(refusal())
}

pub(super) fn reader(_: u32, _: u64) -> io::Result<Box<dyn Reader>> {
    Err(refusal())
}

pub(super) fn page(_: u32) -> io::Result<Box<dyn Page>> {
    Err(refusal())
}

fn refusal() -> io::Error {
    let reason = "this system has no sealed memory files; the transport is `portable` here";
    io::Error::new(io::ErrorKind::Unsupported, reason)
}
