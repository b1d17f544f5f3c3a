//! Several tenants at one pool: who is next, and whom it concerns that one of them leaves.

use super::*;

fn of(tenant: Tenant) -> Terms {
    Terms { tenant, ..CALM }
}

/// Whose tasks the children are at, seat by seat.
fn parties_at_work(world: &World) -> Vec<Option<Tenant>> {
    let tenant = |process: &Option<Process>| match process.as_ref()?.doing {
        Doing::Busy(task, _) => world.ledger.tenant(task),
        _ => None,
    };
    world.seats.iter().map(tenant).collect()
}

#[test]
fn parties_take_turns_however_much_one_of_them_has_submitted() {
    let mut world = World::new(1);
    (0..5).for_each(|_| world.submit(of(1)));
    (0..2).for_each(|_| world.submit(of(2)));
    world.submit(of(3));
    world.boot(0);
    let mut turns = Vec::new();
    while let [Some(tenant)] = parties_at_work(&world)[..] {
        turns.push(tenant);
        world.reply(0, Reply::Output);
    }
    assert_eq!(turns, [1, 2, 3, 1, 2, 1, 1, 1]);
}

#[test]
fn the_party_with_the_fewest_children_is_next() {
    let mut world = World::new(3);
    (0..9).for_each(|_| world.submit(of(1)));
    (0..3).for_each(|seat| world.boot(seat));
    (0..9).for_each(|_| world.submit(of(2)));
    assert_eq!(parties_at_work(&world), [Some(1); 3]);
    world.reply(0, Reply::Output);
    world.reply(1, Reply::Output);
    assert_eq!(parties_at_work(&world), [Some(2), Some(1), Some(1)], "equals take turns");
    world.reply(2, Reply::Output);
    assert_eq!(parties_at_work(&world), [Some(2), Some(1), Some(2)]);
    world.reply(1, Reply::Output);
    assert_eq!(parties_at_work(&world), [Some(2), Some(1), Some(2)], "now that has fewer");
}

#[test]
fn a_spare_seat_is_only_for_a_party_without_a_child() {
    let mut world = World::with(Policy { spare: 1, ..policy(3) });
    (0..9).for_each(|_| world.submit(of(1)));
    (0..2).for_each(|seat| world.boot(seat));
    assert!(world.seats[2].is_none(), "no child is started without a task");
    assert_eq!(parties_at_work(&world), [Some(1), Some(1), None]);
    (0..2).for_each(|_| world.submit(of(2)));
    world.boot(2);
    assert_eq!(parties_at_work(&world), [Some(1), Some(1), Some(2)], "it need not wait");
    world.reply(2, Reply::Output);
    assert_eq!(parties_at_work(&world), [Some(1), Some(1), Some(2)], "it has none again");
    world.reply(2, Reply::Output);
    assert_eq!(parties_at_work(&world), [Some(1), Some(1), None], "nor is it the first one's now");
    world.settle();
    world.check();
}

#[test]
fn a_dismissed_party_takes_its_own_tasks_and_no_others() {
    let mut world = World::new(2);
    for tenant in [1, 2, 1, 2, 1] {
        world.submit(of(tenant));
    }
    (0..2).for_each(|seat| world.boot(seat));
    assert_eq!(parties_at_work(&world), [Some(1), Some(2)]);
    world.act(|ledger, now, actions| ledger.dismiss_tenant(1, now, actions));
    let ended: Vec<_> = world.ended.keys().map(|task| task.0).collect();
    assert_eq!(ended, [1, 3, 5]);
    assert!(world.ended.values().all(|end| matches!(end, Err(TaskError::Cancelled))));
    assert!(world.seats[0].unwrap().killed && !world.seats[1].unwrap().killed);
    let refused = world.ledger.submit(of(1), world.now, &mut Vec::new());
    assert!(matches!(refused, Err(PoolError::ShutDown)), "{refused:?}");
    world.ledger.forget_tenant(1);
    world.settle();
    world.check();
    assert_eq!(world.ledger.balance().deaths, 0, "that is not counted as a death");
}
