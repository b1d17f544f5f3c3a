//! Usage: what a process has cost so far, as the operating system says.

use crate::protocol::Usage;

/// Reads what this process has cost. It is to be opened before the process is confined.
#[derive(Debug)]
pub struct Meter {
    /// Where Linux tells the peak of this program alone. What `getrusage` tells there is at least
    /// the peak of whatever ran in this process before `exec`: a large parent would be counted in
    /// each of its children.
    #[cfg(target_os = "linux")]
    status: std::io::Result<std::fs::File>,
}

impl Meter {
    /// A meter for this process.
    pub fn open() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            status: std::fs::File::open("/proc/self/status"),
        }
    }

    /// CPU time and memory of this process; its tasks are not counted here.
    pub fn read(&self) -> Usage {
        let usage = of_this_process();
        #[cfg(target_os = "linux")]
        if let Some(bytes) = self.peak_rss_bytes() {
            return Usage { peak_rss_bytes: bytes, ..usage };
        }
        usage
    }

    #[cfg(target_os = "linux")]
    fn peak_rss_bytes(&self) -> Option<u64> {
        use std::os::unix::fs::FileExt as _;

        let mut page = [0; 4096];
        let read = self.status.as_ref().ok()?.read_at(&mut page, 0).ok()?;
        let line = str::from_utf8(&page[..read])
            .ok()?
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    }
}

#[cfg(unix)]
fn of_this_process() -> Usage {
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

#[cfg(windows)]
fn of_this_process() -> Usage {
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

#[cfg(not(any(unix, windows)))]
fn of_this_process() -> Usage {
    Usage::default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;
    use std::process::Command;

    use super::Meter;

    #[test]
    fn the_peak_is_that_of_this_program_and_of_none_before_it() {
        const LARGE: usize = 192 << 20;
        const NAME: &str =
            "child::usage::tests::the_peak_is_that_of_this_program_and_of_none_before_it";
        if std::env::var_os("IS_THE_CHILD").is_some() {
            let peak = Meter::open().read().peak_rss_bytes;
            assert!((1 << 20..LARGE as u64).contains(&peak), "{peak} bytes");
            return;
        }
        drop(black_box(vec![1_u8; LARGE]));
        assert!(Meter::open().read().peak_rss_bytes >= LARGE as u64);
        let mut child = Command::new(std::env::current_exe().unwrap());
        let child = child.args([NAME, "--exact"]).env("IS_THE_CHILD", "1").output().unwrap();
        let printed = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success() && printed.contains("1 passed"), "{printed}");
    }
}
