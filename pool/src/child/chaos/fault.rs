//! Fault: the rows of the fault table that a rehearsal draws from, F01 to F20.

/// One way to go wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its row: 7 for F07.
    pub row: u8,
    /// The name of the [deed](super::Deed).
    pub name: &'static str,
    /// What the supervisor may find to be the cause, in its own words; none if the task is answered
    /// nevertheless.
    pub causes: &'static [&'static str],
    /// Whether the child lives on, so that it takes a deadline to notice.
    pub hangs: bool,
}

const fn dies(row: u8, name: &'static str, causes: &'static [&'static str]) -> Fault {
    Fault { row, name, causes, hangs: false }
}

/// On a busy machine a child that spins may look idle.
const fn hangs(row: u8, name: &'static str) -> Fault {
    Fault { row, name, causes: &["spinning", "idle", "stopped", "timed_out"], hangs: true }
}

/// A panic that is caught and told. It fails the task at once.
pub(super) const PANIC: &Fault = &dies(1, "panic", &["panic"]);

/// Every other, in the order of the table.
pub const FAULTS: &[Fault] = &[
    dies(2, "panic-in-thread", &["panic"]),
    dies(3, "abort", &["signal"]),
    dies(3, "panic-twice", &["signal", "panic"]),
    dies(4, "sigsegv", &["signal"]),
    dies(4, "sigbus", &["signal"]),
    dies(4, "sigill", &["signal"]),
    dies(4, "sigfpe", &["signal"]),
    dies(5, "overflow-stack", &["stack_overflow"]),
    dies(5, "overflow-stack-of-thread", &["stack_overflow"]),
    dies(6, "exhaust-memory", &["out_of_memory"]),
    dies(7, "sigkill", &["killed"]),
    hangs(8, "spin"),
    hangs(9, "hang"),
    hangs(10, "sigstop"),
    hangs(11, "stop-in-mid-send"),
    dies(12, "half-frame-and-exit", &["protocol", "exited"]),
    dies(13, "garbage-body", &["protocol"]),
    dies(13, "wrong-version", &["protocol"]),
    dies(13, "wrong-magic", &["protocol"]),
    dies(13, "wrong-generation", &["protocol"]),
    dies(14, "garbage-packet", &["protocol"]),
    dies(15, "oversize-frame", &["protocol"]),
    Fault { row: 16, name: "close-channel", causes: &["protocol"], hangs: true },
    dies(17, "grandchild", &["signal"]),
    dies(18, "exit", &["exited"]),
    dies(19, "exit-after-reply", &[]),
    dies(20, "reply-twice", &[]),
    dies(20, "reply-for-unknown-task", &["protocol"]),
    dies(20, "reply-of-another-attempt", &["protocol"]),
];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::Deed;
    use super::*;

    #[test]
    fn every_row_has_a_fault_and_every_fault_a_deed() {
        let all = || FAULTS.iter().chain([PANIC]);
        for row in 1..=20 {
            assert!(all().any(|fault| fault.row == row), "F{row:02}");
        }
        for fault in all() {
            assert!(Deed::named(fault.name).is_some(), "{}", fault.name);
        }
    }
}
