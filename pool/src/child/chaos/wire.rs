//! Wire: what a child can say in place of the reply that the real serve loop would send.

use std::error::Error;
use std::ops::Range;
use std::time::Duration;
use std::{process, thread};

use super::Packet;
use crate::channel::{Receiver, Sender};
use crate::codec;
use crate::frame::{MAX_FRAME, encode_frame};
use crate::protocol::{Attempt, FromChild, Payload, RingId, Run, SlotRef, TaskId, ToChild};

/// What can be said wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireDeed {
    /// Something past the transport.
    Past(Packet),
    /// A sound frame around what is no message.
    GarbageBody,
    /// The beginning of a frame.
    HalfFrame,
    /// The beginning of a frame, and the end of the process.
    HalfFrameAndExit,
    /// A frame that is longer than allowed.
    OversizeFrame,
    /// A frame of another version of the protocol.
    WrongVersion,
    /// A frame that is none of ours.
    WrongMagic,
    /// A frame of another process in the same seat.
    WrongGeneration,
    /// The reply, and another one to the same task.
    ReplyTwice,
    /// A reply to a task that it was never given.
    ReplyForUnknownTask,
    /// A reply to a try that is not on.
    ReplyOfAnotherAttempt,
    /// An output of the right type that cannot be that of the task:
    /// [`Mischief::wrong_output`](super::Mischief::wrong_output).
    WrongOutput,
    /// An output that cannot be decoded.
    GarbageOutput,
    /// An output in a slot that was never filled.
    EmptySlot,
    /// The reply, and the end of the process.
    ExitAfterReply,
    /// Closes the channel and lives on.
    CloseChannel,
    /// A frame whose checksum is that of another body.
    WrongChecksum,
    /// A sound frame around a message that is over before its body is.
    TrailingBytes,
    /// A sound frame around a message that announces more than any memory holds.
    HugeCount,
}

impl WireDeed {
    /// The deed of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "garbage-body" => Self::GarbageBody,
            "half-frame" => Self::HalfFrame,
            "half-frame-and-exit" => Self::HalfFrameAndExit,
            "oversize-frame" => Self::OversizeFrame,
            "wrong-version" => Self::WrongVersion,
            "wrong-magic" => Self::WrongMagic,
            "wrong-generation" => Self::WrongGeneration,
            "reply-twice" => Self::ReplyTwice,
            "reply-for-unknown-task" => Self::ReplyForUnknownTask,
            "reply-of-another-attempt" => Self::ReplyOfAnotherAttempt,
            "wrong-output" => Self::WrongOutput,
            "garbage-output" => Self::GarbageOutput,
            "empty-slot" => Self::EmptySlot,
            "exit-after-reply" => Self::ExitAfterReply,
            "close-channel" => Self::CloseChannel,
            "wrong-checksum" => Self::WrongChecksum,
            "trailing-bytes" => Self::TrailingBytes,
            "huge-count" => Self::HugeCount,
            _ => return Packet::named(name).map(Self::Past),
        })
    }
}

/// Where the header of a frame has the length of the body and its checksum.
const LENGTH: Range<usize> = 10..14;
const CHECKSUM: Range<usize> = 14..18;

/// What a child speaks through.
pub(crate) struct Line {
    pub(crate) sender: Sender<FromChild>,
    pub(crate) receiver: Receiver<ToChild>,
    pub(crate) generation: u32,
    pub(crate) outbox: Option<RingId>,
    pub(crate) wrong_output: Vec<u8>,
}

impl Line {
    fn reply(&self, task: TaskId, attempt: Attempt, output: Payload) -> Result<(), Box<dyn Error>> {
        Ok(self.sender.send(&answer(task, attempt, output))?)
    }

    /// A frame around what may be no message.
    fn frame_around(&self, body: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut frame = encode_frame(self.generation, &())?;
        frame[LENGTH].copy_from_slice(&u32::try_from(body.len())?.to_le_bytes());
        frame[CHECKSUM].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        frame.extend_from_slice(body);
        Ok(frame)
    }

