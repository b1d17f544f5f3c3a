//! What has made, or still makes, Python's pool hang: trouble at every place that a task and its
//! output pass, and ends of the pool at that moment.

use std::sync::{Arc, mpsc};

use audiopool::pool::{ReturnWhen, Shutdown, TaskError, wait};

use super::chores::{Double, Go, Long, OnTheWay, Tricky};
use super::{Gate, builder, in_time, pool};

/// Has a task go its way where it is told to, among others which must not notice; says how it
/// ended.
#[track_caller]
fn ended(tricky: Tricky) -> Result<OnTheWay, TaskError> {
    let mut outcome = None;
    in_time(|program| {
        let pool = builder(program, 2).max_attempts(2).build().unwrap();
        let before = pool.submit(&Double(1)).unwrap();
        let future = pool.submit(&tricky);
        let after = pool.submit(&Double(2)).unwrap();
        outcome = Some(future.and_then(|future| future.result()));
        assert_eq!([before.result().unwrap(), after.result().unwrap()], [2, 4]);
        assert!(pool.shutdown().is_even());
    });
    outcome.expect("the test has run")
}

const CALM: OnTheWay = OnTheWay { written: Go::Well, read: Go::Well };

fn sent(written: Go, read: Go) -> Tricky {
    Tricky { sent: OnTheWay { written, read }, answered: (Go::Well, Go::Well) }
}

fn answered(written: Go, read: Go) -> Tricky {
    Tricky { sent: CALM, answered: (written, read) }
}

#[test]
fn nothing_goes_wrong_on_the_way() {
    assert_eq!(ended(sent(Go::Well, Go::Well)).unwrap(), CALM);
}

#[test]
fn an_error_while_a_task_is_written() {
    let error = ended(sent(Go::Fail, Go::Well)).unwrap_err().to_string();
    assert!(error.contains("it does not want to"), "{error}");
}

#[test]
fn an_error_while_a_task_is_read_by_the_worker() {
    let error = ended(sent(Go::Well, Go::Fail)).unwrap_err();
    assert!(matches!(error, TaskError::Fault(_)), "{error:?}");
    assert!(error.to_string().contains("it does not want to"), "{error}");
}

#[test]
fn a_panic_while_a_task_is_read_by_the_worker() {
    let error = ended(sent(Go::Well, Go::Panic)).unwrap_err().to_string();
    assert!(error.contains("it is frightened"), "{error}");
}

#[test]
fn an_exit_while_a_task_is_read_by_the_worker() {
    let error = ended(sent(Go::Well, Go::Exit(1))).unwrap_err().to_string();
    assert!(error.contains("exited by itself with code 1"), "{error}");
}

#[test]
fn a_crash_while_a_task_is_read_by_the_worker() {
    let error = ended(sent(Go::Well, Go::Abort)).unwrap_err().to_string();
    assert!(error.contains("crashed with SIGABRT"), "{error}");
}

