//! Chain: which stream is decoded, and what there is beside it.

use std::collections::{HashSet, VecDeque};

use super::codec::{Content, Format};
use super::link::{Link, lose};
use super::page::Page;
use crate::decode::accounting::findings::Findings;
use crate::decode::codec::packet::{Lost, Packet};
use crate::record::WarningKind;

/// Streams that go on together, at most.
const MOST_STREAMS: usize = 4096;

/// The links so far.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) group: Group,
    /// The stream that is decoded.
    link: Option<Link>,
    /// The format of the first link with all its headers.
    format: Option<Format>,
    /// Of the links before: frames and packets, and how many frames their pages state.
    frames: u64,
    packets: u64,
    declared: Option<u64>,
    /// Packets that are cut out.
    pub(super) queue: VecDeque<Packet>,
    /// What was lost since the last packet.
    pub(super) lost: Option<Lost>,
}

/// Streams that go on together.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Whether more may begin: no other page has come yet.
    is_open: bool,
    pub(super) serials: HashSet<u32>,
    /// Whether one of them is decoded, and how many streams of audio are not.
    has_audio: bool,
    others: u64,
    /// Names of streams that are not decoded.
    pub(super) other_audio: Option<&'static str>,
    pub(super) video: Option<&'static str>,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self { declared: Some(0), ..Self::default() }
    }

    /// The stream that is decoded.
    pub(super) fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// Whether all is known that a first packet needs.
    pub(super) fn is_ready(&self) -> bool {
        !self.group.is_open && self.link.as_ref().is_some_and(|link| link.setup().is_some())
    }

    /// Packets of audio so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets + self.link.as_ref().map_or(0, Link::packets)
    }

    /// Frames that the pages of all links state.
    pub(super) fn declared(&self) -> Option<u64> {
        self.declared
    }

    /// Takes in a page; `false` if what follows is not decoded.
    pub(super) fn take(&mut self, page: &Page<'_>, findings: &mut Findings) -> bool {
        if page.begins() {
            return self.begin(page, findings);
        }
        if self.group.is_open && !self.close_group(page.byte, findings) {
            return false;
        }
        match &mut self.link {
            Some(link) if link.serial() == page.serial() => {
                link.take(page, &mut self.lost, &mut self.queue);
            }
            _ if self.group.serials.contains(&page.serial()) => {}
            _ => {
                let (byte, length) = (page.byte, page.length());
                let what =
                    format!("the beginning of the stream of the page at byte {byte} is missing");
                lose(&mut self.lost, byte, length, what);
            }
        }
        true
    }

    /// Takes in the first page of a stream.
    fn begin(&mut self, page: &Page<'_>, findings: &mut Findings) -> bool {
        if !self.group.is_open {
            self.group = Group { is_open: true, ..Group::default() };
        }
        if self.group.serials.len() < MOST_STREAMS {
            self.group.serials.insert(page.serial());
        }
        match Content::of(page.first_packet()) {
            Content::Audio(headers) if !self.group.has_audio => {
                self.group.has_audio = true;
                let format = headers.format;
                if let Some(link) = self.link.as_ref().filter(|link| link.setup().is_some()) {
                    self.format = self.format.or(Some(link.format()));
                }
                if self.format.is_some_and(|before| before != format) {
                    self.change(&format.to_string(), page.byte, findings);
                    return false;
                }
                self.close_link();
                let mut link = Link::new(page.serial(), *headers);
                link.begin(page, &mut self.lost);
                self.link = Some(link);
            }
            Content::Audio(_) => self.group.others += 1,
            Content::OtherAudio(name) => {
                self.group.others += 1;
                self.group.other_audio = self.group.other_audio.or(Some(name));
            }
            Content::Video(name) => self.group.video = self.group.video.or(Some(name)),
            Content::Data | Content::Unknown => {}
        }
        true
    }

    /// No more streams begin; `false` if what follows is not decoded.
    fn close_group(&mut self, byte: u64, findings: &mut Findings) -> bool {
        self.group.is_open = false;
        if self.group.has_audio {
            if self.group.others > 0 {
                let message =
                    format!("{} further audio tracks were not analysed", self.group.others);
                findings.note(WarningKind::OtherTracks, None, None, message);
            }
            return true;
        }
        match self.group.other_audio {
            Some(name) if self.link.is_some() => {
                self.change(name, byte, findings);
                false
            }
            // A link without audio adds nothing to those before it.
            _ => self.link.is_some(),
        }
    }

    /// There are no more pages.
    pub(super) fn end(&mut self, byte: u64, findings: &mut Findings) {
        if !self.group.is_open || self.close_group(byte, findings) {
            self.close_link();
        }
    }

    /// Notes that the chain goes on in another format.
    fn change(&mut self, to: &str, byte: u64, findings: &mut Findings) {
        self.close_link();
        let message = format!("the audio changes to {to}; the rest was not analysed");
        findings.note(WarningKind::FormatChange, Some(self.frames), Some(byte), message);
    }

    /// The stream that is decoded is complete, or will not go on.
    fn close_link(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.flush(&mut self.queue);
        self.frames = self.frames.saturating_add(link.frames());
        self.packets = self.packets.saturating_add(link.packets());
        self.declared =
            self.declared.zip(link.declared()).map(|(sum, link)| sum.saturating_add(link));
        link.close();
    }
}
