//! Nonsense: the worker says what is no answer. It is not believed in anything then.
//!
//! ```text
//!   packet    header │ pieces │ descriptors            what ipc-channel reads: f12, f14
//!   frame     magic │ version │ generation │ length │ checksum        ours: f13, f15
//!   message   task │ attempt │ output                                 ours: f20, f21
//! ```
//!
//! One test for each line of the two tables, that of frames and that of what ipc-channel makes of a
//! bad peer; what it makes of a lack of descriptors is in `scarcity`.

use super::a_second_try_cures;
use crate::scene::{Ended, Expected, LONG, Scene};

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

/// A line of the table of frames: whatever it says wrongly costs one try, and is named.
#[track_caller]
fn costs_one_try(deed: &str, cause: &str) {
    a_second_try_cures(deed);
    one_try_ends_with(deed, cause);
}

#[test]
fn f13_a_frame_without_the_magic_bytes_is_no_answer() {
    costs_one_try("wrong-magic", "wrong magic bytes");
}

#[test]
fn f13_a_frame_of_another_version_is_no_answer() {
    costs_one_try("wrong-version", "protocol version 129");
}

#[test]
fn f13_a_frame_of_another_process_in_the_same_seat_is_no_answer() {
    costs_one_try("wrong-generation", "a frame of generation");
}

#[test]
fn f13_a_frame_that_is_longer_than_it_says_is_no_answer() {
    costs_one_try("oversize-frame", "longer than allowed");
    costs_one_try("half-frame", "declared length differs");
}

#[test]
fn f13_a_frame_with_another_checksum_is_no_answer() {
    costs_one_try("wrong-checksum", "checksum differs");
}

#[test]
fn f13_a_message_with_bytes_behind_it_is_no_answer() {
    costs_one_try("trailing-bytes", "1 bytes too many after a FromChild");
}

#[test]
fn f13_a_message_that_announces_more_than_it_may_hold_takes_no_memory() {
    costs_one_try("huge-count", "not a valid FromChild");
}

#[test]
fn f14_bytes_that_are_no_packet_cost_one_try() {
    a_second_try_cures("garbage-packet");
    one_try_ends_with("garbage-packet", "a packet that cannot be received");
    let ended = Scene::rogue_in_the_middle("garbage-packet").once().run();
    assert!(!ended.stderr.contains("panicked"), "the receiver's panic is seen by a user\n{ended}");
}

/// A line of the table of what ipc-channel makes of a bad peer.
#[track_caller]
fn is_no_packet(deed: &str) -> Ended {
    costs_one_try(deed, "a packet that cannot be received");
    let ended = Scene::rogue_in_the_middle(deed).once().run();
    assert!(!ended.stderr.contains("panicked"), "the receiver's panic is seen by a user\n{ended}");
    ended
}

#[test]
fn f14_a_packet_shorter_than_its_header_costs_one_try() {
    is_no_packet("short-packet");
}

#[test]
fn f14_a_packet_that_is_torn_by_the_death_of_its_sender_costs_one_try() {
    a_second_try_cures("torn-packet-and-exit");
}

#[test]
fn f14_a_message_whose_rest_never_comes_costs_one_try_and_its_time() {
    let scene = |more: [&str; 2]| {
        Scene::rogue_in_the_middle("first-fragment").args(["--timeout", "1"]).args(more)
    };
    scene(["--max-attempts", "3"]).once().run().assert_nothing_lost(&Expected::all_well());
    let silent = "gave no answer for 1s and did nothing";
    let ended = scene(["--max-attempts", "1"]).run();
    ended.assert_nothing_lost(&Expected::exit(1).hurt(LONG, "timed_out", 1, silent));
}

#[test]
fn f14_a_message_shorter_than_its_first_piece_costs_one_try() {
    is_no_packet("small-total");
}

#[test]
fn f14_a_file_in_place_of_shared_memory_costs_one_try() {
    is_no_packet("write-only-file");
}

#[test]
fn f14_unrequested_descriptors_are_the_documented_loss_and_the_only_one() {
    // After that the rogue is silent, so its next task has to be given to another.
    let scene = Scene::rogue_in_the_middle("stray-sockets").once().args(["--timeout", "1"]);
    let ended = scene.run();
    ended.assert_nothing_lost(&Expected::exit(5).but_descriptors(2));
}

#[test]
fn f14_a_length_beyond_all_memory_is_the_documented_limit_and_no_child_outlives_it() {
    // One worker: of one that is just starting, a folder would be left.
    let ended = Scene::rogue_in_the_middle("huge-total").args(["--workers", "1"]).run();
    ended.assert_nothing_lost(&Expected::killed());
    // The last words come in pieces, and a line of the log may come between them.
    for words in ["memory allocation of ", "70368744177664", " bytes failed"] {
        assert!(ended.stderr.contains(words), "`{words}` is not said\n{ended}");
    }
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
    for deed in ["wrong-output", "garbage-output", "empty-slot"] {
        a_second_try_cures(deed);
    }
    one_try_ends_with("wrong-output", "level: missing");
    one_try_ends_with("garbage-output", "not a valid Partials");
    one_try_ends_with("empty-slot", "an output that cannot be read");
}
