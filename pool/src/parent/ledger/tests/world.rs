//! World: a ledger and the processes that its actions bring about, which do what a test likes.

use super::*;

/// What a simulated process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Booting,
    Idle,
    Busy(TaskId, Attempt),
    Quitting,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) generation: u32,
    pub(super) doing: Doing,
    pub(super) served: u32,
    pub(super) killed: bool,
}

/// What a simulated process holds beside the task that it is busy with.
#[derive(Clone, Debug, Default)]
pub(super) struct Hand {
    pub(super) rest: VecDeque<TaskId>,
    pub(super) batch: bool,
    /// What stands on its status page, true or not.
    pub(super) status_page: Option<TaskId>,
    /// Killed for a cancelled task.
    pub(super) spared: bool,
}

/// A ledger and the processes that its actions bring about.
#[derive(Debug)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    pub(super) now: Duration,
    pub(super) seats: Vec<Option<Process>>,
    pub(super) submitted: BTreeSet<TaskId>,
    pub(super) ended: BTreeMap<TaskId, Result<(), TaskError>>,
    pub(super) hands: Vec<Hand>,
    /// Deaths that each task has been charged with.
    pub(super) charges: BTreeMap<TaskId, u32>,
    pub(super) delivered: BTreeMap<TaskId, u64>,
    /// Tasks that were said to be late.
    pub(super) warnings: usize,
}

impl World {
    pub(super) fn new(seats: usize) -> Self {
        Self::with(policy(seats))
    }

    pub(super) fn with(policy: Policy) -> Self {
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

    pub(super) fn act<R>(
        &mut self,
        step: impl FnOnce(&mut Ledger, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let mut actions = Vec::new();
        let result = step(&mut self.ledger, self.now, &mut actions);
        for action in actions {
            self.carry_out(action);
        }
        result
    }

    pub(super) fn carry_out(&mut self, action: Action) {
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
                self.hands[seat] = Hand { status_page: Some(task), ..Hand::default() };
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
                self.hands[seat] =
                    Hand { rest, batch: true, status_page: Some(first), spared: false };
            }
            Action::AskBoard { seat } => {
                let status_page = self.hands[seat].status_page;
                let was_killed = self.seats[seat].unwrap().killed;
                self.act(|ledger, now, actions| ledger.told(seat, status_page, now, actions));
                if self.seats[seat].unwrap().killed && !was_killed {
                    let unwanted = status_page.is_some_and(|task| self.ended.contains_key(&task));
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

    /// The tasks in work, without the canary and cancelled tasks.
    pub(super) fn busy(&self) -> impl Iterator<Item = (TaskId, Attempt)> {
        let busy = self.seats.iter().flatten().filter_map(|process| match process.doing {
            Doing::Busy(task, attempt) => Some((task, attempt)),
            _ => None,
        });
        busy.filter(|(task, _)| self.submitted.contains(task) && !self.ended.contains_key(task))
    }

    pub(super) fn end(&mut self, task: TaskId, how: Result<(), TaskError>) {
        assert!(self.submitted.contains(&task), "a task that was not submitted");
        assert!(self.ended.insert(task, how).is_none(), "a task that ends twice");
    }

    pub(super) fn submit(&mut self, terms: Terms) {
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

    pub(super) fn boot(&mut self, seat: SeatId) {
        if let Some(process @ Process { doing: Doing::Booting, killed: false, .. }) =
            &mut self.seats[seat]
        {
            process.doing = Doing::Idle;
            let generation = process.generation;
            self.act(|ledger, now, actions| ledger.booted(seat, generation, now, actions));
        }
    }

    pub(super) fn fail_to_boot(&mut self, seat: SeatId) {
        if let Some(Process { doing: Doing::Booting, generation, .. }) = self.seats[seat] {
            self.seats[seat] = None;
            self.act(|ledger, now, actions| {
                ledger.boot_failed(seat, generation, &boot_error(), false, now, actions);
            });
        }
    }

    /// The process answers; even one that has been killed may have answered before.
    pub(super) fn reply(&mut self, seat: SeatId, reply: Reply) {
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

    pub(super) fn deliver(&mut self, seat: SeatId) {
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
    pub(super) fn babble(&mut self, seat: SeatId) {
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

    pub(super) fn die(&mut self, seat: SeatId) {
        if let Some(Process { generation, doing, .. }) = self.seats[seat].take() {
            let Hand { rest, status_page, spared, .. } = std::mem::take(&mut self.hands[seat]);
            if let Doing::Busy(first, _) = doing
                && !spared
            {
                let held = |task: &TaskId| *task == first || rest.contains(task);
                let culprit = status_page.filter(held).unwrap_or(first);
                if self.submitted.contains(&culprit) && !self.ended.contains_key(&culprit) {
                    *self.charges.entry(culprit).or_default() += 1;
                }
            }
            let death = (crash(), Evidence { task: status_page, ..Evidence::default() });
            self.act(|ledger, now, actions| {
                ledger.died(seat, generation, death, |_| boot_error(), now, actions)
            });
        }
    }

    /// What stands on the status page changes: the process gets on with its hand, or is out of its mind.
    pub(super) fn write_board(&mut self, seat: SeatId, nth: usize) {
        let Some(Process { doing: Doing::Busy(first, _), .. }) = self.seats[seat] else { return };
        let hand = &mut self.hands[seat];
        hand.status_page = match nth {
            0 => Some(first),
            1..5 => hand.rest.get(nth - 1).copied(),
            _ => Some(TaskId(u64::MAX)),
        };
    }

    /// The process does not do the rest of its batch.
    pub(super) fn give_back(&mut self, seat: SeatId) {
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

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.act(Ledger::tick);
    }

    /// From here on everybody behaves, and there is to be an end.
    pub(super) fn settle(&mut self) {
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

    pub(super) fn check(&self) {
        let ended: BTreeSet<_> = self.ended.keys().copied().collect();
        assert_eq!(self.submitted, ended, "every task ends");
        let balance = self.ledger.balance();
        assert!(balance.is_even(), "{balance:?}");
        assert_eq!(balance.submitted, self.submitted.len() as u64);
    }
}
