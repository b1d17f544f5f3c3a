//! Body: what the supervisor keeps of a task, of which the ledger knows the number alone.

use std::sync::Arc;

use crate::protocol::{AttachmentRef, Payload, TaskId};

use super::super::handle::{Calls, Promise, RawOutcome};
use crate::parent::OnItem;
use crate::parent::ledger::{Light, Terms};
use crate::parent::ring::Lease;

/// Says what is wrong with an encoded output.
type Look = dyn Fn(&[u8]) -> Result<(), String> + Send + Sync;

/// Looks at an encoded output.
#[derive(Clone)]
pub(in crate::parent) enum Check {
    /// Whether it is of the task's type.
    Shape(fn(&[u8]) -> Result<(), String>),
    /// Whatever else the caller knows of it.
    Thorough(Arc<Look>),
}

impl Check {
    pub(in crate::parent) fn check(&self, output: &[u8]) -> Result<(), String> {
        match self {
            Self::Shape(check) => check(output),
            Self::Thorough(check) => check(output),
        }
    }
}

/// Who is told how a task has ended.
pub(in crate::parent) enum Ending {
    Promise(Arc<Promise>),
    Call(Box<dyn FnOnce(RawOutcome) + Send>),
}

impl Ending {
    /// Tells it. What is returned may do anything, so it is for the very last.
    pub(in crate::parent) fn tell(self, outcome: RawOutcome) -> Option<Calls> {
        match self {
            Self::Promise(promise) => Some(promise.keep(outcome)),
            Self::Call(call) => {
                call(outcome);
                None
            }
        }
    }

    pub(super) fn set_cancelled(&self) {
        if let Self::Promise(promise) = self {
            promise.set_cancelled();
        }
    }

    pub(super) fn set_running(&self, running: bool) {
        if let Self::Promise(promise) = self {
            promise.set_running(running);
        }
    }
}

/// A task as the pool keeps it until it has ended.
pub(in crate::parent) struct Body {
    pub(in crate::parent) tenant: u64,
    pub(in crate::parent) label: u64,
    pub(in crate::parent) name: &'static str,
    pub(in crate::parent) arguments: Payload,
    pub(in crate::parent) attachment: Option<AttachmentRef>,
    /// Keeps the attachment, and arguments that lie in a slot.
    pub(in crate::parent) leases: Vec<Lease>,
    pub(in crate::parent) on_item: Option<OnItem>,
    /// Says what is wrong with an output, if it cannot be that of the task.
    pub(in crate::parent) check: Check,
    pub(in crate::parent) end: Ending,
}

impl Body {
    /// It has been taken on under that number.
    pub(super) fn entered(&self, task: TaskId) {
        if let Ending::Promise(promise) = &self.end {
            promise.entered(task);
        }
    }

    /// The same terms, and whether it may share a message with others.
    pub(super) fn terms(&self, terms: Terms) -> Terms {
        let light = match (&self.arguments, &self.attachment, &self.on_item) {
            (Payload::Inline(bytes), None, None) => Light::new(self.name, bytes.len()),
            _ => None,
        };
        Terms { light, ..terms }
    }

    /// Says how it has ended.
    pub(super) fn end(self, outcome: RawOutcome) -> Option<Calls> {
        let Self { end, leases, on_item, .. } = self;
        drop(on_item); // the end of the stream comes before its outcome
        drop(leases);
        end.tell(outcome)
    }
}
