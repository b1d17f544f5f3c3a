//! `Queue`: which batch is in work, which one waits, and which is remembered.
//!
//! A batch is one run of the `pipeline`. A few are in work at a time, on [`shared`](super::shared)
//! pools that take turns between them; the last place is kept for small ones, so that none of those
//! waits for a large one. Nothing here knows of requests.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::ApiError;
use super::batch::{Batch, Order, Status};
use super::shared::{self, SharedPools};
use super::tally::Tally;
use crate::event::{Event, Observer, PoolEvent};
use crate::pipeline::{Pools, RunError};
use crate::record::Summary;
use crate::settings::RunSettings;

/// Batches in work at a time.
const PLACES: NonZeroUsize = NonZeroUsize::new(3).expect("it is not zero");

/// A batch of at most so many bytes is small.
const SMALL: u64 = 64 << 20;

/// Batches that wait or are being sent.
const MOST_WAITING: usize = 16;

/// Batches that have ended and can still be asked about.
const MOST_REMEMBERED: usize = 64;

/// Bytes of all files that were sent here and are not deleted yet.
const MOST_BYTES: u64 = 16 << 30;

/// All batches.
#[derive(Debug)]
pub(super) struct Queue {
    pools: SharedPools,
    pub(super) tally: Arc<Tally>,
    board: Mutex<Board>,
    /// A place is free again.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Board {
    all: Vec<Arc<Batch>>,
    waiting: VecDeque<Arc<Batch>>,
    running: usize,
    /// Batches taken in so far.
    tenants: u64,
    /// Places promised to those who are still sending.
    promised: usize,
    /// Bytes that lie in temporary folders.
    bytes: u64,
    closed: bool,
}

/// A promised place in the queue, and room for what is being sent; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    queue: Arc<Queue>,
    /// The id that the batch will have.
    id: String,
    bytes: u64,
    is_promised: bool,
}

impl Queue {
    pub(super) fn new(run: RunSettings) -> Arc<Self> {
        Arc::new_cyclic(|queue: &Weak<Self>| {
            let tally = Arc::<Tally>::default();
            let observer: Observer = {
                let (tally, queue) = (Arc::clone(&tally), queue.clone());
                Arc::new(move |event| {
                    tally.observe(event);
                    if let Event::Pool(PoolEvent::ChildDied {
                        role, number, cause, evidence, ..
                    }) = event
                    {
                        tracing::warn!(cause, evidence, "{role} {number} died");
                    }
                    let of = event.tenant().zip(queue.upgrade());
                    if let Some(batch) = of.and_then(|(tenant, queue)| queue.of_tenant(tenant)) {
                        batch.observe(event);
                    }
                })
            };
            let pools = SharedPools::new(PLACES, run, observer);
            Self { pools, tally, board: Mutex::default(), freed: Condvar::new() }
        })
    }

    /// Promises a place to someone who is about to send files.
    pub(super) fn promise(self: &Arc<Self>) -> Result<Reservation, ApiError> {
        let mut board = self.lock();
        if board.closed {
            return Err(ApiError::Closing);
        }
        if board.waiting.len() + board.promised >= MOST_WAITING {
            return Err(ApiError::Busy { waiting: MOST_WAITING });
        }
        let id = random_id()?;
        board.promised += 1;
        Ok(Reservation { queue: Arc::clone(self), id, bytes: 0, is_promised: true })
    }

    /// Takes an order in, and begins it if there is a free place.
    pub(super) fn enter(self: &Arc<Self>, mut place: Reservation, order: Order) -> Arc<Batch> {
        let mut board = self.lock();
        board.tenants += 1;
        let batch = Arc::new(Batch::new((std::mem::take(&mut place.id), board.tenants), order));
        board.promised -= 1;
        place.is_promised = false;
        board.all.push(Arc::clone(&batch));
        let ended = board.all.iter().filter(|batch| batch.status().is_final()).count();
        let mut surplus = ended.saturating_sub(MOST_REMEMBERED);
        board.all.retain(|batch| {
            let goes = surplus > 0 && batch.status().is_final();
            surplus -= usize::from(goes);
            !goes
        });
        self.tally.batch();
        if board.closed {
            drop(board);
            batch.end(Status::Cancelled, None);
            return batch;
        }
        // The room that its files take up is given back when they are deleted.
        let bytes = std::mem::take(&mut place.bytes);
        board.waiting.push_back(Arc::clone(&batch));
        let id = String::new();
        batch.keep_room(Reservation { queue: Arc::clone(self), id, bytes, is_promised: false });
        drop(board);
        self.dispatch();
        batch
    }

