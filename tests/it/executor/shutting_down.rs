//! `shutdown`, `terminate_workers`, `kill_workers` and the end of a pool that is simply dropped.

use std::sync::Arc;
use std::thread;

use audiopool::pool::{Shutdown, TaskError};

use super::chores::{Double, Go};
use super::{Gate, in_time, pool};

const NOW: Shutdown = Shutdown { wait: false, cancel_futures: false };

#[test]
fn a_shutdown_waits_for_every_task_and_every_worker() {
    in_time(|program| {
        let pool = pool(program, 3);
        let futures: Vec<_> = (0..50).map(|n| pool.submit(&Double(n)).unwrap()).collect();
        let balance = pool.shutdown();
        assert!(futures.iter().all(audiopool::TaskHandle::done));
        assert_eq!((balance.submitted, balance.succeeded), (50, 50));
        program.expect_no_process_left();
        assert_eq!(pool.shutdown(), balance, "again changes nothing");
    });
}

#[test]
fn a_shutdown_that_does_not_wait_lets_the_tasks_end() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let futures = [(); 4].map(|()| pool.submit(&gate.hold()).unwrap());
        pool.shutdown_with(NOW);
        assert!(pool.submit(&Double(1)).is_err());
        for _ in 0..4 {
            gate.next().let_go();
        }
        assert!(futures.iter().all(|future| future.result().is_ok()));
    });
}

/// As a program of Python does not end before its pools have.
#[test]
fn a_pool_that_was_shut_down_without_waiting_is_waited_for_when_it_is_dropped() {
    in_time(|program| {
        let pool = pool(program, 2);
        let futures: Vec<_> = (0..20).map(|n| pool.submit(&Double(n)).unwrap()).collect();
        pool.shutdown_with(NOW);
        drop(pool);
        assert!(futures.iter().all(|future| future.result().is_ok()));
        program.expect_no_process_left();
    });
}

#[test]
fn a_shutdown_can_cancel_what_has_not_begun() {
    in_time(|program| {
        for wait in [true, false] {
            let gate = Gate::new();
            let pool = Arc::new(pool(program, 2));
            let futures: Vec<_> = (0..20).map(|_| pool.submit(&gate.hold()).unwrap()).collect();
            let held = [gate.next(), gate.next()];
            let shutting = Arc::clone(&pool);
            let shutting = thread::spawn(move || {
                shutting.shutdown_with(Shutdown { wait, cancel_futures: true })
            });
            // The last is cancelled as early as any.
            assert!(matches!(futures[19].result(), Err(TaskError::Cancelled)));
            for held in held {
                held.let_go();
            }
            shutting.join().unwrap();
            let balance = pool.shutdown();
            assert_eq!((balance.succeeded, balance.cancelled), (2, 18));
            let ended_well = futures.iter().filter(|future| future.result().is_ok()).count();
            assert_eq!(ended_well, 2);
        }
    });
}

#[test]
fn a_pool_that_is_dropped_cancels_its_tasks_and_leaves_no_process() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 2);
        let running = pool.submit(&gate.hold()).unwrap();
        let waiting = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        drop(pool);
        program.expect_no_process_left();
        held.wait_for_its_end();
        for future in [running, waiting] {
            assert!(matches!(future.result(), Err(TaskError::Cancelled)));
        }
    });
}

#[test]
fn workers_that_are_made_to_end_take_their_tasks_with_them() {
    in_time(|program| {
        for kill in [true, false] {
            let gate = Gate::new();
            let pool = pool(program, 2);
            let futures = [(); 5].map(|()| pool.submit(&gate.hold()).unwrap());
            let held = [gate.next(), gate.next()];
            if kill {
                pool.kill_workers();
            } else {
                pool.terminate_workers();
            }
            for held in held {
                held.wait_for_its_end();
            }
            for future in futures {
                assert!(matches!(future.result(), Err(TaskError::Cancelled)));
            }
            assert!(pool.submit(&Double(1)).is_err(), "it takes no more");
            let balance = pool.shutdown();
            assert_eq!((balance.cancelled, balance.deaths), (5, 0));
            program.expect_no_process_left();
        }
    });
}

#[test]
fn there_may_be_no_workers_to_end() {
    in_time(|program| {
        for kill in [true, false] {
            for used in [true, false] {
                let pool = pool(program, 2);
                if used {
                    // It dies, and has no successor before there is work for one.
                    pool.submit(&Go::Abort).unwrap().exception().unwrap();
                }
                if kill {
                    pool.kill_workers();
                } else {
                    pool.terminate_workers();
                }
                assert!(pool.shutdown().is_even());
            }
        }
    });
}

#[cfg(unix)]
#[test]
fn a_worker_that_does_not_hear_is_killed_after_the_grace() {
    in_time(|program| {
        let gate = Gate::new();
        let grace = std::time::Duration::from_millis(50);
        let pool = super::builder(program, 1).grace(grace).build().unwrap();
        let future = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        // A process that is stopped hears nothing.
        super::signal("STOP", held.pid);
        pool.terminate_workers();
        held.wait_for_its_end();
        assert!(future.cancelled());
    });
}
