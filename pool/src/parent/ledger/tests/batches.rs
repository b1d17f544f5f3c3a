//! Batches: several small tasks with one child, and who is to blame for what.

use super::*;

/// One child that holds a batch, and the tasks of that in order.
fn with_batch() -> (World, Vec<TaskId>) {
    let mut world = World::new(1);
    (0..13).for_each(|_| world.submit(LIGHT));
    world.boot(0);
    assert!(world.hands[0].batch, "they go together");
    let tasks = held(&world);
    (world, tasks)
}

fn held(world: &World) -> Vec<TaskId> {
    let Some(Process { doing: Doing::Busy(first, _), .. }) = world.seats[0] else {
        return Vec::new();
    };
    std::iter::once(first).chain(world.hands[0].rest.iter().copied()).collect()
}

/// The first try at the other tasks is not over; that at `culprit` is.
#[track_caller]
fn only_charged(world: &World, culprit: Option<TaskId>) {
    let tries = |task: &TaskId| world.ledger.tasks.get(task).map_or(0, |task| task.attempts.len());
    let charged: Vec<TaskId> =
        world.submitted.iter().copied().filter(|task| tries(task) > 0).collect();
    assert_eq!(charged, Vec::from_iter(culprit));
    assert_eq!(world.ledger.balance().retries, u64::from(culprit.is_some()));
}

#[test]
fn small_tasks_go_together_as_far_as_is_fair() {
    let (world, tasks) = with_batch();
    assert_eq!(tasks, (1..=7).map(TaskId).collect::<Vec<_>>(), "half of them, and the first");
    assert_eq!(world.ledger.queue.len(), 6);

    // No child is handed more than fits.
    let mut world = World::new(1);
    (0..1000).for_each(|_| world.submit(LIGHT));
    world.boot(0);
    assert_eq!(held(&world).len(), 64);
    let mut world = World::new(1);
    let large = Terms { light: Light::new("large", 4000), ..CALM };
    (0..1000).for_each(|_| world.submit(large));
    world.boot(0);
    assert_eq!(held(&world).len(), 8);
    assert!(Light::new("too large", 5000).is_none());
}

#[test]
fn what_is_not_known_to_be_small_goes_alone() {
    let alone = |terms: Terms, took: Duration| {
        let mut world = World::new(1);
        for _ in 0..50 {
            world.submit(terms);
            (0..50).for_each(|_| world.ledger.took(TaskId(1), took));
        }
        world.boot(0);
        held(&world).len() == 1
    };
    let (fast, slow) = (Duration::from_micros(1), Duration::from_micros(60));
    assert!(!alone(LIGHT, fast));
    assert!(alone(LIGHT, slow), "a kind that takes its time");
    assert!(alone(CALM, fast), "one with an attachment, or a stream");
    let hurried = Terms { timeout: Some(Duration::from_millis(900)), ..LIGHT };
    assert!(alone(hurried, fast), "one that cannot wait for others");
    let mixed = |light| Terms { light: Light::new(light, 8), ..CALM };
    let mut world = World::new(1);
    (0..20).for_each(|_| ["a", "b"].into_iter().for_each(|name| world.submit(mixed(name))));
    world.boot(0);
    assert_eq!(held(&world).len(), 1, "its neighbours are of another kind");
}

#[test]
fn a_death_is_charged_to_the_task_on_the_board_and_to_no_other() {
    for nth in 0..5 {
        let (mut world, tasks) = with_batch();
        (0..2).for_each(|_| world.reply(0, Reply::Output));
        world.write_board(0, nth);
        world.die(0);
        only_charged(&world, Some(tasks[2 + nth]));
        assert_eq!(world.ledger.balance().succeeded, 2, "what it had answered is kept");
        let mut queue: Vec<TaskId> = world.ledger.queue.iter().copied().collect();
        assert_eq!(queue.remove(0), tasks[2 + nth]);
        assert!(queue.is_sorted(), "the rest is where it was: {queue:?}");
        world.settle();
        world.check();
        assert!(world.ended.values().all(Result::is_ok));
    }
}

