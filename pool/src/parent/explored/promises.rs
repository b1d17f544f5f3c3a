//! Promises: an outcome reaches every thread that waits for it, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::codec;
use shuttle::thread::{self, JoinHandle};

use super::explore;
use super::handle::{Promise, RawOutcome, ReturnWhen, TaskHandle, as_completed, wait};
use crate::parent::fault::TaskError;

/// May be over at any time.
const SOON: Option<Duration> = Some(Duration::from_secs(1));

/// Promises of the tasks from 1 on, not yet given to a thread, and their futures.
fn promises(tasks: u64) -> (Vec<Arc<Promise>>, Vec<TaskHandle<u64>>) {
    let promises: Vec<Arc<Promise>> = (0..tasks).map(|_| Arc::default()).collect();
    let futures = promises.iter().map(|promise| TaskHandle::new(Arc::clone(promise))).collect();
    (promises, futures)
}

fn keep(promise: &Arc<Promise>, outcome: RawOutcome) -> JoinHandle<()> {
    let promise = Arc::clone(promise);
    thread::spawn(move || promise.keep(outcome).make())
}

/// The task is answered with its number.
fn answer(promises: &[Arc<Promise>], task: u64) -> JoinHandle<()> {
    let nth = usize::try_from(task - 1).unwrap();
    let output = codec::encode(&task).map_err(|error| TaskError::InvalidOutput(error.to_string()));
    keep(&promises[nth], output)
}

fn join_all<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let threads: Vec<_> = threads.into_iter().collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn an_outcome_reaches_everyone_who_waits_for_it() {
    explore(|| {
        let (promises, futures) = promises(1);
        let patient = |future: TaskHandle<u64>| thread::spawn(move || future.result().unwrap());
        let hasty = |future: TaskHandle<u64>| {
            thread::spawn(move || match future.result_within(Duration::from_secs(1)) {
                // It can be asked again.
                Err(TaskError::NotYet(_)) => future.result().unwrap(),
                told => told.unwrap(),
            })
        };
        let [one, other] = [patient(futures[0].clone()), patient(futures[0].clone())];
        let hasty = hasty(futures[0].clone());
        let child = answer(&promises, 1);
        assert_eq!(join_all([one, other, hasty]), [1, 1, 1]);
        child.join().unwrap();
        assert!(futures[0].done() && !futures[0].running());
    });
}

#[test]
fn a_callback_that_is_added_while_the_task_ends_is_called_once() {
    explore(|| {
        let (promises, futures) = promises(1);
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
        answer(&promises, 1).join().unwrap();
        join_all(adding);
        assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::SeqCst)), [1, 1, 1]);
    });
}

#[test]
fn each_is_yielded_once_as_it_ends() {
    explore(|| {
        let (promises, futures) = promises(3);
        let children: Vec<_> = (1..=3).map(|task| answer(&promises, task)).collect();
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
        let (promises, futures) = promises(3);
        let children: Vec<_> = (1..=3).map(|task| answer(&promises, task)).collect();
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
        // No thread is told any more, and none waits.
        join_all(children);
    });
}

#[test]
fn no_end_is_slept_through() {
    explore(|| {
        let (promises, futures) = promises(3);
        let wait_for = |return_when, timeout| {
            let futures = futures.clone();
            thread::spawn(move || {
                let waited = wait(&futures, return_when, timeout);
                assert!(waited.done.iter().all(TaskHandle::done));
                assert_eq!(waited.done.len() + waited.not_done.len(), 3);
                waited.done.len()
            })
        };
        let all = wait_for(ReturnWhen::AllCompleted, None);
        let first = wait_for(ReturnWhen::FirstCompleted, None);
        let failed = wait_for(ReturnWhen::FirstException, None);
        let in_time = wait_for(ReturnWhen::AllCompleted, SOON);
        let children = [1, 3].map(|task| answer(&promises, task));
        let failing = keep(&promises[1], Err(TaskError::InvalidOutput("none".to_owned())));
        assert_eq!(all.join().unwrap(), 3);
        assert!(first.join().unwrap() >= 1);
        assert!(failed.join().unwrap() >= 1);
        assert!(in_time.join().unwrap() <= 3);
        join_all(children.into_iter().chain([failing]));
    });
}
