//! Chunk function: the kind of task that most users write. A chunk goes in, a plain value comes out.
//!
//! It is the worker's side of Python's `executor.submit(function, chunk, **kwargs)`: the fields of
//! the type are the keyword arguments, [`run`](ChunkFunction::run) is the body. The raw bytes, the
//! sample width, the frame rate and the channels arrive as one [`Pcm`].
//!
//! A program that has no audio to work on implements [`Task`] instead.

use procpool::codec::{self, CodecError};
use procpool::{Attachment, Task, TaskFailure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::audio::AudioDescription;
use crate::pcm::Pcm;

/// What is done to each chunk of a recording.
///
/// Fields cross the process border in a format that does not describe itself: those that only a
/// look at the bytes can tell (`serde_json::Value`, `#[serde(flatten)]`, `#[serde(untagged)]`)
/// arrive as an error.
///
/// ```
/// use audiopool_worker::chunk_function::{ChunkFunction, ChunkTask};
/// use audiopool_worker::pcm::Pcm;
/// use procpool::{Registry, TaskFailure};
/// use serde::{Deserialize, Serialize};
///
/// /// Counts the samples that are at least so large.
/// #[derive(Serialize, Deserialize)]
/// struct Loud {
///     magnitude: u32,
/// }
///
/// impl ChunkFunction for Loud {
///     const NAME: &'static str = "example.loud";
///     type Output = usize;
///
///     fn run(&self, chunk: Pcm<'_>) -> Result<usize, TaskFailure> {
///         let samples = chunk.integers();
///         Ok(samples.widened().iter().filter(|x| x.unsigned_abs() >= self.magnitude).count())
///     }
/// }
///
/// let registry = Registry::new().with::<ChunkTask<Loud>>();
/// ```
pub trait ChunkFunction: Serialize + DeserializeOwned {
    /// Unique name, by which a worker finds the function: `my_program.zero_crossings`.
    const NAME: &'static str;
    /// What comes back of one chunk: small plain data.
    type Output: Serialize + DeserializeOwned;

    /// Does the work on one chunk. An error fails the whole call, at once: it is taken to be the
    /// same at every try.
    fn run(&self, chunk: Pcm<'_>) -> Result<Self::Output, TaskFailure>;
}

/// A chunk function as a task of a pool: a worker program registers it as
/// `Registry::new().with::<ChunkTask<F>>()`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent, bound = "F: ChunkFunction")]
pub struct ChunkTask<F>(pub F);

impl<F: ChunkFunction> ChunkTask<F> {
    /// A copy of the function, made as the way to a worker makes it.
    pub fn copied(function: &F) -> Result<Self, CodecError> {
        Ok(Self(codec::decode(&codec::encode(function)?)?))
    }
}

impl<F: ChunkFunction> Task for ChunkTask<F> {
    const NAME: &'static str = F::NAME;
    type Attachment = AudioDescription;
    type Output = F::Output;

    fn run(
        self,
        audio: Option<Attachment<'_, AudioDescription>>,
    ) -> Result<F::Output, TaskFailure> {
        run_on(&self.0, audio)
    }
}

pub(crate) fn run_on<F: ChunkFunction>(
    function: &F,
    audio: Option<Attachment<'_, AudioDescription>>,
) -> Result<F::Output, TaskFailure> {
    let chunk = audio.ok_or_else(|| TaskFailure::new("there is no audio to work on"))?;
    function.run(chunk.into())
}
