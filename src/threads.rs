//! `ThreadConfig`: how many workers a caller who names no number gets.
//!
//! One number for the whole process, as in the Python program whose pool this one mirrors. It may
//! be read and set from any thread; a pool reads it once, when it is built. The command line does
//! not touch it: `--workers` is a setting of one run.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was set; 0 while nothing is.
static CONFIGURED: AtomicUsize = AtomicUsize::new(0);

/// The process-wide number of workers.
///
/// ```
/// use audiopool::threads::ThreadConfig;
///
/// ThreadConfig::set_num_threads(Some(1))?;
/// assert_eq!(ThreadConfig::num_threads(), 1);
/// ThreadConfig::set_num_threads(None)?;
/// assert_eq!(ThreadConfig::num_threads(), ThreadConfig::default_threads());
/// # Ok::<(), audiopool::threads::ThreadCountError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ThreadConfig;

/// The number of workers asked for is not one that this machine offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number of threads must be 1 to {max}, not {given}")]
pub struct ThreadCountError {
    /// What was asked for.
    pub given: usize,
    /// The most there may be: [`ThreadConfig::max_threads`].
    pub max: usize,
}

impl ThreadConfig {
    /// The number in force: what was set, else [`Self::default_threads`].
    pub fn num_threads() -> usize {
        NonZeroUsize::new(CONFIGURED.load(Ordering::Relaxed))
            .map_or_else(Self::default_threads, NonZeroUsize::get)
    }

    /// The most that can be set: the logical cores this process may run on, at least 1.
    pub fn max_threads() -> usize {
        num_cpus::get().max(1)
    }

    /// Half of [`Self::max_threads`], at least 1.
    pub fn default_threads() -> usize {
        half_of(Self::max_threads())
    }

    /// Sets the number (1 to [`Self::max_threads`]), or resets it with `None`. On an error the
    /// number in force stays.
    pub fn set_num_threads(threads: Option<usize>) -> Result<(), ThreadCountError> {
        let checked = match threads {
            None => 0,
            Some(given) => within(given, Self::max_threads())?,
        };
        CONFIGURED.store(checked, Ordering::Relaxed);
        Ok(())
    }
}

fn half_of(cores: usize) -> usize {
    (cores / 2).max(1)
}

fn within(given: usize, max: usize) -> Result<usize, ThreadCountError> {
    if (1..=max).contains(&given) { Ok(given) } else { Err(ThreadCountError { given, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_half_the_cores_and_never_none() {
        assert_eq!(half_of(1), 1);
        assert_eq!(half_of(2), 1);
        assert_eq!(half_of(3), 1);
        assert_eq!(half_of(16), 8);
    }

    #[test]
    fn a_number_out_of_bounds_is_named_with_its_bounds() {
        let message = within(9, 8).unwrap_err().to_string();
        assert_eq!(message, "the number of threads must be 1 to 8, not 9");
        assert!(within(0, 8).is_err());
        assert_eq!(within(8, 8), Ok(8));
    }

    #[test]
    fn setting_resetting_and_refusing_are_seen_by_every_thread() {
        let max = ThreadConfig::max_threads();
        ThreadConfig::set_num_threads(Some(max)).unwrap();
        assert_eq!(std::thread::spawn(ThreadConfig::num_threads).join().unwrap(), max);

        assert!(ThreadConfig::set_num_threads(Some(0)).is_err());
        assert!(ThreadConfig::set_num_threads(Some(max + 1)).is_err());
        assert_eq!(ThreadConfig::num_threads(), max, "a refused number changes nothing");

        ThreadConfig::set_num_threads(None).unwrap();
        assert_eq!(ThreadConfig::num_threads(), ThreadConfig::default_threads());
    }
}
