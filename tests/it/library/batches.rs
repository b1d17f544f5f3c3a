//! Small tasks that share messages: whatever one of them does, it alone bears the consequences.

use std::time::Duration;

use audiopool::pool::{Cause, MapOptions, TaskAccounting};
use audiopool::{ProcessPool, TaskError};

use super::Program;
use super::probes::{How, Small};

const COUNT: u64 = 500;

/// Has the 100th, the 300th and the last of many go wrong, on one worker, all submitted at once so
/// that they go out in batches; returns what became of those, and the balance.
#[track_caller]
fn three_of_many(how: How) -> (Vec<TaskError>, TaskAccounting) {
    let program = Program::example("probes");
    let pool = ProcessPool::builder()
        .worker_program(&program.path)
        .max_workers(1)
        .max_attempts(2)
        .timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let is_due = |number: u64| [100, 300, COUNT - 1].contains(&number);
    let task = |number| Small { number, how: is_due(number).then_some(how) };
    let chunksize = usize::try_from(COUNT).unwrap().try_into().unwrap();
    let outputs =
        pool.map_with((0..COUNT).map(task), MapOptions { chunksize, ..Default::default() });
    let mut errors = Vec::new();
    for (number, output) in (0..).zip(outputs) {
        match output {
            Ok((echoed, _)) => assert!(echoed == number && !is_due(number), "{number}"),
            Err(error) => {
                assert!(is_due(number), "number {number} did nothing wrong: {error}");
                errors.push(error);
            }
        }
    }
    let balance = pool.shutdown();
    assert!(balance.is_even(), "{balance:?}");
    assert_eq!((balance.submitted, balance.failed), (COUNT, 3), "nothing else is lost");
    program.expect_no_process_left();
    (errors, balance)
}

#[track_caller]
fn each_has_killed_two(how: How, is_expected: impl Fn(&Cause) -> bool) {
    let (errors, balance) = three_of_many(how);
    for error in &errors {
        let TaskError::AttemptsExhausted(attempts) = error else { panic!("{error:?}") };
        assert_eq!(attempts.len(), 2);
        assert!(attempts.iter().all(|attempt| is_expected(&attempt.cause)), "{attempts:?}");
    }
    assert_eq!((balance.deaths, balance.retries), (6, 3), "no other task was charged");
}

#[test]
fn a_task_that_aborts_in_a_batch_is_charged_and_no_other_is() {
    let aborted = |cause: &Cause| matches!(cause, Cause::Signal { name, .. } if name == "SIGABRT");
    each_has_killed_two(How::Abort, aborted);
}

#[test]
fn a_task_that_exits_in_a_batch_is_charged_and_no_other_is() {
    each_has_killed_two(How::Exit, |cause| *cause == Cause::Exited { code: 7 });
}

#[test]
fn a_task_that_hangs_in_a_batch_is_charged_and_no_other_is() {
    each_has_killed_two(How::Hang, |cause| matches!(cause, Cause::TimedOut { .. }));
}

#[test]
fn a_task_that_fails_or_panics_in_a_batch_is_answered_and_the_others_go_on() {
    for (how, words) in [(How::Fail, "I do not like it"), (How::Panic, "at number")] {
        let (errors, balance) = three_of_many(how);
        assert!(errors.iter().all(|error| error.to_string().contains(words)), "{errors:?}");
        assert_eq!((balance.deaths, balance.retries), (0, 0));
    }
}
