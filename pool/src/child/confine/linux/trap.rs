//! Trap: a refused system call says its name and ends the process.
//!
//! The kernel sends SIGSYS in place of the call, which does not happen. Without this the process
//! would end as well, but without a known reason. Code that removes the handler gains nothing.

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::filter;
use crate::confine::REFUSED;

/// Has SIGSYS say which call it was.
pub(super) fn install() -> nix::Result<()> {
    // Not deferred, so that the second SIGSYS, which ends the process, is not held back.
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_NODEFER | SaFlags::SA_ONSTACK;
    let action = SigAction::new(SigHandler::SigAction(refused), flags, SigSet::empty());
    #[expect(unsafe_code, reason = "a handler of signals is the purpose of this module")]
    // SAFETY: the handler calls nothing but `write`, `signal` and `raise`, which may be called in
    // one, and allocates nothing.
    unsafe { sigaction(Signal::SIGSYS, &action) }.map(drop)
}

/// What the kernel tells with a SIGSYS, from the beginning of its `siginfo_t`.
#[repr(C)]
struct Refusal {
    signal: libc::c_int,
    errno: libc::c_int,
    code: libc::c_int,
    address: *const libc::c_void,
    call: libc::c_int,
    architecture: libc::c_uint,
}

const _: () = assert!(size_of::<Refusal>() <= size_of::<libc::siginfo_t>());

extern "C" fn refused(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    #[expect(unsafe_code, reason = "reading what came with the signal")]
    // SAFETY: with SA_SIGINFO the kernel passes a valid `siginfo_t`, which for SIGSYS begins as
    // `Refusal` is laid out; every bit pattern is a valid `Refusal`, and it is not larger.
    let call = unsafe { info.cast::<Refusal>().read() }.call;
    let mut number = [0; 12];
    for part in [REFUSED, filter::name(call), " (system call ", digits(call, &mut number), ")\n"] {
        say(part.as_bytes());
    }
    #[expect(unsafe_code, reason = "ending the process by the same signal, now without handler")]
    // SAFETY: both may be called in a handler, and have no memory to get wrong.
    unsafe {
        libc::signal(libc::SIGSYS, libc::SIG_DFL);
        libc::raise(libc::SIGSYS);
    }
}

fn say(bytes: &[u8]) {
    #[expect(unsafe_code, reason = "writing without the lock that `eprintln!` would take")]
    // SAFETY: the pointer and the length are those of a slice that lives.
    unsafe {
        libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len());
    }
}

/// The number in decimal, without allocating.
fn digits(number: i32, buffer: &mut [u8; 12]) -> &str {
    let mut rest = number.unsigned_abs();
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 || at == 0 {
            return str::from_utf8(&buffer[at..]).unwrap_or("?");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_without_memory() {
        let written = |number| digits(number, &mut [0; 12]).to_owned();
        assert_eq!(
            (written(0), written(59), written(i32::MAX)),
            ("0".into(), "59".into(), i32::MAX.to_string())
        );
    }
}
