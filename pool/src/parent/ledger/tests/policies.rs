//! What the settings of a pool change in the ledger, and how it ends.

use super::*;

#[test]
fn a_child_ends_after_its_tasks_and_another_takes_its_place_for_those_that_wait() {
    let mut world = World::with(Policy { max_tasks_per_child: Some(2), ..policy(1) });
    for _ in 0..5 {
        world.submit(CALM);
    }
    for generation in 1..=3 {
        world.boot(0);
        assert_eq!(world.seats[0].unwrap().generation, generation);
        world.reply(0, Reply::Output);
        if generation < 3 {
            world.reply(0, Reply::Output);
            assert_eq!(world.seats[0].unwrap().doing, Doing::Quitting);
            world.die(0);
        }
    }
    assert_eq!(world.ended.len(), 5);
    assert_eq!(world.ledger.balance().deaths, 0, "it was meant to go");
    assert_eq!(world.seats[0].unwrap().doing, Doing::Idle, "it may serve one more");
}

#[test]
fn a_task_that_has_lost_its_child_rests_while_another_child_starts() {
    let first = Duration::from_millis(10);
    let backoff = Backoff { first, most: Duration::from_secs(1) };
    let mut world = World::with(Policy { backoff, ..policy(1) });
    world.submit(CALM);
    world.boot(0);
    world.die(0);
    world.boot(0);
    assert_eq!(world.seats[0].unwrap().doing, Doing::Idle, "the task rests");
    let next = world.ledger.next_tick().unwrap();
    assert!((first..=first * 3 / 2).contains(&next), "{next:?}");
    world.pass(next);
    assert!(matches!(world.seats[0].unwrap().doing, Doing::Busy(_, Attempt(2))));
}

#[test]
fn a_task_that_rests_starts_no_child_where_one_is_idle_and_can_be_cancelled() {
    let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(1) };
    let mut world = World::with(Policy { backoff, ..policy(2) });
    world.submit(CALM);
    world.submit(CALM);
    world.boot(0);
    world.boot(1);
    world.reply(1, Reply::Output);
    world.die(0);
    assert!(world.seats[0].is_none() && world.seats[1].unwrap().doing == Doing::Idle);
    world.act(|ledger, now, actions| ledger.cancel(TaskId(1), now, actions));
    assert!(matches!(world.ended[&TaskId(1)], Err(TaskError::Cancelled)));
    assert_eq!(world.ledger.next_tick(), None);
    assert!(world.ledger.balance().is_even());
}

#[test]
fn what_no_child_has_can_be_cancelled_alone() {
    let mut world = World::new(1);
    for _ in 0..4 {
        world.submit(CALM);
    }
    world.boot(0);
    let some = BTreeSet::from([TaskId(1), TaskId(3)]);
    world.act(|ledger, now, actions| ledger.cancel_waiting(Some(&some), now, actions));
    assert_eq!(world.ended.keys().copied().collect::<Vec<_>>(), [TaskId(3)]);
    world.act(|ledger, now, actions| ledger.cancel_waiting(None, now, actions));
    assert_eq!(world.ended.len(), 3);
    assert!(!world.seats[0].unwrap().killed, "the first goes on");
    world.settle();
    assert!(matches!(world.ended[&TaskId(1)], Ok(())));
}

#[test]
fn a_child_that_does_not_end_when_asked_is_killed_after_the_grace() {
    let mut world = World::new(2);
    world.submit(CALM);
    world.submit(CALM);
    world.boot(0);
    world.act(Ledger::terminate_all);
    assert_eq!(world.seats[0].unwrap().doing, Doing::Quitting);
    assert!(world.seats[1].unwrap().killed, "one that is only starting has nothing to clean up");
    assert!(world.ended.values().all(|end| matches!(end, Err(TaskError::Cancelled))));
    assert_eq!(world.ended.len(), 2);
    world.pass(policy(2).quit_timeout);
    assert!(world.seats[0].unwrap().killed);
    world.die(0);
    world.die(1);
    assert!(world.ledger.is_at_rest() && world.ledger.balance().deaths == 0);
}

#[test]
fn an_initializer_that_fails_ends_the_pool_even_if_others_were_luckier() {
    let mut world = World::new(2);
    world.submit(CALM);
    world.submit(CALM);
    world.boot(0);
    let unfit = Cause::Unfit { reason: "no licence".to_owned() };
    world.act(|ledger, _, actions| ledger.refuse(1, 1, unfit, actions));
    world.die(1);
    assert_eq!(world.ended.len(), 2);
    let boot = |end: &_| matches!(end, Err(TaskError::NotRun(PoolError::Boot { .. })));
    assert!(world.ended.values().all(boot), "{:?}", world.ended);
    world.die(0);
    assert!(world.seats.iter().all(Option::is_none), "no child is started again");
}
