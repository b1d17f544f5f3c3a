//! Clock: what is done because time has passed, and when that is asked for.

use super::*;

#[test]
fn the_end_of_a_pause_is_asked_for_until_it_has_been_seen() {
    let mut world = World::new(1);
    world.submit(CALM);
    world.fail_to_boot(0);
    let end = world.now + policy(1).boot_pause;
    assert_eq!(world.ledger.next_tick(), Some(end));
    assert!(world.seats[0].is_none(), "too early");
    // A late look must still find that there is something to see.
    world.now = end + Duration::from_secs(1);
    assert_eq!(world.ledger.next_tick(), Some(end));
    world.pass(Duration::ZERO);
    assert!(world.seats[0].is_some());

    // A seat that is not needed asks for nothing.
    let mut world = World::new(2);
    world.submit(CALM);
    world.fail_to_boot(0);
    world.pass(Duration::from_secs(1));
    world.boot(world.seats.iter().position(Option::is_some).unwrap());
    assert_eq!(world.ledger.next_tick(), None);
}

#[test]
fn the_clock_stands_while_a_stream_waits_for_room() {
    let mut world = World::new(1);
    world.submit(Terms {
        tenant: 0,
        timeout: Some(Duration::from_secs(2)),
        streams: true,
        light: None,
    });
    world.boot(0);
    world.pass(Duration::from_secs(100));
    assert!(!world.seats[0].unwrap().killed, "it has no slot to fill");
    let now = world.now;
    world.ledger.granted(0, 1, now);
    world.pass(Duration::from_secs(1));
    assert!(!world.seats[0].unwrap().killed);
    world.pass(Duration::from_secs(1));
    assert!(world.seats[0].unwrap().killed, "it has one, and its time is up");
}

#[test]
fn the_longest_timeout_of_all_is_for_ever() {
    let mut world = World::new(1);
    world.pass(Duration::from_secs(1));
    world.submit(Terms { tenant: 0, timeout: Some(Duration::MAX), streams: false, light: None });
    world.boot(0);
    assert_eq!(world.ledger.next_tick(), Some(world.now + Duration::MAX / 2));
    world.pass(Duration::from_hours(1000));
    assert!(!world.seats[0].unwrap().killed);
}

#[test]
fn a_task_is_called_late_once_and_its_child_looked_at_before_it_is_killed() {
    let limit = Duration::from_secs(8);
    let mut world = World::new(1);
    world.submit(Terms { tenant: 0, timeout: Some(limit), streams: false, light: None });
    world.boot(0);
    let killed = |world: &World| world.seats[0].unwrap().killed;
    world.pass(Duration::from_secs(3));
    assert_eq!(world.warnings, 0);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.warnings, 1, "half of its time is over");
    let (generation, now) = (world.seats[0].unwrap().generation, world.now);
    world.ledger.alive(0, generation, now);
    assert_eq!(world.ledger.next_tick(), Some(now + limit / 2), "it has its time anew");
    // We come too late ourselves: what it is doing can only be told from two looks.
    world.pass(limit * 2);
    assert_eq!((world.warnings, killed(&world)), (1, false), "told once");
    assert_eq!(world.ledger.next_tick(), Some(world.now + limit / 8));
    world.pass(limit / 8);
    assert!(killed(&world));
}
