//! Fatal: an unhandled fault ends the process at once, and the process alone. Otherwise
//! the system would show a window or write a report first, while others wait for the end.

#![expect(unsafe_code, reason = "the system's functions are called by pointers")]

use std::ptr;
use std::sync::Once;

use windows_sys::Win32::Foundation::EXCEPTION_STACK_OVERFLOW;
use windows_sys::Win32::System::Diagnostics::Debug::{
    AddVectoredExceptionHandler, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS, RaiseException,
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
};

use super::end_this_process;

/// An exception that no program goes on after.
const EXCEPTION_NONCONTINUABLE: u32 = 1;

/// Memory that is not there, or may not be touched so.
pub const ACCESS_VIOLATION: u32 = 0xC000_0005;

/// A page of memory that cannot be read in.
pub const IN_PAGE_ERROR: u32 = 0xC000_0006;

/// Bytes that are no instruction.
pub const ILLEGAL_INSTRUCTION: u32 = 0xC000_001D;

/// A division of integers by zero.
pub const DIVISION_BY_ZERO: u32 = 0xC000_0094;

/// Does so from now on.
pub fn end_at_fatal_faults() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: nothing is pointed to but a function that lives as long as the process. It is the
        // last to be asked, so the standard library's own, which tells of the overflow, has been.
        unsafe {
            SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
            AddVectoredExceptionHandler(0, Some(on_exception));
        }
    });
}

/// Raises an exception that is not continuable.
pub fn raise(exception: u32) {
    // SAFETY: no arguments are pointed to.
    unsafe {
        RaiseException(exception, EXCEPTION_NONCONTINUABLE, 0, ptr::null());
    }
}

/// Without a stack the system's own way to the end may not be found: under Wine it ends the thread
/// alone. No program of ours recovers from this.
unsafe extern "system" fn on_exception(found: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the system calls this with pointers to what it describes, for the time of the call.
    let code = unsafe { (*(*found).ExceptionRecord).ExceptionCode };
    if code == EXCEPTION_STACK_OVERFLOW {
        end_this_process(code.cast_unsigned());
    }
    EXCEPTION_CONTINUE_SEARCH
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Command;
    use std::{env, thread};

    use super::*;

    fn deep(left: u64) -> u64 {
        if left == 0 { 0 } else { 1 + black_box(deep(black_box(left - 1))) }
    }

    #[test]
    fn a_stack_that_overflows_ends_the_process_in_any_thread() {
        const NAME: &str = "contract::windows::fatal::tests::a_stack_that_overflows_ends_the_process_in_any_thread";
        if env::var_os("IS_THE_CHILD").is_some() {
            end_at_fatal_faults();
            let thread = thread::spawn(|| deep(u64::MAX));
            panic!("{:?}", thread.join().map_err(drop));
        }
        let mut child = Command::new(env::current_exe().unwrap());
        let child = child.args([NAME, "--exact"]).env("IS_THE_CHILD", "1").output().unwrap();
        let printed = String::from_utf8_lossy(&child.stderr).into_owned();
        assert_eq!(child.status.code(), Some(EXCEPTION_STACK_OVERFLOW), "{printed}");
        assert!(printed.contains("has overflowed its stack"), "{printed}");
    }
}
