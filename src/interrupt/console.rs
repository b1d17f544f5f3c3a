//! Signals on Windows: what happens to the console becomes requests to stop.

use std::{io, process, thread};

use procpool::windows::{Event, on_event};

use super::{Interrupt, Reason, Stop};

/// Exit code of Ctrl-C and Ctrl-Break that are not heeded soon enough: as of a shell, 128 and the
/// signal.
const SIGNALLED: i32 = 128;

/// Feeds `interrupt` for the rest of the process's life.
pub(super) fn feed(interrupt: Interrupt) -> io::Result<()> {
    on_event(move |event| {
        let (reason, number) = match event {
            Event::Interrupt => (Reason::Interrupt, 2),
            Event::Break => (Reason::Terminate, 15),
            Event::Close => (Reason::Hangup, 1),
        };
        if interrupt.requested() == Some(Stop::AtOnce) {
            #[expect(clippy::exit, reason = "who asks for the third time wants no more delay")]
            process::exit(SIGNALLED + number);
        }
        interrupt.request(reason);
        if event == Event::Close {
            // The system ends this process when it is told that this has been heard, and in some
            // seconds: they are used to stop in good order.
            interrupt.request(reason);
            loop {
                thread::park();
            }
        }
    })
}
