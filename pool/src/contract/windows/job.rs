//! Job: a child and all that it starts, held together. They are killed when the last hold on the
//! job is gone, even if its holder was killed himself.

#![expect(unsafe_code, reason = "the system's functions are called by pointers")]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::null;

use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_ACTIVE_PROCESS,
    JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_PROCESS_MEMORY, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use super::checked;

/// A hold on a job. It is not inherited.
#[derive(Debug)]
pub struct Job(OwnedHandle);

/// What those in a job may have; `None` is as much as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many of them there may be at a time.
    pub processes: Option<u32>,
    /// Memory of each, in bytes.
    pub memory_bytes: Option<u64>,
}

impl Job {
    /// An empty job. A process that crashes in it ends, and no window asks what to do.
    pub fn new(limits: Limits) -> io::Result<Self> {
        // SAFETY: no attributes and no name are a job of our own.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was made for us just now, and no other code closes it.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        let mut wanted = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        wanted.BasicLimitInformation.LimitFlags =
            JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
        if let Some(processes) = limits.processes {
            wanted.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
            wanted.BasicLimitInformation.ActiveProcessLimit = processes;
        }
        if let Some(bytes) = limits.memory_bytes {
            wanted.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_PROCESS_MEMORY;
            wanted.ProcessMemoryLimit = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        let size = size_of_val(&wanted);
        let size = u32::try_from(size).map_err(io::Error::other)?;
        // SAFETY: the handle is open as long as `job`; the pointer is to a structure of the kind
        // and size that are named.
        checked(unsafe {
            let class = JobObjectExtendedLimitInformation;
            SetInformationJobObject(job.0.as_raw_handle(), class, (&raw const wanted).cast(), size)
        })?;
        Ok(job)
    }

    /// Takes a process in, and with it whatever it starts from now on.
    pub fn take_in(&self, process: &impl AsHandle) -> io::Result<()> {
        let process = process.as_handle();
        // SAFETY: both handles are open during the call.
        checked(unsafe {
            AssignProcessToJobObject(self.0.as_raw_handle(), process.as_raw_handle())
        })
    }

    /// Takes this process in. It may be in other jobs, too.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: the handle is open during the call, and the pseudo-handle of this process always.
        checked(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), GetCurrentProcess()) })
    }

    /// Kills everybody in it; they end with that exit code.
    pub fn kill(&self, code: u32) -> io::Result<()> {
        // SAFETY: the handle is open as long as `self`.
        checked(unsafe { TerminateJobObject(self.0.as_raw_handle(), code) })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::windows::KILLED;

    /// A process that waits for the end of its input.
    fn patient() -> Child {
        let mut command = Command::new("cmd");
        command.args(["/c", "set /p x="]).stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().unwrap()
    }

    #[test]
    fn a_process_in_a_job_is_killed_with_its_code() {
        let job = Job::new(Limits { processes: Some(4), memory_bytes: Some(1 << 30) }).unwrap();
        let mut child = patient();
        job.take_in(&child).unwrap();
        job.kill(KILLED).unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(code.map(i32::cast_unsigned), Some(KILLED));
    }

    #[test]
    fn a_job_that_is_not_held_any_more_is_killed() {
        let job = Job::new(Limits::default()).unwrap();
        let mut child = patient();
        let _input = child.stdin.take();
        job.take_in(&child).unwrap();
        drop(job);
        assert!(child.wait().is_ok());
    }
}
