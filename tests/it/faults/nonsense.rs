//! Nonsense: the worker says what is no answer. It is not believed in anything then.

use super::a_second_try_cures;
use crate::scene::{Expected, LONG, Scene};

/// What a worker that broke the protocol leaves in the record when no try is left.
#[track_caller]
fn one_try_ends_with(deed: &str, cause: &str) {
    let ended = Scene::rogue_in_the_middle(deed).args(["--max-attempts", "1"]).run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "protocol", 1, cause));
}

#[test]
fn f12_half_a_frame_is_no_answer() {
    a_second_try_cures("half-frame");
    one_try_ends_with("half-frame", "declared length differs");
}

#[test]
fn f13_a_sound_frame_around_garbage_is_no_answer() {
    a_second_try_cures("garbage-body");
    one_try_ends_with("garbage-body", "not a valid FromChild");
}

#[test]
fn f13_a_frame_of_another_version_or_process_is_no_answer() {
    a_second_try_cures("wrong-version");
    a_second_try_cures("wrong-generation");
    one_try_ends_with("wrong-version", "protocol version 129");
    one_try_ends_with("wrong-generation", "a frame of generation");
}

#[test]
fn f14_bytes_that_are_no_packet_cost_one_try() {
    a_second_try_cures("garbage-packet");
    one_try_ends_with("garbage-packet", "a packet that cannot be received");
    let ended = Scene::rogue_in_the_middle("garbage-packet").once().run();
    assert!(!ended.stderr.contains("panicked"), "the receiver's panic is seen by a user\n{ended}");
}

#[test]
fn f15_a_frame_that_is_too_long_is_refused() {
    a_second_try_cures("oversize-frame");
    one_try_ends_with("oversize-frame", "longer than allowed");
}

#[test]
fn f16_a_closed_channel_is_no_death_and_no_answer() {
    a_second_try_cures("close-channel");
    one_try_ends_with("close-channel", "closed its channel");
}

#[test]
fn f20_only_the_first_answer_to_what_was_asked_counts() {
    for deed in ["reply-twice", "reply-for-unknown-task", "reply-of-another-attempt"] {
        a_second_try_cures(deed);
    }
    one_try_ends_with("reply-for-unknown-task", "an answer to a task that it does not have");
}

#[test]
fn f21_an_answer_of_the_wrong_shape_is_not_merged() {
    for deed in ["wrong-partials", "garbage-output", "empty-slot"] {
        a_second_try_cures(deed);
    }
    one_try_ends_with("wrong-partials", "level: missing");
    one_try_ends_with("garbage-output", "not a valid Partials");
    one_try_ends_with("empty-slot", "an output that cannot be read");
}
