//! Link: the child makes two channels, and the ends that are the supervisor's travel to it. For
//! systems that lose no handle by that.

use std::io;

use ipc_channel::ipc::{
    self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender,
};
use ipc_channel::{IpcError, TryRecvError};
use serde::{Deserialize, Serialize};

use super::{ChannelError, MAX_REGIONS};
use crate::slots::Region;

/// What the child hands over when it connects.
#[derive(Serialize, Deserialize)]
enum Bootstrap {
    Child {
        to_child: IpcBytesSender,
        from_child: IpcBytesReceiver,
        regions: IpcSender<Vec<Region>>,
    },
    Abandoned,
}

/// The end by which frames leave.
#[derive(Clone, Debug)]
pub(super) struct Outlet(IpcBytesSender);

impl Outlet {
    pub(super) fn send(&self, frame: &[u8]) -> Result<(), IpcError> {
        Ok(self.0.send(frame)?)
    }
}

/// The end by which they come.
#[derive(Debug)]
pub(super) struct Inlet(IpcBytesReceiver);

impl Inlet {
    pub(super) fn recv(&self) -> Result<Vec<u8>, IpcError> {
        self.0.recv()
    }

    pub(super) fn try_recv(&self) -> Result<Vec<u8>, TryRecvError> {
        self.0.try_recv()
    }
}

/// Waits for one child.
pub(super) struct Server(IpcOneShotServer<Bootstrap>);

impl Server {
    pub(super) fn new() -> io::Result<(Self, String)> {
        let (server, name) = IpcOneShotServer::new()?;
        Ok((Self(server), name))
    }

    pub(super) fn accept(self, regions: Vec<Region>) -> Result<(Outlet, Inlet), ChannelError> {
        let (_, bootstrap) = self.0.accept().map_err(|error| match error {
            // A process connected and said nothing: see `abandon`.
            IpcError::Disconnected => ChannelError::Abandoned,
            error => error.into(),
        })?;
        let Bootstrap::Child { to_child, from_child, regions: outlet } = bootstrap else {
            return Err(ChannelError::Abandoned);
        };
        let mut regions = regions.into_iter().peekable();
        while regions.peek().is_some() {
            outlet.send(regions.by_ref().take(MAX_REGIONS).collect())?;
        }
        Ok((Outlet(to_child), Inlet(from_child)))
    }
}

/// Ends the wait of the server of that name: comes and says nothing. Not by ipc-channel, which
/// leaves a descriptor open where no thread waits any more.
#[cfg(target_os = "linux")]
pub(super) fn abandon(name: &str) {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

    let kind = (AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, None);
    if let (Ok(socket), Ok(address)) = (socket, SocketAddrUnix::new(name)) {
        // Refused where no thread waits.
        let _: Result<(), _> = rustix::net::connect(socket, &address);
    }
}

/// Ends the wait of the server of that name.
#[cfg(not(target_os = "linux"))]
pub(super) fn abandon(name: &str) {
    if let Ok(sender) = IpcSender::connect(name.to_owned()) {
        drop(sender.send(Bootstrap::Abandoned));
    }
}

/// Regions on their way.
#[derive(Debug)]
pub(super) struct Parcels(IpcReceiver<Vec<Region>>);

impl Parcels {
    /// The next few; to be asked for no more than were sent.
    pub(super) fn next(&mut self) -> Result<Vec<Region>, ChannelError> {
        Ok(self.0.recv()?)
    }
}

/// The child's side.
pub(super) fn connect(name: &str) -> Result<(Outlet, Inlet, Parcels), ChannelError> {
    let (to_child, from_supervisor) = ipc::bytes_channel()?;
    let (to_supervisor, from_child) = ipc::bytes_channel()?;
    let (regions, arrivals) = ipc::channel()?;
    let bootstrap = IpcSender::connect(name.to_owned())?;
    bootstrap.send(Bootstrap::Child { to_child, from_child, regions })?;
    Ok((Outlet(to_supervisor), Inlet(from_supervisor), Parcels(arrivals)))
}
