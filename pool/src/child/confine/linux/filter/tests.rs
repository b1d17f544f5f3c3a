//! What the filters let through and what not, tried in processes that can be spared.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::XattrFlags;

use super::*;

#[test]
fn the_filters_can_be_made_and_are_small() {
    let programs =
        [programs(Role::WORKER).unwrap(), programs(Role::streaming("reader")).unwrap()].concat();
    assert_eq!(programs.len(), 6);
    // The kernel takes 4096 instructions.
    assert!(programs.iter().all(|program| program.len() < 1000));
}

#[test]
fn no_call_is_both_allowed_and_forbidden() {
    for (name, number) in FORBIDDEN {
        assert!(ALLOWED.iter().all(|(_, allowed)| allowed != number), "{name}");
    }
}

/// Which of some deeds are refused with EPERM to a thread that is confined as a child that streams, and to
/// one that is not.
fn refused_to_a_child_that_streams<const N: usize>(deeds: [fn(&Path) -> io::Result<()>; N]) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    fs::write(&own, "a file of our own").unwrap();
    let file = own.clone();
    let confined = std::thread::spawn(move || {
        nix::sys::prctl::set_no_new_privs().unwrap();
        install(Role::streaming("reader")).unwrap();
        let read = fs::read(&file).map(drop);
        let refused = deeds.map(|deed| deed(&file).err().and_then(|e| e.raw_os_error()));
        (read, refused)
    });
    let (read, refused) = confined.join().unwrap();
    let free = deeds.map(|deed| deed(&own).err().and_then(|error| error.raw_os_error()));
    assert!(read.is_ok(), "{read:?}");
    assert_eq!(refused, [Some(libc::EPERM); N]);
    assert!(free.iter().all(|error| *error != Some(libc::EPERM)), "{free:?}");
}

#[test]
fn a_child_that_streams_changes_no_file_by_rights_owner_times_or_attributes() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, fchown, lchown};

    refused_to_a_child_that_streams([
        |path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)),
        |path| File::open(path)?.set_permissions(fs::Permissions::from_mode(0o600)),
        |path| chown(path, Some(fs::metadata(path)?.uid()), None),
        |path| lchown(path, Some(fs::metadata(path)?.uid()), None),
        |path| fchown(File::open(path)?, Some(fs::metadata(path)?.uid()), None),
        |path| File::open(path)?.set_modified(SystemTime::UNIX_EPOCH),
        // Where the file system knows no such attributes it says so instead.
        |path| Ok(rustix::fs::setxattr(path, "user.a", b"b", XattrFlags::empty())?),
        |path| Ok(rustix::fs::fsetxattr(File::open(path)?, "user.a", b"b", XattrFlags::empty())?),
        |path| Ok(rustix::fs::removexattr(path, "user.a")?),
        |path| Ok(rustix::fs::ioctl_setflags(File::open(path)?, rustix::fs::IFlags::NODUMP)?),
    ]);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_second_number_of_a_call_is_refused() {
    fn second_getpid(_: &Path) -> io::Result<()> {
        #[expect(unsafe_code, reason = "no library makes such a call")]
        // SAFETY: it takes nothing and changes nothing, under whichever number.
        let answer = unsafe { libc::syscall(libc::SYS_getpid | 0x4000_0000) };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
    refused_to_a_child_that_streams([second_getpid]);
}

#[test]
fn a_forbidden_call_has_a_name() {
    let number = |call: libc::c_long| i32::try_from(call).unwrap();
    assert_eq!(name(number(libc::SYS_execve)), "execve");
    assert_eq!(name(number(libc::SYS_clone)), "clone");
    assert_eq!(name(-1), "an_unknown_call");
}
