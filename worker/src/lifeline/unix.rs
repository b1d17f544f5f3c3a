//! The lifeline on Unix: a pipe, and on Linux the kernel.

use std::io::{self, Read};
use std::{fs, thread};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgrp, getppid};

/// Number of the inherited descriptor that is the reading end of the pipe.
pub const DESCRIPTOR: i32 = 3;

/// Ties this process to the supervisor with that process id.
pub fn tie(supervisor: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The supervisor may have died before the line above.
    if u32::try_from(getppid().as_raw()) != Ok(supervisor) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    let mut pipe = fs::File::open(format!("/dev/fd/{DESCRIPTOR}"))?;
    thread::Builder::new().name("lifeline".to_owned()).stack_size(64 << 10).spawn(move || {
        let mut nothing = [0];
        while matches!(&pipe.read(&mut nothing), Err(error) if error.kind() == io::ErrorKind::Interrupted)
        {}
        end();
    })?;
    Ok(())
}

/// Closes inherited descriptors that have been opened anew, and that of the pipe.
pub(crate) fn close_inherited(descriptors: impl Iterator<Item = i32>) {
    for descriptor in descriptors.chain([DESCRIPTOR]) {
        let _: nix::Result<()> = nix::unistd::close(descriptor);
    }
}

fn end() {
    // The group is this child's own; if it is not (started by hand), only this process ends.
    let group = getpgrp();
    if group == Pid::this() {
        let _: nix::Result<()> = killpg(group, Signal::SIGKILL);
    }
    let _: nix::Result<()> = nix::sys::signal::kill(Pid::this(), Signal::SIGKILL);
}
