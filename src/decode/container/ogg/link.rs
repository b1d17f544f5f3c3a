//! Link: the stream of audio that is decoded, from its first page to its last.
//!
//! A chain of Ogg files has one link behind the other, each with headers of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use audiopool_worker::pcm::ChannelLayout;

use super::clock::{Clock, Trimmed};
use super::codec::{Format, Headers, Ready, Step, Timing};
use super::packets::{Assembler, Whole};
use super::page::Page;
use crate::decode::codec::flac::StreamInfo;
use crate::decode::codec::packet::{Lost, Packet, Setup};

/// One stream.
#[derive(Debug)]
pub(super) struct Link {
    serial: u32,
    headers: Headers,
    assembler: Assembler,
    decoding: Option<Decoding>,
    /// Packets of a first page, whose trimming the second decides.
    waiting: Vec<Packet>,
    /// Frames that are yet to be cut off at the start.
    to_cut: u64,
    /// Frames and packets of audio so far.
    frames: u64,
    packets: u64,
    has_ended: bool,
}

/// What is known once all headers are there.
#[derive(Debug)]
struct Decoding {
    setup: Arc<Setup>,
    timing: Timing,
    clock: Clock,
}

impl Decoding {
    fn new(ready: Ready) -> Self {
        let Ready { params, timing } = ready;
        let clock = Clock::new(timing.trims_start());
        Self { setup: Arc::new(Setup::new(params)), timing, clock }
    }
}

impl Link {
    pub(super) fn new(serial: u32, headers: Headers) -> Self {
        let decoding = headers.ready_at_once().map(|ready| Decoding::new(*ready));
        Self {
            serial,
            headers,
            assembler: Assembler::default(),
            decoding,
            waiting: Vec::new(),
            to_cut: 0,
            frames: 0,
            packets: 0,
            has_ended: false,
        }
    }

    pub(super) fn serial(&self) -> u32 {
        self.serial
    }

    pub(super) fn format(&self) -> Format {
        self.headers.format
    }

    /// The loudspeakers of its channels.
    pub(super) fn layout(&self) -> ChannelLayout {
        self.headers.layout()
    }

    /// What FLAC states of its audio.
    pub(super) fn flac_info(&self) -> Option<StreamInfo> {
        self.headers.flac_info()
    }

    /// What it takes to decode, once the headers are there.
    pub(super) fn setup(&self) -> Option<&Arc<Setup>> {
        self.decoding.as_ref().map(|decoding| &decoding.setup)
    }

    /// Whether its last page was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Packets of audio so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Frames so far, as far as packets can be decoded.
    pub(super) fn frames(&self) -> u64 {
        self.frames.saturating_sub(self.headers.skipped)
    }

    /// Frames that its pages state so far.
    pub(super) fn declared(&self) -> Option<u64> {
        self.decoding.as_ref()?.clock.declared(self.headers.skipped)
    }

    /// Frames that they state if this is the granule of the last.
    pub(super) fn declared_up_to(&self, granule: i64) -> Option<u64> {
        let clock = &self.decoding.as_ref()?.clock;
        clock.declared_up_to(granule.into(), self.headers.skipped)
    }

    /// Takes in its first page, whose first packet is known.
    pub(super) fn begin(&mut self, page: &Page<'_>, lost: &mut Option<Lost>) {
        for packet in self.assembler.take(page).packets.into_iter().skip(1) {
            self.take_packet(packet, lost);
        }
        self.has_ended = page.ends();
    }

    /// Takes in its next page. Packets go to `queue`, and what is lost is told with the next of
    /// them.
    pub(super) fn take(
        &mut self,
        page: &Page<'_>,
        lost: &mut Option<Lost>,
        queue: &mut VecDeque<Packet>,
    ) {
        let assembled = self.assembler.take(page);
        // Where a stream was joined late, there are pages missing behind the headers.
        if let Some(what) = assembled.broken.filter(|_| self.packets > 0) {
            // Bytes that are no page explain it.
            lost.get_or_insert_with(|| Lost {
                byte: Some(page.byte),
                bytes: Some(0),
                what: format!("{what} before byte {}", page.byte).into(),
            });
            self.flush(queue);
        }
        let first = self.waiting.len();
        let mut frames = 0_u64;
        for packet in assembled.packets {
            frames = frames.saturating_add(self.take_packet(packet, lost));
        }
        self.has_ended |= page.ends();
        let Some(decoding) = self.decoding.as_mut() else { return };
        // Pages of headers have a granule of 0.
        if self.packets == 0 && self.waiting.len() == first {
            return;
        }
        if let Some(trimmed) = decoding.clock.page(frames, page.granule(), page.ends()) {
            self.release(trimmed, queue);
        }
    }

    /// Takes in a packet, and tells its frames.
    fn take_packet(&mut self, packet: Whole, lost: &mut Option<Lost>) -> u64 {
        let Whole { byte, length: bytes, .. } = packet;
        let Some(decoding) = &mut self.decoding else {
            match self.headers.take(&packet.data) {
                Step::Ready(ready) => self.decoding = Some(Decoding::new(*ready)),
                Step::Header => {}
                Step::Orphan => {
                    let what =
                        format!("{bytes} bytes from byte {byte} on lack a header before them");
                    lose(lost, byte, bytes, what);
                }
            }
            return 0;
        };
        // Neither audio nor a loss: an empty packet of Vorbis, or a header that is repeated.
        let Some(frames) = decoding.timing.frames_of(&packet.data) else { return 0 };
        if !packet.is_complete() {
            lose(
                lost,
                byte,
                bytes,
                format!("a packet of {bytes} bytes at byte {byte} is too long"),
            );
            return frames;
        }
        self.packets += 1;
        self.waiting.push(Packet {
            data: packet.data.into(),
            frames,
            trim_start: 0,
            trim_end: 0,
            byte: Some(byte),
            bytes,
            lost: lost.take(),
            setup: decoding.setup.clone(),
        });
        frames
    }

    /// It was counted among the links of the chain.
    pub(super) fn close(&mut self) {
        (self.frames, self.packets) = (0, 0);
    }

    /// Lets go of the packets that wait: nothing that would decide on them is to follow.
    pub(super) fn flush(&mut self, queue: &mut VecDeque<Packet>) {
        let trimmed = self.decoding.as_mut().map(|decoding| decoding.clock.lose());
        self.release(trimmed.unwrap_or_default(), queue);
    }

    fn release(&mut self, trimmed: Trimmed, queue: &mut VecDeque<Packet>) {
        self.to_cut = self.to_cut.saturating_add(trimmed.start);
        for packet in &mut self.waiting {
            packet.trim_start = packet.frames.min(self.to_cut);
            self.to_cut -= packet.trim_start;
        }
        let mut left = trimmed.end;
        for packet in self.waiting.iter_mut().rev() {
            packet.trim_end = (packet.frames - packet.trim_start).min(left);
            left -= packet.trim_end;
        }
        let kept = |packet: &Packet| packet.frames - packet.trim_start - packet.trim_end;
        let frames = self.waiting.iter().map(kept).fold(0, u64::saturating_add);
        self.frames = self.frames.saturating_add(frames);
        queue.extend(self.waiting.drain(..));
    }
}

/// Notes bytes that come to nothing, with those before them.
pub(super) fn lose(lost: &mut Option<Lost>, byte: u64, bytes: u64, what: String) {
    match lost {
        Some(before) => before.bytes = before.bytes.map(|before| before.saturating_add(bytes)),
        None => *lost = Some(Lost { byte: Some(byte), bytes: Some(bytes), what: what.into() }),
    }
}
