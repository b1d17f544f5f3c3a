//! Panics: of the task's thread they are its answer, of any other the end of the process.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::process;
use std::sync::Mutex;

use crate::protocol::WorkerFault;
use crate::status_page;

/// Exit code of a child in which a thread other than the task's panicked.
pub const EXIT_PANIC: i32 = 101;

/// Where the task's thread last panicked, and the message.
static LAST_PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

thread_local! {
    /// Whether it is the thread of a task.
    static RUNS_TASKS: Cell<bool> = const { Cell::new(false) };
}

/// Makes this thread one of tasks.
pub(crate) fn are_answers_here() {
    RUNS_TASKS.set(true);
}

/// Remembers panics of a task's thread; a panic in any other thread ends the process, so that it
/// is never taken for a success.
pub(crate) fn note() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        note_on_board(info);
        if RUNS_TASKS.get() {
            let location = info.location().map(ToString::to_string).unwrap_or_default();
            let message = info.payload_as_str().unwrap_or("no message").to_owned();
            if let Ok(mut last) = LAST_PANIC.lock() {
                *last = Some((message, location));
            }
        } else {
            usual(info);
            #[expect(clippy::exit, reason = "the task may wait for that thread for ever")]
            process::exit(EXIT_PANIC);
        }
    }));
}

/// On the status page it outlives this process, should that end in the next moment.
fn note_on_board(info: &PanicHookInfo<'_>) {
    let Some(status_page) = status_page::own() else { return };
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(place) => status_page.panic(&format!("{}:{}: {message}", place.file(), place.line())),
        None => status_page.panic(message),
    }
}

/// The panic that was caught, with what was noted of it.
pub(crate) fn fault(payload: &(dyn Any + Send)) -> WorkerFault {
    let noted = LAST_PANIC.lock().ok().and_then(|mut last| last.take());
    let (message, location) = noted.unwrap_or_else(|| {
        let text = payload.downcast_ref::<&str>().copied().unwrap_or("no message");
        (text.to_owned(), "unknown".to_owned())
    });
    WorkerFault::Panic { message, location }
}
