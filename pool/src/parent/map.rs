//! Map: the outputs of many tasks, in the order of the tasks, however they come home.
//!
//! ```text
//!   tasks ──taken lazily──▶ group of `chunksize` ──▶ pool
//!                                                     │
//!   caller ◀──in order── ahead: at most `buffersize` ◀┘
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::task::Task;

use super::ProcessPool;
use super::deadline::Deadline;
use super::executor::Prepared;
use super::fault::TaskError;
use super::handle::TaskHandle;
use super::supervisor::Body;

/// How [`map_with`](ProcessPool::map_with) is to go about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapOptions {
    /// How many tasks are submitted at a time. That is cheaper for many small tasks; each still
    /// succeeds, fails and dies for itself. 1 by default.
    pub chunksize: NonZeroUsize,
    /// How long the whole call may take, counted from the call. Then the next output is
    /// [`TaskError::NotYet`] and the last, and tasks that no worker has yet are cancelled. For
    /// ever by default.
    pub timeout: Option<Duration>,
    /// How many tasks may be submitted whose outputs have not been yielded. Tasks are taken from
    /// the input when there is room for a group of them, so it may go on without end; for busy
    /// workers it is best a few times their number, and twice the `chunksize` at least. By default
    /// there is no limit: all are taken and submitted before the call returns.
    pub buffersize: Option<NonZeroUsize>,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self { chunksize: NonZeroUsize::MIN, timeout: None, buffersize: None }
    }
}

/// The outputs of [`map`](ProcessPool::map). Dropping it cancels the tasks that no worker has yet.
pub struct Map<'pool, I: Iterator<Item: Task>> {
    pool: &'pool ProcessPool,
    /// Until it has no more.
    tasks: Option<I>,
    options: MapOptions,
    begun: Instant,
    ahead: Ahead<<I::Item as Task>::Output>,
}

/// What was taken from the input and has not been yielded, in order.
type Ahead<T> = VecDeque<Result<TaskHandle<T>, TaskError>>;

impl<I: Iterator<Item: Task>> fmt::Debug for Map<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("ahead", &self.ahead.len()).finish_non_exhaustive()
    }
}

impl<'pool, I: Iterator<Item: Task>> Map<'pool, I> {
    pub(super) fn new(pool: &'pool ProcessPool, tasks: I, options: MapOptions) -> Self {
        let begun = Instant::now();
        let mut map = Self { pool, tasks: Some(tasks), options, begun, ahead: VecDeque::new() };
        map.submit();
        map
    }

    /// Takes and submits as many groups as there is room for.
    fn submit(&mut self) {
        let most = self.options.buffersize.map_or(usize::MAX, NonZeroUsize::get);
        let chunksize = self.options.chunksize.get().min(most);
        while self.tasks.is_some() && most - self.ahead.len() >= chunksize {
            self.submit_group(chunksize);
        }
    }

    fn submit_group(&mut self, size: usize) {
        let mut group = Group { pool: self.pool, bodies: Vec::new(), places: Vec::new() };
        for _ in 0..size {
            let Some(task) = self.tasks.as_mut().and_then(Iterator::next) else {
                self.tasks = None;
                break;
            };
            let ahead = &mut self.ahead;
            let deadline = Deadline::of(self.begun, self.options.timeout);
            let prepared = self.pool.prepare(&task, deadline, |_| group.submit(ahead));
            if matches!(prepared, Err(TaskError::NotYet(_))) {
                // The time is up, and there is no room yet for this task.
                self.tasks = None;
            }
            self.ahead.push_back(prepared.map(|Prepared { body, future }| {
                group.bodies.push(body);
                group.places.push(self.ahead.len());
                future
            }));
        }
        group.submit(&mut self.ahead);
    }

    fn cancel_the_rest(&mut self) {
        self.tasks = None;
        let rest = self.ahead.drain(..).filter_map(Result::ok);
        let tasks = rest.filter(|future| !future.done()).map(|future| future.task()).collect();
        self.pool.shared.cancel_waiting(Some(&tasks));
    }
}

/// Tasks that are submitted together.
struct Group<'pool> {
    pool: &'pool ProcessPool,
    bodies: Vec<Body>,
    /// Where they stand among those ahead.
    places: Vec<usize>,
}

impl Group<'_> {
    fn submit<T>(&mut self, ahead: &mut Ahead<T>) {
        let places = std::mem::take(&mut self.places);
        let bodies = std::mem::take(&mut self.bodies);
        if bodies.is_empty() {
            return;
        }
        if let Err(error) = self.pool.shared.submit_all(self.pool.terms(), bodies) {
            for place in places {
                ahead[place] = Err(TaskError::NotRun(error.clone()));
            }
        }
    }
}

impl<I: Iterator<Item: Task>> Iterator for Map<'_, I> {
    type Item = Result<<I::Item as Task>::Output, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.ahead.pop_front()?;
        let output = next.and_then(|future| match self.options.timeout {
            None => future.result(),
            Some(timeout) => {
                let output = future.result_until(self.begun, timeout);
                if let Err(TaskError::NotYet(_)) = output {
                    self.ahead.push_front(Ok(future));
                }
                output
            }
        });
        match output {
            Err(TaskError::NotYet(_)) => self.cancel_the_rest(),
            _ => self.submit(),
        }
        Some(output)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ahead = self.ahead.len();
        let more = self.tasks.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        // The time may be up with the next.
        let least = if self.options.timeout.is_some() { ahead.min(1) } else { ahead + more.0 };
        (least, more.1.and_then(|more| more.checked_add(ahead)))
    }
}

impl<I: Iterator<Item: Task>> FusedIterator for Map<'_, I> {}

impl<I: Iterator<Item: Task>> Drop for Map<'_, I> {
    fn drop(&mut self) {
        self.cancel_the_rest();
    }
}
