//! Task: what a child can be asked to do, and the registry in which it finds it by name.
//!
//! A [`Task`] is a value with a name, an output and a `run`. It is encoded in the supervisor and
//! decoded in the child, which is another run of a program that registered the same type. A
//! [`StreamTask`] hands out items, with audio if it likes, before its output.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::confine::Needs;
use crate::pcm::{Pcm, PcmFormat};
use crate::protocol::WorkerFault;

/// Name of a task that does nothing and that every child knows: whether it answers tells a sick
/// child from a sick task.
pub const CANARY: &str = "audiopool.canary";

/// Work that a child can be asked to do.
pub trait Task: Serialize + DeserializeOwned {
    /// Unique name; also in the other program.
    const NAME: &'static str;
    /// What comes back.
    type Output: Serialize + DeserializeOwned;

    /// Does the work, on the audio that came with it, if any did. An error fails the task at once:
    /// it is taken to be the same at every try.
    fn run(self, audio: Option<Pcm<'_>>) -> Result<Self::Output, TaskFailure>;
}

/// Work that yields items while it goes on.
pub trait StreamTask: Serialize + DeserializeOwned {
    /// Unique name; also in the other program.
    const NAME: &'static str;
    /// What comes back again and again.
    type Item: Serialize + DeserializeOwned;
    /// What comes back in the end.
    type Output: Serialize + DeserializeOwned;

    /// What it opens; a confined child opens nothing else.
    fn needs(&self) -> Needs;

    /// Does the work. The items must be the same at every try, since a second try goes on where
    /// the first one ended.
    fn run(self, outlet: &mut Outlet<'_, Self::Item>) -> Result<Self::Output, WorkerFault>;
}

/// A task's own reason to fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TaskFailure(String);

impl TaskFailure {
    /// Says why.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

/// What a streaming task is given to put its items into, untyped. Implemented by the child's serve
/// loop and by the inline twin.
pub trait RawOutlet {
    /// Gives up what the task does not need, where that can be done for one task.
    fn keep_to(&mut self, needs: &Needs) -> Result<(), WorkerFault>;
    /// Items that earlier tries have delivered.
    fn delivered(&self) -> u64;
    /// Most bytes of audio that an item can have.
    fn room(&self) -> u64;
    /// Waits for room for the audio of the next item.
    fn begin_audio(&mut self) -> Result<(), WorkerFault>;
    /// Appends audio of the next item.
    fn append_audio(&mut self, bytes: &[u8]) -> Result<(), WorkerFault>;
    /// Has `fill` append at most so many bytes, where it can be given the memory itself; `false`
    /// where it cannot. It says how many from the first on it has put down.
    fn fill_audio(
        &mut self,
        _most: usize,
        _fill: &mut dyn FnMut(&mut [u8]) -> usize,
    ) -> Result<bool, WorkerFault> {
        Ok(false)
    }
    /// Delivers an item, with the audio appended so far if `audio` says what it is.
    fn emit(&mut self, item: Vec<u8>, audio: Option<(PcmFormat, u64)>) -> Result<(), WorkerFault>;
    /// Passes over an item that an earlier try has delivered; tells that work goes on.
    fn skip(&mut self) -> Result<(), WorkerFault>;
}

/// For tasks that do not stream.
#[derive(Debug)]
pub struct NoOutlet;

impl NoOutlet {
    fn refuse() -> WorkerFault {
        WorkerFault::Failed { message: "a task that does not stream has no outlet".to_owned() }
    }
}

impl RawOutlet for NoOutlet {
    fn keep_to(&mut self, _: &Needs) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn delivered(&self) -> u64 {
        0
    }
    fn room(&self) -> u64 {
        0
    }
    fn begin_audio(&mut self) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn append_audio(&mut self, _: &[u8]) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn emit(&mut self, _: Vec<u8>, _: Option<(PcmFormat, u64)>) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn skip(&mut self) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
}

/// What a streaming task is given to put its items into.
pub struct Outlet<'a, I> {
    raw: &'a mut dyn RawOutlet,
    index: u64,
    items: PhantomData<fn(I)>,
}

impl<I> fmt::Debug for Outlet<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("index", &self.index).finish_non_exhaustive()
    }
}

