//! What one process has to say, taken in: messages, breaches, and its end.

use crate::parent::wear::Wear;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use crate::confine::Confinement;
use crate::protocol::{
    Answer, AttachmentRef, Attempt, FromChild, Hello, LogLevel, LogLine, PROTOCOL_VERSION, TaskId,
    ToChild, Welcome,
};
use crate::status_page::{Notes, StatusPageView};
use tracing::{debug, error, info, trace, warn};

use super::super::child::{Remains, Sender, Watcher};
use super::seat::Seat;
use super::{Core, Shared, number};
use crate::BUILD_ID;
use crate::parent::evidence::{Evidence, legible};
use crate::parent::fault::Cause;
use crate::parent::ledger::{Action, SeatId, Verdict};
use crate::parent::process;
use crate::parent::ring::{Lease, Slot, grants};
use crate::parent::{Item, PoolEvent, vitals};

/// What helps against a child that is not of this program's kind.
const REBUILD: &str = "build both programs from the same sources";

/// Takes in what one process in one seat has to say.
pub(super) struct Seated {
    pub(super) shared: Arc<Shared>,
    pub(super) seat: SeatId,
    pub(super) generation: u32,
    /// What it was started from.
    pub(super) program: PathBuf,
    /// On which it writes what it is doing.
    pub(super) status_page: Arc<StatusPageView>,
}

impl Watcher for Seated {
    fn connected(&self, sender: Sender<ToChild>) {
        let mut core = self.shared.lock();
        let seat = &mut core.seats[self.seat];
        if seat.generation == self.generation {
            seat.sender = Some(sender.with_generation(self.generation));
            seat.status_page = Some(Arc::clone(&self.status_page));
        }
    }

    fn message(&self, generation: u32, message: FromChild) {
        // A process learns its generation from the answer to its first message.
        let greeting = matches!(message, FromChild::Hello(_));
        if generation != if greeting { 0 } else { self.generation } {
            return self.breach(format!("a frame of generation {generation}"));
        }
        match message {
            FromChild::Hello(hello) => self.greet(&hello),
            FromChild::Ready(confinement) => self.ready(confinement),
            FromChild::Item { task, attempt, index, item, attachment } => {
                self.item((task, attempt), index, item, attachment);
            }
            FromChild::Alive { .. } => self.shared.with_core(|core, now, _| {
                core.ledger.alive(self.seat, self.generation, now);
            }),
            FromChild::Reply { task, attempt, outcome, busy } => {
                self.take_in(vec![Answer { task, attempt, outcome, busy }], false);
            }
            FromChild::Answers { answers, gives_back } => self.take_in(answers, gives_back),
            FromChild::Unfit(fault) => {
                let cause = Cause::Unfit { reason: fault.to_string() };
                self.shared.with_core(|core, _, actions| {
                    core.ledger.refuse(self.seat, self.generation, cause, actions);
                });
            }
            FromChild::Log(line) => self.log(&line),
            FromChild::Goodbye(usage) => {
                self.shared.lock().seats[self.seat].usage = usage;
            }
        }
    }

    fn breach(&self, reason: String) {
        self.shared.with_core(|core, _, actions| {
            if self.is_dismissed(core, actions) {
                return;
            }
            core.ledger.breach(self.seat, self.generation, reason, actions);
        });
    }

