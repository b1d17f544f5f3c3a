//! Limits: the descriptors that a pool needs, had before it begins.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors of the process itself, and of whatever else it does.
const OWN: u64 = 64;

/// For each child: its ring, its board, its channel, its standard error, and what its birth takes
/// for a moment.
const PER_CHILD: u64 = 9;

/// Raises the limit of this process to what so many children need, if it is lower.
pub(super) fn make_room_for(children: usize) -> io::Result<()> {
    let needed = PER_CHILD.saturating_mul(children as u64).saturating_add(OWN);
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
