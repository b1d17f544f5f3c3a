//! Turns: whose task is handed out next where several tenants share a pool.
//!
//! The tenant with the fewest children at work is next; of equals, the one whose last turn was longest
//! ago. Within a tenant the order of the queue stands, and a pool with one tenant is a queue.
//!
//! ```text
//!   seats   ███████████░░░
//!           └── common ─┘└ spare: for a tenant that has no child at work
//! ```
//!
//! Turns alone do not help a tenant that comes while every child has a task that takes an hour. So a pool
//! may have [spare](super::Policy::spare) seats, which are not given to a tenant that has a child already.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::protocol::TaskId;

use super::{Action, Ledger, Seat};

/// The tenant of a task; 0 for none.
pub(crate) type Tenant = u64;

/// Who shares a pool, and who had a turn when.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Everyone in particular who has submitted something.
    guests: BTreeSet<Tenant>,
    /// Turns had by all until the last one of each.
    last: BTreeMap<Tenant, u64>,
    count: u64,
    /// Whose tasks are not taken on any more.
    dismissed: BTreeSet<Tenant>,
}

impl Turns {
    /// Whether a tenant's tasks are taken on.
    pub(super) fn admits(&mut self, tenant: Tenant) -> bool {
        if tenant != 0 {
            self.guests.insert(tenant);
        }
        !self.dismissed.contains(&tenant)
    }

    pub(super) fn served(&mut self, tenant: Tenant) {
        self.count += 1;
        self.last.insert(tenant, self.count);
    }
}

impl Ledger {
    /// The tasks that may be handed out by now, at most so many, in the order in which they are,
    /// with their positions in the queue.
    pub(super) fn in_turn(&self, most: usize) -> Vec<(usize, TaskId)> {
        let busy = self.places.iter().filter_map(|place| match &place.seat {
            Seat::Busy(busy) => Some(busy.task),
            _ => None,
        });
        let common = self.places.len().saturating_sub(self.policy.spare).max(1);
        if self.canary.is_some() || (self.turns.guests.is_empty() && self.policy.spare == 0) {
            return self.candidates().take(most).collect();
        }
        let mut held = BTreeMap::<Tenant, usize>::new();
        let mut at_work = 0;
        for task in busy {
            at_work += 1;
            if let Some(tenant) = self.tenant(task) {
                *held.entry(tenant).or_default() += 1;
            }
        }
        let mut waiting = BTreeMap::<Tenant, VecDeque<(usize, TaskId)>>::new();
        for (position, task) in self.candidates() {
            let tenant = self.tenant(task).unwrap_or_default();
            waiting.entry(tenant).or_default().push_back((position, task));
        }
        let mut last = self.turns.last.clone();
        let mut order = Vec::new();
        while order.len() < most {
            let has_room = at_work + order.len() < common;
            let next = waiting.iter_mut().filter_map(|(tenant, tasks)| {
                let held = held.get(tenant).copied().unwrap_or_default();
                let may = !tasks.is_empty() && (has_room || held == 0);
                may.then(|| ((held, last.get(tenant).copied()), *tenant, tasks))
            });
            let Some((_, tenant, tasks)) = next.min_by_key(|(rank, ..)| *rank) else { break };
            order.extend(tasks.pop_front());
            *held.entry(tenant).or_default() += 1;
            last.insert(tenant, self.turns.count + order.len() as u64);
        }
        order
    }

    /// Whose a task is that has not ended.
    pub(super) fn tenant(&self, task: TaskId) -> Option<Tenant> {
        self.tasks.get(&task).map(|entry| entry.terms.tenant)
    }

    /// Ends every task of a tenant, as [`cancel`](Self::cancel) does, and takes no more of it. No one
    /// else hears of it.
    pub(crate) fn dismiss_tenant(
        &mut self,
        tenant: Tenant,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        self.turns.dismissed.insert(tenant);
        let its = self
            .tasks
            .iter()
            .filter(|(task, entry)| entry.terms.tenant == tenant && self.canary != Some(**task));
        let its: Vec<TaskId> = its.map(|(task, _)| *task).collect();
        for task in its {
            self.cancel_one(task, actions);
        }
        self.dispatch(now, actions);
    }

    /// Nothing more comes of a tenant, and nothing of it is left.
    pub(crate) fn forget_tenant(&mut self, tenant: Tenant) {
        self.turns.guests.remove(&tenant);
        self.turns.last.remove(&tenant);
        self.turns.dismissed.remove(&tenant);
    }
}
