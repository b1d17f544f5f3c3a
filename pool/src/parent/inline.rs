//! Inline: the pool's twin on the calling thread, in one process.
//!
//! It runs the same registered tasks on the same encoded values, and isolates nothing. Tests
//! compare every pool with it.

use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use crate::attachment::{Description, RawAttachment, encode_description};
use crate::codec;
use crate::confine::Needs;
use crate::protocol::WorkerFault;
use crate::task::{NoOutlet, RawOutlet, Registry, StreamTask, Task};
use serde::de::DeserializeOwned;

use super::fault::{TaskError, panicked};
use super::handle::{Promise, TaskHandle};
use super::{Attached, EachItem, Execute, TaskTerms, decoded, geometry};

/// Runs tasks where they are submitted.
#[derive(Debug)]
pub struct Inline {
    registry: Registry,
}

impl Inline {
    /// With the tasks that it can run.
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// A panic fails its task only, as in a worker.
    fn run(
        &self,
        name: &str,
        arguments: &[u8],
        attachment: Option<RawAttachment<'_>>,
        outlet: &mut dyn RawOutlet,
    ) -> Result<Vec<u8>, WorkerFault> {
        let run = AssertUnwindSafe(|| self.registry.run(name, arguments, attachment, outlet));
        panic::catch_unwind(run).unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
    }
}

impl Execute for Inline {
    fn submit_checked<T: Task + 'static>(
        &self,
        task: &T,
        attachment: Option<Attached<T::Attachment>>,
        _: TaskTerms,
        check: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<TaskHandle<T::Output>, TaskError> {
        let arguments = codec::encode(task).map_err(|error| fault(&error))?;
        let promise = Arc::new(Promise::default());
        let outcome = with_raw(attachment, |raw| self.run(T::NAME, &arguments, raw, &mut NoOutlet));
        let calls = promise.keep(outcome.map_err(TaskError::Fault).and_then(|output| {
            let checked = decoded(&output).and_then(|value| check(&value));
            checked.map(|()| output).map_err(TaskError::InvalidOutput)
        }));
        calls.make();
        Ok(TaskHandle::new(promise))
    }

    fn stream<T: StreamTask + 'static>(
        &self,
        task: &T,
        _: TaskTerms,
        each: &mut EachItem<'_, T>,
    ) -> Result<T::Output, TaskError> {
        let arguments = codec::encode(task).map_err(|error| fault(&error))?;
        let mut outlet =
            Direct::<T::Item, T::Attachment> { each, bytes: Vec::new(), broken_off: false };
        let outcome = self.run(T::NAME, &arguments, None, &mut outlet);
        if outlet.broken_off {
            return Err(TaskError::Cancelled);
        }
        let output = outcome.map_err(TaskError::Fault)?;
        codec::decode(&output).map_err(|error| TaskError::InvalidOutput(error.to_string()))
    }
}

fn fault(error: &codec::CodecError) -> TaskError {
    TaskError::Fault(WorkerFault::Codec { message: error.to_string() })
}

fn with_raw<D: Description, R>(
    attachment: Option<Attached<D>>,
    run: impl FnOnce(Option<RawAttachment<'_>>) -> Result<R, WorkerFault>,
) -> Result<R, WorkerFault> {
    let Some(attachment) = attachment else { return run(None) };
    let description = encode_description(attachment.description())?;
    let bytes = attachment.bytes()?;
    run(Some(RawAttachment { description: &description, bytes: &bytes }))
}

/// Hands every item on at once.
struct Direct<'a, I, D> {
    each: &'a mut dyn FnMut(I, Option<Attached<D>>) -> ControlFlow<()>,
    bytes: Vec<u8>,
    broken_off: bool,
}

impl<I: DeserializeOwned, D: Description> RawOutlet for Direct<'_, I, D> {
    fn keep_to(&mut self, _: &Needs) -> Result<(), WorkerFault> {
        Ok(())
    }

    fn delivered(&self) -> u64 {
        0
    }

    fn room(&self) -> u64 {
        geometry::room()
    }

    fn begin_attachment(&mut self) -> Result<(), WorkerFault> {
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WorkerFault> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn emit(&mut self, item: Vec<u8>, description: Option<Vec<u8>>) -> Result<(), WorkerFault> {
        let bytes = std::mem::take(&mut self.bytes);
        let codec = |error: codec::CodecError| WorkerFault::Codec { message: error.to_string() };
        let item = codec::decode(&item).map_err(codec)?;
        let description =
            description.map(|encoded| codec::decode(&encoded)).transpose().map_err(codec)?;
        let attachment = description.map(|description| Attached::owned(bytes.into(), description));
        if (self.each)(item, attachment).is_break() {
            self.broken_off = true;
            return Err(WorkerFault::Failed { message: "broken off".to_owned() });
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), WorkerFault> {
        Ok(())
    }
}
