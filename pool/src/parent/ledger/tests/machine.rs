//! Machine: the ledger goes through the same steps as its [model](super::model), and after each the
//! two must agree in everything that can be seen from outside, and in where every task is.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::laws::Laws;
use super::model::{Child, Model, Spot, Try};
use super::*;
use crate::parent::ledger::{Busy, Seat};

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_does_what_its_model_does(sequential 1..150 => Twins);
}

/// What may happen to a pool. A child is named by its seat and its generation.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Submit {
        tenant: Tenant,
        timeout: Option<Duration>,
        light: bool,
    },
    Cancel(TaskId),
    DismissParty(Tenant),
    ForgetParty(Tenant),
    CancelWaiting(Option<BTreeSet<TaskId>>),
    Ready(SeatId, u32),
    NotStarted {
        seat: SeatId,
        generation: u32,
        hopeless: bool,
    },
    Refuse(SeatId, u32, Cause),
    Dismiss(SeatId, u32),
    Answer {
        by: (SeatId, u32),
        to: (TaskId, Attempt),
        reply: Reply,
    },
    Condemn(SeatId, u32, Cause),
    Alive(SeatId, u32),
    Worn(SeatId, u32),
    Died {
        seat: SeatId,
        generation: u32,
        cause: Cause,
        silence: Silence,
    },
    /// The clock goes on, and is looked at.
    Pass(Duration),
    Close,
    KillAll,
    TerminateAll,
}

impl Step {
    fn evidence(silence: Silence) -> Evidence {
        Evidence { silence, ..Evidence::default() }
    }

    /// Has the model take it, which says what callers and children are told.
    fn on_paper(&self, model: &mut Model) -> String {
        model.deeds.clear();
        match self.clone() {
            Self::Submit { tenant, timeout, .. } => return said(model.submit(tenant, timeout)),
            Self::DismissParty(tenant) => model.dismiss_tenant(tenant),
            Self::ForgetParty(tenant) => model.forget_tenant(tenant),
            Self::Cancel(task) => return said(model.cancel(task)),
            Self::CancelWaiting(those) => model.cancel_waiting(those.as_ref()),
            Self::Ready(seat, generation) => model.ready(seat, generation),
            Self::NotStarted { seat, generation, hopeless } => {
                model.not_started(seat, generation, hopeless);
            }
            Self::Refuse(seat, generation, cause) => model.refuse(seat, generation, cause),
            Self::Dismiss(seat, generation) => return said(model.dismiss(seat, generation)),
            Self::Answer { by, to, reply } => return said(model.answer(by, to, reply)),
            Self::Condemn(seat, generation, cause) => model.condemn(seat, generation, cause),
            Self::Alive(seat, generation) => model.alive(seat, generation),
            Self::Worn(seat, generation) => model.worn(seat, generation),
            Self::Died { seat, generation, cause, silence } => {
                return said(model.died(seat, generation, (cause, Self::evidence(silence))));
            }
            Self::Pass(time) => {
                model.now += time;
                model.tick();
            }
            Self::Close => model.close(),
            Self::KillAll => model.kill_all(),
            Self::TerminateAll => model.terminate_all(),
        }
        String::new()
    }

