//! The lifeline on Unix: a pipe, and on Linux the kernel.

use std::fs::File;
use std::io::{self, Read};
use std::process::Command;
use std::thread;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgrp, getppid};

/// Number of the inherited descriptor that is the reading end of the pipe.
pub const DESCRIPTOR: i32 = 3;

/// The reading end of the pipe, held and not yet watched: until it is, the kernel alone sees to it
/// that this process does not outlive its supervisor, and so does the end of their channel.
#[derive(Debug)]
pub struct Lifeline(File);

/// Ties this process to the supervisor with that process id, without a thread yet.
pub fn hold(supervisor: u32) -> io::Result<Lifeline> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The supervisor may have died before the line above.
    if u32::try_from(getppid().as_raw()) != Ok(supervisor) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    Ok(Lifeline(File::open(format!("/dev/fd/{DESCRIPTOR}"))?))
}

/// Has the program that it starts end when the thread that starts it does: at the latest with this
/// process, whatever ends that. The kernel sees to it, where it can.
pub fn extend(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let starter = Pid::this();
        let tie = move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The starter may have died before the line above.
            if getppid() == starter { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
        };
        #[expect(unsafe_code, reason = "nothing else runs between fork and exec")]
        // SAFETY: what runs there may take no lock and no memory: these are two system calls and a
        // comparison, and an error that is a number.
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(command, tie);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _: &mut Command = command;
}

impl Lifeline {
    /// Ends this process, and its group, when the supervisor is gone.
    pub fn watch(self) -> io::Result<()> {
        let mut pipe = self.0;
        let thread = thread::Builder::new().name("lifeline".to_owned()).stack_size(64 << 10);
        thread.spawn(move || {
            let mut nothing = [0];
            while matches!(&pipe.read(&mut nothing), Err(error) if error.kind() == io::ErrorKind::Interrupted)
            {}
            end();
        })?;
        Ok(())
    }
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
