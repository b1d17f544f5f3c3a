//! Limits: the descriptors that a pool needs, had before it begins.

use std::io;

use crate::slots::Transport;
#[cfg(unix)]
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::geometry::Sizes;

/// Descriptors of the process itself, and of whatever else it does.
const OWN: u64 = 64;

/// For each child: its ring, its status page, its channel, its standard error, and what its birth takes
/// for a moment.
const PER_CHILD: u64 = 9;

/// Bytes of address space of a process beside its rings.
const PROCESS: u64 = 256 << 20;

/// What the system lets this process have, and what a run needs of it.
#[derive(Debug)]
pub struct SystemLimits {
    /// Descriptors at a time: the soft and the hard limit.
    pub descriptors: io::Result<(u64, u64)>,
    /// Descriptors that the supervisor of such a run needs.
    pub descriptors_needed: u64,
    /// Bytes of address space; [`u64::MAX`] for no limit.
    pub address_space: io::Result<u64>,
    /// Bytes of address space that a process of such a run may need.
    pub address_space_needed: u64,
    /// Bytes of memory that are free, if the system says so.
    pub memory_available: Option<u64>,
}

impl SystemLimits {
    /// For pools with so many workers in all, and as many children that stream.
    pub fn now(workers: usize) -> Self {
        let sizes = Sizes::of(Transport::native(), true, true);
        let rings = sizes.child.bytes().saturating_mul(workers as u64);
        Self {
            descriptors: descriptors(),
            descriptors_needed: descriptors_for(workers.saturating_mul(2)),
            address_space: address_space(),
            address_space_needed: rings.saturating_add(sizes.own.bytes()).saturating_add(PROCESS),
            memory_available: memory_available(),
        }
    }
}

#[cfg(unix)]
fn descriptors() -> io::Result<(u64, u64)> {
    Ok(getrlimit(Resource::RLIMIT_NOFILE)?)
}

#[cfg(unix)]
fn address_space() -> io::Result<u64> {
    Ok(getrlimit(Resource::RLIMIT_AS)?.0)
}

/// The handles that a process can have on Windows, which nothing lowers.
#[cfg(windows)]
const HANDLES: u64 = 1 << 24;

#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
fn descriptors() -> io::Result<(u64, u64)> {
    Ok((HANDLES, HANDLES))
}

/// Nothing limits it but the width of an address.
#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "the Unix twin can fail")]
fn address_space() -> io::Result<u64> {
    Ok(u64::MAX)
}

#[cfg(windows)]
fn memory_available() -> Option<u64> {
    crate::windows::memory_available().ok()
}

/// Bytes of memory that are free, as Linux says it.
#[cfg(unix)]
fn memory_available() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn descriptors_for(children: usize) -> u64 {
    PER_CHILD.saturating_mul(children as u64).saturating_add(OWN)
}

/// Raises the limit of this process to what so many children need, if it is lower.
#[cfg(unix)]
pub(super) fn make_room_for(children: usize) -> io::Result<()> {
    let needed = descriptors_for(children);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= needed {
        return Ok(());
    }
    if hard < needed {
        return Err(io::Error::other(format!(
            "{children} processes need {needed} file descriptors, and the limit is {hard}; raise \
             it (ulimit -Hn) or use fewer workers"
        )));
    }
    Ok(setrlimit(Resource::RLIMIT_NOFILE, needed, hard)?)
}

/// Refuses more children than there can be handles for.
#[cfg(windows)]
pub(super) fn make_room_for(children: usize) -> io::Result<()> {
    let needed = descriptors_for(children);
    if needed > HANDLES {
        return Err(io::Error::other(format!(
            "{children} processes need {needed} handles, and a process can have {HANDLES}; use \
             fewer workers"
        )));
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_hard_limit_is_refused_with_the_number() {
        let error = make_room_for(usize::MAX >> 8).unwrap_err().to_string();
        assert!(error.contains("file descriptors") && error.contains("fewer workers"), "{error}");
    }

    #[test]
    fn room_for_a_few_is_there_or_made() {
        make_room_for(4).unwrap();
        assert!(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0 >= OWN);
    }
}
