//! Deaths: whom a task is lost to, and when it or the pool is given up.

use super::*;

#[test]
fn a_task_that_kills_every_child_is_given_up_after_three_tries() {
    let mut world = World::new(2);
    world.submit(CALM);
    let task = *world.submitted.first().unwrap();
    for _ in 0..3 {
        let seat = world.seats.iter().position(Option::is_some).unwrap();
        world.boot(seat);
        world.die(seat);
    }
    assert!(
        matches!(&world.ended[&task], Err(TaskError::AttemptsExhausted(tries)) if tries.len() == 3)
    );
    world.settle();
    world.check();
}

#[test]
fn a_task_that_was_never_begun_is_spared_as_often_as_it_may_be_tried() {
    let mut world = World::new(1);
    world.submit(CALM);
    let task = *world.submitted.first().unwrap();
    for death in 0..6 {
        world.boot(0);
        let Some(Process { generation, .. }) = world.seats[0] else { panic!("no child is there") };
        world.act(|ledger, _, _| ledger.spare(0, generation, None));
        world.hands[0].spared = death < 3;
        world.die(0);
    }
    assert!(
        matches!(&world.ended[&task], Err(TaskError::AttemptsExhausted(tries)) if tries.len() == 3)
    );
    assert_eq!(world.ledger.balance().deaths, 6);
    world.settle();
    world.check();
}

#[test]
fn an_answer_before_the_death_counts() {
    let mut world = World::new(1);
    world.submit(CALM);
    world.boot(0);
    world.reply(0, Reply::Output);
    world.die(0);
    world.settle();
    assert!(world.ended.values().all(Result::is_ok));
    assert_eq!(world.ledger.balance().retries, 0);
}

#[test]
fn many_poisonous_tasks_do_not_bring_the_pool_down() {
    let mut world = World::new(2);
    (0..30).for_each(|_| world.submit(CALM));
    // Whatever is a caller's task kills; the canary is answered.
    while world.ended.len() < 30 {
        for seat in 0..2 {
            world.boot(seat);
            match world.seats[seat] {
                Some(Process { doing: Doing::Busy(task, _), .. })
                    if world.submitted.contains(&task) =>
                {
                    world.die(seat);
                }
                Some(Process { doing: Doing::Busy(..), .. }) => world.reply(seat, Reply::Output),
                Some(Process { doing: Doing::Quitting, .. }) => world.die(seat),
                _ => {}
            }
        }
        world.pass(Duration::from_millis(1));
    }
    assert!(world.ended.values().all(|end| matches!(end, Err(TaskError::AttemptsExhausted(_)))));
    world.settle();
    world.check();
}

#[test]
fn children_that_die_of_nothing_bring_it_down_and_no_task_is_lost() {
    let mut world = World::new(2);
    (0..30).for_each(|_| world.submit(CALM));
    for _ in 0..200 {
        for seat in 0..2 {
            world.boot(seat);
            world.die(seat);
        }
        world.pass(Duration::from_millis(1));
    }
    let not_run = |end: &Result<(), TaskError>| {
        matches!(end, Err(TaskError::NotRun(PoolError::RestartIntensity { .. })))
    };
    assert!(world.ended.values().filter(|end| not_run(end)).count() > 20);
    world.settle();
    world.check();
    let refused = world.ledger.submit(CALM, world.now, &mut Vec::new());
    assert!(matches!(refused, Err(PoolError::RestartIntensity { .. })));
}

#[test]
fn the_last_try_waits_for_the_others_and_they_for_it() {
    let mut world = World::new(2);
    let timeout = Some(Duration::from_secs(8));
    world.submit(Terms { tenant: 0, timeout, streams: false, light: None });
    world.boot(0);
    let poison = world.busy().next().unwrap().0;
    world.die(0);
    world.boot(0);
    world.submit(CALM);
    world.submit(CALM);
    world.boot(1);
    assert_eq!(world.busy().count(), 2, "the second try has company");
    world.die(0);
    world.boot(0);
    assert_eq!(world.busy().count(), 1, "the others are not interrupted");
    assert_eq!(world.seats[0].unwrap().doing, Doing::Idle, "it waits, and so does the third");
    world.reply(1, Reply::Output);
    assert_eq!(world.busy().collect::<Vec<_>>(), [(poison, Attempt(3))]);
    let seat = world
        .seats
        .iter()
        .flatten()
        .position(|process| process.doing == Doing::Busy(poison, Attempt(3)))
        .unwrap();
    world.pass(Duration::from_secs(2));
    assert_eq!(world.warnings, 1);
    world.pass(Duration::from_secs(2));
    assert!(world.seats[seat].unwrap().killed, "it has half the time of others");
    world.die(seat);
    assert!(
        matches!(world.ended[&poison], Err(TaskError::AttemptsExhausted(ref tries)) if tries.len() == 3)
    );
    assert_eq!(world.busy().count(), 1, "and the third goes on");
    world.settle();
    world.check();
}
