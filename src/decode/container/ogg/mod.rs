//! Ogg: pages of one or more streams, and chains of them.
//!
//! ```text
//! │ BOS a │ BOS b │ a │ b │ a │ … │ EOS a │ EOS b │ BOS c │ c │ … │ EOS c │
//! └ group of streams that go on together ─────────┴ next link of the chain ┘
//! ```
//!
//! The first stream of audio in a group is decoded; others beside it are told. A chain goes on while
//! its links have one format. What is no intact page, and pages that are missing by their numbers,
//! are told where they are heard. RFC 3533.

mod chain;
mod clock;
mod codec;
mod link;
mod open;
mod packets;
mod page;

use std::fs::File;

use audiopool_worker::analyze::Damage;

use self::chain::Chain;
use self::link::{Link, lose};
use self::page::Pages;
use crate::decode::accounting::findings::Findings;
use crate::decode::codec::packet::Packet;
use crate::decode::engine::Demux;
use crate::record::WarningKind;

/// Cuts an Ogg file into packets.
#[derive(Debug)]
pub(in crate::decode) struct Ogg {
    pages: Pages,
    chain: Chain,
    has_ended: bool,
}

impl Ogg {
    /// The packets from byte `start` on.
    fn new(file: File, length: u64, start: u64) -> Self {
        Self { pages: Pages::new(file, length, start), chain: Chain::new(), has_ended: false }
    }

    /// Goes on by a page, unless nothing is to follow.
    fn step(&mut self, findings: &mut Findings) {
        let Some((gap, page)) = self.pages.next() else {
            self.chain.end(self.pages.position(), findings);
            self.has_ended = true;
            return;
        };
        if !gap.is_empty() {
            let length = gap.end - gap.start;
            let what = format!("{length} bytes from byte {} on are no page", gap.start);
            lose(&mut self.chain.lost, gap.start, length, what);
        }
        self.has_ended = !self.chain.take(&page, findings);
    }

    /// Notes what lies behind the last page, and whether the audio ends there.
    fn finish_pages(&mut self, frames: u64, findings: &mut Findings) {
        let is_damaged = self.chain.lost.is_some();
        self.tell_lost(frames, findings);
        if let Some(error) = self.pages.failure() {
            let message = format!("reading failed in the middle of the file: {error}");
            findings.note(WarningKind::Truncated, Some(frames), None, message);
        }
        let Some(rest) = self.pages.rest() else { return };
        findings.account_for_all_bytes();
        let (damaged, byte) = (rest.damaged, rest.range.start);
        if !damaged.is_empty() {
            let length = damaged.end - damaged.start;
            let what = format!("{length} bytes from byte {} on are no page", damaged.start);
            let damage = Damage { frame: frames, byte: Some(damaged.start), bytes: Some(length) };
            findings.damage(damage, &what);
        }
        let has_ended = self.chain.link().is_some_and(Link::has_ended);
        if rest.is_cut {
            let message = "the file ends in the middle of a page of its audio";
            findings.note(WarningKind::Truncated, Some(frames), Some(byte), message);
        } else if !has_ended && !is_damaged && damaged.is_empty() {
            let message = "no page says that it is the last: the file may be cut short";
            findings.note(WarningKind::Truncated, Some(frames), Some(byte), message);
        }
        findings.rest(frames, rest.range, rest.is_cut);
    }

    fn tell_lost(&mut self, frame: u64, findings: &mut Findings) {
        if let Some(lost) = self.chain.lost.take() {
            findings.damage(Damage { frame, byte: lost.byte, bytes: lost.bytes }, &lost.what);
        }
    }
}

impl Demux for Ogg {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        loop {
            if let Some(packet) = self.chain.queue.pop_front() {
                return Some(packet);
            }
            if self.has_ended {
                return None;
            }
            self.step(findings);
        }
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if findings.has(WarningKind::FormatChange) {
            self.tell_lost(frames, findings);
            findings.declare(None);
            return;
        }
        self.finish_pages(frames, findings);
        let declared = self.chain.declared().filter(|_| self.chain.packets() > 0);
        findings.declare(declared);
        if findings.has(WarningKind::Truncated) {
            return;
        }
        if let Some(declared) = declared.filter(|declared| *declared != frames) {
            let message = format!("the pages declare {declared} frames, there are {frames}");
            findings.note(WarningKind::LengthMismatch, Some(frames), None, message);
        } else if frames == 0 && self.chain.packets() > 0 {
            let packets = self.chain.packets();
            let message = format!("there are {packets} packets of audio, all of which is cut off");
            findings.note(WarningKind::LengthMismatch, Some(frames), None, message);
        }
    }
}
