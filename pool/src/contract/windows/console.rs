//! Console: what the user, or the system, wants of the programs that share a console.

#![expect(unsafe_code, reason = "the system's functions are called by pointers")]

use std::io;
use std::sync::OnceLock;

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
    SetConsoleCtrlHandler,
};

use super::checked;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Break.
    Break,
    /// The console is closed, the user logs off, or the system shuts down. The process is ended
    /// as soon as this has been heard, and after some seconds in any case.
    Close,
}

/// Who hears of events.
type Listener = Box<dyn Fn(Event) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Has `hear` called with every event, for the rest of the process's life, on a thread that the
/// system makes for it. To be called once; a second call is refused.
pub fn on_event(hear: impl Fn(Event) + Send + Sync + 'static) -> io::Result<()> {
    if LISTENER.set(Box::new(hear)).is_err() {
        return Err(io::Error::other("another handler listens to the console already"));
    }
    // SAFETY: the function lives as long as the process.
    checked(unsafe { SetConsoleCtrlHandler(Some(on_control), 1) })
}

unsafe extern "system" fn on_control(control: u32) -> i32 {
    let event = match control {
        CTRL_C_EVENT => Event::Interrupt,
        CTRL_BREAK_EVENT => Event::Break,
        CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT => Event::Close,
        _ => return 0,
    };
    match LISTENER.get() {
        Some(hear) => {
            hear(event);
            1
        }
        None => 0,
    }
}
