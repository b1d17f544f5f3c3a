//! Limits: the descriptors that a pool needs, had before it begins.

use std::fs;
use std::io;

use audiopool_worker::protocol::Role;
use audiopool_worker::slots::Transport;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::geometry::Sizes;

/// Descriptors of the process itself, and of whatever else it does.
const OWN: u64 = 64;

/// For each child: its ring, its board, its channel, its standard error, and what its birth takes
/// for a moment.
const PER_CHILD: u64 = 9;

/// Bytes of address space of a process beside its rings.
const PROCESS: u64 = 256 << 20;

/// What the system lets this process have, and what a run needs of it.
#[derive(Debug)]
pub(crate) struct SystemLimits {
    /// Descriptors at a time: the soft and the hard limit.
    pub(crate) descriptors: io::Result<(u64, u64)>,
    /// Descriptors that the supervisor of such a run needs.
    pub(crate) descriptors_needed: u64,
    /// Bytes of address space; [`u64::MAX`] for no limit.
    pub(crate) address_space: io::Result<u64>,
    /// Bytes of address space that a process of such a run may need.
    pub(crate) address_space_needed: u64,
    /// Bytes of memory that are free, if the system says so.
    pub(crate) memory_available: Option<u64>,
}

impl SystemLimits {
    /// For a run with so many workers, and as many decoders.
    pub(crate) fn now(workers: usize) -> Self {
        let limit = |resource| getrlimit(resource).map_err(io::Error::from);
        let sizes = Sizes::of(Transport::native(), Role::Decoder, true);
        let rings = sizes.child.bytes().saturating_mul(workers as u64);
        Self {
            descriptors: limit(Resource::RLIMIT_NOFILE),
            descriptors_needed: descriptors_for(workers.saturating_mul(2)),
            address_space: limit(Resource::RLIMIT_AS).map(|(soft, _)| soft),
            address_space_needed: rings.saturating_add(sizes.own.bytes()).saturating_add(PROCESS),
            memory_available: memory_available(),
        }
    }
}

/// Bytes of memory that are free, as Linux says it.
fn memory_available() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn descriptors_for(children: usize) -> u64 {
    PER_CHILD.saturating_mul(children as u64).saturating_add(OWN)
}

/// Raises the limit of this process to what so many children need, if it is lower.
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

#[cfg(test)]
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