    fn ended(&self, remains: Remains) {
        let role = self.shared.role();
        let number = number(self.seat);
        let (label, usage, ready, evidence) = {
            let mut core = self.shared.lock();
            let seat = &mut core.seats[self.seat];
            if seat.generation != self.generation {
                return;
            }
            let label = seat.running.map(|(_, label)| label);
            let evidence = self.evidence(seat, &remains);
            seat.idle();
            seat.child = None;
            seat.sender = None;
            seat.status_page = None;
            let ready = mem::take(&mut seat.started);
            (label, mem::take(&mut seat.usage), ready, evidence)
        };
        debug!(child = number, role = role.name(), %evidence, "ended");
        self.shared.with_core(|core, now, actions| {
            let stderr = evidence.stderr.clone();
            let boot_error = |cause: &Cause| {
                let mut reason = match cause {
                    Cause::Misfit { reason } => reason.clone(),
                    cause @ Cause::Unfit { .. } => cause.to_string(),
                    Cause::Protocol { reason } => format!("{reason}; {REBUILD}"),
                    cause => format!("it {cause} before it was ready"),
                };
                if !stderr.is_empty() {
                    reason = format!("{reason}, and said: {stderr}");
                }
                self.shared.boot_error(&reason)
            };
            core.ledger.spare(self.seat, self.generation, evidence.task);
            let limit = self.shared.parts.confine.memory_bytes;
            let death = (evidence.cause(limit), evidence.clone());
            let unmeant =
                core.ledger.died(self.seat, self.generation, death, boot_error, now, actions);
            let died = |cause: Cause| PoolEvent::ChildDied {
                role,
                number,
                kind: cause.word(),
                cause: cause.to_string(),
                evidence: evidence.to_string(),
                label,
            };
            core.news.extend(unmeant.map(died));
            core.news.extend(ready.then_some(PoolEvent::ChildRetired { role, number, usage }));
        });
    }
}

impl Seated {
    /// All that is known of the child, now that it is gone.
    fn evidence(&self, seat: &mut Seat, remains: &Remains) -> Evidence {
        let looked = seat.looked.take().map(|(vitals, _)| vitals);
        let oom_kills = vitals::oom_kills().zip(self.shared.oom_kills);
        // No process writes on it any more.
        let Notes { task, stage, panic, .. } = self.status_page.read();
        Evidence {
            pid: remains.pid,
            end: Some(process::end(remains.status, seat.sent)),
            cpu: remains.cpu,
            rss_bytes: looked.and_then(|vitals| vitals.rss_bytes),
            silence: mem::take(&mut seat.silence),
            oom_kills: oom_kills.map(|(now, before)| now.saturating_sub(before)),
            task,
            stage: stage.map(|stage| legible(stage.as_bytes())),
            panic: panic.map(|panic| legible(panic.as_bytes())),
            stderr: legible(&remains.stderr),
        }
    }

    /// Dismisses a child that is no good from the start, if another program can take its place.
    fn is_dismissed(&self, core: &mut Core, actions: &mut Vec<Action>) -> bool {
        core.ledger.is_booting(self.seat, self.generation)
            && self.shared.falls_back_from(&self.program)
            && core.ledger.dismiss(self.seat, actions)
    }

