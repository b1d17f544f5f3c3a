//! `wait` and `as_completed`: for some of many futures, without a thread for each.

use std::thread;
use std::time::Duration;

use audiopool::TaskHandle;
use audiopool::pool::{ReturnWhen, Unfinished, as_completed, wait};

use super::chores::Go;
use super::{Gate, in_time, pool};

use ReturnWhen::{AllCompleted, FirstCompleted, FirstException};

const AT_ONCE: Option<Duration> = Some(Duration::from_millis(1));

/// How many are done, and how many are not.
fn counts<'a>(
    futures: impl IntoIterator<Item = &'a TaskHandle<u32>>,
    when: ReturnWhen,
    timeout: Option<Duration>,
) -> (usize, usize) {
    let waited = wait(futures, when, timeout);
    assert!(waited.done.iter().all(TaskHandle::done));
    (waited.done.len(), waited.not_done.len())
}

#[test]
fn waiting_for_the_first_returns_with_the_first() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let futures = [pool.submit(&gate.hold()).unwrap(), pool.submit(&gate.hold()).unwrap()];
        let (first, second) = (gate.next(), gate.next());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| counts(&futures, FirstCompleted, None));
            first.let_go();
            assert_eq!(waiting.join().unwrap(), (1, 1));
        });
        assert_eq!(counts(&futures, FirstCompleted, None), (1, 1), "that one is done already");
        second.let_go();
        assert_eq!(counts(&futures, AllCompleted, None), (2, 0));
        assert_eq!(counts(&futures, FirstCompleted, None), (2, 0));
    });
}

#[test]
fn waiting_for_the_first_failure_passes_over_what_ends_well_or_is_cancelled() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let held = pool.submit(&gate.hold()).unwrap();
        let at_gate = gate.next();
        let well = pool.submit(&Go::Well).unwrap();
        well.result().unwrap();
        let second = pool.submit(&gate.hold()).unwrap();
        let second_at_gate = gate.next();
        let fails = pool.submit(&Go::Fail).unwrap();
        let cancelled = pool.submit(&Go::Well).unwrap();
        assert!(cancelled.cancel());
        let futures = [held.clone(), well.clone(), second, fails, cancelled.clone()];
        assert_eq!(counts(&futures, FirstException, AT_ONCE), (2, 3), "nothing has failed");
        second_at_gate.let_go();
        assert_eq!(counts(&futures, FirstException, None), (4, 1));
        assert_eq!(counts(&futures, FirstException, None), (4, 1), "that has failed already");
        at_gate.let_go();
        let fine = [held, well, cancelled];
        assert_eq!(counts(&fine, FirstException, None), (3, 0), "nothing fails, all have ended");
    });
}

#[test]
fn waiting_for_all_waits_for_all_or_until_the_time_is_up() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let futures = [
            pool.submit(&Go::Fail).unwrap(),
            pool.submit(&Go::Panic).unwrap(),
            pool.submit(&gate.hold()).unwrap(),
        ];
        let held = gate.next();
        assert_eq!(counts(&futures, AllCompleted, AT_ONCE), (2, 1));
        held.let_go();
        assert_eq!(counts(&futures, AllCompleted, None), (3, 0));
        assert_eq!(counts(&[], AllCompleted, None), (0, 0));
        assert_eq!(counts(&[], FirstCompleted, None), (0, 0));
    });
}

#[test]
fn a_future_that_is_given_twice_counts_once() {
    in_time(|program| {
        let future = pool(program, 1).submit(&Go::Well).unwrap();
        let twice = [future.clone(), future];
        assert_eq!(counts(&twice, AllCompleted, None), (1, 0));
        assert_eq!(as_completed(&twice, None).count(), 1);
    });
}

/// Waiting for the first of many again and again misses no task that ends at that moment.
#[test]
fn many_that_end_at_once_are_each_seen_once() {
    in_time(|program| {
        let pool = pool(program, 3);
        for _ in 0..10 {
            let mut left: Vec<_> = (0..40).map(|_| pool.submit(&Go::Well).unwrap()).collect();
            let mut done = 0;
            while !left.is_empty() {
                let waited = wait(&left, FirstCompleted, None);
                assert!(!waited.done.is_empty());
                done += waited.done.len();
                left = waited.not_done;
            }
            assert_eq!(done, 40);
        }
    });
}

#[test]
fn futures_are_yielded_as_they_end() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let slow = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        let quick = pool.submit(&Go::Well).unwrap();
        quick.result().unwrap();
        let failed = pool.submit(&Go::Fail).unwrap();
        let futures = [slow, quick, failed];
        let mut ended = as_completed(&futures, None);
        let first = ended.next().unwrap().unwrap();
        assert!(first.result().is_ok(), "the one that had ended before");
        let second = ended.next().unwrap().unwrap();
        assert!(second.exception().is_some());
        let pid = held.let_go();
        assert_eq!(ended.next().unwrap().unwrap().result().unwrap(), pid);
        assert!(ended.next().is_none());
    });
}

#[test]
fn the_time_of_as_completed_counts_from_the_call_and_says_how_many_are_left() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let done = pool.submit(&Go::Well).unwrap();
        done.result().unwrap();
        let futures = [pool.submit(&gate.hold()).unwrap(), done];
        let held = gate.next();
        let timeout = Duration::from_millis(1);
        let mut ended = as_completed(&futures, Some(timeout));
        assert!(ended.next().unwrap().is_ok());
        let left = ended.next().unwrap().unwrap_err();
        assert_eq!(left, Unfinished { unfinished: 1, total: 2, timeout });
        assert_eq!(left.to_string(), "1 of 2 tasks have not ended within 1ms");
        assert!(ended.next().is_none());
        held.let_go();
    });
}

#[test]
fn a_wait_that_is_given_up_leaves_nothing_behind() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let future = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        for _ in 0..1000 {
            assert_eq!(counts([&future], AllCompleted, Some(Duration::ZERO)), (0, 1));
            drop(as_completed([&future], None));
        }
        held.let_go();
        assert_eq!(counts([&future], AllCompleted, None), (1, 0));
    });
}
