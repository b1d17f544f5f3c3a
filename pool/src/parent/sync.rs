//! Sync: what the threads of a pool share and wait by, named in one place.
//!
//! A module that names it relatively (`super::…`) is compiled once more in the unit tests, on the
//! primitives of a schedule explorer instead: see `explored`.

pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(super) use std::sync::{Condvar, Mutex, MutexGuard, OnceLock};
pub(super) use std::thread;
pub(super) use std::time::Instant;
