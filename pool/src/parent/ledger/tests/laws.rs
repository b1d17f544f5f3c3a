//! Laws: what must hold whatever the ledger decides, seen from its actions alone.

use super::machine::Step;
use super::*;

/// Who has been given what, and what has become of it.
#[derive(Debug)]
pub(super) struct Laws {
    policy: Policy,
    /// The process in each seat, if one is there.
    processes: Vec<Option<u32>>,
    /// What each child has been given and has not answered.
    held: BTreeMap<SeatId, TaskId>,
    submitted: BTreeSet<TaskId>,
    ended: BTreeSet<TaskId>,
    /// The last try of each task so far, and whether it has had company.
    tries: BTreeMap<TaskId, (u32, bool)>,
}

impl Laws {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            processes: vec![None; policy.seats],
            policy,
            held: BTreeMap::new(),
            submitted: BTreeSet::new(),
            ended: BTreeSet::new(),
            tries: BTreeMap::new(),
        }
    }

    /// A step has been taken, which was answered by that and leads to those actions.
    pub(super) fn observe(&mut self, step: &Step, told: &str, actions: &[Action]) {
        match step {
            Step::Submit { .. } => {
                // Numbers are given one after another; some are the ledger's own.
                let told = told.strip_prefix("Ok(TaskId(").and_then(|told| told.strip_suffix("))"));
                self.submitted.extend(told.map(|number| TaskId(number.parse().unwrap())));
            }
            Step::Answer { by: (seat, _), to: (task, _), .. } if told == "Accept" => {
                assert_eq!(
                    self.held.remove(seat),
                    Some(*task),
                    "an answer of whom it was given to"
                );
                self.end(*task);
            }
            Step::Died { seat, generation, .. } | Step::NotStarted { seat, generation, .. }
                if self.processes[*seat] == Some(*generation) =>
            {
                self.processes[*seat] = None;
                self.held.remove(seat);
            }
            _ => {}
        }
        for action in actions {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: &Action) {
        match action {
            Action::Spawn { seat, generation } => {
                assert!(self.processes[*seat].is_none(), "two processes in one seat");
                self.processes[*seat] = Some(*generation);
            }
            Action::Run { seat, task, attempt, .. } => {
                assert!(self.processes[*seat].is_some(), "a task for an empty seat");
                assert!(!self.ended.contains(task), "a task that has ended");
                assert!(!self.held.contains_key(seat), "a second task for a child");
                assert!(self.held.values().all(|held| held != task), "a task with two children");
                let before = self.tries.get(task).map_or(0, |(attempt, _)| *attempt);
                assert_eq!(attempt.0, before + 1, "no try is left out or repeated");
                assert!(attempt.0 <= self.policy.max_attempts, "too many tries");
                // The canary does nothing, so it is no company.
                let mut company = false;
                for other in self.held.values().filter(|other| self.submitted.contains(other)) {
                    self.tries.get_mut(other).unwrap().1 |= self.submitted.contains(task);
                    company = true;
                }
                self.tries.insert(*task, (attempt.0, company));
                self.held.insert(*seat, *task);
            }
            Action::Finish { task, error } => {
                if let TaskError::AttemptsExhausted(tries) = error {
                    let most = self.policy.max_attempts;
                    assert_eq!(tries.len(), most as usize, "given up too soon");
                    let (last, company) = self.tries[task];
                    assert_eq!(last, most);
                    assert!(!company || most == 1, "given up without a try alone");
                }
                self.held.retain(|_, held| held != task);
                self.end(*task);
            }
            Action::Batch { .. } | Action::AskBoard { .. } => panic!("no task is that quick"),
            Action::Kill { seat } | Action::Quit { seat } | Action::Terminate { seat } => {
                assert!(self.processes[*seat].is_some(), "no child is there to be ended");
            }
            Action::Look { .. } | Action::Retried { .. } => {}
        }
    }

    fn end(&mut self, task: TaskId) {
        if self.submitted.contains(&task) {
            assert!(self.ended.insert(task), "a task that ends twice");
        }
    }

    /// All is over.
    pub(super) fn close(&self, balance: &TaskAccounting) {
        assert_eq!(self.submitted, self.ended, "every task ends");
        assert!(balance.is_even(), "{balance:?}");
        assert_eq!(balance.submitted, self.submitted.len() as u64);
        assert!(self.processes.iter().all(Option::is_none), "a child is left");
    }
}
