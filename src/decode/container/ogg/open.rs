//! Opening an Ogg file: to its first packet of audio.

use std::fs::File;
use std::sync::Arc;

use audiopool_worker::pcm::ChannelLayout;

use super::Ogg;
use super::link::Link;
use super::page::{LONGEST, Pages};
use crate::decode::accounting::findings::Findings;
use crate::decode::codec::packet::Setup;
use crate::decode::container::format::{Decoding, FormatRow, Kind};
use crate::decode::container::{Container, Contents, Packets, Subject};
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind, Opened};

impl Container for Ogg {
    const FORMAT: FormatRow = FormatRow {
        name: "Ogg",
        codecs: "Vorbis, Opus, FLAC",
        extensions: &["ogg", "oga", "ogv", "ogx", "opus", "spx", "oggflac"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind("ogg"),
        markers: &[b"OggS"],
        ffmpeg: &["ogg"],
    };

    fn open(
        file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let (file, last_pages) = last_pages(file, subject.length);
        let (ogg, setup) = Self::of_first_packet(file, subject.length, subject.start, findings)?;
        let link = ogg.chain.link();
        let codec = link.map_or("unknown", |link| link.format().codec);
        let info = link.and_then(Link::flac_info);
        let layout = link.map_or(ChannelLayout::UNSTATED, Link::layout);
        let declared_frames = ogg.stated_length(&last_pages);
        let packets = Packets::new(codec, setup, ogg);
        let complete = Box::new(move |mut opened: Opened| {
            opened.format.pcm.layout = layout;
            // Each link of a chain has a signature; that of the first is compared.
            let total = info.map(|info| info.total).filter(|total| *total > 0);
            let frame_width = opened.format.pcm.frame_width() as u64;
            let bytes = total.or(declared_frames).map(|frames| frames.saturating_mul(frame_width));
            let signature = opened.signature.take().zip(bytes);
            let signature = signature.map(|(signature, bytes)| signature.of_first(bytes));
            Opened { signature, ..opened }
        });
        Ok(Contents::Packets(Packets { declared_frames, complete, ..packets }))
    }
}

/// What is looked at of a page at the end of a file.
struct LastPage {
    serial: u32,
    begins: bool,
    granule: Option<i64>,
}

/// The intact pages at the end of a file, and the file again.
fn last_pages(file: File, length: u64) -> (File, Vec<LastPage>) {
    let mut pages = Pages::new(file, length, length.saturating_sub(3 * LONGEST as u64));
    let mut last = Vec::new();
    while let Some((_, page)) = pages.next() {
        let (serial, begins, granule) = (page.serial(), page.begins(), page.granule());
        last.push(LastPage { serial, begins, granule });
    }
    (pages.into_file(), last)
}

impl Ogg {
    /// Goes on from byte `start` to the first packet of audio, and tells how to decode it.
    pub(in crate::decode) fn of_first_packet(
        file: File,
        length: u64,
        start: u64,
        findings: &mut Findings,
    ) -> Result<(Self, Arc<Setup>), Refusal> {
        let mut ogg = Self::new(file, length, start);
        while !ogg.has_ended && (!ogg.chain.is_ready() || ogg.chain.queue.is_empty()) {
            ogg.step(findings);
        }
        let setup = ogg.chain.link().and_then(Link::setup).cloned();
        match setup {
            Some(setup) => Ok((ogg, setup)),
            None => Err(ogg.refusal()),
        }
    }

    /// Why there is nothing to decode.
    fn refusal(&self) -> Refusal {
        let group = &self.chain.group;
        if let Some(link) = self.chain.link() {
            let codec = link.format().codec;
            let what = format!("this is Ogg, but the headers of its {codec} stream are missing");
            return Refusal::Corrupt(what);
        }
        match (group.other_audio, group.video) {
            (Some(name), _) => Refusal::Unsupported(format!(
                "this is Ogg with {name}, which audiopool does not decode itself"
            )),
            (None, Some(name)) => Refusal::Final(DecodeError::new(
                DecodeErrorKind::NoAudio,
                format!("this is Ogg with {name} video and no audio"),
            )),
            (None, None) if group.serials.is_empty() => {
                let what = "this is Ogg, but no intact beginning of a stream is to be found";
                Refusal::Corrupt(what.to_owned())
            }
            (None, None) => Refusal::Unsupported(
                "this is Ogg without a stream that is known to hold audio".to_owned(),
            ),
        }
    }

    /// Frames that the last page of the file states, if it is one of the link that is open. The sum
    /// of a chain is only known at its end.
    fn stated_length(&self, last_pages: &[LastPage]) -> Option<u64> {
        let link = self.chain.link()?;
        let mut last = None;
        for page in last_pages {
            let is_of_group = self.chain.group.serials.contains(&page.serial);
            if !is_of_group || (page.begins && last.is_some()) {
                return None;
            }
            if page.serial == link.serial() {
                last = page.granule.or(last);
            }
        }
        link.declared_up_to(last?)
    }
}