#[test]
fn an_error_or_a_panic_while_an_output_is_written() {
    for (go, words) in [(Go::Fail, "it does not want to"), (Go::Panic, "it is frightened")] {
        let error = ended(answered(go, Go::Well)).unwrap_err();
        assert!(matches!(error, TaskError::Fault(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn an_exit_or_a_crash_while_an_output_is_written() {
    for (go, words) in [(Go::Exit(1), "with code 1"), (Go::Abort, "crashed with SIGABRT")] {
        let error = ended(answered(go, Go::Well)).unwrap_err();
        assert!(matches!(error, TaskError::AttemptsExhausted(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// For us it is the worker that is sick: another may give what can be read.
#[test]
fn an_error_or_a_panic_while_an_output_is_read() {
    for go in [Go::Fail, Go::Panic] {
        let error = ended(answered(Go::Well, go)).unwrap_err();
        let TaskError::AttemptsExhausted(attempts) = error else { panic!("{error:?}") };
        assert_eq!(attempts.len(), 2);
    }
}

#[test]
fn an_error_an_exit_and_a_crash_while_a_task_runs() {
    in_time(|program| {
        let pool = builder(program, 2).max_attempts(2).build().unwrap();
        for (go, words) in [
            (Go::Fail, "it does not want to"),
            (Go::Panic, "it is frightened"),
            (Go::Exit(0), "exited by itself with code 0"),
            (Go::Abort, "crashed with SIGABRT"),
        ] {
            let error = pool.submit(&go).unwrap().exception().unwrap().to_string();
            assert!(error.contains(words), "{go:?}: {error}");
        }
        assert_eq!(pool.submit(&Double(1)).unwrap().result().unwrap(), 2);
    });
}

#[test]
fn a_worker_that_dies_with_much_on_the_way_to_it() {
    in_time(|program| {
        let pool = builder(program, 2).max_attempts(1).build().unwrap();
        let long = |go| Long { bytes: vec![1; 1 << 20].into(), go };
        let tasks = [Go::Abort, Go::Well, Go::Exit(1), Go::Well, Go::Abort, Go::Well];
        let outputs: Vec<_> = pool.map(tasks.map(long)).collect();
        let well: Vec<bool> = outputs.iter().map(Result::is_ok).collect();
        assert_eq!(well, [false, true, false, true, false, true]);
        assert!(outputs.iter().flatten().all(|output| output.iter().all(|byte| *byte == 1)));
        assert!(outputs.iter().flatten().all(|output| output.len() == 1 << 20));
    });
}

#[test]
fn a_shutdown_right_after_a_crash_a_panic_or_what_cannot_be_read() {
    in_time(|program| {
        for wait in [true, false] {
            for go in [Go::Abort, Go::Panic, Go::Exit(2), Go::Fail] {
                let pool = pool(program, 1);
                let crash = pool.submit(&go).unwrap();
                let unread = pool.submit(&sent(Go::Well, go)).unwrap();
                pool.shutdown_with(Shutdown { wait, cancel_futures: false });
                assert!(crash.result().is_err() && unread.result().is_err());
            }
        }
    });
}

#[test]
fn a_task_that_cannot_be_written_is_refused_and_shutting_down_does_not_wait_for_it() {
    in_time(|program| {
        let pool = pool(program, 1);
        assert!(pool.submit(&sent(Go::Fail, Go::Well)).is_err());
        assert!(pool.map([sent(Go::Fail, Go::Well)]).next().unwrap().is_err());
        assert_eq!(pool.shutdown().submitted, 0);
    });
}

/// A callback may be slow while other tasks are submitted and end.
#[test]
fn a_callback_that_waits_for_a_thousand_other_tasks() {
    in_time(|program| {
        let pool = pool(program, 2);
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let slow = pool.submit(&Double(1)).unwrap();
        slow.add_done_callback(move |_| assert!(may_go_on.recv().is_err()));
        let futures: Vec<_> = (0..1000).map(|n| pool.submit(&Double(n)).unwrap()).collect();
        wait(&futures, ReturnWhen::FirstCompleted, None);
        drop(go_on);
        assert_eq!(wait(&futures, ReturnWhen::AllCompleted, None).done.len(), 1000);
    });
}

/// A task that is larger than a message waits for room, which comes free when others end.
#[test]
fn callbacks_that_submit_tasks_which_wait_for_room() {
    in_time(|program| {
        let pool = Arc::new(pool(program, 1));
        let large = || Long { bytes: vec![7; 1 << 20].into(), go: Go::Well };
        let (sender, submitted) = mpsc::channel();
        let futures = (0..12).map(|_| {
            let future = pool.submit(&large()).unwrap();
            let (ours, sender) = (Arc::clone(&pool), sender.clone());
            future.add_done_callback(move |_| sender.send(ours.submit(&large()).unwrap()).unwrap());
            future
        });
        assert_eq!(
            wait(&futures.collect::<Vec<_>>(), ReturnWhen::AllCompleted, None).done.len(),
            12
        );
        for future in submitted.iter().take(12) {
            assert_eq!(future.result().unwrap().len(), 1 << 20);
        }
    });
}

/// A callback that takes its time holds up no worker: its next answer is read, and counts although
/// the worker dies before the callback returns.
#[test]
fn an_answer_counts_though_a_callback_is_not_done_when_its_worker_dies() {
    in_time(|program| {
        let gate = Gate::new();
        let pool = builder(program, 1).max_attempts(1).build().unwrap();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let first = pool.submit(&gate.hold()).unwrap();
        first.add_done_callback(move |_| assert!(may_go_on.recv().is_err()));
        let second = pool.submit(&Double(2)).unwrap();
        let third = pool.submit(&Go::Abort).unwrap();
        gate.next().let_go();
        assert_eq!(second.result().unwrap(), 4);
        assert!(matches!(third.result(), Err(TaskError::AttemptsExhausted(_))));
        drop(go_on);
    });
}
