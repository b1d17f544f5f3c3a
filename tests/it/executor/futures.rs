//! `TaskHandle`: what it says of its task, how the task is cancelled, and who is called in the end.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use audiopool::TaskHandle;
use audiopool::pool::{NotYet, TaskError};

use super::chores::{Double, Go};
use super::{Gate, builder, in_time, pool};

const AT_ONCE: Duration = Duration::from_millis(1);

#[test]
fn a_future_says_how_its_task_stands() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let first = pool.submit(&gate.hold()).unwrap();
        let second = pool.submit(&Double(1)).unwrap();
        let held = gate.next();
        assert_eq!((first.running(), first.done(), first.cancelled()), (true, false, false));
        assert_eq!((second.running(), second.done(), second.cancelled()), (false, false, false));
        let debug = [format!("{first:?}"), format!("{second:?}")];
        assert_eq!(debug, ["TaskHandle(running)", "TaskHandle(pending)"]);
        held.let_go();
        second.result().unwrap();
        assert_eq!((first.running(), first.done(), first.cancelled()), (false, true, false));
        let failed = pool.submit(&Go::Fail).unwrap();
        failed.exception().unwrap();
        assert_eq!(
            [format!("{first:?}"), format!("{failed:?}")],
            ["TaskHandle(finished)", "TaskHandle(failed)"]
        );
        pool.kill_workers();
        assert_eq!(format!("{:?}", second.clone()), "TaskHandle(finished)");
    });
}

#[test]
fn a_result_can_be_read_again_and_by_every_clone() {
    in_time(|program| {
        let future = pool(program, 1).submit(&Double(1)).unwrap();
        let other = future.clone();
        drop(future.exception());
        assert!(matches!(future.result(), Err(TaskError::Cancelled) | Ok(2)));
        assert_eq!(future.result().is_ok(), other.result().is_ok());
        assert_eq!(future.exception().is_none(), other.result_within(AT_ONCE).is_ok());
    });
}

#[test]
fn a_wait_without_time_says_that_the_task_has_not_ended() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let future = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        let late = future.result_within(AT_ONCE);
        assert!(matches!(late, Err(TaskError::NotYet(NotYet(AT_ONCE)))), "{late:?}");
        assert_eq!(late.unwrap_err().to_string(), "the task has not ended within 1ms");
        assert_eq!(future.exception_within(Duration::ZERO).unwrap_err(), NotYet(Duration::ZERO));
        let pid = held.let_go();
        assert_eq!(future.result_within(Duration::MAX).unwrap(), pid);
        assert_eq!(future.exception_within(Duration::MAX).unwrap().map(|e| e.to_string()), None);
    });
}

#[test]
fn a_task_that_waits_is_cancelled_and_never_run() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let running = pool.submit(&gate.hold()).unwrap();
        let waiting = pool.submit(&gate.hold()).unwrap();
        let held = gate.next();
        assert!(waiting.cancel() && waiting.cancelled() && waiting.done());
        assert!(waiting.cancel(), "it is cancelled still");
        assert!(matches!(waiting.result(), Err(TaskError::Cancelled)));
        assert_eq!(waiting.exception().unwrap().to_string(), "cancelled");
        let pid = held.let_go();
        assert_eq!(running.result().unwrap(), pid);
        let balance = pool.shutdown();
        assert_eq!((balance.succeeded, balance.cancelled, balance.deaths), (1, 1, 0));
    });
}

#[test]
fn a_running_task_is_cancelled_and_its_worker_replaced_without_loss() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = builder(program, 1).restart_intensity(0, Duration::from_hours(1));
        let pool = pool.build().unwrap();
        let running = pool.submit(&gate.hold()).unwrap();
        let next = pool.submit(&Go::Well).unwrap();
        let held = gate.next();
        let pid = held.pid;
        assert!(running.cancel() && running.cancelled() && !running.running());
        held.wait_for_its_end();
        assert_ne!(next.result().unwrap(), pid, "by another worker");
        let balance = pool.shutdown();
        assert_eq!((balance.cancelled, balance.deaths, balance.retries), (1, 0, 0));
    });
}

