//! Wire: a serve loop of its own, for what the real one could not be brought to say.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::{fs, io, process, thread};

use audiopool_worker::analyze::Partials;
use audiopool_worker::channel::{self, Receiver, Sender};
use audiopool_worker::codec;
use audiopool_worker::frame::{MAX_FRAME, encode_frame};
use audiopool_worker::invitation::Invitation;
use audiopool_worker::measure::Measure;
use audiopool_worker::pcm::Pcm;
use audiopool_worker::protocol::{
    Attempt, AudioRef, FromChild, Hello, PROTOCOL_VERSION, Payload, RingId, Run, SlotRef, TaskId,
    ToChild, Usage,
};
use audiopool_worker::slots::{self, Inbox};
use audiopool_worker::task::{CANARY, Task};
use audiopool_worker::{BUILD_ID, lifeline};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::request::Request;

/// What can be said wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireDeed {
    /// A packet of the transport that announces more than it holds.
    GarbagePacket,
    /// Three bytes of a packet's header, and then nothing.
    HalfPacket,
    /// A sound frame around what is no message.
    GarbageBody,
    /// The beginning of a frame.
    HalfFrame,
    /// A frame that is longer than allowed.
    OversizeFrame,
    /// A frame of another version of the protocol.
    WrongVersion,
    /// A frame of another process in the same seat.
    WrongGeneration,
    ReplyTwice,
    ReplyForUnknownTask,
    ReplyOfAnotherAttempt,
    /// Partials of other analyzers.
    WrongPartials,
    /// An output that is no partials at all.
    GarbageOutput,
    /// An output in a slot that was never filled.
    EmptySlot,
    ExitAfterReply,
    /// Closes the channel and lives on.
    CloseChannel,
}

impl WireDeed {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "garbage-packet" => Self::GarbagePacket,
            "half-packet" => Self::HalfPacket,
            "garbage-body" => Self::GarbageBody,
            "half-frame" => Self::HalfFrame,
            "oversize-frame" => Self::OversizeFrame,
            "wrong-version" => Self::WrongVersion,
            "wrong-generation" => Self::WrongGeneration,
            "reply-twice" => Self::ReplyTwice,
            "reply-for-unknown-task" => Self::ReplyForUnknownTask,
            "reply-of-another-attempt" => Self::ReplyOfAnotherAttempt,
            "wrong-partials" => Self::WrongPartials,
            "garbage-output" => Self::GarbageOutput,
            "empty-slot" => Self::EmptySlot,
            "exit-after-reply" => Self::ExitAfterReply,
            "close-channel" => Self::CloseChannel,
            _ => return None,
        })
    }
}

/// Serves tasks; commits the deed where it is due.
pub(crate) fn serve(
    deed: WireDeed,
    request: &Request,
    invitation: &Invitation,
) -> Result<u8, Box<dyn Error>> {
    let link = Link::open(invitation)?;
    loop {
        match link.receiver.recv()?.1 {
            ToChild::Run(run) => {
                let (task, attempt) = (run.task, run.attempt);
                let output = link.run(&run)?;
                let first_frame = run.audio.map_or(0, |audio| audio.first_frame);
                if run.name != CANARY && request.is_due(first_frame)? {
                    request.pass_gate()?;
                    return link.commit(deed, (task, attempt), &output);
                }
                link.reply(task, attempt, Payload::Inline(output))?;
            }
            ToChild::Quit => {
                link.sender.send(&FromChild::Goodbye(Usage::default()))?;
                return Ok(0);
            }
            ToChild::Grant { .. } | ToChild::Welcome(_) => return Err("out of order".into()),
        }
    }
}

struct Link {
    sender: Sender<FromChild>,
    receiver: Receiver<ToChild>,
    generation: u32,
    inboxes: Vec<Inbox>,
    outbox: RingId,
}