    /// Says something else than the task's reply, and nothing ever after.
    pub(crate) fn commit(self, deed: WireDeed, run: &Run, output: &[u8]) -> ! {
        if let Err(error) = self.say(deed, (run.task, run.attempt), output) {
            #[expect(clippy::print_stderr, reason = "the supervisor keeps what a child says last")]
            {
                eprintln!("cannot {deed:?}: {error}");
            }
        }
        process::exit(0)
    }

    /// Says it, and what a worker does that notices nothing: it goes on, here by waiting.
    fn say(
        self,
        deed: WireDeed,
        (task, attempt): (TaskId, Attempt),
        output: &[u8],
    ) -> Result<(), Box<dyn Error>> {
        let honest = || Payload::Inline(output.to_vec());
        let frame = || encode_frame(self.generation, &answer(task, attempt, honest()));
        match deed {
            WireDeed::Past(packet) => {
                if !packet.send(&frame()?)? {
                    return Ok(());
                }
            }
            WireDeed::GarbageBody => {
                self.sender.send_raw(&encode_frame(self.generation, &"nonsense")?)?;
            }
            WireDeed::HalfFrame | WireDeed::HalfFrameAndExit => {
                let frame = frame()?;
                self.sender.send_raw(&frame[..frame.len() / 2])?;
                if deed == WireDeed::HalfFrameAndExit {
                    return Ok(());
                }
            }
            WireDeed::OversizeFrame => {
                let mut frame = frame()?;
                frame.resize(MAX_FRAME + 1, 0);
                self.sender.send_raw(&frame)?;
            }
            WireDeed::WrongMagic => {
                let mut frame = frame()?;
                frame[0] ^= 0x80;
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
                self.reply(task, attempt, Payload::Inline(self.wrong_output.clone()))?;
            }
            WireDeed::ReplyForUnknownTask => {
                self.reply(TaskId(task.0 + 1_000_000), attempt, honest())?;
            }
            WireDeed::ReplyOfAnotherAttempt => {
                self.reply(task, Attempt(attempt.0 + 1), honest())?;
            }
            WireDeed::WrongOutput => {
                self.reply(task, attempt, Payload::Inline(self.wrong_output.clone()))?;
            }
            WireDeed::GarbageOutput => self.reply(task, attempt, Payload::Inline(vec![0xFF; 9]))?,
            WireDeed::EmptySlot => {
                let ring = self.outbox.ok_or("no outbox")?;
                let at = SlotRef { ring, slot: 0, len: 1000, checksum: 0xBAD };
                self.reply(task, attempt, Payload::Slot(at))?;
            }
            WireDeed::ExitAfterReply => {
                self.reply(task, attempt, honest())?;
                return Ok(());
            }
            WireDeed::CloseChannel => drop((self.sender, self.receiver)),
            WireDeed::WrongChecksum => {
                let mut frame = frame()?;
                frame[CHECKSUM.start] ^= 0x80;
                self.sender.send_raw(&frame)?;
            }
            WireDeed::TrailingBytes => {
                let mut body = codec::encode(&answer(task, attempt, honest()))?;
                body.push(0);
                self.sender.send_raw(&self.frame_around(&body)?)?;
            }
            WireDeed::HugeCount => {
                let marks = [7; 5];
                let output = Payload::Inline(marks.to_vec());
                let body = codec::encode(&answer(task, attempt, output))?;
                let at = body.windows(5).position(|bytes| bytes == marks).ok_or("no output")?;
                let count = [&[253][..], &(1_u64 << 60).to_le_bytes()].concat();
                let body = [&body[..at - 1], &count, &body[at..]].concat();
                self.sender.send_raw(&self.frame_around(&body)?)?;
            }
        }
        loop {
            thread::park();
        }
    }
}

fn answer(task: TaskId, attempt: Attempt, output: Payload) -> FromChild {
    FromChild::Reply { task, attempt, outcome: Ok(output), busy: Duration::ZERO }
}
