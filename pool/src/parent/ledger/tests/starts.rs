//! Starts: children that do not come to be, and how often they are tried.

use super::*;

#[test]
fn a_program_that_cannot_start_is_tried_thrice_and_no_more() {
    let mut world = World::new(1);
    world.submit(CALM);
    for _ in 0..3 {
        world.fail_to_boot(0);
        world.pass(Duration::from_secs(1));
    }
    assert!(world.seats[0].is_none(), "a fourth try");
    assert!(matches!(
        world.ended.values().next(),
        Some(Err(TaskError::NotRun(PoolError::Boot { .. })))
    ));
}

#[test]
fn a_process_that_is_killed_at_its_start_is_told_from_one_that_dies() {
    fn reason() -> String {
        "garbage".to_owned()
    }
    let why = |kill: fn(&mut World)| {
        let mut world = World::new(1);
        world.submit(CALM);
        kill(&mut world);
        assert!(world.seats[0].unwrap().killed);
        let generation = world.seats[0].unwrap().generation;
        // What it still says comes too late.
        world.act(|ledger, now, actions| ledger.booted(0, generation, now, actions));
        assert_eq!(world.seats[0].unwrap().doing, Doing::Booting);
        world.seats[0] = None;
        let death = (crash(), Evidence::default());
        world.act(|ledger, now, actions| {
            ledger.died(0, generation, death, |_| boot_error(), now, actions)
        })
    };
    let limit = policy(1).start_timeout;
    assert_eq!(why(|world| world.pass(Duration::from_secs(10))), Some(late(limit)));
    let breach =
        why(|world| world.act(|ledger, _, actions| ledger.breach(0, 1, reason(), actions)));
    assert_eq!(breach, Some(Cause::Protocol { reason: reason() }));
    let refused = why(|world| {
        world.act(|ledger, _, actions| {
            ledger.refuse(0, 1, Cause::Misfit { reason: reason() }, actions);
        });
    });
    assert_eq!(refused, Some(Cause::Misfit { reason: reason() }));
}

#[test]
fn a_program_that_is_none_of_ours_is_not_tried_again() {
    let misfit = || Cause::Misfit { reason: "another build".to_owned() };
    let mut world = World::new(1);
    world.submit(CALM);
    world.act(|ledger, _, actions| ledger.refuse(0, 1, misfit(), actions));
    assert!(world.ended.is_empty(), "not before it is gone");
    world.die(0);
    let end = world.ended.values().next();
    assert!(matches!(end, Some(Err(TaskError::NotRun(PoolError::Boot { .. })))), "{end:?}");
}

#[test]
fn what_is_hopeless_is_not_tried_by_turns() {
    let mut world = World::new(2);
    world.submit(CALM);
    world.submit(CALM);
    let Process { generation, .. } = world.seats[0].take().unwrap();
    world.act(|ledger, now, actions| {
        ledger.boot_failed(0, generation, &boot_error(), true, now, actions);
    });
    assert!(world.seats[0].is_none(), "a second try while the other seat has its first");
    assert_eq!(world.ended.len(), 2);
    world.settle();
    world.check();
}

#[test]
fn a_start_that_was_refused_and_then_dies_does_not_end_its_pause() {
    let mut world = World::new(1);
    world.submit(CALM);
    let Process { generation, .. } = world.seats[0].unwrap();
    world.fail_to_boot(0);
    let death = (crash(), Evidence::default());
    let told = world.act(|ledger, now, actions| {
        ledger.died(0, generation, death, |_| boot_error(), now, actions)
    });
    assert_eq!(told, None, "it was booked already");
    assert!(world.seats[0].is_none(), "too early");
    world.pass(policy(1).boot_pause);
    assert!(world.seats[0].is_some());
}

#[test]
fn a_start_that_we_have_ended_is_not_an_outside_kill() {
    for (end, expected) in [
        (None, late(policy(1).start_timeout)),
        (Some("babble"), Cause::Protocol { reason: "babble".into() }),
    ] {
        let mut world = World::new(1);
        world.submit(CALM);
        let Process { generation, .. } = world.seats[0].unwrap();
        match end {
            None => world.pass(policy(1).start_timeout),
            Some(reason) => world.act(|ledger, _, actions| {
                ledger.breach(0, generation, reason.to_owned(), actions);
            }),
        }
        assert!(world.seats[0].take().unwrap().killed);
        let mut told = None;
        let boot_error = |cause: &Cause| {
            told = Some(cause.clone());
            boot_error()
        };
        let death = (Cause::Killed { signal: 9, name: "SIGKILL".into() }, Evidence::default());
        world.act(|ledger, now, actions| {
            ledger.died(0, generation, death, boot_error, now, actions)
        });
        assert_eq!(told, Some(expected));
    }
}