impl Link {
    fn open(invitation: &Invitation) -> Result<Self, Box<dyn Error>> {
        lifeline::tie(invitation.supervisor)?;
        let (sender, receiver, arrivals) = channel::connect(&invitation.server)?;
        sender.send(&FromChild::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            build_id: BUILD_ID.to_owned(),
            role: invitation.role,
            pid: process::id(),
        }))?;
        let (_, ToChild::Welcome(welcome)) = receiver.recv()? else {
            return Err("no welcome".into());
        };
        let generation = welcome.generation;
        let sender = sender.with_generation(generation);
        let (regions, _) = arrivals.take(&welcome.rings, welcome.board)?;
        let (outbox, inboxes) = slots::open(&welcome.rings, regions)?;
        let outbox = outbox.ok_or("no outbox")?.ring();
        sender.send(&FromChild::Ready)?;
        Ok(Self { sender, receiver, generation, inboxes, outbox })
    }

    fn run(&self, run: &Run) -> Result<Vec<u8>, Box<dyn Error>> {
        if run.name == CANARY {
            return Ok(Vec::new());
        }
        let Payload::Inline(arguments) = &run.arguments else { return Err("too large".into()) };
        let AudioRef { at, format, first_frame } = run.audio.ok_or("no audio")?;
        let inbox = self.inboxes.iter().find(|inbox| inbox.ring() == at.ring).ok_or("no ring")?;
        let audio = Pcm::new(format, first_frame, inbox.read(&at)?);
        let measure: Measure = codec::decode(arguments)?;
        Ok(codec::encode(&measure.run(Some(audio))?)?)
    }

    fn reply(&self, task: TaskId, attempt: Attempt, output: Payload) -> Result<(), Box<dyn Error>> {
        Ok(self.sender.send(&answer(task, attempt, output))?)
    }

    /// Says it, and what a worker does that notices nothing: it goes on, here by waiting.
    fn commit(
        self,
        deed: WireDeed,
        (task, attempt): (TaskId, Attempt),
        output: &[u8],
    ) -> Result<u8, Box<dyn Error>> {
        let honest = || Payload::Inline(output.to_vec());
        let frame = || encode_frame(self.generation, &answer(task, attempt, honest()));
        match deed {
            WireDeed::GarbagePacket => {
                // Length of this packet, length of the message, and a piece of it.
                let packet: Vec<u8> = [24_u64, 1_000_000, 0].map(u64::to_ne_bytes).concat();
                write_to_sockets(&packet)?;
            }
            WireDeed::HalfPacket => write_to_sockets(&[0xAA; 3])?,
            WireDeed::GarbageBody => {
                self.sender.send_raw(&encode_frame(self.generation, &"nonsense")?)?;
            }
            WireDeed::HalfFrame => {
                let frame = frame()?;
                self.sender.send_raw(&frame[..frame.len() / 2])?;
            }
            WireDeed::OversizeFrame => {
                let mut frame = frame()?;
                frame.resize(MAX_FRAME + 1, 0);
                self.sender.send_raw(&frame)?;
            }
            WireDeed::WrongVersion => {
                let mut frame = frame()?;
                frame[4] ^= 0x80;
                self.sender.send_raw(&frame)?;
            }
            WireDeed::WrongGeneration => {
                let stranger = self.sender.clone().with_generation(self.generation + 1);
                stranger.send(&answer(task, attempt, honest()))?;
            }
            WireDeed::ReplyTwice => {
                self.reply(task, attempt, honest())?;
                self.reply(task, attempt, Payload::Inline(codec::encode(&Partials::default())?))?;
            }
            WireDeed::ReplyForUnknownTask => {
                self.reply(TaskId(task.0 + 1_000_000), attempt, honest())?;
            }
            WireDeed::ReplyOfAnotherAttempt => {
                self.reply(task, Attempt(attempt.0 + 1), honest())?;
            }
            WireDeed::WrongPartials => {
                self.reply(task, attempt, Payload::Inline(codec::encode(&Partials::default())?))?;
            }
            WireDeed::GarbageOutput => self.reply(task, attempt, Payload::Inline(vec![0xFF; 9]))?,
            WireDeed::EmptySlot => {
                let at = SlotRef { ring: self.outbox, slot: 0, len: 1000, checksum: 0xBAD };
                self.reply(task, attempt, Payload::Slot(at))?;
            }
            WireDeed::ExitAfterReply => {
                self.reply(task, attempt, honest())?;
                return Ok(0);
            }
            WireDeed::CloseChannel => drop((self.sender, self.receiver)),
        }
        loop {
            thread::park();
        }
    }
}

fn answer(task: TaskId, attempt: Attempt, output: Payload) -> FromChild {
    FromChild::Reply { task, attempt, outcome: Ok(output), busy: Duration::ZERO }
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
pub(crate) fn inheritable_sockets() -> io::Result<Vec<OwnedFd>> {
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
