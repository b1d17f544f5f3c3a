//! Answers: replies to the tasks of a batch, several to a message.
//!
//! They wait for one another, but not long: what a child has computed and not sent is lost with it.

use std::mem;
use std::time::{Duration, Instant};

use crate::channel::{ChannelError, Sender};
use crate::protocol::{Answer, FromChild, MAX_INLINE, Payload, WorkerFault};

/// How long an answer waits for others.
const PATIENCE: Duration = Duration::from_micros(200);

/// More bytes than this are sent at once.
const PLENTY: usize = 32 << 10;

/// What an answer takes up beside its output.
const OVERHEAD: usize = 64;

/// Answers that have not been sent yet.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    waiting: Vec<Answer>,
    bytes: usize,
    /// When the first of them began to wait.
    since: Option<Instant>,
}

impl Answers {
    /// Adds an answer, and sends those that have waited long enough.
    pub(crate) fn add(
        &mut self,
        answer: Answer,
        sender: &Sender<FromChild>,
    ) -> Result<(), ChannelError> {
        let bytes = OVERHEAD
            + match &answer.outcome {
                Ok(Payload::Inline(output)) => output.len(),
                Ok(Payload::Slot(_)) => 0,
                Err(fault) => fault_bytes(fault),
            };
        if self.bytes + bytes > MAX_INLINE {
            self.send(false, sender)?;
        }
        self.bytes += bytes;
        self.waiting.push(answer);
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        if self.bytes >= PLENTY || now.saturating_duration_since(since) >= PATIENCE {
            self.send(false, sender)?;
        }
        Ok(())
    }

    /// Sends what is there; `gives_back` says that the rest of the batch will not be done here.
    pub(crate) fn send(
        &mut self,
        gives_back: bool,
        sender: &Sender<FromChild>,
    ) -> Result<(), ChannelError> {
        self.since = None;
        self.bytes = 0;
        if self.waiting.is_empty() && !gives_back {
            return Ok(());
        }
        sender.send(&FromChild::Answers { answers: mem::take(&mut self.waiting), gives_back })
    }
}

fn fault_bytes(fault: &WorkerFault) -> usize {
    match fault {
        WorkerFault::Panic { message, location } => message.len() + location.len(),
        WorkerFault::Failed { message }
        | WorkerFault::Codec { message }
        | WorkerFault::SharedMemory { message }
        | WorkerFault::UnknownTask { name: message } => message.len(),
        WorkerFault::InputChanged { .. } => 0,
    }
}
