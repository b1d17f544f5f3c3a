//! Process: a hold on another process, by which it is watched. While it is held no other process gets
//! its number.

#![expect(unsafe_code, reason = "the system's functions are called by pointers")]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::time::Duration;

use windows_sys::Win32::Foundation::{FILETIME, WAIT_OBJECT_0};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessHandleCount, GetProcessTimes, INFINITE, OpenProcess,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, TerminateProcess, WaitForSingleObject,
};

use super::checked;

/// A hold on a process, living or dead.
#[derive(Debug)]
pub struct Process(OwnedHandle);

/// Processor time that a process has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// In user mode.
    pub user: Duration,
    /// In the kernel.
    pub kernel: Duration,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What it has at present.
    pub now: u64,
    /// The most that it has had.
    pub peak: u64,
    /// What it has been promised, whether it is there or not.
    pub committed: u64,
}

impl Process {
    /// The process that has this number now.
    pub fn open(id: u32) -> io::Result<Self> {
        let access = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
        // SAFETY: nothing is pointed to.
        let handle = unsafe { OpenProcess(access, 0, id) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was made for us just now, and no other code closes it.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// A process that is held already.
    pub fn of(process: &impl AsHandle) -> io::Result<Self> {
        process.as_handle().try_clone_to_owned().map(Self)
    }

    /// This one.
    pub fn this() -> io::Result<Self> {
        Self::open(std::process::id())
    }

    /// Waits until it has ended.
    pub fn wait(&self) -> io::Result<()> {
        // SAFETY: the handle is open as long as `self`, and may be waited for.
        let outcome = unsafe { WaitForSingleObject(self.0.as_raw_handle(), INFINITE) };
        if outcome == WAIT_OBJECT_0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// When it began, in a unit that serves only to compare.
    pub fn begun(&self) -> io::Result<u64> {
        self.all_times().map(|[begun, ..]| begun)
    }

    /// Processor time of all its threads.
    pub fn times(&self) -> io::Result<Times> {
        let [_, kernel, user] = self.all_times()?;
        let time = |ticks: u64| Duration::from_nanos(ticks.saturating_mul(100));
        Ok(Times { user: time(user), kernel: time(kernel) })
    }

    /// When it began, and its time in the kernel and in user mode: in tenths of microseconds.
    fn all_times(&self) -> io::Result<[u64; 3]> {
        let [mut begun, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
        // SAFETY: the handle is open as long as `self`; the pointers are to places of our own.
        checked(unsafe {
            let handle = self.0.as_raw_handle();
            GetProcessTimes(handle, &raw mut begun, &raw mut ended, &raw mut kernel, &raw mut user)
        })?;
        Ok([begun, kernel, user]
            .map(|time| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)))
    }

    /// Its memory.
    pub fn memory(&self) -> io::Result<Memory> {
        let mut found = PROCESS_MEMORY_COUNTERS::default();
        let size = size_of::<PROCESS_MEMORY_COUNTERS>();
        found.cb = u32::try_from(size).map_err(io::Error::other)?;
        // SAFETY: the handle is open as long as `self`; the pointer is to a place of our own, of
        // the size that is named.
        checked(unsafe {
            K32GetProcessMemoryInfo(self.0.as_raw_handle(), &raw mut found, found.cb)
        })?;
        Ok(Memory {
            now: found.WorkingSetSize as u64,
            peak: found.PeakWorkingSetSize as u64,
            committed: found.PagefileUsage as u64,
        })
    }

    /// How many handles it has open.
    pub fn handles(&self) -> io::Result<u32> {
        let mut count = 0;
        // SAFETY: the handle is open as long as `self`; the pointer is to a place of our own.
        checked(unsafe { GetProcessHandleCount(self.0.as_raw_handle(), &raw mut count) })?;
        Ok(count)
    }
}

/// Ends this process on the spot.
pub fn end_this_process(code: u32) {
    // SAFETY: the pseudo-handle of this process is always valid; nothing of it is used afterwards.
    unsafe {
        TerminateProcess(GetCurrentProcess(), code);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let this = Process::this().unwrap();
        let times = this.times().unwrap();
        assert!(times.user + times.kernel > Duration::ZERO, "{times:?}");
        let memory = this.memory().unwrap();
        assert!(memory.now > 1 << 20 && memory.peak >= memory.now, "{memory:?}");
    }

    #[test]
    fn a_child_is_younger_and_its_end_is_seen() {
        let mut child =
            Command::new("cmd").args(["/c", "exit 3"]).stdin(Stdio::null()).spawn().unwrap();
        let (opened, held) = (Process::open(child.id()).unwrap(), Process::of(&child).unwrap());
        assert!(opened.begun().unwrap() > Process::this().unwrap().begun().unwrap());
        opened.wait().unwrap();
        held.wait().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }

    #[test]
    fn no_process_is_found_under_an_unused_number() {
        assert!(Process::open(u32::MAX - 3).is_err());
    }
}
