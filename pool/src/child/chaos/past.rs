//! Past: what a child can send past its transport, through sockets as Linux has them.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, raise};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// What is no packet of the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A packet of the transport that announces more than it holds.
    GarbagePacket,
    /// Three bytes of a packet's header, and then nothing.
    HalfPacket,
    /// Three bytes of a packet's header, and stops itself.
    StopInMidSend,
    /// A packet that is shorter than its header.
    ShortPacket,
    /// Three bytes of a packet's header, and the end of the process.
    TornPacketAndExit,
    /// The first piece of a message, and then nothing.
    FirstFragment,
    /// A message that is shorter than its first piece.
    SmallTotal,
    /// A message that is longer than any memory.
    HugeTotal,
    /// A file that cannot be read, where shared memory would be.
    WriteOnlyFile,
    /// A reply with sockets that were not asked for.
    StraySockets,
}

impl Packet {
    /// The packet of that name, if there is one.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "garbage-packet" => Self::GarbagePacket,
            "half-packet" => Self::HalfPacket,
            "stop-in-mid-send" => Self::StopInMidSend,
            "short-packet" => Self::ShortPacket,
            "torn-packet-and-exit" => Self::TornPacketAndExit,
            "first-fragment" => Self::FirstFragment,
            "small-total" => Self::SmallTotal,
            "huge-total" => Self::HugeTotal,
            "write-only-file" => Self::WriteOnlyFile,
            "stray-sockets" => Self::StraySockets,
            _ => return None,
        })
    }

    /// Sends it; `frame` is what the transport would have been given. Whether the process lives on.
    pub(super) fn send(self, frame: &[u8]) -> io::Result<bool> {
        match self {
            Self::GarbagePacket => write_to_sockets(&packet(1_000_000))?,
            Self::HalfPacket | Self::TornPacketAndExit => write_to_sockets(&[0xAA; 3])?,
            Self::StopInMidSend => {
                write_to_sockets(&[0xAA; 3])?;
                raise(Signal::SIGSTOP)?;
            }
            Self::ShortPacket => write_to_sockets(&8_u64.to_ne_bytes())?,
            Self::FirstFragment => send_with_sockets(&packet(1_000_000), 1)?,
            Self::SmallTotal => send_with_sockets(&packet(1), 1)?,
            Self::HugeTotal => send_with_sockets(&packet(1 << 46), 1)?,
            Self::WriteOnlyFile => {
                let file = File::from(memfd_create(c"rogue", MFdFlags::MFD_CLOEXEC)?);
                file.set_len(4096)?;
                let name = format!("/proc/self/fd/{}", file.as_raw_fd());
                let file = File::options().write(true).open(name)?;
                send_to_sockets(&packet(8), &[file.as_fd()])?;
            }
            Self::StraySockets => {
                let header = [frame.len() + 16, frame.len()].map(usize::to_ne_bytes).concat();
                send_with_sockets(&[&header, frame].concat(), 2)?;
            }
        }
        Ok(self != Self::TornPacketAndExit)
    }
}

/// Writes past the transport, and sends one end or both of a pair of sockets along, of which we
/// keep ours for ever.
fn send_with_sockets(bytes: &[u8], count: usize) -> io::Result<()> {
    let pair: [OwnedFd; 2] =
        UnixStream::pair().map(|(ours, theirs)| [theirs.into(), ours.into()])?;
    let ends = pair.each_ref().map(AsFd::as_fd);
    send_to_sockets(bytes, &ends[..count])?;
    let _: [RawFd; 2] = pair.map(IntoRawFd::into_raw_fd);
    Ok(())
}

/// The first piece of a message that is to have so many bytes: the length of the piece, that of the
/// message, and eight bytes of it.
fn packet(total: u64) -> Vec<u8> {
    [24, total, 0].map(u64::to_ne_bytes).concat()
}

/// Writes past the transport, and sends descriptors along.
fn send_to_sockets(bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    for socket in sockets()? {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("too many descriptors"));
        }
        // Others than the channel's are not connected.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _: rustix::io::Result<usize> =
            sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, flags);
    }
    Ok(())
}

/// Writes past the transport. The supervisor reads only one of the sockets, and there may be one
/// that was open in the supervisor while it started this process, and is of no use to anybody.
fn write_to_sockets(bytes: &[u8]) -> io::Result<()> {
    for socket in sockets()? {
        match nix::unistd::write(&socket, bytes) {
            Ok(_) | Err(Errno::EPIPE) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Copies of the sockets that a program which is started now inherits.
pub(super) fn inheritable_sockets() -> io::Result<Vec<OwnedFd>> {
    let sockets = sockets()?;
    for socket in &sockets {
        fcntl(socket, FcntlArg::F_SETFD(FdFlag::empty()))?;
    }
    Ok(sockets)
}

/// Copies of all sockets of this process, both ends of the channel among them.
fn sockets() -> io::Result<Vec<OwnedFd>> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_string_lossy().parse();
        if let (true, Ok(number)) = (is_socket, number) {
            found.push(pidfd_getfd(&this, number, PidfdGetfdFlags::empty())?);
        }
    }
    Ok(found)
}
