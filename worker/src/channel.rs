//! Channel: a private pair of byte channels between a supervisor and one child. The only home of
//! ipc-channel.
//!
//! The supervisor [listens](Listener) under a name of its own for each child; the child
//! [connects](connect) and hands over the far ends of two channels that it made. From then on no
//! descriptor travels, and every message is one frame.
//!
//! `accept` has no deadline. Who waits in it is freed by [`abandon`], which connects like a child
//! and says that none will come.

use std::io;
use std::marker::PhantomData;

use ipc_channel::IpcError;
use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protocol::{self, FrameError, FromChild, ToChild};

/// What the child hands over when it connects.
#[derive(Serialize, Deserialize)]
enum Bootstrap {
    Child { to_child: IpcBytesSender, from_child: IpcBytesReceiver },
    Abandoned,
}

/// Why a channel carries no more messages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The other side has closed it.
    #[error("the channel is closed")]
    Closed,
    /// The supervisor has given up waiting for this child.
    #[error("the connection was abandoned")]
    Abandoned,
    /// The other side sent something that is no frame of ours.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The operating system refused.
    #[error("cannot use the channel")]
    Io(#[from] io::Error),
}

impl From<IpcError> for ChannelError {
    fn from(error: IpcError) -> Self {
        match error {
            IpcError::Disconnected => Self::Closed,
            IpcError::Io(error) => Self::Io(error),
            IpcError::SerializationError(error) => Self::Io(io::Error::other(error.to_string())),
        }
    }
}

/// Sends messages of one kind.
#[derive(Clone, Debug)]
pub struct Sender<M> {
    raw: IpcBytesSender,
    generation: u32,
    messages: PhantomData<fn(M)>,
}

impl<M: Serialize> Sender<M> {
    /// Sends one message; it may block while the other side does not read.
    pub fn send(&self, message: &M) -> Result<(), ChannelError> {
        let frame = protocol::encode_frame(self.generation, message)?;
        Ok(self.raw.send(&frame)?)
    }

    /// Sends bytes as they are. For tests of what a broken peer does.
    pub fn send_raw(&self, bytes: &[u8]) -> Result<(), ChannelError> {
        Ok(self.raw.send(bytes)?)
    }

    /// The same channel, its frames marked with `generation`.
    #[must_use]
    pub fn with_generation(self, generation: u32) -> Self {
        Self { generation, ..self }
    }
}

/// Receives messages of one kind.
#[derive(Debug)]
pub struct Receiver<M> {
    raw: IpcBytesReceiver,
    messages: PhantomData<fn() -> M>,
}

impl<M: DeserializeOwned> Receiver<M> {
    /// Waits for the next message and the generation of its sender.
    pub fn recv(&self) -> Result<(u32, M), ChannelError> {
        loop {
            match self.raw.recv() {
                Ok(frame) => return Ok(protocol::decode_frame(&frame)?),
                Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits for one child to connect.
pub struct Listener {
    server: IpcOneShotServer<Bootstrap>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

/// Longest name that a Unix socket can have, without the closing zero.
const MAX_NAME: usize = 107;

impl Listener {
    /// Listens under a new name, which is returned for the child.
    pub fn new() -> io::Result<(Self, String)> {
        let (server, name) = IpcOneShotServer::new()?;
        if cfg!(unix) && name.len() > MAX_NAME {
            let reason = "the folder for temporary files has too long a name for a socket; set TMPDIR to a shorter one";
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, reason));
        }
        Ok((Self { server }, name))
    }

    /// Waits until the child has connected, or [`abandon`] is called with the name.
    pub fn accept(self) -> Result<(Sender<ToChild>, Receiver<FromChild>), ChannelError> {
        let (_, bootstrap) = self.server.accept()?;
        match bootstrap {
            Bootstrap::Child { to_child, from_child } => Ok((
                Sender { raw: to_child, generation: 0, messages: PhantomData },
                Receiver { raw: from_child, messages: PhantomData },
            )),
            Bootstrap::Abandoned => Err(ChannelError::Abandoned),
        }
    }
}

/// Ends the wait in [`Listener::accept`]; nothing happens if it is over already.
pub fn abandon(name: &str) {
    if let Ok(sender) = IpcSender::connect(name.to_owned()) {
        drop(sender.send(Bootstrap::Abandoned));
    }
}

/// The child's side: connects to the supervisor that listens under `name`.
pub fn connect(name: &str) -> Result<(Sender<FromChild>, Receiver<ToChild>), ChannelError> {
    let (to_child, from_supervisor) = ipc::bytes_channel()?;
    let (to_supervisor, from_child) = ipc::bytes_channel()?;
    let bootstrap = IpcSender::connect(name.to_owned())?;
    bootstrap.send(Bootstrap::Child { to_child, from_child })?;
    Ok((
        Sender { raw: to_supervisor, generation: 0, messages: PhantomData },
        Receiver { raw: from_supervisor, messages: PhantomData },
    ))
}
