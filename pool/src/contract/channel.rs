//! Channel: a private pair of byte channels between a supervisor and one child. The home of
//! ipc-channel, but for the [portable slots](crate::slots).
//!
//! The supervisor [listens](Listener) under a name of its own for each child, and the child
//! [connects](connect). Then come, once, the [regions](Arrivals) of its rings, if there are such.
//! From then on no descriptor travels, and every message is one frame. How the two find each other
//! is the link's: `passed`, or on Windows `named`.
//!
//! `accept` has no deadline. Who waits in it is freed by [`abandon`], which connects like a child
//! and says that none will come.

#[cfg(any(windows, test))]
mod named;
#[cfg(not(windows))]
mod passed;

use std::fmt::Display;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

use ipc_channel::{IpcError, TryRecvError};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(windows)]
use named as link;
#[cfg(not(windows))]
use passed as link;

use crate::frame::{self, FrameError};
use crate::protocol::{FromChild, RingGrant, RingHandle, ToChild};
use crate::slots::Region;

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
    raw: link::Outlet,
    generation: u32,
    messages: PhantomData<fn(M)>,
}

impl<M: Serialize> Sender<M> {
    /// Sends one message; it may block while the other side does not read.
    pub fn send(&self, message: &M) -> Result<(), ChannelError> {
        let frame = frame::encode_frame(self.generation, message)?;
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
    raw: link::Inlet,
    messages: PhantomData<fn() -> M>,
}

impl<M: DeserializeOwned> Receiver<M> {
    /// The same, but awake for the first `patience`: to be woken takes longer than most of what
    /// follows at once.
    pub fn recv_awake(&self, patience: Duration) -> Result<(u32, M), ChannelError> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            match self.raw.try_recv() {
                Ok(frame) => return Ok(frame::decode_frame(&frame)?),
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::IpcError(IpcError::Io(error)))
                    if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryRecvError::IpcError(error)) => return Err(error.into()),
            }
        }
        self.recv()
    }

    /// Waits for the next message and the generation of its sender.
    pub fn recv(&self) -> Result<(u32, M), ChannelError> {
        loop {
            match self.raw.recv() {
                Ok(frame) => return Ok(frame::decode_frame(&frame)?),
                Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits for one child to connect.
pub struct Listener {
    server: link::Server,
    /// Dropped after the server.
    place: Place,
}

/// Where a server listens. ipc-channel removes it too, but not while there are no descriptors.
struct Place(String);

impl Drop for Place {
    fn drop(&mut self) {
        if cfg!(unix) {
            // Gone already, as a rule.
            let socket = Path::new(&self.0);
            drop(fs::remove_file(socket));
            drop(socket.parent().map(fs::remove_dir));
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

/// Longest name that a Unix socket can have, without the closing zero.
const MAX_NAME: usize = 107;

/// Most regions in one message: each is open twice while it is sent, and ipc-channel panics where
/// there are no more descriptors, or more than 64 in a message.
const MAX_REGIONS: usize = 16;

/// Longest of what ipc-channel appends to the folder for temporary files: `/.tmpXXXXXX/socket`.
const APPENDED: usize = 18;

impl Listener {
    /// Listens under a new name, which is returned for the child.
    pub fn new() -> io::Result<(Self, String)> {
        expect_room_for_socket(&env::temp_dir())?;
        let (server, name) = link::Server::new()?;
        Ok((Self { server, place: Place(name.clone()) }, name))
    }

    /// Waits until the child has connected, or [`abandon`] is called with the name, and hands
    /// over the regions of its rings.
    pub fn accept(
        self,
        regions: Vec<Region>,
    ) -> Result<(Sender<ToChild>, Receiver<FromChild>), ChannelError> {
        let Self { server, place } = self;
        let accepted = server.accept(regions);
        drop(place);
        let (to_child, from_child) = accepted?;
        Ok((
            Sender { raw: to_child, generation: 0, messages: PhantomData },
            Receiver { raw: from_child, messages: PhantomData },
        ))
    }
}

/// Tells apart the probes of threads.
static PROBES: AtomicU64 = AtomicU64::new(0);

/// Finds out what is wrong with the folder before ipc-channel does, which panics when it cannot
/// make a folder in it, and cuts off a name that is too long.
fn expect_room_for_socket(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let unusable = |kind, reason: &dyn Display| {
        let folder = folder.display();
        let what = format!("no socket can be made in the folder `{folder}`: {reason}");
        Err(io::Error::new(kind, format!("{what}; set TMPDIR to another one")))
    };
    let Some(name) = folder.to_str() else {
        return unusable(io::ErrorKind::InvalidFilename, &"its name is not UTF-8");
    };
    if name.len() > MAX_NAME - APPENDED {
        return unusable(io::ErrorKind::InvalidFilename, &"its name is too long");
    }
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    let probe = folder.join(format!(".audiopool-{}-{number}", process::id()));
    match fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)) {
        // Without a descriptor, ipc-channel would leave its folder behind.
        Ok(()) => fs::File::open(folder).map(drop),
        Err(error) => unusable(error.kind(), &error),
    }
}

/// Ends the wait in [`Listener::accept`]; nothing happens if it is over already.
pub fn abandon(name: &str) {
    if cfg!(unix) && !Path::new(name).exists() {
        return;
    }
    link::abandon(name);
}

/// The regions of a child's rings and its status page, on their way to it.
#[derive(Debug)]
pub struct Arrivals(link::Parcels);

impl Arrivals {
    /// Waits for those among the rings that were granted, and for that of the status page, if it was
    /// sent.
    pub fn take(
        mut self,
        grants: &[RingGrant],
        status_page: Option<RingHandle>,
    ) -> Result<(Vec<Region>, Option<Region>), ChannelError> {
        let is_sent = |handle: &RingHandle| matches!(handle, RingHandle::Region(_));
        let rings = grants.iter().map(|grant| grant.handle).filter(is_sent).count();
        let status_page = status_page.iter().filter(|handle| is_sent(handle)).count();
        let mut regions = Vec::new();
        while regions.len() < rings + status_page {
            regions.extend(self.0.next()?);
        }
        let status_page = if status_page > 0 { regions.pop() } else { None };
        Ok((regions, status_page))
    }
}

/// The child's side: connects to the supervisor that listens under `name`.
pub fn connect(
    name: &str,
) -> Result<(Sender<FromChild>, Receiver<ToChild>, Arrivals), ChannelError> {
    let (to_supervisor, from_supervisor, parcels) = link::connect(name)?;
    Ok((
        Sender { raw: to_supervisor, generation: 0, messages: PhantomData },
        Receiver { raw: from_supervisor, messages: PhantomData },
        Arrivals(parcels),
    ))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::protocol::{RingId, SlotRef};
    use crate::slots::{self, Filling, Geometry, Ring, Share, Transport};

    #[test]
    fn more_regions_than_a_message_carries_arrive_in_their_order() {
        let geometry = Geometry { slots: 1, slot_bytes: 4096 };
        let (mut marks, mut regions, mut grants) = (Vec::<SlotRef>::new(), Vec::new(), Vec::new());
        for number in 0_u16..70 {
            let ring = RingId(number.into());
            let made = Ring::new(Transport::Portable, ring, geometry).unwrap();
            let outbox = made.outbox().unwrap();
            let mut filling = Filling::new(0);
            filling.append(&outbox, &number.to_le_bytes()).unwrap();
            marks.push(filling.finish(&outbox));
            match made.share(false).unwrap() {
                Share::Region(region) => regions.push(region),
                #[cfg(target_os = "linux")]
                Share::Descriptor(_) => panic!("a region is not inherited"),
            }
            let Geometry { slots, slot_bytes } = geometry;
            let handle = RingHandle::Region(number);
            grants.push(RingGrant { ring, handle, slots, slot_bytes, writable: false });
        }

        let (listener, name) = Listener::new().unwrap();
        let supervisor = thread::spawn(move || listener.accept(regions).unwrap());
        let (_sender, _receiver, arrivals) = connect(&name).unwrap();
        let (regions, status_page) = arrivals.take(&grants, None).unwrap();
        assert!(status_page.is_none(), "it was not sent");
        let (_, inboxes) = slots::open(&grants, regions).unwrap();
        for (number, (inbox, at)) in (0_u16..).zip(inboxes.iter().zip(&marks)) {
            assert_eq!(inbox.read(at).unwrap(), number.to_le_bytes());
        }
        assert_eq!(inboxes.len(), marks.len());
        drop(supervisor.join().unwrap());
    }

    #[test]
    fn a_thread_that_spins_hears_the_same_as_one_that_sleeps() {
        let (listener, name) = Listener::new().unwrap();
        let supervisor = thread::spawn(move || listener.accept(Vec::new()).unwrap());
        let (_sender, receiver, _arrivals) = connect(&name).unwrap();
        let (sender, _receiver) = supervisor.join().unwrap();

        for patience in [Duration::ZERO, Duration::from_mins(1)] {
            let sender = sender.clone().with_generation(3);
            sender.send(&ToChild::Quit).unwrap();
            assert_eq!(receiver.recv_awake(patience).unwrap(), (3, ToChild::Quit));
            let later = thread::spawn(move || sender.send(&ToChild::Quit).unwrap());
            assert_eq!(receiver.recv_awake(patience).unwrap(), (3, ToChild::Quit));
            later.join().unwrap();
        }
        drop(sender);
        let end = receiver.recv_awake(Duration::from_mins(1));
        assert!(matches!(end, Err(ChannelError::Closed)), "{end:?}");
    }

    #[cfg(unix)]
    #[track_caller]
    fn refused(folder: &Path, part: &str) {
        let found = expect_room_for_socket(folder);
        let error = found.map_or_else(|error| error.to_string(), |()| "none".to_owned());
        assert!(error.contains(part) && error.contains("TMPDIR"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_takes_no_socket_is_named_with_the_reason() {
        use std::os::unix::ffi::OsStrExt;

        refused(Path::new("/nonexistent"), "`/nonexistent`: No such file");
        refused(Path::new("/dev/null"), "Not a directory");
        refused(&Path::new("/").join("x".repeat(MAX_NAME - APPENDED)), "too long");
        refused(Path::new(std::ffi::OsStr::from_bytes(b"/\xff")), "UTF-8");
        assert!(expect_room_for_socket(&env::temp_dir()).is_ok());
    }
}
