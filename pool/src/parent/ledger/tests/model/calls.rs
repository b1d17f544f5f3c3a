//! What callers ask of a pool.

use super::*;

impl Model {
    pub(in super::super) fn submit(
        &mut self,
        tenant: Tenant,
        timeout: Option<Duration>,
    ) -> Result<TaskId, PoolError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if self.closed || self.dismissed.contains(&tenant) {
            return Err(PoolError::ShutDown);
        }
        let task = self.enter(tenant, timeout, false);
        self.queue.push(task);
        self.settle();
        Ok(task)
    }

    pub(super) fn enter(
        &mut self,
        tenant: Tenant,
        timeout: Option<Duration>,
        canary: bool,
    ) -> TaskId {
        let task = TaskId(self.histories.len() as u64 + 1);
        self.histories.push(History {
            task,
            canary,
            tenant,
            timeout,
            tries: Vec::new(),
            end: None,
        });
        task
    }

    pub(in super::super) fn cancel(&mut self, task: TaskId) -> bool {
        if self.open().all(|history| history.task != task) {
            return false;
        }
        self.cancel_one(task);
        self.settle();
        true
    }

    fn cancel_one(&mut self, task: TaskId) {
        for (seat, spot) in self.spots.iter_mut().enumerate() {
            if matches!(&spot.child, Child::Busy(at) if at.task == task) {
                spot.child = Child::Doomed;
                self.deeds.push(Action::Kill { seat });
            }
        }
        self.abandon(task, End::Cancelled);
    }

    pub(in super::super) fn dismiss_tenant(&mut self, tenant: Tenant) {
        self.dismissed.push(tenant);
        let is_its = |history: &&History| history.tenant == tenant && !history.canary;
        let its: Vec<TaskId> = self.open().filter(is_its).map(|history| history.task).collect();
        for task in its {
            self.cancel_one(task);
        }
        self.settle();
    }

    pub(in super::super) fn forget_tenant(&mut self, tenant: Tenant) {
        self.dismissed.retain(|dismissed| *dismissed != tenant);
        self.turns.retain(|turn| *turn != tenant);
    }

    pub(in super::super) fn cancel_waiting(&mut self, those: Option<&BTreeSet<TaskId>>) {
        let resting = self.resting.iter().map(|(_, task)| *task);
        let waiting: Vec<TaskId> = self.queue.iter().copied().chain(resting).collect();
        for task in waiting {
            let asked = those.is_none_or(|those| those.contains(&task));
            if asked && self.canary() != Some(task) {
                self.abandon(task, End::Cancelled);
            }
        }
        self.settle();
    }

    /// A task ends without an answer, wherever it is.
    pub(super) fn abandon(&mut self, task: TaskId, end: End) {
        self.queue.retain(|other| *other != task);
        self.resting.retain(|(_, other)| *other != task);
        let reason = self.broken.clone();
        let history = self.history(task);
        history.end = Some(end);
        let error = match end {
            End::Poisonous => TaskError::AttemptsExhausted(history.tries.clone()),
            End::NotRun => TaskError::NotRun(reason.unwrap()),
            _ => TaskError::Cancelled,
        };
        if !history.canary {
            self.deeds.push(Action::Finish { task, error });
        }
    }

    pub(super) fn abandon_all(&mut self, end: End) {
        let open: Vec<TaskId> = self.open().map(|history| history.task).collect();
        for task in open {
            self.abandon(task, end);
        }
    }

    pub(in super::super) fn close(&mut self) {
        self.closed = true;
        self.settle();
    }

    pub(in super::super) fn kill_all(&mut self) {
        self.closed = true;
        self.abandon_all(End::Cancelled);
        self.kill_children();
    }

    pub(in super::super) fn terminate_all(&mut self) {
        self.closed = true;
        self.abandon_all(End::Cancelled);
        for (seat, spot) in self.spots.iter_mut().enumerate() {
            match spot.child {
                Child::Idle { .. } | Child::Busy(_) => {
                    spot.child = Child::Leaving { since: self.now, killed: false };
                    self.deeds.push(Action::Terminate { seat });
                }
                Child::Starting { .. } => {
                    spot.child = Child::Doomed;
                    self.deeds.push(Action::Kill { seat });
                }
                Child::None { .. } | Child::Leaving { .. } | Child::Doomed => {}
            }
        }
    }

    pub(super) fn give_up(&mut self, error: PoolError) {
        self.broken = Some(error);
        self.abandon_all(End::NotRun);
        self.kill_children();
    }

    pub(super) fn kill_children(&mut self) {
        for (seat, spot) in self.spots.iter_mut().enumerate() {
            if !matches!(spot.child, Child::None { .. }) {
                spot.child = Child::Doomed;
                self.deeds.push(Action::Kill { seat });
            }
        }
    }
}
