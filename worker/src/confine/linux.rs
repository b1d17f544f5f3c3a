//! Confinement on Linux: prctl, limits of resources, Landlock, and a [filter of system
//! calls](filter).

mod allowance;
mod filter;
mod trap;

use std::fs;
use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub(crate) use allowance::Allowance;

use super::Part;
use crate::protocol::Role;

/// What is asked of Landlock; an older kernel gives less.
const LANDLOCK: ABI = ABI::V6;

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
        Part::Files => no_files(role),
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

/// Gives up every file and port, and signals to whoever is not confined with this process. A
/// decoder may still read and run what its user may, and write to where everything vanishes.
fn no_files(role: Role) -> Result<(), String> {
    let kept = match role {
        Role::Worker => Vec::new(),
        Role::Decoder => {
            vec![("/", AccessFs::from_read(LANDLOCK)), ("/dev/null", AccessFs::WriteFile.into())]
        }
    };
    let kept = kept.into_iter().map(|(path, access)| Ok((PathFd::new(path)?, access)));
    let kept: Vec<_> =
        kept.collect::<Result<_, landlock::PathFdError>>().map_err(|error| error.to_string())?;
    let rules = kept
        .into_iter()
        .map(|(path, access)| Ok::<_, RulesetError>(PathBeneath::new(path, access)));
    let restrict = || -> Result<RestrictionStatus, RulesetError> {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?
            .add_rules(rules)?
            .restrict_self()
    };
    let RestrictionStatus { ruleset, landlock, .. } =
        restrict().map_err(|error| error.to_string())?;
    wholly(ruleset, landlock)
}

/// Whether all that was asked of Landlock is in force: what is there in part counts as missing.
fn wholly(ruleset: RulesetStatus, landlock: LandlockStatus) -> Result<(), String> {
    Err(match (ruleset, landlock) {
        (RulesetStatus::FullyEnforced, _) => return Ok(()),
        (RulesetStatus::PartiallyEnforced, _) => {
            "this kernel's Landlock refuses only a part of it; all of it came with Linux 6.12"
        }
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => {
            "Landlock is switched off in this kernel (see `lsm=`)"
        }
        (RulesetStatus::NotEnforced, LandlockStatus::NotImplemented) => {
            "this kernel has no Landlock, which came with Linux 5.13"
        }
        (RulesetStatus::NotEnforced, LandlockStatus::Available { .. }) => {
            "Landlock is there and does not take effect"
        }
    }
    .to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_landlock_enforces_wholly_is_had() {
        let available = LandlockStatus::Available { effective_abi: ABI::V4, kernel_abi: None };
        let reason = |ruleset, landlock| wholly(ruleset, landlock).err().unwrap_or_default();
        assert_eq!(reason(RulesetStatus::FullyEnforced, available), "");
        let part = reason(RulesetStatus::PartiallyEnforced, available);
        assert!(part.contains("only a part") && part.contains("Linux 6.12"), "{part}");
        for (landlock, why) in [
            (available, "does not take effect"),
            (LandlockStatus::NotEnabled, "switched off"),
            (LandlockStatus::NotImplemented, "no Landlock"),
        ] {
            let none = reason(RulesetStatus::NotEnforced, landlock);
            assert!(none.contains(why), "{none}");
        }
    }
}
