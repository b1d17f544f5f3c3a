//! Windows: what is asked of the system itself, behind functions that are safe to call. The home
//! of windows-sys.

mod console;
mod fatal;
mod job;
mod memory;
mod process;

pub use console::{Event, on_event};
pub use fatal::{
    ACCESS_VIOLATION, DIVISION_BY_ZERO, ILLEGAL_INSTRUCTION, IN_PAGE_ERROR, end_at_fatal_faults,
    raise,
};
pub use job::{Job, Limits};
pub use memory::memory_available;
pub use process::{Memory, Process, Times, end_this_process};

/// For whom we start: without a console window of its own.
pub const NO_WINDOW: u32 = windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;

/// Exit code of a process that audiopool has killed: an error (3) of a program's own (2) kind.
pub const KILLED: u32 = 0xE0A0_D109;

/// Exit code of a process that audiopool has ended on request.
pub const TERMINATED: u32 = 0xE0A0_D10F;

/// The outcome of a function that says 0 when it has failed.
fn checked(result: i32) -> std::io::Result<()> {
    if result == 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