    /// Begins what there is a place for, each on a thread of its own.
    fn dispatch(self: &Arc<Self>) {
        while let Some(batch) = self.take() {
            let (queue, begun) = (Arc::clone(self), Arc::clone(&batch));
            let started = thread::Builder::new().name("analysis".to_owned()).spawn(move || {
                let work = AssertUnwindSafe(|| queue.work(&begun));
                if catch_unwind(work).is_err() {
                    begun.end(Status::Failed, Some("internal error; the log has more"));
                }
                queue.lock().running -= 1;
                queue.dispatch();
                queue.freed.notify_all();
            });
            if let Err(error) = started {
                batch.end(Status::Failed, Some(&error.to_string()));
                self.lock().running -= 1;
            }
        }
    }

    fn take(&self) -> Option<Arc<Batch>> {
        let mut board = self.lock();
        let batch = board.next()?;
        board.running += 1;
        Some(batch)
    }

    /// One run of the pipeline.
    fn work(&self, batch: &Arc<Batch>) {
        let pools = match self.pools.enter() {
            Ok(pools) => pools,
            Err(error) => return Self::conclude(batch, Err(error)),
        };
        batch.begin(pools.workers());
        let ran = self.walk(&pools, batch);
        // Before it is called ended, so that nothing is left of what has.
        let left = shared::leave(pools);
        Self::conclude(batch, left.and(ran));
    }

    fn walk(&self, pools: &Pools, batch: &Arc<Batch>) -> Result<Summary, RunError> {
        let observer: Observer = {
            let (batch, tally) = (Arc::clone(batch), Arc::clone(&self.tally));
            Arc::new(move |event: &Event| {
                tally.observe(event);
                batch.observe(event);
            })
        };
        let jobs = batch.jobs.iter().cloned();
        let mut index = 0;
        let (session, analysis) = (pools.session(batch.tenant), batch.measured());
        session.run(jobs, &analysis, &observer, batch.stop(), &mut |record| {
            batch.record(index, record);
            index += 1;
            Ok(())
        })
    }

    fn conclude(batch: &Batch, ran: Result<Summary, RunError>) {
        match ran {
            Ok(_) if batch.stop().requested().is_some() => batch.end(Status::Cancelled, None),
            Ok(_) => batch.end(Status::Finished, None),
            Err(error) => {
                tracing::error!(%error, "a job failed");
                batch.end(Status::Failed, Some(&error.to_string()));
            }
        }
    }

    fn of_tenant(&self, tenant: u64) -> Option<Arc<Batch>> {
        self.lock().all.iter().find(|batch| batch.tenant == tenant).cloned()
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Batch>> {
        self.lock().all.iter().find(|batch| batch.id == id).cloned()
    }

    /// The newest first.
    pub(super) fn all(&self) -> Vec<Arc<Batch>> {
        self.lock().all.iter().rev().cloned().collect()
    }

    /// Ends a batch, whether it waits or is in work. One that has ended stays as it is.
    pub(super) fn cancel(&self, batch: &Arc<Batch>) {
        let waited = {
            let mut board = self.lock();
            let before = board.waiting.len();
            board.waiting.retain(|one| !Arc::ptr_eq(one, batch));
            board.waiting.len() < before
        };
        if waited {
            batch.end(Status::Cancelled, None);
        } else {
            batch.cancel();
        }
    }

    /// Takes nothing in any more, cancels everything, and waits until all of it has ended, at most
    /// `grace`.
    pub(super) fn close(&self, grace: Duration) {
        self.lock().closed = true;
        for batch in self.all() {
            self.cancel(&batch);
        }
        let board = self.lock();
        let ended = self.freed.wait_timeout_while(board, grace, |board| board.running > 0);
        if ended.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            tracing::error!("some jobs did not end in time");
        }
    }

    /// Batches that wait, are in work, and bytes of their files.
    pub(super) fn load(&self) -> (usize, usize, u64) {
        let board = self.lock();
        (board.waiting.len(), board.running, board.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    /// The batch whose turn it is. The last place is for small ones.
    fn next(&mut self) -> Option<Arc<Batch>> {
        let free = PLACES.get().saturating_sub(self.running);
        let at = match free {
            0 => None,
            1 => self.waiting.iter().position(|batch| batch.bytes <= SMALL),
            _ => (!self.waiting.is_empty()).then_some(0),
        };
        self.waiting.remove(at?)
    }
}

impl Reservation {
    /// Takes room for so many bytes more.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), ApiError> {
        let mut board = self.queue.lock();
        if board.bytes + bytes > MOST_BYTES {
            return Err(ApiError::Full);
        }
        board.bytes += bytes;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut board = self.queue.lock();
        board.bytes -= self.bytes;
        board.promised -= usize::from(self.is_promised);
    }
}

/// An id that cannot be guessed from another one.
fn random_id() -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!("the system gives no random bytes: {error}");
        ApiError::Internal
    })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