    /// Has the ledger take it.
    fn on(&self, ledger: &mut Ledger, now: Duration, actions: &mut Vec<Action>) -> String {
        match self.clone() {
            Self::DismissParty(tenant) => ledger.dismiss_tenant(tenant, now, actions),
            Self::ForgetParty(tenant) => ledger.forget_tenant(tenant),
            Self::Submit { tenant, timeout, light } => {
                let light = light.then_some(Light { name: "slow", bytes: 8 });
                let terms = Terms { tenant, timeout, streams: false, light };
                return said(ledger.submit(terms, now, actions));
            }
            Self::Cancel(task) => return said(ledger.cancel(task, now, actions)),
            Self::CancelWaiting(those) => ledger.cancel_waiting(those.as_ref(), now, actions),
            Self::Ready(seat, generation) => ledger.booted(seat, generation, now, actions),
            Self::NotStarted { seat, generation, hopeless } => {
                ledger.boot_failed(seat, generation, &boot_error(), hopeless, now, actions);
            }
            Self::Refuse(seat, generation, cause) => {
                ledger.refuse(seat, generation, cause, actions);
            }
            Self::Dismiss(seat, generation) => {
                return said(ledger.is_booting(seat, generation) && ledger.dismiss(seat, actions));
            }
            Self::Answer { by: (seat, generation), to, reply } => {
                ledger.took(to.0, Duration::from_millis(1));
                return said(ledger.replied(seat, generation, to, reply, now, actions));
            }
            Self::Condemn(seat, generation, cause) => {
                ledger.condemn(seat, generation, cause, actions);
            }
            Self::Alive(seat, generation) => ledger.alive(seat, generation, now),
            Self::Worn(seat, generation) => ledger.worn(seat, generation),
            Self::Died { seat, generation, cause, silence } => {
                let death = (cause, Self::evidence(silence));
                return said(ledger.died(seat, generation, death, |_| boot_error(), now, actions));
            }
            Self::Pass(_) => ledger.tick(now, actions),
            Self::Close => ledger.close(now, actions),
            Self::KillAll => ledger.kill_all(actions),
            Self::TerminateAll => ledger.terminate_all(now, actions),
        }
        String::new()
    }
}

/// In a form that can be compared, whatever it is.
fn said(what: impl Debug) -> String {
    format!("{what:?}")
}

/// The model, and the ledger beside it.
pub(super) struct Twins {
    ledger: Ledger,
    laws: Laws,
}

/// The model after a step.
#[derive(Clone, Debug)]
pub(super) struct Paper {
    pub(super) model: Model,
    said: String,
}

impl ReferenceStateMachine for Twins {
    type State = Paper;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Paper> {
        let millis = |range: std::ops::Range<u64>| range.prop_map(Duration::from_millis);
        let role = prop_oneof![Just(Role::WORKER), Just(Role::streaming("reader"))];
        let backoff = prop_oneof![
            Just(Backoff::default()),
            Just(Backoff { first: Duration::from_millis(20), most: Duration::from_millis(50) }),
        ];
        let seats = (1_usize..4, prop_oneof![2 => Just(0), 1 => 1_usize..3]);
        let sizes = (seats, 1_u32..5, prop::option::weighted(0.3, 1_u64..4));
        let starts = (
            prop_oneof![1_u32..6, Just(1000)],
            millis(1..100),
            millis(500..9000),
            millis(500..9000),
        );
        let deaths = (prop_oneof![0_usize..4, Just(1000)], millis(500..60_000));
        let policy = (role, sizes, backoff, starts, deaths).prop_map(
            |(role, (seats, max_attempts, max_tasks_per_child), backoff, starts, deaths)| {
                let (common, spare) = seats;
                let (boot_attempts, boot_pause, start_timeout, quit_timeout) = starts;
                let (intensity, period) = deaths;
                Policy {
                    role,
                    seats: common + spare,
                    spare,
                    max_attempts,
                    max_tasks_per_child,
                    backoff,
                    start_timeout,
                    quit_timeout,
                    intensity,
                    period,
                    boot_attempts,
                    boot_pause,
                }
            },
        );
        policy.prop_map(|policy| Paper { model: Model::new(policy), said: String::new() }).boxed()
    }

    fn transitions(paper: &Paper) -> BoxedStrategy<Step> {
        steps::after(&paper.model)
    }

    fn apply(mut paper: Paper, step: &Step) -> Paper {
        paper.said = step.on_paper(&mut paper.model);
        paper
    }

    /// What still holds of a step when those before it are left out.
    fn preconditions(paper: &Paper, step: &Step) -> bool {
        let Model { spots, histories, .. } = &paper.model;
        match step {
            // A child that is ready, or serves, has been started.
            Step::NotStarted { seat, generation, .. } => spots.get(*seat).is_some_and(|spot| {
                spot.generation != *generation
                    || matches!(spot.child, Child::Starting { .. } | Child::Doomed)
            }),
            Step::Ready(seat, _)
            | Step::Refuse(seat, ..)
            | Step::Dismiss(seat, _)
            | Step::Answer { by: (seat, _), .. }
            | Step::Condemn(seat, ..)
            | Step::Alive(seat, _)
            | Step::Worn(seat, _)
            | Step::Died { seat, .. } => *seat < spots.len(),
            // Nothing is left of a tenant that is forgotten.
            Step::ForgetParty(tenant) => {
                paper.model.open().all(|history| history.tenant != *tenant)
            }
            Step::Cancel(task) => {
                histories.iter().all(|history| history.task != *task || !history.canary)
            }
            _ => true,
        }
    }
}

