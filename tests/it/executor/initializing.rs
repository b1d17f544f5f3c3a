//! The initializer: what each worker runs before its first task.

use std::collections::BTreeSet;

use audiopool::pool::{PoolError, TaskError};

use super::chores::{Go, Long, Prepare, Recall};
use super::{Gate, builder, in_time};

const PREPARED: Prepare = Prepare { number: 7, go: Go::Well };

#[test]
fn what_an_initializer_has_set_up_is_there_for_every_task_of_every_worker() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = builder(program, 2).initializer(&PREPARED).max_attempts(1).build().unwrap();
        let held = [(); 2].map(|()| pool.submit(&gate.hold()).unwrap());
        let workers = BTreeSet::from([gate.next(), gate.next()].map(super::Held::let_go));
        assert!(workers.len() == 2 && held.iter().all(|future| future.result().is_ok()));
        pool.submit(&Go::Abort).unwrap().exception().unwrap();
        for output in pool.map([Recall; 10]) {
            assert_eq!(output.unwrap(), 7, "once in each process, also in a successor");
        }
    });
}

#[test]
fn an_initializer_that_fails_breaks_the_pool_at_once_with_its_own_words() {
    in_time(|program| {
        for (go, words) in [(Go::Fail, "it does not want to"), (Go::Panic, "it is frightened")] {
            let unfit = Prepare { number: 0, go };
            let pool = builder(program, 2).initializer(&unfit).build().unwrap();
            let futures: Vec<_> = (0..3).filter_map(|_| pool.submit(&Recall).ok()).collect();
            for future in &futures {
                let error = future.exception().unwrap();
                let is_boot = matches!(error, TaskError::NotRun(PoolError::Boot { .. }));
                let error = error.to_string();
                assert!(is_boot && error.contains("its initializer failed: "), "{error}");
                assert!(error.ends_with(words), "{error}");
            }
            assert!(!futures.is_empty());
            let error = pool.submit(&Recall).unwrap_err().to_string();
            assert!(error.ends_with(words), "later ones are refused for the same: {error}");
            assert!(pool.shutdown().is_even());
            program.expect_no_process_left();
        }
    });
}

#[test]
fn an_initializer_that_takes_its_process_with_it_is_no_endless_loop() {
    in_time(|program| {
        for (go, words) in [(Go::Abort, "SIGABRT"), (Go::Exit(9), "exited by itself with code 9")] {
            let unfit = Prepare { number: 0, go };
            let pool = builder(program, 1).initializer(&unfit).build().unwrap();
            let error = pool.submit(&Recall).unwrap().exception().unwrap();
            assert!(matches!(error, TaskError::NotRun(PoolError::Boot { .. })), "{error:?}");
            let error = error.to_string();
            assert!(error.contains(words) && error.contains("before it was ready"), "{error}");
        }
    });
}

#[test]
fn an_initializer_that_the_program_does_not_know_is_named() {
    in_time(|program| {
        let other = builder(program, 1).worker_program(env!("CARGO_BIN_EXE_audiopool"));
        let pool = other.initializer(&PREPARED).build().unwrap();
        let error = pool.submit(&Recall).unwrap().exception().unwrap().to_string();
        let words = "no task `chores.prepare` is registered in the worker program";
        assert!(error.ends_with(words), "{error}");
    });
}

#[test]
fn an_initializer_that_cannot_be_sent_is_refused_when_the_pool_is_built() {
    in_time(|program| {
        let long = Long { bytes: vec![0; 100_000].into(), go: Go::Well };
        let error = builder(program, 1).initializer(&long).build().unwrap_err().to_string();
        assert!(error.contains("the initializer cannot be sent"), "{error}");
    });
}