#[test]
fn a_board_that_names_none_of_them_leaves_the_first_without_an_answer() {
    for status_page in [None, Some(TaskId(u64::MAX)), Some(TaskId(1)), Some(TaskId(13))] {
        let (mut world, tasks) = with_batch();
        world.reply(0, Reply::Output);
        world.hands[0].status_page = status_page;
        world.die(0);
        only_charged(&world, Some(tasks[1]));
        world.settle();
        world.check();
    }
}

#[test]
fn who_is_known_to_be_to_blame_is_charged_whatever_the_board_says() {
    let (mut world, tasks) = with_batch();
    let generation = world.seats[0].unwrap().generation;
    world.write_board(0, 3);
    world.ledger.blame(0, generation, tasks[0]);
    let cause = Cause::InvalidResult { reason: "short".into() };
    world.act(|ledger, _, actions| ledger.condemn(0, generation, cause, actions));
    // As the ledger shall see it.
    world.hands[0].status_page = Some(tasks[0]);
    world.die(0);
    only_charged(&world, Some(tasks[0]));
    world.settle();
    world.check();
}

#[test]
fn a_second_answer_within_a_batch_is_a_breach() {
    let (mut world, tasks) = with_batch();
    world.reply(0, Reply::Output);
    let generation = world.seats[0].unwrap().generation;
    for (task, attempt) in [(tasks[0], 1), (tasks[2], 1), (tasks[1], 2)] {
        let verdict = world.act(|ledger, now, actions| {
            let id = (task, Attempt(attempt));
            ledger.replied(0, generation, id, Reply::Output, now, actions)
        });
        assert_eq!(verdict, Verdict::Breach, "answered, out of order, of another try");
    }
    assert!(world.seats[0].unwrap().killed);
    world.die(0);
    only_charged(&world, Some(tasks[1]));
    assert_eq!(world.ledger.balance().succeeded, 1);
    world.settle();
    world.check();
}

#[test]
fn a_panic_gives_the_rest_back() {
    let (mut world, tasks) = with_batch();
    world.reply(0, Reply::Output);
    world.reply(0, Reply::FaultAndRetire);
    assert_eq!(world.seats[0].unwrap().doing, Doing::Quitting);
    only_charged(&world, None);
    assert_eq!(world.ledger.queue[0], tasks[2], "in its place");
    world.settle();
    world.check();
    assert_eq!(world.ledger.balance().failed, 1);
}

#[test]
fn a_task_that_is_cancelled_before_it_has_begun_costs_no_child() {
    let (mut world, tasks) = with_batch();
    let cancel = |world: &mut World, task| {
        assert!(world.act(|ledger, now, actions| ledger.cancel(task, now, actions)));
    };
    cancel(&mut world, tasks[3]);
    assert!(!world.seats[0].unwrap().killed);
    assert!(world.ledger.next_tick().is_some(), "it is looked at again");
    world.pass(Duration::from_millis(60));
    assert!(!world.seats[0].unwrap().killed, "it has still not begun");
    (0..7).for_each(|_| world.reply(0, Reply::Output));
    assert_eq!(world.ledger.balance().succeeded, 6);
    assert_eq!(world.ledger.balance().breaches, 0, "a late answer is none");

    // And one that has begun in the meantime is ended.
    let (mut world, tasks) = with_batch();
    cancel(&mut world, tasks[3]);
    world.write_board(0, 3);
    world.pass(Duration::from_millis(60));
    assert!(world.seats[0].unwrap().killed);
    world.die(0);
    only_charged(&world, None);
    assert_eq!(world.ledger.balance().deaths, 0, "charged to no task");
    world.settle();
    world.check();
}

#[test]
fn a_batch_that_is_silent_too_long_is_charged_to_the_task_on_the_board() {
    let mut world = World::new(1);
    let limit = Duration::from_secs(4);
    (0..13).for_each(|_| world.submit(Terms { timeout: Some(limit), ..LIGHT }));
    world.boot(0);
    let tasks = held(&world);
    world.pass(limit / 4);
    world.reply(0, Reply::Output);
    world.write_board(0, 2);
    world.pass(limit / 2);
    world.pass(limit / 2);
    assert!(world.seats[0].unwrap().killed);
    world.die(0);
    only_charged(&world, Some(tasks[3]));
    world.settle();
    world.check();
}
