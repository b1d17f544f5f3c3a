//! Quiet: a panic that is expected is caught, told in our own words, and not printed.
//!
//! ipc-channel panics at packets that are none, and where there is no memory or no descriptor.
//! The caller handles that as a breach or an error like another, and no user is to see the
//! message and believe that it is ours.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is expected.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic for reasons that are not ours; `None` if it does.
pub fn catch_expected_panic<R>(work: impl FnOnce() -> R) -> Option<R> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !EXPECTED.get() {
                usual(info);
            }
        }));
    });
    EXPECTED.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work)).ok();
    EXPECTED.set(false);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_from_an_answer() {
        assert_eq!(catch_expected_panic(|| 7), Some(7));
        assert_eq!(catch_expected_panic(|| -> u8 { panic!("this must not be seen") }), None);
        assert!(!EXPECTED.get());
    }
}