impl StateMachineTest for Twins {
    type SystemUnderTest = Self;
    type Reference = Self;

    fn init_test(paper: &Paper) -> Self {
        let policy = paper.model.policy.clone();
        Self { ledger: Ledger::new(policy.clone()), laws: Laws::new(policy) }
    }

    fn apply(mut twins: Self, paper: &Paper, step: Step) -> Self {
        twins.follow(paper, &step);
        twins
    }

    fn check_invariants(twins: &Self, paper: &Paper) {
        let (ledger, model) = (&twins.ledger, &paper.model);
        assert_eq!(spots(ledger), model.spots, "who is where");
        assert_eq!(Vec::from(ledger.queue.clone()), model.queue, "who waits, in order");
        assert_eq!(ledger.resting.iter().copied().collect::<Vec<_>>(), model.resting, "who rests");
        assert_eq!(ledger.balance(), model.balance());
        assert_eq!(ledger.next_tick(), model.next_tick(), "when the clock is looked at next");
        assert_eq!(ledger.is_at_rest(), model.is_at_rest());
        assert_eq!(ledger.is_closed(), !model.takes_tasks());
    }

    /// From here on everybody behaves, and there is to be an end.
    fn teardown(mut twins: Self, mut paper: Paper) {
        let mut steps = vec![Step::Close];
        for _ in 0..1000 {
            for step in steps {
                paper = <Self as ReferenceStateMachine>::apply(paper, &step);
                twins.follow(&paper, &step);
                Self::check_invariants(&twins, &paper);
            }
            if twins.ledger.is_at_rest() {
                return twins.laws.close(&twins.ledger.balance());
            }
            steps = steps::of_good_will(&paper.model);
        }
        panic!("there is no end to it: {:#?}", paper.model);
    }
}

impl Twins {
    /// Takes a step that the model has taken, and does the same.
    fn follow(&mut self, paper: &Paper, step: &Step) {
        let mut actions = Vec::new();
        let told = step.on(&mut self.ledger, paper.model.now, &mut actions);
        assert_eq!(told, paper.said, "what is said to {step:?}");
        assert_eq!(in_any_order(&actions), in_any_order(&paper.model.deeds), "what {step:?} does");
        self.laws.observe(step, &told, &actions);
    }
}

fn in_any_order(actions: &[Action]) -> Vec<String> {
    let mut actions: Vec<String> = actions.iter().map(said).collect();
    actions.sort();
    actions
}

/// The places of the ledger, in the words of the model.
fn spots(ledger: &Ledger) -> Vec<Spot> {
    let child = |seat: &Seat| match seat {
        Seat::Vacant { not_before } => {
            Child::None { pause: Some(*not_before).filter(|pause| !pause.is_zero()) }
        }
        Seat::Booting { since, killed } => {
            Child::Starting { since: *since, killed: killed.clone() }
        }
        Seat::Idle { served } => Child::Idle { served: *served },
        Seat::Busy(Busy {
            task,
            rest,
            batch,
            served,
            since,
            alone,
            looked,
            warned,
            killed,
            ..
        }) => {
            assert!(rest.is_empty() && !batch, "no task is quick enough for a batch");
            Child::Busy(Try {
                task: *task,
                served: *served,
                since: *since,
                alone: *alone,
                looked: *looked,
                warned: *warned,
                killed: killed.clone(),
            })
        }
        Seat::Quitting { since, killed } => Child::Leaving { since: *since, killed: *killed },
        Seat::Dying => Child::Doomed,
    };
    let spot = |place: &crate::parent::ledger::Place| Spot {
        generation: place.generation,
        worn: place.worn,
        child: child(&place.seat),
    };
    ledger.places.iter().map(spot).collect()
}
