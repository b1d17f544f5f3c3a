//! Workers that die: what it costs, and what is told of it. In Python it costs the pool.

use std::fs;

use audiopool::pool::{Cause, PoolError, TaskError};

use super::chores::{Double, Go};
use super::{Gate, builder, in_time, kill, pool};

#[test]
fn a_worker_that_is_killed_costs_a_try_and_the_pool_goes_on() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let future = pool.submit(&gate.hold()).unwrap();
        let waiting = pool.submit(&Double(4)).unwrap();
        let first = gate.next();
        kill(first.pid);
        let second = gate.next();
        assert_ne!(second.pid, first.pid);
        assert!(future.running() || !future.done());
        let pid = second.let_go();
        assert_eq!(future.result().unwrap(), pid);
        assert_eq!(waiting.result().unwrap(), 8);
        let balance = pool.shutdown();
        assert_eq!((balance.succeeded, balance.retries, balance.deaths), (2, 1, 1));
    });
}

#[test]
fn a_task_that_ends_its_process_fails_alone_and_tells_the_exit_code_of_every_try() {
    in_time(|program| {
        let pool = pool(program, 2);
        let bad = pool.submit(&Go::Exit(99)).unwrap();
        let good: Vec<_> = (0..20).map(|n| pool.submit(&Double(n)).unwrap()).collect();
        let error = bad.exception().unwrap();
        let TaskError::AttemptsExhausted(attempts) = &error else { panic!("{error:?}") };
        assert_eq!(attempts.len(), 3);
        assert!(attempts.iter().all(|attempt| attempt.cause == Cause::Exited { code: 99 }));
        let words = "tried 3 times; the last process exited by itself with code 99";
        assert!(error.to_string().starts_with(words), "{error}");
        assert!(good.iter().all(|future| future.result().is_ok()));
        assert_eq!(pool.submit(&Double(1)).unwrap().result().unwrap(), 2, "it takes more");
    });
}

#[test]
fn a_task_that_panics_is_told_with_its_place_and_is_not_tried_again() {
    in_time(|program| {
        let pool = pool(program, 1);
        let error = pool.submit(&Go::Panic).unwrap().exception().unwrap().to_string();
        let error = error.replace('\\', "/");
        assert!(error.contains("tests/it/executor/chores.rs:"), "{error}");
        assert!(error.ends_with(": it is frightened"), "{error}");
        assert_eq!(pool.shutdown().retries, 0);
    });
}

#[test]
fn a_successor_that_cannot_be_started_ends_the_pool_with_the_reason() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = builder(program, 1).max_attempts(2).build().unwrap();
        let future = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        let elsewhere = program.path.with_extension("elsewhere");
        fs::rename(&program.path, &elsewhere).unwrap();
        kill(held.pid);
        let error = future.exception().unwrap();
        assert!(matches!(error, TaskError::NotRun(PoolError::Boot { .. })), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(program.path.to_str().unwrap()), "{error}");
        assert!(pool.submit(&Double(1)).is_err());
        assert!(pool.shutdown().is_even());
        fs::rename(&elsewhere, &program.path).unwrap();
    });
}

/// A worker that dies while it waits for work, and is given a task before its death is noticed.
#[test]
fn a_task_that_a_dead_worker_never_began_is_not_charged() {
    in_time(|program| {
        for _ in 0..20 {
            let pool = builder(program, 1).max_attempts(1).build().unwrap();
            let gate = Gate::new();
            let first = pool.submit(&gate.hold()).unwrap();
            let pid = gate.next().let_go();
            assert_eq!(first.result().unwrap(), pid);
            kill(pid);
            assert_eq!(pool.submit(&Double(4)).unwrap().result().unwrap(), 8);
            assert_eq!(pool.shutdown().deaths, 1);
        }
    });
}
