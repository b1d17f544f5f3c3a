//! Vitals: what the operating system says of a process that we have started and not yet buried.
//!
//! Asked for by process id, so only as long as no other process can have it: the caller holds the
//! process unreaped.

use std::time::Duration;

use super::cause::Silence;

/// What a process is and has used at one moment. What a system does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Vitals {
    /// Processor time of all its threads since it began.
    pub(super) cpu: Option<Duration>,
    /// Memory that is its at present, in bytes.
    pub(super) rss_bytes: Option<u64>,
    /// Whether a signal has stopped it.
    pub(super) is_stopped: bool,
}

impl Vitals {
    /// What it was doing between an earlier look and this one, `apart` later. A process that used less
    /// than a hundredth of the time has not been held up by its computation, on any machine.
    pub(super) fn silence_since(self, earlier: Self, apart: Duration) -> Silence {
        match (self.cpu, earlier.cpu) {
            _ if self.is_stopped => Silence::Stopped,
            (Some(now), Some(then)) => {
                let used = now.saturating_sub(then);
                let is_much = used * 100 > apart && used > INEXACT;
                if is_much { Silence::Spinning } else { Silence::Idle }
            }
            _ => Silence::Unknown,
        }
    }
}

/// By how much processor time may be told too high: not at all where a clock counts it.
const INEXACT: Duration = if cfg!(windows) {
    // Counted in ticks of 1/64 s, of time in user mode and of time in the kernel.
    Duration::from_micros(2 * 15_625)
} else {
    Duration::ZERO
};

/// What the system says of that process. Of one that has died, its processor time only.
#[cfg(unix)]
pub(super) fn of(pid: u32) -> Vitals {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let kibibytes = |text: &str| text.strip_suffix(" kB")?.parse::<u64>().ok();
    Vitals {
        cpu: cpu(pid),
        rss_bytes: field("VmRSS").and_then(kibibytes).map(|kib| kib << 10),
        is_stopped: field("State").is_some_and(|state| state.starts_with(['T', 't'])),
    }
}

#[cfg(unix)]
fn cpu(pid: u32) -> Option<Duration> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
    let clock = nix::time::clock_getcpuclockid(pid).ok()?;
    nix::time::clock_gettime(clock).ok().map(Duration::from)
}

/// What the system says of that process. No process is stopped here.
#[cfg(windows)]
pub(super) fn of(pid: u32) -> Vitals {
    use crate::windows::Process;

    let Ok(process) = Process::open(pid) else { return Vitals::default() };
    Vitals {
        cpu: process.times().ok().map(|times| times.user + times.kernel),
        rss_bytes: process.memory().ok().map(|memory| memory.now),
        is_stopped: false,
    }
}

/// This system tells us nothing.
#[cfg(not(any(unix, windows)))]
pub(super) fn of(_: u32) -> Vitals {
    Vitals::default()
}

/// How many processes the kernel has killed for lack of memory so far: in our own control group if
/// it counts them there, else on the whole machine.
pub(super) fn oom_kills() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let counted = |text: &str| {
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
        count.trim().parse().ok()
    };
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let in_group = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        // The second version of control groups, and the first.
        let file = match controllers {
            "" => format!("/sys/fs/cgroup{path}/memory.events"),
            "memory" => format!("/sys/fs/cgroup/memory{path}/memory.oom_control"),
            _ => return None,
        };
        counted(&read(&file)?)
    });
    in_group.or_else(|| counted(&read("/proc/vmstat")?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, kill};
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    use nix::unistd::Pid;

    use super::*;

    #[test]
    fn a_process_is_told_by_what_it_does() {
        let second = Duration::from_secs(1);
        let used =
            |millis| Vitals { cpu: Some(Duration::from_millis(millis)), ..Vitals::default() };
        assert_eq!(used(511).silence_since(used(500), second), Silence::Spinning);
        assert_eq!(used(505).silence_since(used(500), second), Silence::Idle);
        let stopped = Vitals { is_stopped: true, ..used(900) };
        assert_eq!(stopped.silence_since(used(500), second), Silence::Stopped);
        assert_eq!(Vitals::default().silence_since(used(500), second), Silence::Unknown);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let vitals = of(std::process::id());
        assert!(vitals.cpu.unwrap() > Duration::ZERO, "{vitals:?}");
        assert!(vitals.rss_bytes.unwrap() > 1 << 20, "{vitals:?}");
        assert!(!vitals.is_stopped);
    }

    #[test]
    fn a_process_that_is_stopped_is_seen_and_one_that_is_dead_has_its_time() {
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        waitid(Id::Pid(pid), WaitPidFlag::WSTOPPED).unwrap();
        assert!(of(child.id()).is_stopped);
        kill(pid, Signal::SIGKILL).unwrap();
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
        let vitals = of(child.id());
        assert!(vitals.cpu.is_some_and(|cpu| cpu > Duration::ZERO), "{vitals:?}");
        assert_eq!((vitals.rss_bytes, vitals.is_stopped), (None, false));
        child.wait().unwrap();
    }

    #[test]
    fn the_kernel_counts_whom_it_kills() {
        assert!(oom_kills().is_some(), "neither the control group nor /proc/vmstat says");
    }
}
