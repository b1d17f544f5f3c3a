//! Task: what a child can be asked to do, and the registry in which it finds it by name.
//!
//! A [`Task`] is a value with a name, an output and a `run`. It is encoded in the supervisor and
//! decoded in the child, which is another run of a program that registered the same type. A
//! [`StreamTask`] delivers items, each with an attachment if it likes, before its output.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attachment::{Attachment, Description, RawAttachment, encode_description};
use crate::codec;
use crate::confine::Needs;
use crate::protocol::WorkerFault;

/// Name of a task that does nothing and that every child knows: whether it answers tells a sick
/// child from a sick task.
pub const CANARY: &str = "audiopool.canary";

/// Work that a child can be asked to do.
pub trait Task: Serialize + DeserializeOwned {
    /// Unique name; also in the other program.
    const NAME: &'static str;
    /// The description of the attachment that can come with the task; `()` if none does.
    type Attachment: Description;
    /// What comes back.
    type Output: Serialize + DeserializeOwned;

    /// Does the work, on the attachment if one came with it. An error fails the task at once: it is
    /// taken to be the same at every try.
    fn run(
        self,
        attachment: Option<Attachment<'_, Self::Attachment>>,
    ) -> Result<Self::Output, TaskFailure>;
}

/// Work that yields items while it goes on.
pub trait StreamTask: Serialize + DeserializeOwned {
    /// Unique name; also in the other program.
    const NAME: &'static str;
    /// What comes back again and again.
    type Item: Serialize + DeserializeOwned;
    /// The description of the attachment that can come with an item; `()` if none does.
    type Attachment: Description;
    /// What comes back in the end.
    type Output: Serialize + DeserializeOwned;

    /// What it opens; a confined child opens nothing else.
    fn needs(&self) -> Needs;

    /// Does the work. The items must be the same at every try, since a second try goes on where
    /// the first one ended.
    fn run(
        self,
        outlet: &mut Outlet<'_, Self::Item, Self::Attachment>,
    ) -> Result<Self::Output, WorkerFault>;
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
    /// Most bytes that the attachment of an item can have.
    fn room(&self) -> u64;
    /// Waits for room for the attachment of the next item.
    fn begin_attachment(&mut self) -> Result<(), WorkerFault>;
    /// Appends to the attachment of the next item.
    fn append(&mut self, bytes: &[u8]) -> Result<(), WorkerFault>;
    /// Has `fill` append at most so many bytes, where it can be given the memory itself; `false`
    /// where it cannot. It says how many from the first on it has put down.
    fn fill(
        &mut self,
        _most: usize,
        _fill: &mut dyn FnMut(&mut [u8]) -> usize,
    ) -> Result<bool, WorkerFault> {
        Ok(false)
    }
    /// Delivers an item; what was appended so far is its attachment, with this encoded description.
    fn emit(&mut self, item: Vec<u8>, description: Option<Vec<u8>>) -> Result<(), WorkerFault>;
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
    fn begin_attachment(&mut self) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn append(&mut self, _: &[u8]) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn emit(&mut self, _: Vec<u8>, _: Option<Vec<u8>>) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
    fn skip(&mut self) -> Result<(), WorkerFault> {
        Err(Self::refuse())
    }
}

/// What a streaming task is given to put its items into.
pub struct Outlet<'a, I, D = ()> {
    raw: &'a mut dyn RawOutlet,
    index: u64,
    items: PhantomData<fn(I, D)>,
}

impl<I, D> fmt::Debug for Outlet<'_, I, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("index", &self.index).finish_non_exhaustive()
    }
}

impl<'a, I: Serialize, D: Description> Outlet<'a, I, D> {
    fn new(raw: &'a mut dyn RawOutlet) -> Self {
        Self { raw, index: 0, items: PhantomData }
    }

    /// Whether the next item is still wanted; an earlier try may have delivered it. The
    /// attachment of an item that is not wanted need not be given.
    pub fn wants_next(&self) -> bool {
        self.index >= self.raw.delivered()
    }

    /// Most bytes that the attachment of an item can have.
    pub fn room(&self) -> u64 {
        self.raw.room()
    }

    /// Waits for room for the attachment of the next item.
    pub fn begin_attachment(&mut self) -> Result<(), WorkerFault> {
        if self.wants_next() { self.raw.begin_attachment() } else { Ok(()) }
    }

    /// Appends to the attachment of the next item.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), WorkerFault> {
        if self.wants_next() { self.raw.append(bytes) } else { Ok(()) }
    }

    /// Has `fill` append to the attachment in place, if that can be done: then it is given so many
    /// bytes at the most, and says how many from the first on it has put down. `false` if it
    /// cannot, or if the item is not wanted; nothing has been asked of `fill` then.
    pub fn fill(
        &mut self,
        most: usize,
        mut fill: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<bool, WorkerFault> {
        if self.wants_next() { self.raw.fill(most, &mut fill) } else { Ok(false) }
    }

    /// Delivers the next item; what was appended is its attachment, with this description.
    pub fn emit(&mut self, item: &I, description: Option<&D>) -> Result<(), WorkerFault> {
        let wanted = self.wants_next();
        self.index += 1;
        if !wanted {
            return self.raw.skip();
        }
        let description = description.map(encode_description).transpose()?;
        self.raw.emit(encode(item)?, description)
    }
}

/// What a registered task is run with: its encoded value, its attachment, its outlet.
type Run = dyn Fn(&[u8], Option<RawAttachment<'_>>, &mut dyn RawOutlet) -> Result<Vec<u8>, WorkerFault>
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
        let run = |arguments: &[u8], raw: Option<RawAttachment<'_>>, _: &mut dyn RawOutlet| {
            let task: T = decode(arguments)?;
            let attachment = raw.map(RawAttachment::typed).transpose()?;
            let failed = |failure: TaskFailure| WorkerFault::Failed { message: failure.0 };
            encode(&task.run(attachment).map_err(failed)?)
        };
        self.tasks.insert(T::NAME, Box::new(run));
        self
    }

    /// With a streaming task; one of the same name is replaced.
    #[must_use]
    pub fn with_stream<T: StreamTask + 'static>(mut self) -> Self {
        let run = |arguments: &[u8], _: Option<RawAttachment<'_>>, outlet: &mut dyn RawOutlet| {
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
        attachment: Option<RawAttachment<'_>>,
        outlet: &mut dyn RawOutlet,
    ) -> Result<Vec<u8>, WorkerFault> {
        match self.tasks.get(name) {
            Some(run) => run(arguments, attachment, outlet),
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
