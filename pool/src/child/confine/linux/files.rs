//! Files: what a child may open, by Landlock. Its rules are those of a thread and of what that
//! starts, and each set of them only takes away from the one before.
//!
//! ```text
//!   give up    once     worker: everything · streams: everything but to read and run
//!   keep to    a task   streams, in the task's thread: its file, programs and libraries
//! ```

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};

use crate::confine::Needs;
use crate::protocol::Role;

/// What is asked of Landlock; an older kernel gives less.
const LANDLOCK: ABI = ABI::V6;

/// Where systems keep programs and libraries, and what these ask about the machine.
const FOLDERS: [&str; 8] =
    ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/sys/devices/system"];

/// Of the thread of a rehearsal.
const STACK: usize = 256 << 10;

/// What programs look at before they begin.
const FILES: [&str; 4] = ["/etc/ld.so.cache", "/etc/ssl/openssl.cnf", "/dev/null", "/dev/urandom"];

/// Gives up every file and port, and signals to processes that are not confined with this one. A
/// child that streams may still read and run what its user may, and write to where everything
/// vanishes.
pub(super) fn give_up(role: Role) -> Result<(), String> {
    let mut rules = Rules::default();
    if role.streams() {
        rules.allow("/", AccessFs::from_read(LANDLOCK));
        rules.allow("/dev/null", AccessFs::WriteFile.into());
    }
    let handled = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|rules| rules.scope(Scope::from_all(LANDLOCK)));
    take_effect(handled, &[&rules])?;
    if role.streams() { rehearse() } else { Ok(()) }
}

/// Whether the threads of tasks will be able to keep to their files: sets of rules that lie upon
/// each other have an end, too, and there may be some from before.
fn rehearse() -> Result<(), String> {
    let thread = thread::Builder::new().name("rehearsal".to_owned()).stack_size(STACK);
    let tried = thread.spawn(|| keep_to(&Needs::default())).map_err(|error| error.to_string())?;
    let kept = tried.join().unwrap_or_else(|_| Err("it panicked".to_owned()));
    kept.map_err(|why| format!("a task cannot be kept to its files: {why}"))
}

/// Of what a child that streams may still read, gives up all but this, for this thread and what it starts.
pub(in crate::child::confine) fn keep_to(needs: &Needs) -> Result<(), String> {
    /// Looked up for the first task, and kept open for the next ones.
    static SYSTEM: OnceLock<Rules> = OnceLock::new();

    let system = SYSTEM.get_or_init(Rules::of_the_system);
    let mut rules = Rules::default();
    for program in &needs.programs {
        rules.allow(program, AccessFs::ReadFile | AccessFs::Execute);
        for folder in libraries_of(program) {
            rules.allow(folder, AccessFs::from_read(LANDLOCK));
        }
    }
    // A rule for a folder would allow what is in it.
    for file in needs.files.iter().filter(|path| path.is_file()) {
        rules.allow(file, AccessFs::ReadFile.into());
    }
    let handled = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_read(LANDLOCK));
    take_effect(handled, &[system, &rules])
}

/// Where a program has its libraries that is in no folder of the system.
fn libraries_of(program: &Path) -> Vec<PathBuf> {
    let folder = program.parent().filter(|folder| folder.ends_with("bin"));
    let place = folder.and_then(Path::parent);
    place.map(|place| vec![place.join("lib"), place.join("lib64")]).unwrap_or_default()
}

/// What is still allowed.
#[derive(Debug, Default)]
struct Rules(Vec<(PathFd, BitFlags<AccessFs>)>);

impl Rules {
    /// Folders that are links into others of them, as in most systems of today, need no rule.
    fn of_the_system() -> Self {
        let mut rules = Self::default();
        let mut allowed: Vec<PathBuf> = Vec::new();
        for folder in FOLDERS.iter().filter_map(|folder| Path::new(folder).canonicalize().ok()) {
            if !allowed.iter().any(|above| folder.starts_with(above)) {
                rules.allow(&folder, AccessFs::from_read(LANDLOCK));
                allowed.push(folder);
            }
        }
        for file in FILES {
            rules.allow(file, AccessFs::ReadFile.into());
        }
        rules
    }

