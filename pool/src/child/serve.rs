//! Serve: a child's life, from the handshake to the goodbye.
//!
//! The loop takes one task at a time, or a batch of small ones. While a streaming task waits for
//! room for an attachment, the same thread reads the channel for the grant. Beside it there is the
//! [lifeline], and in a confined child that streams a thread for each task, which is kept to its files
//! while this one waits for it.

mod outlet;

use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{debug, debug_span, trace};

use super::answers::Answers;
use super::{initializer, log};
use crate::attachment::RawAttachment;
use crate::channel::{self, ChannelError, Receiver, Sender};
use crate::chaos::{self, Deed, Mischief, WireDeed};
use crate::confine::Allowance;
use crate::invitation::Invitation;
use crate::protocol::{
    Answer, FromChild, Hello, MAX_INLINE, PROTOCOL_VERSION, Payload, RingHandle, Run, SlotRef,
    ToChild, Usage, Welcome, WorkerFault,
};
use crate::slots::{self, Filling, Inbox, Outbox, SlotError};
use crate::status_page::{self, StatusPage};
use crate::task::Registry;
use crate::{BUILD_ID, confine, lifeline, panics, usage::Meter};

use outlet::ChildOutlet;

/// Exit code of a child that could not begin: no supervisor, no shared memory.
pub const EXIT_BOOT: u8 = 70;

/// How long a child stays awake for its next task.
const AWAKE: Duration = Duration::from_micros(50);

/// Stack of a task's own thread: as much as the first thread of a process has.
const TASK_STACK: usize = 8 << 20;

/// Why a child ends before it is told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The channel to the supervisor.
    #[error("lost the supervisor: {0}")]
    Channel(#[from] ChannelError),
    /// The lifeline or a ring.
    #[error("cannot begin: {0}")]
    Boot(#[from] std::io::Error),
    /// A message out of order.
    #[error("the supervisor sent an unexpected message")]
    Unexpected,
    /// The initializer has failed.
    #[error("the initializer failed: {0}")]
    Unfit(WorkerFault),
}

/// Serves the supervisor that sent `invitation` until it is done; returns the exit code.
///
/// `build` says what this program was built from, in the words of the program that builds the pool
/// ([`PoolBuilder::build_id`](crate::PoolBuilder::build_id)).
pub fn run(invitation: &Invitation, registry: &Registry, build: &str) -> u8 {
    run_until_done(invitation, registry, build, None)
}

/// The same for a child that misbehaves.
#[doc(hidden)]
pub fn run_with(
    invitation: &Invitation,
    registry: &Registry,
    build: &str,
    mischief: Box<dyn Mischief>,
) -> u8 {
    run_until_done(invitation, registry, build, Some(mischief))
}

fn run_until_done(
    invitation: &Invitation,
    registry: &Registry,
    build: &str,
    mischief: Option<Box<dyn Mischief>>,
) -> u8 {
    match Child::begin(invitation, registry, build, mischief)
        .and_then(|child| child.serve(registry))
    {
        Ok(()) => 0,
        // The supervisor knows.
        Err(ServeError::Unfit(_)) => EXIT_BOOT,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the supervisor keeps what a child says last")]
            {
                eprintln!("audiopool {}: {error}", invitation.role.name());
            }
            EXIT_BOOT
        }
    }
}

struct Child {
    sender: Sender<FromChild>,
    receiver: Receiver<ToChild>,
    outbox: Option<Outbox>,
    inboxes: Vec<Inbox>,
    generation: u32,
    mischief: Option<Box<dyn Mischief>>,
    meter: Meter,
    allowance: Allowance,
    keeps_files: bool,
    tasks: u64,
    busy: Duration,
}

