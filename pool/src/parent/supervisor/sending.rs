//! Sending: tasks as a child is told them.

use crate::protocol::{Attempt, Payload, Run, TaskId, ToChild};
use crate::task::CANARY;
use tracing::trace;

use super::body::Body;
use super::seat::number;
use super::{Core, Shared};
use crate::parent::ledger::SeatId;
use crate::parent::ring::Slot;

impl Shared {
    pub(super) fn send_task(
        core: &mut Core,
        seat: SeatId,
        task: TaskId,
        attempt: Attempt,
        delivered: u64,
    ) {
        let now = core.clock.elapsed();
        let Core { ledger, seats, bodies, .. } = core;
        let state = &mut seats[seat];
        let body = bodies.get(&task);
        state.streams = body.is_some_and(|body| body.on_item.is_some());
        if let Some(body) = body {
            body.end.set_running(true);
        }
        let mut slots = Vec::new();
        if state.streams {
            for (slot, state) in (0..).zip(&mut state.slots) {
                if *state == Slot::Free {
                    *state = Slot::Granted;
                    slots.push(slot);
                }
            }
            ledger.granted(seat, slots.len(), now);
        }
        let run = run_of(body, (task, attempt), delivered, slots);
        trace!(child = number(seat), task = task.0, attempt = attempt.0, "run");
        state.running = Some((task, body.map_or(0, |body| body.label)));
        state.unanswered = 1;
        state.send(&ToChild::Run(run));
    }

    pub(super) fn send_batch(core: &mut Core, seat: SeatId, tasks: &[TaskId]) {
        let run = |task: &TaskId| run_of(core.bodies.get(task), (*task, Attempt(1)), 0, Vec::new());
        let runs = tasks.iter().map(run).collect();
        trace!(child = number(seat), ?tasks, "run");
        let first = tasks.first().copied();
        let label = |task: TaskId| core.bodies.get(&task).map_or(0, |body| body.label);
        for body in tasks.iter().filter_map(|task| core.bodies.get(task)) {
            body.end.set_running(true);
        }
        let state = &mut core.seats[seat];
        state.running = first.map(|task| (task, label(task)));
        state.unanswered = tasks.len();
        state.send(&ToChild::Batch(runs));
    }
}

/// A task as it is told to a child.
fn run_of(
    body: Option<&Body>,
    (task, attempt): (TaskId, Attempt),
    delivered: u64,
    slots: Vec<u16>,
) -> Run {
    // What is not a caller's task is the ledger's own.
    let nothing = || Payload::Inline(Vec::new());
    Run {
        task,
        attempt,
        name: body.map_or(CANARY, |body| body.name).to_owned(),
        arguments: body.map_or_else(nothing, |body| body.arguments.clone()),
        attachment: body.and_then(|body| body.attachment.clone()),
        delivered,
        slots,
    }
}
