//! Interrupt: the wish to stop, from a signal or from a caller, seen by everyone who waits.
//!
//! ```text
//!   SIGINT ──▶ first:  Stop::Graceful   take no new work, finish the report
//!   SIGTERM    second: Stop::AtOnce     kill what runs, write what is finished
//!   SIGHUP     third:  the process ends on the spot; its children follow by themselves
//!   SIGTSTP ─▶ Pause::Begins, and then this process stops      SIGCONT ─▶ Pause::Ends
//! ```
//!
//! A thread that waits for something else as well is woken by a callback ([`Interrupt::on_change`]),
//! one that has nothing else to do by [`Interrupt::wait`]. Callbacks run on the thread that brings
//! the signal (never in a signal handler), so they may lock and send.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(windows)]
#[path = "interrupt/console.rs"]
mod signals;
#[cfg(unix)]
mod signals;

/// How soon to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Take no new work; what is in hand may finish.
    Graceful,
    /// Kill what runs.
    AtOnce,
}

/// A pause of the whole process, as a terminal's Ctrl-Z brings it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The process is about to be stopped: SIGTSTP.
    Begins,
    /// It goes on: SIGCONT.
    Ends,
}

/// What asked for the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The terminal went away: SIGHUP.
    Hangup,
    /// Ctrl-C: SIGINT.
    Interrupt,
    /// SIGTERM, or a caller.
    Terminate,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT (Ctrl-C)",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// A handle on the wish to stop; clones share it.
#[derive(Clone, Default)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

/// Keeps a callback registered until it is dropped.
#[must_use = "the callback is taken off the list when this is dropped"]
pub struct Registration {
    shared: Arc<Shared>,
    id: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requested: Option<(Stop, Reason)>,
    callbacks: Vec<(u64, Callback)>,
    next_id: u64,
}

#[derive(Clone)]
enum Callback {
    OnStop(Arc<dyn Fn(Stop) + Send + Sync>),
    OnPause(Arc<dyn Fn(Pause) + Send + Sync>),
}

impl Interrupt {
    /// An interrupt that only [`Self::request`] feeds.
    pub fn new() -> Self {
        Self::default()
    }

    /// An interrupt fed by SIGINT, SIGTERM and SIGHUP as well, SIGTSTP and SIGCONT, for the rest of the process's life.
    /// A signal that was ignored at the start (`nohup`, a shell's background job) stays ignored
    /// where the system lets us know (Linux).
    ///
    /// On Windows, Ctrl-C is taken for SIGINT, Ctrl-Break for SIGTERM, and the end of the console
    /// or of the session for SIGHUP. To be called once there.
    pub fn on_signals() -> std::io::Result<Self> {
        let interrupt = Self::new();
        signals::feed(interrupt.clone())?;
        Ok(interrupt)
    }

    /// Asks to stop: gracefully the first time, at once from then on. Returns what is now asked
    /// for. The first reason stays.
    pub fn request(&self, reason: Reason) -> Stop {
        let (stop, callbacks) = {
            let mut state = self.shared.lock();
            let requested = match state.requested {
                None => (Stop::Graceful, reason),
                Some((_, first)) => (Stop::AtOnce, first),
            };
            state.requested = Some(requested);
            (requested.0, state.callbacks.iter().map(|(_, call)| call.clone()).collect::<Vec<_>>())
        };
        self.shared.changed.notify_all();
        for call in callbacks {
            if let Callback::OnStop(call) = call {
                call(stop);
            }
        }
        stop
    }

    /// Tells everyone of a pause, and returns when all have done what they have to.
    pub fn pause(&self, pause: Pause) {
        let callbacks = self.shared.lock().callbacks.clone();
        for (_, call) in callbacks {
            if let Callback::OnPause(call) = call {
                call(pause);
            }
        }
    }

    /// What is asked for, if anything.
    pub fn requested(&self) -> Option<Stop> {
        self.shared.lock().requested.map(|(stop, _)| stop)
    }

    /// What asked first.
    pub fn reason(&self) -> Option<Reason> {
        self.shared.lock().requested.map(|(_, reason)| reason)
    }

