//! Steps: what may happen next to a pool, and what happens if everybody behaves.

use proptest::prelude::*;
use proptest::strategy::Union;

use super::machine::Step;
use super::model::{Child, Model, Try};
use super::*;

/// Anything that can happen to that pool, and most often what is likely.
pub(super) fn after(model: &Model) -> BoxedStrategy<Step> {
    let mut steps = of_callers(model);
    steps.push((4, passing(model)));
    for seat in 0..model.spots.len() {
        steps.extend(of_child(model, seat));
    }
    Union::new_weighted(steps).boxed()
}

type Weighted = (u32, BoxedStrategy<Step>);

fn of_callers(model: &Model) -> Vec<Weighted> {
    // The canary has no number that a caller knows.
    let submitted = model.submitted().map(|history| history.task);
    let known: Vec<TaskId> = std::iter::once(TaskId(0)).chain(submitted).collect();
    let open: Vec<TaskId> = std::iter::once(TaskId(0))
        .chain(model.open().filter(|history| !history.canary).map(|history| history.task))
        .collect();
    let cancelled = prop_oneof![prop::sample::select(known), prop::sample::select(open.clone())];
    let most = open.len().min(4);
    let some =
        prop::sample::subsequence(open, 0..=most).prop_map(|some| some.into_iter().collect());
    let timeout = prop::option::of((1_u64..3000).prop_map(Duration::from_millis));
    let tenant = || 0_u64..4;
    let submit = (tenant(), timeout, any::<bool>())
        .prop_map(|(tenant, timeout, light)| Step::Submit { tenant, timeout, light });
    let left = |tenant: &Tenant| model.open().any(|history| history.tenant == *tenant);
    let gone: Vec<Tenant> = (0..4).filter(|tenant| !left(tenant)).collect();
    let end = prop_oneof![
        20 => Just(Step::Submit { tenant: 0, timeout: None, light: false }),
        2 => Just(Step::Close),
        1 => Just(Step::KillAll),
        1 => Just(Step::TerminateAll),
    ];
    let mut steps = vec![
        (if model.takes_tasks() && model.open().count() < 8 { 12 } else { 1 }, submit.boxed()),
        (1, cancelled.prop_map(Step::Cancel).boxed()),
        (1, prop::option::weighted(0.8, some).prop_map(Step::CancelWaiting).boxed()),
        (1, tenant().prop_map(Step::DismissParty).boxed()),
        (1, end.boxed()),
    ];
    if !gone.is_empty() {
        steps.push((1, prop::sample::select(gone).prop_map(Step::ForgetParty).boxed()));
    }
    steps
}

/// The clock goes on: a little, or to when there is something to see.
fn passing(model: &Model) -> BoxedStrategy<Step> {
    let next = model.next_tick().map_or(Duration::ZERO, |next| next.saturating_sub(model.now));
    let millis = prop_oneof![4 => 0_u64..100, 1 => 0_u64..3000];
    prop_oneof![Just(next), millis.prop_map(Duration::from_millis)].prop_map(Step::Pass).boxed()
}

