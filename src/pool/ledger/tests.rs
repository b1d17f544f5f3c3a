//! A ledger among children that do what they like, checked for what must hold whatever they do.

mod batches;
mod policies;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use audiopool_worker::protocol::{Attempt, Role, TaskId};
use proptest::prelude::*;

use super::{Action, Backoff, Ledger, Light, Policy, Reply, SeatId, Terms, Verdict};
use crate::pool::cause::Silence;
use crate::pool::evidence::Evidence;
use crate::pool::fault::{Cause, PoolError, TaskError};

const CALM: Terms = Terms { timeout: None, streams: false, light: None };

/// Of a kind that takes no time at all.
const LIGHT: Terms =
    Terms { timeout: None, streams: false, light: Some(Light { name: "light", bytes: 8 }) };

fn policy(seats: usize) -> Policy {
    Policy {
        role: Role::Worker,
        seats,
        max_attempts: 3,
        max_tasks_per_child: None,
        backoff: Backoff::default(),
        start_timeout: Duration::from_secs(10),
        quit_timeout: Duration::from_secs(5),
        intensity: 10,
        period: Duration::from_mins(1),
        boot_attempts: 3,
        boot_pause: Duration::from_millis(50),
    }
}

fn boot_error() -> PoolError {
    PoolError::Boot { role: Role::Worker, program: "w".into(), reason: "no".into() }
}

fn crash() -> Cause {
    Cause::Signal { signal: 11, name: "SIGSEGV".into() }
}

fn late(limit: Duration) -> Cause {
    Cause::TimedOut { limit, silence: Silence::Unknown }
}

/// What a simulated process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Booting,
    Idle,
    Busy(TaskId, Attempt),
    Quitting,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    generation: u32,
    doing: Doing,
    served: u32,
    killed: bool,
}

/// What a simulated process holds beside the task that it is busy with.
#[derive(Clone, Debug, Default)]
struct Hand {
    rest: VecDeque<TaskId>,
    batch: bool,
    /// What stands on its board, true or not.
    board: Option<TaskId>,
    /// Killed for a task that nobody wants.
    spared: bool,
}

/// A ledger and the processes that its actions bring about.
#[derive(Debug)]
struct World {
    ledger: Ledger,
    now: Duration,
    seats: Vec<Option<Process>>,
    submitted: BTreeSet<TaskId>,
    ended: BTreeMap<TaskId, Result<(), TaskError>>,
    hands: Vec<Hand>,
    /// Deaths that each task has been charged with.
    charges: BTreeMap<TaskId, u32>,
    delivered: BTreeMap<TaskId, u64>,
    /// Tasks that were said to be late.
    warnings: usize,
}

impl World {
    fn new(seats: usize) -> Self {
        Self::with(policy(seats))
    }

    fn with(policy: Policy) -> Self {
        Self {
            now: Duration::ZERO,
            seats: vec![None; policy.seats],
            hands: vec![Hand::default(); policy.seats],
            ledger: Ledger::new(policy),
            submitted: BTreeSet::new(),
            ended: BTreeMap::new(),
            charges: BTreeMap::new(),
            delivered: BTreeMap::new(),
            warnings: 0,
        }
    }

