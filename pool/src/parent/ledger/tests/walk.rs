//! Walk: children that do anything in any order, and what must hold whatever they do.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Submit { streams: bool, hurried: bool },
    SubmitLight(usize),
    Cancel(usize),
    Boot(SeatId),
    FailToBoot(SeatId),
    Reply(SeatId, Reply),
    Deliver(SeatId),
    Babble(SeatId),
    Die(SeatId),
    WriteBoard(SeatId, usize),
    GiveBack(SeatId),
    Pass(u64),
    Close,
    KillAll,
}

fn step(seats: usize) -> impl Strategy<Value = Step> {
    let reply = prop_oneof![Just(Reply::Output), Just(Reply::Fault), Just(Reply::FaultAndRetire)];
    prop_oneof![
        6 => (any::<bool>(), any::<bool>())
            .prop_map(|(streams, hurried)| Step::Submit { streams, hurried }),
        3 => (1_usize..12).prop_map(Step::SubmitLight),
        2 => (0_usize..60).prop_map(Step::Cancel),
        8 => (0..seats).prop_map(Step::Boot),
        1 => (0..seats).prop_map(Step::FailToBoot),
        6 => (0..seats, reply).prop_map(|(seat, reply)| Step::Reply(seat, reply)),
        3 => (0..seats).prop_map(Step::Deliver),
        1 => (0..seats).prop_map(Step::Babble),
        6 => (0..seats).prop_map(Step::Die),
        3 => (0..seats, 0_usize..6).prop_map(|(seat, nth)| Step::WriteBoard(seat, nth)),
        1 => (0..seats).prop_map(Step::GiveBack),
        3 => (0_u64..4000).prop_map(Step::Pass),
        1 => prop_oneof![9 => Just(Step::Pass(1)), 1 => Just(Step::Close), 1 => Just(Step::KillAll)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_the_children_do_every_task_ends_once(
        (seats, steps) in (1_usize..4)
            .prop_flat_map(|seats| (Just(seats), prop::collection::vec(step(seats), 0..120))),
    ) {
        let mut world = World::new(seats);
        for step in steps {
            match step {
                Step::Submit { streams, hurried } => {
                    let timeout = hurried.then_some(Duration::from_secs(2));
                    world.submit(Terms { tenant: 0, timeout, streams, light: None });
                }
                Step::SubmitLight(count) => (0..count).for_each(|_| world.submit(LIGHT)),
                Step::Cancel(nth) => {
                    if let Some(task) = world.submitted.iter().nth(nth).copied() {
                        let over = world.ended.contains_key(&task);
                        let did = world.act(|ledger, now, actions| ledger.cancel(task, now, actions));
                        prop_assert_eq!(did, !over);
                    }
                }
                Step::Boot(seat) => world.boot(seat),
                Step::FailToBoot(seat) => world.fail_to_boot(seat),
                Step::Reply(seat, reply) => world.reply(seat, reply),
                Step::Deliver(seat) => world.deliver(seat),
                Step::Babble(seat) => world.babble(seat),
                Step::Die(seat) => world.die(seat),
                Step::WriteBoard(seat, nth) => world.write_board(seat, nth),
                Step::GiveBack(seat) => world.give_back(seat),
                Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
                Step::Close => world.act(Ledger::close),
                Step::KillAll => world.act(|ledger, _, actions| ledger.kill_all(actions)),
            }
        }
        world.settle();
        world.check();
    }
}
