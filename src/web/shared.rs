//! `SharedPools`: the processes that all batches in work share, while there are any.
//!
//! ```text
//!   batch 1 ──enter──▶ ┌───────┐
//!   batch 2 ──enter──▶ │ Pools │ 2 workers      the first enters: they are opened
//!    setting: 3        └───────┘                the last leaves: they are closed, the accounting checked
//!   batch 3 ──enter──▶ ┌───────┐
//!                      │ Pools │ 3 workers
//!                      └───────┘
//! ```
//!
//! An idle server has no processes. A batch that starts after a change of the setting, or after
//! pools gave up, gets new pools; batches in work keep theirs.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::event::Observer;
use crate::pipeline::{Pools, RunError};
use crate::settings::{Drawing, RunSettings};
use crate::threads::ThreadConfig;

/// More than a screen shows, and little to keep.
pub(super) const MOST_COLUMNS: NonZeroU32 = NonZeroU32::new(2000).expect("it is not zero");

/// Frames of a column of a waveform, before it is made as narrow as it is shown.
const SAMPLES_PER_PIXEL: NonZeroU32 = NonZeroU32::new(256).expect("it is not zero");

/// What the next batch enters, if it is still there.
pub(super) struct SharedPools {
    /// Batches at a time.
    places: NonZeroUsize,
    /// How each is worked on, but for the number of workers.
    run: RunSettings,
    observer: Observer,
    current: Mutex<Weak<Pools>>,
}

impl SharedPools {
    pub(super) fn new(places: NonZeroUsize, run: RunSettings, observer: Observer) -> Self {
        Self { places, run, observer, current: Mutex::default() }
    }

    /// The pools that are there, if they are what is set now and do their work; else new ones.
    pub(super) fn enter(&self) -> Result<Arc<Pools>, RunError> {
        let workers = ThreadConfig::num_threads();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |pools: &Pools| pools.workers() == workers && pools.take_tasks();
        let former = match current.upgrade() {
            Some(pools) if fits(&pools) => return Ok(pools),
            former => former,
        };
        let drawing = Some(Drawing::Shown {
            samples_per_pixel: SAMPLES_PER_PIXEL,
            most_columns: MOST_COLUMNS,
        });
        let run = RunSettings { workers, drawing, ..self.run.clone() };
        let pools = Arc::new(Pools::shared(self.places, &run, &self.observer)?);
        *current = Arc::downgrade(&pools);
        drop(current);
        // The last batch in them may have left just now.
        if let Some(Err(error)) = former.map(leave) {
            tracing::error!(%error, "pools that were not wanted any more");
        }
        Ok(pools)
    }
}

/// Closes the pools when the last batch leaves; an error says what is wrong with the accounting.
pub(super) fn leave(pools: Arc<Pools>) -> Result<(), RunError> {
    Arc::into_inner(pools).map_or(Ok(()), Pools::close)
}

impl std::fmt::Debug for SharedPools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedPools").field("places", &self.places).finish_non_exhaustive()
    }
}