    /// What is not there needs no rule.
    fn allow(&mut self, path: impl AsRef<Path>, access: BitFlags<AccessFs>) {
        if let Ok(file) = PathFd::new(path) {
            self.0.push((file, access));
        }
    }
}

fn take_effect(handled: Result<Ruleset, RulesetError>, rules: &[&Rules]) -> Result<(), String> {
    let rules = rules.iter().flat_map(|rules| &rules.0);
    let rules = rules.map(|(file, access)| Ok::<_, RulesetError>(PathBeneath::new(file, *access)));
    let restrict = || handled?.create()?.add_rules(rules)?.restrict_self();
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind::PermissionDenied;
    use std::process::Command;

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

    #[test]
    fn a_thread_keeps_to_the_file_of_its_task() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine", "other"].map(|name| folder.path().join(name));
        for path in [&mine, &other] {
            fs::write(path, "audio").unwrap();
        }
        let open = |path| File::open(path).map(drop).map_err(|error| error.kind());
        let kept_to = |files: &[&PathBuf]| {
            in_a_thread(
                &Needs { files: files.iter().copied().cloned().collect(), ..Needs::default() },
                || [&mine, &other].map(open),
            )
        };
        let Some(opened) = kept_to(&[&mine]) else { return };
        assert_eq!(opened, [Ok(()), Err(PermissionDenied)]);
        assert_eq!(kept_to(&[]), Some([Err(PermissionDenied); 2]));
        let all = folder.path().to_owned();
        assert_eq!(kept_to(&[&all]), Some([Err(PermissionDenied); 2]), "a folder does not count");
        assert_eq!([&mine, &other].map(open), [Ok(()), Ok(())], "of the other threads");
    }

    #[test]
    fn a_thread_starts_the_programs_of_its_task_and_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine", "other"].map(|name| folder.path().join(name));
        for path in [&mine, &other] {
            fs::copy("/bin/true", path).unwrap();
        }
        let needs = Needs { programs: vec![mine.clone()], ..Needs::default() };
        let start = |program: &Path| {
            let ended = Command::new(program).status().map_err(|error| error.kind());
            ended.map(|status| status.success())
        };
        let started = in_a_thread(&needs, || [&mine, &other, Path::new("/bin/true")].map(start));
        let Some(started) = started else { return };
        assert_eq!(started, [Ok(true), Err(PermissionDenied), Ok(true)]);
    }

    #[test]
    fn a_child_that_could_not_be_kept_to_its_files_is_not_confined() {
        // As often as can be, in a thread of its own each time.
        let times = |most: usize| {
            let kept = (0..most).take_while(|_| keep_to(&Needs::default()).is_ok());
            kept.count()
        };
        let most = thread::spawn(move || times(100)).join().unwrap();
        if in_a_thread(&Needs::default(), || ()).is_none() {
            return;
        }
        assert!((2..100).contains(&most), "{most}");
        let given_up_after = |earlier| {
            let given_up = move || {
                assert_eq!(times(earlier), earlier);
                give_up(Role::streaming("reader"))
            };
            thread::spawn(given_up).join().unwrap()
        };
        let why = given_up_after(most - 1).unwrap_err();
        assert!(why.contains("cannot be kept to its files"), "{why}");
        // Whatever else is missing here, it is not that.
        let why = given_up_after(most - 2).err().unwrap_or_default();
        assert!(!why.contains("cannot be kept to its files"), "{why}");
    }

    /// What a thread says that keeps to this; nothing where the kernel has no Landlock.
    fn in_a_thread<T: Send>(needs: &Needs, does: impl Fn() -> T + Sync) -> Option<T> {
        thread::scope(|scope| {
            let kept = scope.spawn(|| keep_to(needs).map(|()| does())).join().unwrap();
            kept.inspect_err(|why| {
                let given_up = scope.spawn(|| give_up(Role::WORKER)).join().unwrap();
                let missing = given_up.expect_err("Landlock is there").contains("kernel");
                assert!(missing, "{why}");
            })
            .ok()
        })
    }
}
