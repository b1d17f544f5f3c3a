//! Usage: what a process has cost so far, as the operating system says.

use crate::protocol::Usage;

/// CPU time and memory of this process; its tasks are not counted here.
#[cfg(unix)]
pub fn of_this_process() -> Usage {
    use std::time::Duration;

    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike};

    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Usage::default() };
    let time = |time: TimeVal| {
        Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default())
    };
    // Kibibytes on Linux, bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Usage {
        cpu_user: time(usage.user_time()),
        cpu_system: time(usage.system_time()),
        peak_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or_default() * unit,
        ..Usage::default()
    }
}

/// CPU time and memory of this process; its tasks are not counted here.
#[cfg(windows)]
pub fn of_this_process() -> Usage {
    use crate::windows::Process;

    let Ok(this) = Process::this() else { return Usage::default() };
    let times = this.times().ok();
    Usage {
        cpu_user: times.map_or_else(Default::default, |times| times.user),
        cpu_system: times.map_or_else(Default::default, |times| times.kernel),
        peak_rss_bytes: this.memory().map_or(0, |memory| memory.peak),
        ..Usage::default()
    }
}

/// CPU time and memory of this process; not known on this system.
#[cfg(not(any(unix, windows)))]
pub fn of_this_process() -> Usage {
    Usage::default()
}
