//! Inline: the pool's twin on the calling thread, in one process.
//!
//! It runs the same registered tasks on the same encoded values, and isolates nothing. Tests
//! compare every pool with it.

use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use audiopool_worker::codec;
use audiopool_worker::confine::Needs;
use audiopool_worker::pcm::{Pcm, PcmFormat};
use audiopool_worker::protocol::WorkerFault;
use audiopool_worker::task::{NoOutlet, RawOutlet, Registry, StreamTask, Task};
use serde::de::DeserializeOwned;

use super::fault::{TaskError, panicked};
use super::future::{Future, Promise};
use super::{Audio, AudioSource, Execute, TaskTerms, decoded, geometry};

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
        pcm: Option<Pcm<'_>>,
        outlet: &mut dyn RawOutlet,
    ) -> Result<Vec<u8>, WorkerFault> {
        let run = AssertUnwindSafe(|| self.registry.run(name, arguments, pcm, outlet));
        panic::catch_unwind(run).unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
    }
}

impl Execute for Inline {
    fn submit_checked<T: Task + 'static>(
        &self,
        task: &T,
        audio: Option<Audio>,
        _: TaskTerms,
        check: impl Fn(&T::Output) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<Future<T::Output>, TaskError> {
        let arguments = codec::encode(task).map_err(|error| fault(&error))?;
        let promise = Arc::new(Promise::default());
        let outcome = with_pcm(audio, |pcm| self.run(T::NAME, &arguments, pcm, &mut NoOutlet));
        let calls = promise.keep(outcome.map_err(TaskError::Fault).and_then(|output| {
            let checked = decoded(&output).and_then(|value| check(&value));
            checked.map(|()| output).map_err(TaskError::InvalidOutput)
        }));
        calls.make();
        Ok(Future::new(promise))
    }

    fn stream<T: StreamTask + 'static>(
        &self,
        task: &T,
        _: TaskTerms,
        each: &mut dyn FnMut(T::Item, Option<Audio>) -> ControlFlow<()>,
    ) -> Result<T::Output, TaskError> {
        let arguments = codec::encode(task).map_err(|error| fault(&error))?;
        let mut outlet = Direct::<T::Item> { each, bytes: Vec::new(), broken_off: false };
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

fn with_pcm<R>(
    audio: Option<Audio>,
    run: impl FnOnce(Option<Pcm<'_>>) -> Result<R, WorkerFault>,
) -> Result<R, WorkerFault> {
    match audio.map(|audio| audio.0) {
        None => run(None),
        Some(AudioSource::Owned { bytes, format, first_frame }) => {
            run(Some(Pcm::new(format, first_frame, &bytes)))
        }
        Some(AudioSource::Leased(audio, lease)) => {
            let bytes = lease.read()?;
            run(Some(Pcm::new(audio.format, audio.first_frame, &bytes)))
        }
    }
}

/// Hands every item on at once.
struct Direct<'a, I> {
    each: &'a mut dyn FnMut(I, Option<Audio>) -> ControlFlow<()>,
    bytes: Vec<u8>,
    broken_off: bool,
}

impl<I: DeserializeOwned> RawOutlet for Direct<'_, I> {
    fn keep_to(&mut self, _: &Needs) -> Result<(), WorkerFault> {
        Ok(())
    }

    fn delivered(&self) -> u64 {
        0
    }

    fn room(&self) -> u64 {
        geometry::room()
    }

    fn begin_audio(&mut self) -> Result<(), WorkerFault> {
        Ok(())
    }

    fn append_audio(&mut self, bytes: &[u8]) -> Result<(), WorkerFault> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn emit(&mut self, item: Vec<u8>, audio: Option<(PcmFormat, u64)>) -> Result<(), WorkerFault> {
        let bytes = std::mem::take(&mut self.bytes);
        let item = codec::decode(&item)
            .map_err(|error| WorkerFault::Codec { message: error.to_string() })?;
        let audio =
            audio.map(|(format, first_frame)| Audio::owned(bytes.into(), format, first_frame));
        if (self.each)(item, audio).is_break() {
            self.broken_off = true;
            return Err(WorkerFault::Failed { message: "broken off".to_owned() });
        }
        Ok(())
    }

    fn skip(&mut self) -> Result<(), WorkerFault> {
        Ok(())
    }
}
