//! What a child has answered, taken in: outputs fetched, looked at, and handed to who waits.

use crate::protocol::{Answer, Payload, WorkerFault};

use super::Check;
use super::seated::Seated;
use crate::parent::fault::{Cause, TaskError};
use crate::parent::ledger::{Reply, Verdict};

impl Seated {
    /// Takes in answers in their order; `gives_back` says that no more will come of this batch.
    pub(super) fn take_in(&self, answers: Vec<Answer>, gives_back: bool) {
        let checks: Vec<Option<Check>> = {
            let core = self.shared.lock();
            let body = |answer: &Answer| core.bodies.get(&answer.task);
            answers.iter().map(|answer| Some(body(answer)?.check.clone())).collect()
        };
        // Without the lock: it may take a while.
        let (mut sound, mut unsound) = (Vec::with_capacity(answers.len()), None);
        for (answer, check) in answers.into_iter().zip(checks) {
            let Answer { task, attempt, outcome, busy } = answer;
            match self.settle(outcome, check.as_ref()) {
                Ok(outcome) => sound.push(((task, attempt), busy, outcome)),
                Err(cause) => {
                    unsound = Some((task, cause));
                    break;
                }
            }
        }
        self.shared.with_core(|core, now, actions| {
            let (seat, generation) = (self.seat, self.generation);
            if core.seats[seat].is_worn(self.shared.parts.bounds, now) {
                core.ledger.worn(seat, generation);
            }
            for (id, busy, outcome) in sound {
                core.ledger.took(id.0, busy);
                let kind = kind_of(&outcome);
                let verdict = core.ledger.replied(seat, generation, id, kind, now, actions);
                match verdict {
                    Verdict::Accept | Verdict::Unwanted => {
                        let state = &mut core.seats[seat];
                        state.unanswered = state.unanswered.saturating_sub(1);
                        if state.unanswered == 0 || kind == Reply::FaultAndRetire {
                            state.idle();
                        }
                    }
                    Verdict::Ignore | Verdict::Breach => return,
                }
                if verdict == Verdict::Accept
                    && let Some(body) = core.bodies.remove(&id.0)
                {
                    core.answered.push((body, outcome.map_err(TaskError::Fault)));
                }
            }
            if let Some((task, cause)) = unsound {
                core.ledger.blame(seat, generation, task);
                core.ledger.condemn(seat, generation, cause, actions);
            } else if gives_back && core.ledger.gave_back(seat, generation, now, actions) {
                core.seats[seat].idle();
            }
        });
    }

    /// Fetches an output and looks at it; what is wrong is the child's fault and not the task's.
    fn settle(
        &self,
        outcome: Result<Payload, WorkerFault>,
        check: Option<&Check>,
    ) -> Result<Result<Vec<u8>, WorkerFault>, Cause> {
        let output = match outcome {
            Ok(Payload::Inline(output)) => output,
            Ok(Payload::Slot(at)) => {
                self.shared.parts.outboxes[self.seat].read(&at).map_err(|error| {
                    let reason = format!("an output that cannot be read: {error}");
                    Cause::InvalidResult { reason }
                })?
            }
            // The memory between us is at fault, or this child: another may have better luck.
            Err(fault @ WorkerFault::SharedMemory { .. }) => {
                return Err(Cause::SharedMemory { reason: fault.to_string() });
            }
            Err(fault @ WorkerFault::InputChanged { .. }) => {
                return Err(Cause::Protocol { reason: fault.to_string() });
            }
            Err(fault) => return Ok(Err(fault)),
        };
        match check.map_or(Ok(()), |check| check.check(&output)) {
            Ok(()) => Ok(Ok(output)),
            Err(reason) => Err(Cause::InvalidResult { reason }),
        }
    }
}

fn kind_of(outcome: &Result<Vec<u8>, WorkerFault>) -> Reply {
    match outcome {
        Ok(_) => Reply::Output,
        Err(WorkerFault::Panic { .. }) => Reply::FaultAndRetire,
        Err(_) => Reply::Fault,
    }
}
