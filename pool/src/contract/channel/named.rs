//! Link: both sides wait for the other under a name, and no end of a channel travels. For Windows,
//! where the receiver of such an end, or of a region, never gets rid of one handle to it: so a
//! supervisor receives nothing but bytes, however many children it starts, and a child receives
//! its regions once.

use std::io;

use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender};
use ipc_channel::{IpcError, TryRecvError};
use serde::{Deserialize, Serialize};

use super::{ChannelError, MAX_REGIONS};
use crate::bytes::Bytes;
use crate::slots::Region;

/// All that travels, either way.
#[derive(Debug, Serialize, Deserialize)]
enum Packet {
    /// A child is there, and waits under this name. The first from it.
    Child { name: String },
    /// Instead of that: none will come.
    Abandoned,
    /// Some of its regions, and whether there are no more. The first to a child.
    Regions { regions: Vec<Region>, are_all: bool },
    /// From then on.
    Frame(Bytes),
}

impl Packet {
    fn into_frame(self) -> Result<Vec<u8>, IpcError> {
        match self {
            Self::Frame(frame) => Ok(frame.into_vec()),
            _ => Err(IpcError::Io(io::Error::other("a packet out of order"))),
        }
    }
}

/// The end by which frames leave.
#[derive(Clone, Debug)]
pub(super) struct Outlet(IpcSender<Packet>);

impl Outlet {
    pub(super) fn send(&self, frame: &[u8]) -> Result<(), IpcError> {
        self.0.send(Packet::Frame(frame.into()))
    }
}

/// The end by which they come.
#[derive(Debug)]
pub(super) struct Inlet(IpcReceiver<Packet>);

impl Inlet {
    pub(super) fn recv(&self) -> Result<Vec<u8>, IpcError> {
        self.0.recv()?.into_frame()
    }

    pub(super) fn try_recv(&self) -> Result<Vec<u8>, TryRecvError> {
        Ok(self.0.try_recv()?.into_frame()?)
    }
}

/// Waits for one child.
pub(super) struct Server(IpcOneShotServer<Packet>);

impl Server {
    pub(super) fn new() -> io::Result<(Self, String)> {
        let (server, name) = IpcOneShotServer::new()?;
        Ok((Self(server), name))
    }

    pub(super) fn accept(self, regions: Vec<Region>) -> Result<(Outlet, Inlet), ChannelError> {
        let (inlet, first) = self.0.accept()?;
        let Packet::Child { name } = first else {
            return Err(ChannelError::Abandoned);
        };
        let outlet = IpcSender::connect(name)?;
        let mut regions = regions.into_iter().peekable();
        loop {
            let parcel = regions.by_ref().take(MAX_REGIONS).collect();
            let are_all = regions.peek().is_none();
            outlet.send(Packet::Regions { regions: parcel, are_all })?;
            if are_all {
                return Ok((Outlet(outlet), Inlet(inlet)));
            }
        }
    }
}

/// Ends the wait of the server of that name.
pub(super) fn abandon(name: &str) {
    if let Ok(sender) = IpcSender::connect(name.to_owned()) {
        drop(sender.send(Packet::Abandoned));
    }
}

/// Regions that have come.
#[derive(Debug)]
pub(super) struct Parcels(Vec<Region>);

impl Parcels {
    /// All of them, the first time; to be asked for no more than were sent.
    pub(super) fn next(&mut self) -> Result<Vec<Region>, ChannelError> {
        let regions = std::mem::take(&mut self.0);
        if regions.is_empty() { Err(ChannelError::Closed) } else { Ok(regions) }
    }
}

/// The child's side.
pub(super) fn connect(name: &str) -> Result<(Outlet, Inlet, Parcels), ChannelError> {
    let outlet = IpcSender::connect(name.to_owned())?;
    let (server, name) = IpcOneShotServer::new()?;
    outlet.send(Packet::Child { name })?;
    let (inlet, mut packet) = server.accept()?;
    let mut arrived = Vec::new();
    loop {
        let Packet::Regions { regions, are_all } = packet else {
            return Err(ChannelError::Abandoned);
        };
        arrived.extend(regions);
        if are_all {
            return Ok((Outlet(outlet), Inlet(inlet), Parcels(arrived)));
        }
        packet = inlet.recv()?;
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn both_sides_hear_each_other_and_each_others_end() {
        let (server, name) = Server::new().unwrap();
        let supervisor = thread::spawn(move || {
            let (outlet, inlet) = server.accept(Vec::new()).unwrap();
            assert_eq!(inlet.recv().unwrap(), b"here");
            outlet.send(b"there").unwrap();
            drop(outlet);
            assert!(inlet.recv().is_err(), "the child is gone");
        });
        let (outlet, inlet, mut parcels) = connect(&name).unwrap();
        assert!(parcels.next().is_err(), "nothing was sent");
        assert!(matches!(inlet.try_recv(), Err(TryRecvError::Empty)), "nothing was said");
        outlet.send(b"here").unwrap();
        let heard = loop {
            match inlet.try_recv() {
                Err(TryRecvError::Empty) => thread::yield_now(),
                heard => break heard,
            }
        };
        assert_eq!(heard.unwrap(), b"there");
        assert!(inlet.recv().is_err(), "the supervisor is gone");
        drop(outlet);
        supervisor.join().unwrap();
    }

    #[test]
    fn a_wait_that_is_abandoned_ends() {
        let (server, name) = Server::new().unwrap();
        let waiting = thread::spawn(move || server.accept(Vec::new()).map(drop));
        abandon(&name);
        assert!(matches!(waiting.join().unwrap(), Err(ChannelError::Abandoned)));
    }
}