/// What a child does, or is done to it; rarely also one that was there before.
fn of_child(model: &Model, seat: SeatId) -> Vec<Weighted> {
    let generation = model.spots[seat].generation;
    let given = model.given(seat);
    let sure = Just((seat, generation));
    let by = prop::bool::weighted(0.05)
        .prop_map(move |earlier| (seat, generation.saturating_sub(u32::from(earlier))));
    let answer = |to| {
        (by.clone(), to, reply()).prop_map(|(by, to, reply)| Step::Answer { by, to, reply }).boxed()
    };
    let right = answer(Just(given).boxed());
    let wrong = answer(mistaken(given));
    let ready = by.clone().prop_map(|(seat, generation)| Step::Ready(seat, generation)).boxed();
    let died = (by.clone(), death(), silence()).prop_map(|((seat, generation), cause, silence)| {
        Step::Died { seat, generation, cause, silence }
    });
    let died = died.boxed();
    let not_started = (sure, prop::bool::weighted(0.3));
    let not_started = not_started.prop_map(|((seat, generation), hopeless)| Step::NotStarted {
        seat,
        generation,
        hopeless,
    });
    let odd = (by, blame(), 0..5).prop_map(|((seat, generation), cause, what)| match what {
        0 => Step::Alive(seat, generation),
        1 => Step::Worn(seat, generation),
        2 => Step::Condemn(seat, generation, cause),
        3 => Step::Refuse(seat, generation, cause),
        _ => Step::Dismiss(seat, generation),
    });
    let (odd, not_started) = (odd.boxed(), not_started.boxed());
    match &model.spots[seat].child {
        Child::None { .. } => vec![(1, prop_oneof![died, ready, right, odd].boxed())],
        Child::Idle { .. } => {
            vec![(1, prop_oneof![2 => died, 2 => right, 1 => ready, 1 => odd].boxed())]
        }
        Child::Starting { killed: None, .. } => {
            vec![(24, ready), (2, died), (2, not_started), (1, odd)]
        }
        Child::Busy(Try { killed: None, .. }) => vec![(6, right), (6, died), (1, wrong), (1, odd)],
        Child::Starting { .. } | Child::Busy(_) | Child::Leaving { .. } => {
            vec![(8, died), (1, right), (1, prop_oneof![ready, odd].boxed())]
        }
        Child::Doomed => vec![(8, died), (1, right), (1, prop_oneof![not_started, odd].boxed())],
    }
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![3 => Just(Reply::Output), 1 => Just(Reply::Fault), 1 => Just(Reply::FaultAndRetire)]
}

fn silence() -> impl Strategy<Value = Silence> {
    prop_oneof![Just(Silence::Unknown), Just(Silence::Spinning), Just(Silence::Stopped)]
}

/// Of its own fault, or killed by another process.
fn death() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(crash()),
        Just(Cause::Exited { code: 0 }),
        Just(Cause::Killed { signal: 9, name: "SIGKILL".to_owned() }),
    ]
}

fn blame() -> impl Strategy<Value = Cause> {
    prop_oneof![
        10 => Just(Cause::Protocol { reason: "babble".to_owned() }),
        10 => Just(Cause::InvalidResult { reason: "short".to_owned() }),
        2 => Just(Cause::Misfit { reason: "of another build".to_owned() }),
        1 => Just(Cause::Unfit { reason: "no licence".to_owned() }),
    ]
}

/// An answer to another try than the one that a child was given, or to another task. A doubled one
/// needs no mistake: a child that has answered does so again.
fn mistaken((task, attempt): (TaskId, Attempt)) -> BoxedStrategy<(TaskId, Attempt)> {
    prop_oneof![
        Just((task, Attempt(attempt.0 - 1))),
        Just((task, Attempt(attempt.0 + 1))),
        Just((TaskId(task.0 + 1), Attempt(1))),
        Just((TaskId(task.0 - 1), Attempt(1))),
        Just((TaskId(u64::MAX), attempt)),
    ]
    .boxed()
}

/// What happens next if every child does what it is there for.
pub(super) fn of_good_will(model: &Model) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (seat, spot) in model.spots.iter().enumerate() {
        let generation = spot.generation;
        let by = (seat, generation);
        let died = Step::Died { seat, generation, cause: crash(), silence: Silence::Unknown };
        steps.extend(match &spot.child {
            Child::None { .. } | Child::Idle { .. } => None,
            Child::Starting { killed: None, .. } => Some(Step::Ready(seat, generation)),
            Child::Busy(at) if at.killed.is_none() => {
                let to = (at.task, model.attempt(at.task));
                Some(Step::Answer { by, to, reply: Reply::Output })
            }
            Child::Starting { .. } | Child::Busy(_) | Child::Leaving { .. } | Child::Doomed => {
                Some(died)
            }
        });
    }
    steps.push(Step::Pass(Duration::from_millis(10)));
    steps
}