impl Child {
    fn begin(
        invitation: &Invitation,
        registry: &Registry,
        build: &str,
        mischief: Option<Box<dyn Mischief>>,
    ) -> Result<Self, ServeError> {
        let lifeline = lifeline::hold(invitation.supervisor)?;
        let (sender, receiver, arrivals) = channel::connect(&invitation.server)?;
        sender.send(&FromChild::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            package: BUILD_ID.to_owned(),
            build_id: build.to_owned(),
            role: invitation.role,
            pid: process::id(),
        }))?;
        let (_, ToChild::Welcome(welcome)) = receiver.recv()? else {
            return Err(ServeError::Unexpected);
        };
        let Welcome {
            number,
            generation,
            rings,
            status_page,
            initializer,
            confine,
            log_filter,
            chaos,
        } = welcome;
        let sender = sender.with_generation(generation);
        let mischief = mischief.or_else(|| Some(Box::new(chaos?) as Box<dyn Mischief>));
        // What the log holds could never be closed in the middle.
        if mischief.is_none() {
            log::install(sender.clone(), &log_filter);
        }

        let (regions, page) = arrivals.take(&rings, status_page)?;
        let (outbox, inboxes) = slots::open(&rings, regions)?;
        if let Some(status_page) = status_page {
            StatusPage::open(status_page, page)?.install();
        }
        close_inherited(rings.iter().map(|grant| grant.handle).chain(status_page));
        panics::note();
        panics::are_answers_here();
        if let Some(initializer) = initializer
            && let Err(fault) = initializer::run(registry, &initializer, panics::fault)
        {
            let fault = fault.shortened();
            sender.send(&FromChild::Unfit(fault.clone()))?;
            return Err(ServeError::Unfit(fault));
        }
        let meter = Meter::open();
        let file_bytes = outbox.as_ref().map_or(0, |outbox| outbox.geometry().bytes());
        if let Some(budget) = confine.memory_bytes {
            confine::hold_to_budget(budget)?;
        }
        let confinement = confine::confine(confine.sandbox, invitation.role, file_bytes);
        // Its thread is born into what this one has left.
        lifeline.watch()?;
        let keeps_files = confinement.keeps_files();
        debug!(number, generation, sandbox = %confinement, "ready");
        sender.send(&FromChild::Ready(confinement))?;
        Ok(Self {
            sender,
            receiver,
            outbox,
            inboxes,
            generation,
            mischief,
            meter,
            allowance: Allowance::of_this_process(),
            keeps_files,
            tasks: 0,
            busy: Duration::ZERO,
        })
    }

    fn serve(mut self, registry: &Registry) -> Result<(), ServeError> {
        loop {
            let said = self.receiver.recv_awake(AWAKE)?.1;
            self.allowance.renew();
            match said {
                ToChild::Run(run) => match self.due(&run) {
                    Ok(Some(Deed::Wire(deed))) => self.misspeak(deed, registry, &run),
                    deed => {
                        let answer = if self.keeps_files {
                            self.answer_apart(registry, &run, deed)?
                        } else {
                            self.answer(registry, &run, deed)
                        };
                        let Answer { task, attempt, outcome, busy } = answer;
                        self.sender.send(&FromChild::Reply { task, attempt, outcome, busy })?;
                    }
                },
                ToChild::Batch(runs) => {
                    if let Some((deed, run)) = self.answer_all(registry, &runs)? {
                        self.misspeak(deed, registry, run);
                    }
                }
                // A slot that came free after the task that filled it had ended.
                ToChild::Grant { .. } => {}
                ToChild::Quit => {
                    self.sender.send(&FromChild::Goodbye(self.usage()))?;
                    return Ok(());
                }
                ToChild::Welcome(_) => return Err(ServeError::Unexpected),
            }
        }
    }

    /// What this child is to do wrong now, if anything.
    fn due(&self, run: &Run) -> Result<Option<Deed>, String> {
        let Some(mischief) = &self.mischief else { return Ok(None) };
        // Whatever it does, it does at that task.
        if let Some(status_page) = status_page::own() {
            status_page.begin(run.task, run.attempt);
        }
        mischief.deed(run)
    }

    fn misspeak(self, deed: WireDeed, registry: &Registry, run: &Run) -> ! {
        let output = self.run(registry, run, Ok(None)).unwrap_or_default();
        let outbox = self.outbox.as_ref().map(Outbox::ring);
        let Self { sender, receiver, generation, mischief, .. } = self;
        let wrong_output = mischief.map_or_else(Vec::new, |mischief| mischief.wrong_output());
        chaos::Line { sender, receiver, generation, outbox, wrong_output }
            .commit(deed, run, &output)
    }

    /// Runs the tasks in order, as far as a process goes that has panicked, or as there is room for
    /// outputs that are larger than a message; or up to one with which it is to misspeak.
    fn answer_all<'a>(
        &mut self,
        registry: &Registry,
        runs: &'a [Run],
    ) -> Result<Option<(WireDeed, &'a Run)>, ServeError> {
        let mut answers = Answers::default();
        for run in runs {
            let deed = self.due(run);
            if let Ok(Some(Deed::Wire(deed))) = deed {
                answers.send(false, &self.sender)?;
                return Ok(Some((deed, run)));
            }
            let answer = self.answer(registry, run, deed);
            let is_last =
                matches!(answer.outcome, Ok(Payload::Slot(_)) | Err(WorkerFault::Panic { .. }));
            answers.add(answer, &self.sender)?;
            if is_last {
                answers.send(true, &self.sender)?;
                return Ok(None);
            }
        }
        answers.send(false, &self.sender)?;
        Ok(None)
    }

    /// In a thread of its own, which gives up more than the next task can do without.
    fn answer_apart(
        &mut self,
        registry: &Registry,
        run: &Run,
        deed: Result<Option<Deed>, String>,
    ) -> Result<Answer, ServeError> {
        let apart = thread::Builder::new().name("task".to_owned()).stack_size(TASK_STACK);
        thread::scope(|scope| {
            let answering = apart.spawn_scoped(scope, || {
                panics::are_answers_here();
                self.answer(registry, run, deed)
            })?;
            Ok(answering.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
        })
    }

    fn answer(
        &mut self,
        registry: &Registry,
        run: &Run,
        deed: Result<Option<Deed>, String>,
    ) -> Answer {
        let started = Instant::now();
        let (task, attempt) = (run.task, run.attempt);
        if let Some(status_page) = status_page::own() {
            status_page.begin(task, attempt);
        }
        let _span =
            debug_span!("task", id = task.0, attempt = attempt.0, name = run.name).entered();
        let outcome = self.run(registry, run, deed);
        let outcome = outcome.and_then(|output| self.wrap(output)).map_err(WorkerFault::shortened);
        let busy = started.elapsed();
        self.tasks += 1;
        self.busy += busy;
        trace!(?busy, ok = outcome.is_ok(), "answered");
        Answer { task, attempt, outcome, busy }
    }

    fn run(
        &self,
        registry: &Registry,
        run: &Run,
        deed: Result<Option<Deed>, String>,
    ) -> Result<Vec<u8>, WorkerFault> {
        let arguments = match &run.arguments {
            Payload::Inline(bytes) => bytes,
            Payload::Slot(at) => self.read(at)?,
        };
        let attachment = match &run.attachment {
            Some(attachment) => Some(RawAttachment {
                description: &attachment.description,
                bytes: self.read(&attachment.at)?,
            }),
            None => None,
        };
        let mut outlet = ChildOutlet::new(self, run);
        panic::catch_unwind(AssertUnwindSafe(|| {
            if let Some(Deed::Task(deed)) = deed.map_err(|reason| lost(&reason))? {
                status_page::stage("the rogue's deed");
                deed.commit(attachment.map(|attachment| attachment.bytes))
                    .map_err(|error| lost(&error.to_string()))?;
            }
            registry.run(&run.name, arguments, attachment, &mut outlet)
        }))
        .unwrap_or_else(|payload| Err(panics::fault(payload.as_ref())))
    }

    fn read(&self, at: &SlotRef) -> Result<&[u8], WorkerFault> {
        let inbox = self.inboxes.iter().find(|inbox| inbox.ring() == at.ring);
        let inbox = inbox.ok_or_else(|| WorkerFault::SharedMemory {
            message: format!("ring {} is not open in this process", at.ring.0),
        })?;
        Ok(inbox.read(at)?)
    }

    fn outbox(&self) -> Result<&Outbox, WorkerFault> {
        self.outbox.as_ref().ok_or_else(|| WorkerFault::SharedMemory {
            message: "this process has no ring to write to".to_owned(),
        })
    }

    /// Large outputs go into slot 0, which is free: no task that streams has a large output.
    fn wrap(&self, output: Vec<u8>) -> Result<Payload, WorkerFault> {
        if output.len() <= MAX_INLINE {
            return Ok(Payload::Inline(output));
        }
        let outbox = self.outbox()?;
        let mut filling = Filling::new(0);
        filling.append(outbox, &output)?;
        Ok(Payload::Slot(filling.finish(outbox)))
    }

    fn usage(&self) -> Usage {
        Usage { tasks: self.tasks, busy: self.busy, ..self.meter.read() }
    }
}

/// Closes what was inherited and has been opened anew: a process that this one starts must not
/// have it.
fn close_inherited(handles: impl Iterator<Item = RingHandle>) {
    lifeline::close_inherited(handles.filter_map(|handle| match handle {
        RingHandle::Descriptor(number) => i32::try_from(number).ok(),
        RingHandle::Region(_) => None,
    }));
}

fn lost(reason: &str) -> WorkerFault {
    WorkerFault::Failed { message: reason.to_owned() }
}

impl From<SlotError> for WorkerFault {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::Checksum { expected, found, .. } => Self::InputChanged { expected, found },
            SlotError::Io(error) => Self::SharedMemory { message: error.to_string() },
            error @ SlotError::OutOfBounds { .. } => {
                Self::SharedMemory { message: error.to_string() }
            }
        }
    }
}
