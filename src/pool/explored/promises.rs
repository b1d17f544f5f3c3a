//! Promises: an outcome reaches everyone who waits for it, and reaches him once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use audiopool_worker::codec;
use audiopool_worker::protocol::TaskId;
use shuttle::thread::{self, JoinHandle};

use super::explore;
use super::future::{Future, RawOutcome, ReturnWhen, as_completed, wait};
use super::supervisor::Shared;
use crate::pool::fault::TaskError;

/// May be over at any time.
const SOON: Option<Duration> = Some(Duration::from_secs(1));

/// A pool with so many tasks, and their futures.
fn pool(tasks: u64) -> (Arc<Shared>, Vec<Future<u64>>) {
    let pool = Arc::<Shared>::default();
    let futures = (1..=tasks).map(|task| Future::new(pool.submit(TaskId(task)))).collect();
    (pool, futures)
}

fn output(of: u64) -> RawOutcome {
    codec::encode(&of).map_err(|error| TaskError::InvalidOutput(error.to_string()))
}

/// A child that answers; says whether that was the end of the task.
fn answer(pool: &Arc<Shared>, task: u64) -> JoinHandle<bool> {
    let pool = Arc::clone(pool);
    thread::spawn(move || pool.end(TaskId(task), output(task)))
}

fn join_all<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let threads: Vec<_> = threads.into_iter().collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn an_outcome_reaches_everyone_who_waits_for_it() {
    explore(|| {
        let (pool, futures) = pool(1);
        let patient = |future: Future<u64>| thread::spawn(move || future.result().unwrap());
        let hasty = |future: Future<u64>| {
            thread::spawn(move || match future.result_within(Duration::from_secs(1)) {
                // It can be asked again.
                Err(TaskError::NotYet(_)) => future.result().unwrap(),
                told => told.unwrap(),
            })
        };
        let [one, other] = [patient(futures[0].clone()), patient(futures[0].clone())];
        let hasty = hasty(futures[0].clone());
        let child = answer(&pool, 1);
        assert_eq!(join_all([one, other, hasty]), [1, 1, 1]);
        assert!(child.join().unwrap() && futures[0].done() && !futures[0].running());
    });
}

#[test]
fn a_callback_that_is_added_while_the_task_ends_is_called_once() {
    explore(|| {
        let (pool, futures) = pool(1);
        let calls: Arc<[AtomicUsize; 3]> = Arc::default();
        let add = |nth: usize| {
            let (future, calls) = (futures[0].clone(), Arc::clone(&calls));
            thread::spawn(move || {
                future.add_done_callback(move |future| {
                    assert_eq!(future.result().unwrap(), 1, "called before it has ended");
                    calls[nth].fetch_add(1, Ordering::SeqCst);
                });
            })
        };
        let adding: Vec<_> = (0..3).map(add).collect();
        answer(&pool, 1).join().unwrap();
        join_all(adding);
        assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::SeqCst)), [1, 1, 1]);
    });
}

#[test]
fn either_the_answer_comes_first_or_the_cancelling() {
    explore(|| {
        let (pool, futures) = pool(1);
        let cancel = |future: Future<u64>| thread::spawn(move || future.cancel());
        let cancelling = [cancel(futures[0].clone()), cancel(futures[0].clone())];
        let waiting = {
            let future = futures[0].clone();
            thread::spawn(move || matches!(future.exception(), Some(TaskError::Cancelled)))
        };
        let answered = answer(&pool, 1).join().unwrap();
        assert_eq!(waiting.join().unwrap(), !answered);
        // Whoever cancels what is being cancelled has done so, too.
        assert_eq!(join_all(cancelling), [!answered; 2]);
        assert_eq!(futures[0].cancelled(), !answered);
    });
}

#[test]
fn each_is_yielded_once_as_it_ends() {
    explore(|| {
        let (pool, futures) = pool(3);
        let children: Vec<_> = (1..=3).map(|task| answer(&pool, task)).collect();
        let yielded = as_completed(&futures, None);
        let mut told: Vec<u64> = yielded.map(|future| future.unwrap().result().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, [1, 2, 3]);
        join_all(children);
    });
}

#[test]
fn those_that_are_not_yielded_in_time_are_counted() {
    explore(|| {
        let (pool, futures) = pool(3);
        let children: Vec<_> = (1..=3).map(|task| answer(&pool, task)).collect();
        let mut told = 0;
        for future in as_completed(&futures, SOON) {
            match future {
                Ok(future) => {
                    assert!(future.done());
                    told += 1;
                }
                Err(late) => told += late.unfinished,
            }
        }
        assert_eq!(told, 3);
        // Nobody is told any more, and nobody minds.
        join_all(children);
    });
}

#[test]
fn no_end_is_slept_through() {
    explore(|| {
        let (pool, futures) = pool(3);
        let wait_for = |return_when, timeout| {
            let futures = futures.clone();
            thread::spawn(move || {
                let waited = wait(&futures, return_when, timeout);
                assert!(waited.done.iter().all(Future::done));
                assert_eq!(waited.done.len() + waited.not_done.len(), 3);
                waited.done.len()
            })
        };
        let all = wait_for(ReturnWhen::AllCompleted, None);
        let first = wait_for(ReturnWhen::FirstCompleted, None);
        let failed = wait_for(ReturnWhen::FirstException, None);
        let in_time = wait_for(ReturnWhen::AllCompleted, SOON);
        let children = [1, 3].map(|task| answer(&pool, task));
        let failing = {
            let pool = Arc::clone(&pool);
            let fault = || Err(TaskError::InvalidOutput("none".to_owned()));
            thread::spawn(move || pool.end(TaskId(2), fault()))
        };
        assert_eq!(all.join().unwrap(), 3);
        assert!(first.join().unwrap() >= 1);
        assert!(failed.join().unwrap() >= 1);
        assert!(in_time.join().unwrap() <= 3);
        assert_eq!(join_all(children.into_iter().chain([failing])), [true; 3]);
    });
}
