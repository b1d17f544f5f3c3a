//! Opening an Ogg file: to its first packet of audio.

use std::fs::File;
use std::sync::Arc;

use audiopool_worker::pcm::ChannelLayout;

use super::Ogg;
use super::link::Link;
use super::page::{LONGEST, Pages};
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::packet::Setup;
use crate::decode::open::Candidate;
use crate::decode::probe::formats::FormatRow;
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind, Opened};

impl Candidate<'_> {
    pub(in crate::decode) fn open_ogg(
        &self,
        file: File,
        row: &FormatRow,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let at_end = file.try_clone().map_err(|error| Refusal::of_io(&error))?;
        let (ogg, setup) = Ogg::open(file, self.file_length, self.head.start, findings)?;
        let link = ogg.chain.link();
        let codec = link.map_or("unknown", |link| link.format().codec).to_owned();
        let info = link.and_then(Link::flac_info);
        let layout = link.map_or(ChannelLayout::UNSTATED, Link::layout);
        let declared = ogg.stated_length(at_end, self.file_length);
        let demux = Box::new(ogg);
        let mut opened =
            self.open_coded(row, codec, declared, Trim::NONE, &setup, demux, findings)?;
        opened.format.pcm.layout = layout;
        // A chain has one for each of its links; the first is compared.
        let frames = info.map(|info| info.total).filter(|total| *total > 0).or(declared);
        let bytes =
            frames.map(|frames| frames.saturating_mul(opened.format.pcm.frame_width() as u64));
        let signature = opened.signature.take().zip(bytes);
        let signature = signature.map(|(signature, bytes)| signature.of_first(bytes));
        Ok(Opened { signature, ..opened })
    }
}

impl Ogg {
    /// Goes on from byte `start` to the first packet of audio, and tells how to decode it.
    pub(in crate::decode) fn open(
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
    fn stated_length(&self, file: File, length: u64) -> Option<u64> {
        let link = self.chain.link()?;
        let mut pages = Pages::new(file, length, length.saturating_sub(3 * LONGEST as u64));
        let mut last = None;
        while let Some((_, page)) = pages.next() {
            let is_of_group = self.chain.group.serials.contains(&page.serial());
            if !is_of_group || (page.begins() && last.is_some()) {
                return None;
            }
            if page.serial() == link.serial() {
                last = page.granule().or(last);
            }
        }
        link.declared_up_to(last?)
    }
}
