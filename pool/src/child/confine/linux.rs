//! Confinement on Linux: prctl, limits of resources, [Landlock](files), and a [filter of system
//! calls](filter).

mod allowance;
mod files;
mod filter;
mod trap;

use std::fs;
use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub(crate) use allowance::Allowance;
pub(super) use files::keep_to;

use super::Part;
use crate::protocol::Role;

/// Descriptors that a child may have: its channel, its rings, and some for its work.
const DESCRIPTORS: u64 = 64;

pub(super) fn take(part: Part, role: Role, file_bytes: u64) -> Result<(), String> {
    let said = |error: nix::errno::Errno| error.desc().to_owned();
    match part {
        Part::Privileges => prctl::set_no_new_privs().map_err(said),
        Part::Dumps => {
            prctl::set_dumpable(false).and_then(|()| lower(Resource::RLIMIT_CORE, 0)).map_err(said)
        }
        Part::Limits => lower(Resource::RLIMIT_FSIZE, file_bytes)
            .and_then(|()| lower(Resource::RLIMIT_NOFILE, DESCRIPTORS))
            .and_then(|()| allowance::grant())
            .map_err(said),
        Part::Files => files::give_up(role),
        Part::Calls => {
            trap::install().map_err(said)?;
            filter::install(role)
        }
        Part::Threads => alone(),
    }
}

/// Lowers both limits; one that is lower already stays.
fn lower(resource: Resource, limit: u64) -> nix::Result<()> {
    let (soft, hard) = getrlimit(resource)?;
    setrlimit(resource, soft.min(limit), hard.min(limit))
}

/// Limits the address space to what is mapped now and `budget` bytes more.
pub(crate) fn hold_to_budget(budget: u64) -> io::Result<()> {
    let mapped = own_status("VmSize:")?;
    let mapped = mapped.trim_end_matches(" kB").parse::<u64>().map_err(io::Error::other)?;
    Ok(lower(Resource::RLIMIT_AS, (mapped << 10).saturating_add(budget))?)
}

/// What a thread that is there already keeps, it can do for all.
fn alone() -> Result<(), String> {
    match own_status("Threads:").map_err(|error| error.to_string())?.as_str() {
        "1" => Ok(()),
        threads => Err(format!("it has {threads} threads already")),
    }
}

/// What the kernel says of this process under that name.
fn own_status(name: &str) -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    let missing = || io::Error::other(format!("/proc/self/status has no {name}"));
    value.map(|value| value.trim().to_owned()).ok_or_else(missing)
}
