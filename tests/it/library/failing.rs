//! Chunks that cannot be worked on: the error names them, and no process is left behind.

use std::time::Duration;

use audiopool::pool::{Cause, PoolError, Silence, TaskError};
use audiopool::{ChunkError, ChunkOptions, parallel_process_audio_chunks};

use super::probes::{How, Misbehave};
use super::{Program, cut_into, stairs};

/// Has the third of four chunks of 80 frames go wrong; returns the cause, and the whole message.
#[track_caller]
fn third_of_four(how: How, timeout: Option<Duration>) -> (TaskError, String) {
    let program = Program::example("probes");
    let options = ChunkOptions { timeout, ..program.options(4) };
    let function = Misbehave { at_frame: 200, how };
    let error = parallel_process_audio_chunks(&stairs(320), &function, &options).unwrap_err();
    program.expect_no_process_left();
    let message = error.to_string();
    match error {
        ChunkError::Chunk { index: 2, count: 4, frames, sample_rate: 8000, cause } => {
            assert_eq!(frames, 160..240);
            (cause, message)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_is_told_in_its_own_words() {
    let (_, message) = third_of_four(How::Fail, None);
    assert_eq!(message, "chunk 3 of 4 (0.020 s to 0.030 s): I do not like it");
}

#[test]
fn a_panic_is_told_with_its_place() {
    let (_, message) = third_of_four(How::Panic, None);
    assert!(message.contains("tests/it/library/probes.rs:"), "{message}");
    assert!(message.ends_with(": it is 80 frames long"), "{message}");
}

#[test]
fn an_abort_is_tried_again_and_then_told() {
    let (cause, message) = third_of_four(How::Abort, None);
    let TaskError::AttemptsExhausted(attempts) = cause else { panic!("{cause:?}") };
    assert_eq!(attempts.len(), 3);
    let aborted = |cause: &Cause| matches!(cause, Cause::Signal { name, .. } if name == "SIGABRT");
    assert!(attempts.iter().all(|attempt| aborted(&attempt.cause)), "{attempts:?}");
    let expected = "chunk 3 of 4 (0.020 s to 0.030 s): tried 3 times; the last process crashed";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn an_exit_in_the_middle_is_no_success() {
    let (cause, _) = third_of_four(How::Exit, None);
    let TaskError::AttemptsExhausted(attempts) = cause else { panic!("{cause:?}") };
    assert!(attempts.iter().all(|attempt| attempt.cause == Cause::Exited { code: 7 }));
}

#[test]
fn a_chunk_that_hangs_is_ended_when_its_time_is_up() {
    let limit = Duration::from_millis(300);
    let (cause, _) = third_of_four(How::Hang, Some(limit));
    let TaskError::AttemptsExhausted(attempts) = cause else { panic!("{cause:?}") };
    let idle = |limit| Cause::TimedOut { limit, silence: Silence::Idle };
    let causes: Vec<_> = attempts.into_iter().map(|attempt| attempt.cause).collect();
    assert_eq!(causes, [idle(limit), idle(limit), idle(limit / 2)], "the last one is alone");
}

#[test]
fn a_single_chunk_fails_likewise_on_the_calling_thread() {
    let message = |how| {
        let function = Misbehave { at_frame: 0, how };
        parallel_process_audio_chunks(&stairs(80), &function, &cut_into(1)).unwrap_err().to_string()
    };
    let place = "chunk 1 of 1 (0.000 s to 0.010 s): ";
    assert_eq!(message(How::Fail), format!("{place}I do not like it"));
    let panicked = message(How::Panic);
    assert!(panicked.starts_with(&format!("{place}the task panicked at ")), "{panicked}");
    assert!(panicked.ends_with(": it is 80 frames long"), "{panicked}");
}

#[test]
fn a_function_that_the_worker_does_not_know_is_named() {
    let mut program = Program::example("probes");
    program.path = env!("CARGO_BIN_EXE_audiopool").into();
    let function = Misbehave { at_frame: 0, how: How::Fail };
    let error = parallel_process_audio_chunks(&stairs(80), &function, &program.options(2));
    let message = error.unwrap_err().to_string();
    let expected = "no task `probes.misbehave` is registered in the worker program";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn a_worker_program_that_is_missing_is_no_fault_of_a_chunk() {
    let options = ChunkOptions { worker_program: Some("/nonexistent".into()), ..cut_into(2) };
    let function = Misbehave { at_frame: 0, how: How::Fail };
    let error = parallel_process_audio_chunks(&stairs(80), &function, &options).unwrap_err();
    assert!(matches!(error, ChunkError::Pool(PoolError::Boot { .. })), "{error:?}");
    assert!(error.to_string().contains("`/nonexistent`"), "{error}");
}