    /// Waits until `stop` or more is asked for, at most `timeout`. Returns whether it is.
    pub fn wait(&self, stop: Stop, timeout: Duration) -> bool {
        let reached = |state: &State| state.requested.is_some_and(|(now, _)| now >= stop);
        let state = self.shared.lock();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, timeout, |state| !reached(state))
            .unwrap_or_else(PoisonError::into_inner);
        reached(&state)
    }

    /// Has `call` called with every request from now on, and at once if one was made already.
    pub fn on_change(&self, call: impl Fn(Stop) + Send + Sync + 'static) -> Registration {
        let call: Arc<dyn Fn(Stop) + Send + Sync> = Arc::new(call);
        let registration = self.register(Callback::OnStop(call.clone()));
        if let Some(stop) = self.requested() {
            call(stop);
        }
        registration
    }

    /// Has `call` called when a pause begins, and when it ends.
    pub fn on_pause(&self, call: impl Fn(Pause) + Send + Sync + 'static) -> Registration {
        self.register(Callback::OnPause(Arc::new(call)))
    }

    fn register(&self, call: Callback) -> Registration {
        let mut state = self.shared.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.callbacks.push((id, call));
        Registration { shared: self.shared.clone(), id }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.lock().callbacks.retain(|(id, _)| *id != self.id);
    }
}

impl Shared {
    /// No caller's code runs while it is held, so a poisoned lock holds a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("requested", &self.shared.lock().requested).finish()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn the_first_request_is_graceful_and_the_next_ones_are_not() {
        let interrupt = Interrupt::new();
        assert_eq!(interrupt.requested(), None);
        assert_eq!(interrupt.request(Reason::Interrupt), Stop::Graceful);
        assert_eq!(interrupt.request(Reason::Terminate), Stop::AtOnce);
        assert_eq!(interrupt.request(Reason::Terminate), Stop::AtOnce);
        assert_eq!(interrupt.reason(), Some(Reason::Interrupt), "the first reason stays");
    }

    #[test]
    fn a_waiting_thread_is_woken() {
        let interrupt = Interrupt::new();
        let waiter = interrupt.clone();
        let waiting = std::thread::spawn(move || waiter.wait(Stop::AtOnce, LONG));
        interrupt.request(Reason::Hangup);
        assert!(!interrupt.wait(Stop::AtOnce, Duration::ZERO), "graceful is not enough");
        interrupt.request(Reason::Hangup);
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn callbacks_hear_every_request_until_they_are_dropped() {
        let interrupt = Interrupt::new();
        let (sender, heard) = mpsc::channel();
        let early = interrupt.on_change({
            let sender = sender.clone();
            move |stop| sender.send(("early", stop)).unwrap()
        });
        interrupt.request(Reason::Interrupt);
        let late = interrupt.on_change(move |stop| sender.send(("late", stop)).unwrap());
        drop(early);
        interrupt.request(Reason::Interrupt);
        drop(late);
        interrupt.request(Reason::Interrupt);

        let expected =
            [("early", Stop::Graceful), ("late", Stop::Graceful), ("late", Stop::AtOnce)];
        assert_eq!(heard.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_pause_is_told_to_those_who_asked_for_it_and_is_no_wish_to_stop() {
        let interrupt = Interrupt::new();
        let (sender, heard) = mpsc::channel();
        let _stops = interrupt.on_change(|stop| panic!("{stop:?}"));
        let pauses = interrupt.on_pause(move |pause| sender.send(pause).unwrap());
        interrupt.pause(Pause::Begins);
        interrupt.pause(Pause::Ends);
        drop(pauses);
        interrupt.pause(Pause::Begins);
        assert_eq!(heard.iter().collect::<Vec<_>>(), [Pause::Begins, Pause::Ends]);
        assert_eq!(interrupt.requested(), None);
    }

    #[test]
    fn a_callback_may_use_the_interrupt_itself() {
        let interrupt = Interrupt::new();
        let (sender, heard) = mpsc::channel();
        let asked = interrupt.clone();
        let _registration = interrupt.on_change(move |_| sender.send(asked.requested()).unwrap());
        interrupt.request(Reason::Terminate);
        assert_eq!(heard.recv_timeout(LONG), Ok(Some(Stop::Graceful)));
    }
}
