//! Processes: who belongs to a scene, and how to wait for their end.
//!
//! Every process that a run starts inherits its environment, and no other run has the same folder
//! for temporary files: so they are found whichever process started them, and whatever process id they have.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process that cannot be mistaken for another that got its number later.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    descriptor: OwnedFd,
}

impl Process {
    /// The living process of that number; a dead one that its parent has not noticed counts too.
    pub(crate) fn open(pid: u32) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { pid, descriptor: pidfd_open(number, PidfdFlags::empty())? })
    }

    /// Sends a signal; to a process that is gone, nothing.
    pub(crate) fn signal(&self, signal: Signal) {
        match pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => panic!("cannot signal process {}: {error}", self.pid),
        }
    }

    /// Whether it has ended by then.
    pub(crate) fn is_gone_by(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).expect("a short time");
        let mut waiting = [PollFd::new(self.descriptor.as_fd(), PollFlags::POLLIN)];
        poll(&mut waiting, timeout).expect("polling a process") > 0
    }

    /// What is known of it, for a person.
    pub(crate) fn describe(&self) -> String {
        let read = |what: &str| {
            let text = fs::read_to_string(format!("/proc/{}/{what}", self.pid)).unwrap_or_default();
            text.replace('\0', " ").trim().to_owned()
        };
        let status = read("status");
        let state = status.lines().find(|line| line.starts_with("State")).unwrap_or("State: gone");
        format!("process {}: {} | {state} | in {}", self.pid, read("cmdline"), read("wchan"))
    }
}

/// Every living process of the scene in that folder.
pub(crate) fn of_scene(folder: &Path) -> Vec<Process> {
    let mut wanted = b"TMPDIR=".to_vec();
    wanted.extend(folder.join("tmp").as_os_str().as_encoded_bytes());
    let entries = fs::read_dir("/proc").expect("the list of processes");
    let numbers = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != std::process::id());
    numbers
        // In this order, what is looked at is the process that is held.
        .filter_map(|pid| Process::open(pid).ok())
        .filter(|process| {
            let environment = fs::read(format!("/proc/{}/environ", process.pid));
            environment.is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == wanted))
        })
        .collect()
}

/// Those that are still there after that time.
pub(crate) fn not_gone_within(time: Duration, processes: Vec<Process>) -> Vec<Process> {
    let deadline = Instant::now() + time;
    processes.into_iter().filter(|process| !process.is_gone_by(deadline)).collect()
}
