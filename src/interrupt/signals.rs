//! Signals: SIGINT, SIGTERM and SIGHUP become requests to stop, SIGTSTP and SIGCONT a pause.
//! SIGXFSZ becomes nothing.

use std::{fs, io, thread};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGSTOP, SIGTERM, SIGTSTP, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::{Interrupt, Pause, Reason, Stop};

/// Feeds `interrupt` from a thread of its own for the rest of the process's life.
pub(super) fn feed(interrupt: Interrupt) -> io::Result<()> {
    let ignored = ignored_mask(&fs::read_to_string("/proc/self/status").unwrap_or_default());
    let caught = [SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGCONT, SIGXFSZ];
    let caught = caught.into_iter().filter(|&signal| !is_in(signal, ignored));
    let mut signals = Signals::new(caught)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        loop {
            let mut arrived: Vec<_> = signals.wait().collect();
            // Of the two, the later one counts, and that is most often the one that goes on.
            if arrived.contains(&SIGCONT) {
                arrived.retain(|&signal| signal != SIGTSTP);
            }
            for signal in arrived {
                match signal {
                    SIGTSTP => stop_here(&interrupt, &mut signals),
                    SIGCONT => interrupt.pause(Pause::Ends),
                    // Caught, so that a write beyond the file size limit returns an error.
                    SIGXFSZ => {}
                    signal => end(&interrupt, signal),
                }
            }
        }
    })?;
    Ok(())
}

/// Stops this process, once everyone knows of it.
fn stop_here(interrupt: &Interrupt, signals: &mut Signals) {
    interrupt.pause(Pause::Begins);
    let meanwhile: Vec<_> = signals.pending().collect();
    if !meanwhile.contains(&SIGCONT) {
        // A stop that the system refuses is a pause of no length.
        let _stopped: io::Result<()> = signal_hook::low_level::raise(SIGSTOP);
    }
    interrupt.pause(Pause::Ends);
    for signal in meanwhile {
        if ![SIGTSTP, SIGCONT, SIGXFSZ].contains(&signal) {
            end(interrupt, signal);
        }
    }
}

fn end(interrupt: &Interrupt, signal: i32) {
    let reason = match signal {
        SIGHUP => Reason::Hangup,
        SIGINT => Reason::Interrupt,
        _ => Reason::Terminate,
    };
    if interrupt.requested() == Some(Stop::AtOnce) {
        signal_hook::low_level::exit(128 + signal);
    }
    interrupt.request(reason);
}

/// The signals ignored from the start: bit n−1 of `SigIgn` in proc(5)'s status stands for signal n.
fn ignored_mask(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn is_in(signal: i32, mask: u64) -> bool {
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let mask = ignored_mask("Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001003\n");
        assert!(is_in(SIGHUP, mask));
        assert!(is_in(SIGINT, mask));
        assert!(!is_in(SIGTERM, mask));
        assert_eq!(ignored_mask(""), 0);
    }
}