    fn act<R>(&mut self, step: impl FnOnce(&mut Ledger, Duration, &mut Vec<Action>) -> R) -> R {
        let mut actions = Vec::new();
        let result = step(&mut self.ledger, self.now, &mut actions);
        for action in actions {
            self.carry_out(action);
        }
        result
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Spawn { seat, generation } => {
                assert!(self.seats[seat].is_none(), "two processes in one seat");
                self.seats[seat] =
                    Some(Process { generation, doing: Doing::Booting, served: 0, killed: false });
            }
            Action::Run { seat, task, attempt, delivered } => {
                let busy: Vec<_> = self.busy().collect();
                let process = self.seats[seat].as_mut().unwrap();
                assert_eq!(process.doing, Doing::Idle, "a task for a process that is not free");
                assert!(!self.ended.contains_key(&task), "a task that has ended");
                assert_eq!(delivered, *self.delivered.entry(task).or_default());
                let tries = self.charges.get(&task).map_or(1, |charges| charges + 1);
                assert!(tries == attempt.0 && tries <= 3, "attempt {attempt:?} of {tries}");
                assert!(tries < 3 || process.served == 0, "the last try is not in a fresh process");
                let others: Vec<u32> = busy.iter().map(|(_, attempt)| attempt.0).collect();
                assert!(tries < 3 || others.is_empty(), "the last try is not alone");
                assert!(!others.contains(&3), "a task beside a last try");
                process.doing = Doing::Busy(task, attempt);
                process.served += 1;
                self.hands[seat] = Hand { board: Some(task), ..Hand::default() };
            }
            Action::Batch { seat, tasks } => {
                let process = self.seats[seat].as_mut().unwrap();
                assert_eq!(process.doing, Doing::Idle, "tasks for a process that is not free");
                assert!((2..=64).contains(&tasks.len()), "{}", tasks.len());
                for task in &tasks {
                    assert!(!self.ended.contains_key(task), "a task that has ended");
                    assert_eq!(self.charges.get(task), None, "a second try that is not alone");
                }
                let mut rest = VecDeque::from(tasks);
                let first = rest.pop_front().unwrap();
                process.doing = Doing::Busy(first, Attempt(1));
                process.served += 1;
                self.hands[seat] = Hand { rest, batch: true, board: Some(first), spared: false };
            }
            Action::AskBoard { seat } => {
                let board = self.hands[seat].board;
                let was_killed = self.seats[seat].unwrap().killed;
                self.act(|ledger, now, actions| ledger.told(seat, board, now, actions));
                if self.seats[seat].unwrap().killed && !was_killed {
                    let unwanted = board.is_some_and(|task| self.ended.contains_key(&task));
                    assert!(unwanted, "killed for a task that was not cancelled, or not begun");
                    self.hands[seat].spared = true;
                }
            }
            Action::Quit { seat } => {
                let process = self.seats[seat].as_mut().unwrap();
                assert_eq!(process.doing, Doing::Idle, "told to quit in the middle of a task");
                process.doing = Doing::Quitting;
            }
            Action::Terminate { seat } => {
                self.seats[seat].as_mut().unwrap().doing = Doing::Quitting;
            }
            Action::Kill { seat } => self.seats[seat].as_mut().unwrap().killed = true,
            Action::Look { seat, warn } => {
                let process = self.seats[seat].unwrap();
                assert!(!process.killed && matches!(process.doing, Doing::Busy(..)), "{warn:?}");
                self.warnings += usize::from(warn.is_some());
            }
            Action::Finish { task, error } => self.end(task, Err(error)),
            Action::Retried { task, attempt, .. } => {
                assert_eq!(self.charges.get(&task), Some(&attempt.0), "who is to blame");
            }
        }
    }

    /// The tasks in work, but for the canary and those that nobody waits for any more.
    fn busy(&self) -> impl Iterator<Item = (TaskId, Attempt)> {
        let busy = self.seats.iter().flatten().filter_map(|process| match process.doing {
            Doing::Busy(task, attempt) => Some((task, attempt)),
            _ => None,
        });
        busy.filter(|(task, _)| self.submitted.contains(task) && !self.ended.contains_key(task))
    }

    fn end(&mut self, task: TaskId, how: Result<(), TaskError>) {
        assert!(self.submitted.contains(&task), "a task that nobody submitted");
        assert!(self.ended.insert(task, how).is_none(), "a task that ends twice");
    }

    fn submit(&mut self, terms: Terms) {
        let mut task = None;
        let mut actions = Vec::new();
        if let Ok(id) = self.ledger.submit(terms, self.now, &mut actions) {
            self.submitted.insert(id);
            self.ledger.took(id, Duration::from_micros(1));
            task = Some(id);
        }
        for action in actions {
            self.carry_out(action);
        }
        assert!(task.is_none_or(|task| !self.ended.contains_key(&task)));
    }

    fn boot(&mut self, seat: SeatId) {
        if let Some(process @ Process { doing: Doing::Booting, killed: false, .. }) =
            &mut self.seats[seat]
        {
            process.doing = Doing::Idle;
            let generation = process.generation;
            self.act(|ledger, now, actions| ledger.booted(seat, generation, now, actions));
        }
    }

    fn fail_to_boot(&mut self, seat: SeatId) {
        if let Some(Process { doing: Doing::Booting, generation, .. }) = self.seats[seat] {
            self.seats[seat] = None;
            self.act(|ledger, now, actions| {
                ledger.boot_failed(seat, generation, &boot_error(), false, now, actions);
            });
        }
    }

    /// The process answers; even one that has been killed may have answered before.
    fn reply(&mut self, seat: SeatId, reply: Reply) {
        let Some(Process { doing: Doing::Busy(task, attempt), generation, .. }) = self.seats[seat]
        else {
            return;
        };
        let next = match reply {
            Reply::FaultAndRetire => None,
            Reply::Output | Reply::Fault => self.hands[seat].rest.pop_front(),
        };
        self.seats[seat].as_mut().unwrap().doing =
            next.map_or(Doing::Idle, |next| Doing::Busy(next, Attempt(1)));
        let in_batch = self.hands[seat].batch;
        let canary = !self.submitted.contains(&task);
        let was_over = self.ended.contains_key(&task);
        let id = (task, attempt);
        let verdict = self
            .act(|ledger, now, actions| ledger.replied(seat, generation, id, reply, now, actions));
        match verdict {
            Verdict::Accept if canary => {}
            Verdict::Accept => self.end(task, Ok(())),
            Verdict::Unwanted => assert!(was_over && in_batch, "an answer that is wanted"),
            Verdict::Breach => assert!(was_over || canary, "a good answer refused"),
            Verdict::Ignore => panic!("an answer of the current process ignored"),
        }
    }

    fn deliver(&mut self, seat: SeatId) {
        let Some(Process { doing: Doing::Busy(task, attempt), generation, .. }) = self.seats[seat]
        else {
            return;
        };
        let index = *self.delivered.entry(task).or_default();
        let id = (task, attempt);
        let verdict = self.act(|ledger, now, actions| {
            ledger.delivered(seat, generation, id, (index, false), now, actions)
        });
        if verdict == Verdict::Accept {
            *self.delivered.entry(task).or_default() += 1;
        }
    }

    /// Says something that it should not.
    fn babble(&mut self, seat: SeatId) {
        let Some(Process { generation, .. }) = self.seats[seat] else { return };
        let id = (TaskId(u64::MAX), Attempt(1));
        let verdict = self.act(|ledger, now, actions| {
            ledger.replied(seat, generation, id, Reply::Output, now, actions)
        });
        assert_eq!(verdict, Verdict::Breach);
        // What an earlier process says does not count.
        let verdict = self.act(|ledger, now, actions| {
            ledger.replied(seat, generation + 1, id, Reply::Output, now, actions)
        });
        assert_eq!(verdict, Verdict::Ignore);
    }

    fn die(&mut self, seat: SeatId) {
        if let Some(Process { generation, doing, .. }) = self.seats[seat].take() {
            let Hand { rest, board, spared, .. } = std::mem::take(&mut self.hands[seat]);
            if let Doing::Busy(first, _) = doing
                && !spared
            {
                let held = |task: &TaskId| *task == first || rest.contains(task);
                let culprit = board.filter(held).unwrap_or(first);
                if self.submitted.contains(&culprit) && !self.ended.contains_key(&culprit) {
                    *self.charges.entry(culprit).or_default() += 1;
                }
            }
            let death = (crash(), Evidence { task: board, ..Evidence::default() });
            self.act(|ledger, now, actions| {
                ledger.died(seat, generation, death, |_| boot_error(), now, actions)
            });
        }
    }

    /// What stands on the board changes: the process gets on with its hand, or is out of its mind.
    fn write_board(&mut self, seat: SeatId, nth: usize) {
        let Some(Process { doing: Doing::Busy(first, _), .. }) = self.seats[seat] else { return };
        let hand = &mut self.hands[seat];
        hand.board = match nth {
            0 => Some(first),
            1..5 => hand.rest.get(nth - 1).copied(),
            _ => Some(TaskId(u64::MAX)),
        };
    }

    /// The process does not do the rest of its batch.
    fn give_back(&mut self, seat: SeatId) {
        let Some(process @ Process { doing: Doing::Busy(..), .. }) = &mut self.seats[seat] else {
            return;
        };
        if self.hands[seat].batch {
            process.doing = Doing::Idle;
            let generation = process.generation;
            self.hands[seat].rest.clear();
            self.act(|ledger, now, actions| ledger.gave_back(seat, generation, now, actions));
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.act(Ledger::tick);
    }

    /// From here on everybody behaves, and there is to be an end.
    fn settle(&mut self) {
        self.act(Ledger::close);
        for _ in 0..10_000 {
            if self.ledger.is_at_rest() {
                return;
            }
            for seat in 0..self.seats.len() {
                match self.seats[seat] {
                    Some(Process { killed: true, .. } | Process { doing: Doing::Quitting, .. }) => {
                        self.die(seat);
                    }
                    Some(Process { doing: Doing::Booting, .. }) => self.boot(seat),
                    Some(Process { doing: Doing::Busy(..), .. }) => self.reply(seat, Reply::Output),
                    Some(Process { doing: Doing::Idle, .. }) | None => {}
                }
            }
            self.pass(Duration::from_millis(500));
        }
        panic!("there is no end to it: {self:#?}");
    }

    fn check(&self) {
        let ended: BTreeSet<_> = self.ended.keys().copied().collect();
        assert_eq!(self.submitted, ended, "every task ends");
        let balance = self.ledger.balance();
        assert!(balance.is_even(), "{balance:?}");
        assert_eq!(balance.submitted, self.submitted.len() as u64);
    }
}

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
                    world.submit(Terms { timeout, streams, light: None });
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
    assert!(matches!(&world.ended[&task], Err(TaskError::Poisonous(tries)) if tries.len() == 3));
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
    assert!(world.ended.values().all(|end| matches!(end, Err(TaskError::Poisonous(_)))));
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
fn the_end_of_a_pause_is_asked_for_until_it_has_been_seen() {
    let mut world = World::new(1);
    world.submit(CALM);
    world.fail_to_boot(0);
    let end = world.now + policy(1).boot_pause;
    assert_eq!(world.ledger.next_tick(), Some(end));
    assert!(world.seats[0].is_none(), "too early");
    // Whoever looks late must still be told that there is something to see.
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
    world.submit(Terms { timeout: Some(Duration::from_secs(2)), streams: true, light: None });
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
fn a_start_that_we_have_ended_is_nobody_elses_kill() {
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

#[test]
fn the_longest_timeout_of_all_is_for_ever() {
    let mut world = World::new(1);
    world.pass(Duration::from_secs(1));
    world.submit(Terms { timeout: Some(Duration::MAX), streams: false, light: None });
    world.boot(0);
    assert_eq!(world.ledger.next_tick(), Some(world.now + Duration::MAX / 2));
    world.pass(Duration::from_hours(1000));
    assert!(!world.seats[0].unwrap().killed);
}

#[test]
fn a_task_is_called_late_once_and_its_child_looked_at_before_it_is_killed() {
    let limit = Duration::from_secs(8);
    let mut world = World::new(1);
    world.submit(Terms { timeout: Some(limit), streams: false, light: None });
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

#[test]
fn the_last_try_waits_for_the_others_and_they_for_it() {
    let mut world = World::new(2);
    let timeout = Some(Duration::from_secs(8));
    world.submit(Terms { timeout, streams: false, light: None });
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
        matches!(world.ended[&poison], Err(TaskError::Poisonous(ref tries)) if tries.len() == 3)
    );
    assert_eq!(world.busy().count(), 1, "and the third goes on");
    world.settle();
    world.check();
}