#[test]
fn a_task_that_has_ended_cannot_be_cancelled() {
    in_time(|program| {
        let pool = pool(program, 1);
        let (well, failed) = (pool.submit(&Go::Well).unwrap(), pool.submit(&Go::Fail).unwrap());
        failed.exception().unwrap();
        assert!(well.result().is_ok() && !well.cancel() && !well.cancelled());
        assert!(!failed.cancel() && !failed.cancelled());
    });
}

/// Adds callbacks that note themselves and how the future stands.
fn noted(future: &TaskHandle<u32>, names: &[&'static str]) -> mpsc::Receiver<(&'static str, bool)> {
    let (sender, notes) = mpsc::channel();
    for name in names {
        let (name, sender) = (*name, sender.clone());
        future.add_done_callback(move |future| sender.send((name, future.done())).unwrap());
    }
    notes
}

#[test]
fn callbacks_are_called_in_order_once_the_task_has_ended_however_it_does() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let held = pool.submit(&gate.hold()).unwrap();
        let ends = [Go::Well, Go::Fail, Go::Abort].map(|go| pool.submit(&go).unwrap());
        let cancelled = pool.submit(&Go::Well).unwrap();
        let notes: Vec<_> =
            ends.iter().chain([&cancelled]).map(|future| noted(future, &["a", "b"])).collect();
        assert!(cancelled.cancel());
        gate.next().let_go();
        held.result().unwrap();
        for notes in notes {
            assert_eq!(notes.iter().collect::<Vec<_>>(), [("a", true), ("b", true)]);
        }
    });
}

#[test]
fn a_callback_that_is_added_afterwards_is_called_at_once() {
    in_time(|program| {
        let pool = pool(program, 1);
        for go in [Go::Well, Go::Fail] {
            let future = pool.submit(&go).unwrap();
            drop(future.exception());
            assert_eq!(noted(&future, &["late"]).try_recv(), Ok(("late", true)));
        }
    });
}

#[test]
fn a_callback_that_panics_harms_neither_the_next_nor_the_pool() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = pool(program, 1);
        let future = pool.submit(&gate.hold()).unwrap();
        future.add_done_callback(|_| panic!("a callback's own trouble"));
        let notes = noted(&future, &["next"]);
        gate.next().let_go();
        assert_eq!(notes.recv(), Ok(("next", true)));
        future.add_done_callback(|_| panic!("and at once"));
        assert_eq!(pool.submit(&Double(1)).unwrap().result().unwrap(), 2);
    });
}

#[test]
fn a_callback_may_submit_read_cancel_and_shut_down() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = Arc::new(pool(program, 1));
        let first = pool.submit(&gate.hold()).unwrap();
        let other = pool.submit(&gate.hold()).unwrap();
        let (sender, submitted) = mpsc::channel();
        let ours = Arc::clone(&pool);
        first.add_done_callback(move |future| {
            assert!(future.result().is_ok() && other.cancel());
            sender.send(ours.submit(&Double(7)).unwrap()).unwrap();
            ours.shutdown_with(audiopool::pool::Shutdown { wait: false, cancel_futures: false });
        });
        drop(first);
        gate.next().let_go();
        assert_eq!(submitted.recv().unwrap().result().unwrap(), 14);
        assert!(pool.shutdown().is_even());
    });
}

#[test]
fn what_a_callback_holds_is_let_go_after_the_call() {
    in_time(|program| {
        let pool = pool(program, 1);
        let future = pool.submit(&Double(1)).unwrap();
        let held = Arc::new(Mutex::new(()));
        let (sender, called) = mpsc::channel::<()>();
        let theirs = Arc::clone(&held);
        future.add_done_callback(move |_| {
            drop(theirs);
            drop(sender);
        });
        assert!(called.recv().is_err());
        assert_eq!(Arc::strong_count(&held), 1, "although the future is still there");
        assert_eq!(future.result().unwrap(), 2);
    });
}
