//! `submit`: what goes in, in which process, and when it is refused.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use audiopool::event::PoolEvent;
use audiopool::pool::{PoolError, ReturnWhen, TaskError, wait};
use audiopool::{Inline, ProcessPool};

use super::chores::{Double, Go, Nested, Weigh};
use super::{Gate, builder, in_time, pool};

#[test]
fn a_submitted_task_gives_its_output() {
    in_time(|program| {
        let pool = pool(program, 1);
        assert_eq!(pool.submit(&Double(21)).unwrap().result().unwrap(), 42);
    });
}

#[test]
fn workers_are_started_on_demand_and_an_idle_one_is_used_again() {
    in_time(|program| {
        let pool = pool(program, 4);
        assert_eq!(program.processes().len(), 0, "no task, no process");
        let worker = pool.submit(&Go::Well).unwrap().result().unwrap();
        for _ in 0..5 {
            assert_eq!(pool.submit(&Go::Well).unwrap().result().unwrap(), worker);
        }
    });
}

#[test]
fn several_workers_are_started_only_for_tasks_at_the_same_time() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 4);
        let futures = [pool.submit(&gate.hold()).unwrap(), pool.submit(&gate.hold()).unwrap()];
        let workers = BTreeSet::from([gate.next(), gate.next()].map(super::Held::let_go));
        assert_eq!(workers.len(), 2);
        wait(&futures, ReturnWhen::AllCompleted, None);
        for _ in 0..4 {
            let worker = pool.submit(&Go::Well).unwrap().result().unwrap();
            assert!(workers.contains(&worker), "one more was started");
        }
    });
}

#[test]
fn more_tasks_than_workers_wait_for_their_turn() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let futures: Vec<_> = (0..15).map(|_| pool.submit(&gate.hold()).unwrap()).collect();
        let both = [gate.next(), gate.next()];
        let mut workers: BTreeSet<u32> = both.into_iter().map(super::Held::let_go).collect();
        workers.extend((2..15).map(|_| gate.next().let_go()));
        assert_eq!(workers.len(), 2);
        assert!(futures.iter().all(|future| workers.contains(&future.result().unwrap())));
        assert_eq!(pool.shutdown().succeeded, 15);
    });
}

#[test]
fn what_a_task_was_given_is_gone_before_the_next_one() {
    in_time(|program| {
        let pool = pool(program, 1);
        for _ in 0..3 {
            assert_eq!(pool.submit(&Weigh).unwrap().result().unwrap(), 1);
        }
    });
}

#[test]
fn a_pool_that_is_shut_down_takes_nothing_more() {
    in_time(|program| {
        let pool = pool(program, 1);
        pool.shutdown();
        let error = pool.submit(&Double(1)).unwrap_err();
        assert!(matches!(error, TaskError::NotRun(PoolError::ShutDown)), "{error:?}");
        assert_eq!(error.to_string(), "not run: the pool is shut down");
    });
}

#[test]
fn a_task_that_wants_a_pool_of_its_own_is_told_why_not() {
    in_time(|program| {
        let error = pool(program, 1).submit(&Nested).unwrap().result().unwrap_err().to_string();
        assert!(error.contains("this process is a child of a pool itself"), "{error}");
    });
}

#[test]
fn threads_that_submit_while_another_shuts_down_lose_nothing() {
    in_time(|program| {
        for _ in 0..5 {
            let pool = pool(program, 2);
            let start = Barrier::new(4);
            thread::scope(|scope| {
                let submit = || {
                    start.wait();
                    let futures = (0..50).map(|number| (number, pool.submit(&Double(number))));
                    for (number, future) in futures.collect::<Vec<_>>() {
                        match future {
                            Ok(future) => assert_eq!(future.result().unwrap(), 2 * number),
                            Err(error) => assert!(
                                matches!(error, TaskError::NotRun(PoolError::ShutDown)),
                                "{error}"
                            ),
                        }
                    }
                };
                for _ in 0..3 {
                    scope.spawn(submit);
                }
                start.wait();
                assert!(pool.shutdown().is_even());
            });
        }
    });
}

#[test]
fn more_workers_than_there_can_be_are_refused_with_the_number() {
    for workers in [1 << 40, usize::MAX] {
        let error = ProcessPool::builder().max_workers(workers).build().unwrap_err().to_string();
        assert!(error.contains(&workers.to_string()), "{error}");
        assert!(error.contains("use fewer workers"), "{error}");
    }
}

#[test]
fn no_workers_at_all_are_one() {
    in_time(|program| {
        assert_eq!(pool(program, 0).submit(&Double(1)).unwrap().result().unwrap(), 2);
    });
}

#[test]
fn an_observer_is_told_what_happens_and_its_panic_is_its_own() {
    in_time(|program| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&told);
        let observer = Arc::new(move |event: &PoolEvent| {
            notes.lock().unwrap().push(match event {
                PoolEvent::ChildStarted { .. } => "started",
                PoolEvent::ChildReady { .. } => "ready",
                PoolEvent::ChildDied { .. } => "died",
                PoolEvent::TaskRetried { .. } => "retried",
                PoolEvent::ChildRetired { .. } => "retired",
                PoolEvent::TaskLate { .. } => "late",
                other => unreachable!("{other:?}"),
            });
            panic!("I have seen enough");
        });
        let pool = builder(program, 1).max_attempts(2).observer(observer).build().unwrap();
        pool.submit(&Go::Abort).unwrap().exception().unwrap();
        pool.shutdown();
        let told = told.lock().unwrap();
        let count = |what: &str| told.iter().filter(|one| **one == what).count();
        assert_eq!((count("died"), count("retried")), (2, 1), "{told:?}");
        assert_eq!((count("started"), count("retired")), (2, 2), "{told:?}");
    });
}

#[test]
fn the_inline_twin_gives_the_same_futures() {
    use audiopool::{Execute, TaskTerms};
    let inline = Inline::new(super::chores::registry());
    let future = inline.submit_with(&Double(4), None, TaskTerms::default()).unwrap();
    assert!(future.done() && !future.cancel() && !future.running());
    assert_eq!(future.result().unwrap(), 8);
    let failed = inline.submit_with(&Double(u64::MAX), None, TaskTerms::default()).unwrap();
    assert_eq!(failed.exception().unwrap().to_string(), "no room for twice as much");
}