impl<'a, I: Serialize> Outlet<'a, I> {
    fn new(raw: &'a mut dyn RawOutlet) -> Self {
        Self { raw, index: 0, items: PhantomData }
    }

    /// Whether the next item is still wanted; an earlier try may have delivered it. Audio for an
    /// item that is not wanted need not be given.
    pub fn wants_next(&self) -> bool {
        self.index >= self.raw.delivered()
    }

    /// Most bytes of audio that an item can have.
    pub fn room(&self) -> u64 {
        self.raw.room()
    }

    /// Waits for room for audio of the next item.
    pub fn begin_audio(&mut self) -> Result<(), WorkerFault> {
        if self.wants_next() { self.raw.begin_audio() } else { Ok(()) }
    }

    /// Appends audio of the next item.
    pub fn append_audio(&mut self, bytes: &[u8]) -> Result<(), WorkerFault> {
        if self.wants_next() { self.raw.append_audio(bytes) } else { Ok(()) }
    }

    /// Has `fill` append audio of the next item in place, if that can be done: then it is given so
    /// many bytes at the most, and says how many from the first on it has put down. `false` if it
    /// cannot, or if the item is not wanted; nothing has been asked of `fill` then.
    pub fn fill_audio(
        &mut self,
        most: usize,
        mut fill: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<bool, WorkerFault> {
        if self.wants_next() { self.raw.fill_audio(most, &mut fill) } else { Ok(false) }
    }

    /// Delivers the next item; `audio` is the format and the first frame of what was appended.
    pub fn emit(&mut self, item: &I, audio: Option<(PcmFormat, u64)>) -> Result<(), WorkerFault> {
        let wanted = self.wants_next();
        self.index += 1;
        if wanted { self.raw.emit(encode(item)?, audio) } else { self.raw.skip() }
    }
}

/// What a registered task is run with: its encoded value, its audio, its outlet.
type Run = dyn Fn(&[u8], Option<Pcm<'_>>, &mut dyn RawOutlet) -> Result<Vec<u8>, WorkerFault>
    + Send
    + Sync;

/// The tasks that a program can run, by name.
#[derive(Default)]
pub struct Registry {
    tasks: BTreeMap<&'static str, Box<Run>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tasks.keys()).finish()
    }
}

impl Registry {
    /// No tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a task; one of the same name is replaced.
    #[must_use]
    pub fn with<T: Task + 'static>(mut self) -> Self {
        let run = |arguments: &[u8], audio: Option<Pcm<'_>>, _: &mut dyn RawOutlet| {
            let task: T = decode(arguments)?;
            let failed = |failure: TaskFailure| WorkerFault::Failed { message: failure.0 };
            encode(&task.run(audio).map_err(failed)?)
        };
        self.tasks.insert(T::NAME, Box::new(run));
        self
    }

    /// With a streaming task; one of the same name is replaced.
    #[must_use]
    pub fn with_stream<T: StreamTask + 'static>(mut self) -> Self {
        let run = |arguments: &[u8], _: Option<Pcm<'_>>, outlet: &mut dyn RawOutlet| {
            let task: T = decode(arguments)?;
            outlet.keep_to(&task.needs())?;
            encode(&task.run(&mut Outlet::new(outlet))?)
        };
        self.tasks.insert(T::NAME, Box::new(run));
        self
    }

    /// Runs a task by name. A panic in the task goes through.
    pub fn run(
        &self,
        name: &str,
        arguments: &[u8],
        audio: Option<Pcm<'_>>,
        outlet: &mut dyn RawOutlet,
    ) -> Result<Vec<u8>, WorkerFault> {
        match self.tasks.get(name) {
            Some(run) => run(arguments, audio, outlet),
            None if name == CANARY => Ok(Vec::new()),
            None => Err(WorkerFault::UnknownTask { name: name.to_owned() }),
        }
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WorkerFault> {
    codec::encode(value).map_err(|error| WorkerFault::Codec { message: error.to_string() })
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WorkerFault> {
    codec::decode(bytes).map_err(|error| WorkerFault::Codec { message: error.to_string() })
}