    /// The build of the child and the one that it must be of, if they differ.
    fn other_build<'a>(&'a self, hello: &'a Hello) -> Option<(&'a str, &'a str)> {
        let wanted = self.shared.parts.build_id.as_deref();
        wanted
            .map(|wanted| (hello.build_id.as_str(), wanted))
            .into_iter()
            .chain([(hello.package.as_str(), BUILD_ID)])
            .find(|(theirs, ours)| theirs != ours)
    }

    fn greet(&self, hello: &Hello) {
        let mismatch = if hello.protocol != PROTOCOL_VERSION {
            Some(format!("it speaks protocol {}, this program {PROTOCOL_VERSION}", hello.protocol))
        } else if let Some((theirs, ours)) = self.other_build(hello) {
            Some(format!("it is of build {theirs}, this program of build {ours}"))
        } else if hello.role != self.shared.role() {
            Some(format!("it is a {}", hello.role.name()))
        } else {
            None
        };
        if let Some(mismatch) = mismatch {
            return self.shared.with_core(|core, _, actions| {
                if self.is_dismissed(core, actions) {
                    return;
                }
                let misfit = Cause::Misfit { reason: format!("{mismatch}; {REBUILD}") };
                core.ledger.refuse(self.seat, self.generation, misfit, actions);
            });
        }
        let parts = &self.shared.parts;
        let (rings, status_page) =
            grants(&parts.outboxes[self.seat], &parts.inboxes, &self.status_page);
        let welcome = Welcome {
            number: number(self.seat),
            generation: self.generation,
            rings,
            status_page,
            confine: parts.confine,
            initializer: parts.initializer.clone(),
            log_filter: parts.log_filter.clone(),
            chaos: parts.chaos,
        };
        let core = self.shared.lock();
        core.seats[self.seat].send(&ToChild::Welcome(welcome));
        drop(core);
        let (role, number) = (self.shared.role(), number(self.seat));
        self.shared.tell(&PoolEvent::ChildStarted { role, number, pid: hello.pid });
    }

    fn ready(&self, confinement: Confinement) {
        let (role, number) = (self.shared.role(), number(self.seat));
        let refusal = confinement.refusal(self.shared.parts.confine.sandbox);
        self.shared.with_core(|core, now, actions| {
            if let Some(reason) = refusal {
                let misfit = Cause::Misfit { reason };
                return core.ledger.refuse(self.seat, self.generation, misfit, actions);
            }
            core.news.push(PoolEvent::ChildReady { role, number, confinement });
            core.seats[self.seat].started = true;
            core.seats[self.seat].wear = Some(Wear::begin(now, self.seat, self.generation));
            core.ledger.booted(self.seat, self.generation, now, actions);
        });
    }

    fn item(
        &self,
        (task, attempt): (TaskId, Attempt),
        index: u64,
        item: Vec<u8>,
        attachment: Option<AttachmentRef>,
    ) {
        let ring = &self.shared.parts.outboxes[self.seat];
        let mut taker = None;
        self.shared.with_core(|core, now, actions| {
            let (seat, generation) = (self.seat, self.generation);
            let slots = &core.seats[seat].slots;
            let slot = attachment.as_ref().map(|attachment| usize::from(attachment.at.slot));
            let granted = slot.is_none_or(|slot| slots.get(slot) == Some(&Slot::Granted));
            let on_item = core.bodies.get(&task).and_then(|body| body.on_item.as_ref());
            let ours = attachment.as_ref().is_none_or(|AttachmentRef { at, description }| {
                at.ring == ring.id()
                    && at.len <= ring.geometry().slot_bytes
                    && on_item.is_none_or(|on_item| (on_item.is_described)(description, at.len))
            });
            if !granted || !ours {
                let reason =
                    "an item in a slot that was not granted, or one that its description does not \
                     admit"
                        .to_owned();
                return core.ledger.breach(seat, generation, reason, actions);
            }
            let (id, delivery) = ((task, attempt), (index, slot.is_some()));
            let verdict = core.ledger.delivered(seat, generation, id, delivery, now, actions);
            if verdict == Verdict::Accept {
                if let Some(slot) = slot {
                    core.seats[seat].slots[slot] = Slot::Leased;
                }
                taker = core
                    .bodies
                    .get(&task)
                    .and_then(|body| body.on_item.clone())
                    .map(|on_item| on_item.take);
            }
        });
        // Without the lock: who drops the item frees its slot.
        if let Some(taker) = taker {
            let owner: Weak<Shared> = Arc::downgrade(&self.shared);
            let leased = |attachment: AttachmentRef| {
                let lease = Lease::new(attachment.at, Arc::clone(ring), owner, self.seat);
                (attachment, lease)
            };
            taker(Item { item, attachment: attachment.map(leased) });
        }
    }

    fn log(&self, line: &LogLine) {
        let LogLine { level, target, message } = line;
        let (role, child) = (self.shared.role(), number(self.seat));
        match level {
            LogLevel::Error => error!("{role} {child}: {target}: {message}"),
            LogLevel::Warn => warn!("{role} {child}: {target}: {message}"),
            LogLevel::Info => info!("{role} {child}: {target}: {message}"),
            LogLevel::Debug => debug!("{role} {child}: {target}: {message}"),
            LogLevel::Trace => trace!("{role} {child}: {target}: {message}"),
        }
    }
}
