//! MPEG audio of any layer, and AAC in ADTS or LOAS: frames one behind the other, without a
//! container around them.

mod frame;
mod search;
mod tag;
mod walk;
mod window;

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known as codec;

use crate::decode::Opened;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::aac;
use crate::decode::codec::packet::Setup;
use crate::decode::open::Candidate;
use crate::decode::probe::formats::{FormatRow, row_of};
use crate::decode::probe::magic::Kind;
use crate::decode::refusal::Refusal;
use frame::{Format, Framing};
use tag::{ITunes, Tag};
use walk::Walk;
use window::Window;

/// The framings that a file which begins like one of them may have.
const ALL: [Framing; 3] = [Framing::Mpeg, Framing::Adts, Framing::Loas];

/// Whether files of this kind are read here.
pub(in crate::decode) const fn reads(kind: Kind) -> bool {
    matches!(kind, Kind::MpegAudio | Kind::Adts | Kind::Loas)
}

impl Candidate<'_> {
    /// The row of the first frame that is really there, whatever its first bytes look like; `row`
    /// itself if there is none.
    pub(in crate::decode) fn row_of_frames(&self, row: &'static FormatRow) -> &'static FormatRow {
        let walk = self.file.try_clone().ok().filter(|_| reads(row.kind())).and_then(|file| {
            let range = self.head.start..self.file_length;
            find(file, range, self.file_length, &ALL).ok()?
        });
        walk.map_or(row, |walk| row_of(walk.framing().kind()))
    }

    /// Opens a file that consists of frames, behind tags and perhaps junk.
    pub(in crate::decode) fn open_frames(
        &self,
        file: File,
        row: &FormatRow,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        self.open_frames_in(file, row, self.head.start..self.file_length, &ALL, findings)
    }

    /// Opens the frames of MPEG audio that lie in the bytes `range` of another container.
    pub(in crate::decode) fn open_mpeg_in(
        &self,
        file: File,
        row: &FormatRow,
        range: Range<u64>,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        self.open_frames_in(file, row, range, &[Framing::Mpeg], findings)
    }

    fn open_frames_in(
        &self,
        mut file: File,
        row: &FormatRow,
        range: Range<u64>,
        framings: &[Framing],
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let itunes = ITunes::find(&mut file, self.head.start);
        // A frame that a tag follows instead of its end is cut short.
        let audio = tags::foreign(&mut file, range.clone());
        let end = if audio.is_empty() { range.end } else { audio.end };
        let found = find(file, range.start..end, range.end, framings)?;
        let Some(mut walk) = found else {
            return Err(Refusal::Corrupt(format!(
                "this should be {}, but there is no frame of it that another follows",
                row.name
            )));
        };
        let first = walk.first_frames(1).pop().unwrap_or_default();
        let (params, tag) = match walk.format() {
            Format::Mpeg(format) => {
                let mut params = AudioCodecParameters::new();
                let id = match format.layer {
                    1 => codec::CODEC_ID_MP1,
                    2 => codec::CODEC_ID_MP2,
                    _ => codec::CODEC_ID_MP3,
                };
                params
                    .for_codec(id)
                    .with_sample_rate(format.sample_rate)
                    .with_channels(Channels::Discrete(format.channels));
                (params, Tag::or_itunes(Tag::read(&first), itunes))
            }
            Format::Adts { object_type, rate, layout } => {
                let mut params = AudioCodecParameters::new();
                params.for_codec(codec::CODEC_ID_AAC).with_extra_data(aac::config_bytes(
                    object_type,
                    rate,
                    layout,
                ));
                let frames = walk.first_frames(aac::EXAMINED);
                (examined(&params, &frames)?, None)
            }
            Format::Loas => {
                let mut latm = aac::Latm::default();
                let frames = walk.first_frames(aac::EXAMINED);
                let units: Vec<_> = frames.iter().filter_map(|frame| latm.unwrap(frame)).collect();
                let params = latm.parameters().ok_or_else(|| {
                    let what = "AAC in LOAS of a kind that audiopool does not decode itself";
                    Refusal::Unsupported(what.to_owned())
                })?;
                (examined(&params, &units)?, None)
            }
        };
        let name = match params.codec {
            codec::CODEC_ID_MP1 => "mp1",
            codec::CODEC_ID_MP2 => "mp2",
            codec::CODEC_ID_MP3 => "mp3",
            _ => "aac",
        };
        let declared = tag.and_then(Tag::declared);
        let trim = tag.map_or(Trim::NONE, Tag::trim);
        let setup = Arc::new(Setup::new(params));
        let walk = Box::new(walk.with_setup(setup.clone(), declared));
        self.open_coded(row, name.to_owned(), declared, trim, &setup, walk, findings)
    }
}

/// The frames in `range`; or, if there are none, those that an `ID3v2` tag before it claims, which
/// states too long a length then.
fn find(
    file: File,
    range: Range<u64>,
    file_length: u64,
    framings: &[Framing],
) -> Result<Option<Walk>, Refusal> {
    let again = file.try_clone().map_err(|error| Refusal::of_io(&error))?;
    let start = range.start;
    let end = range.end.max(start);
    let found = Walk::find(Window::new(file, start..end), start..end, file_length, framings);
    if found.is_some() || start == 0 {
        return Ok(found);
    }
    let end = if start < end { end } else { file_length };
    Ok(Walk::find(Window::new(again, 0..end), 0..end, file_length, framings))
}

/// The frames of a file of layer III, for tests.
#[cfg(test)]
pub(in crate::decode) fn layer_3(
    file: File,
    length: u64,
) -> Option<(impl crate::decode::engine::Demux, Arc<Setup>)> {
    let walk = Walk::find(Window::new(file, 0..length), 0..length, length, &[Framing::Mpeg])?;
    let mut params = AudioCodecParameters::new();
    params.for_codec(codec::CODEC_ID_MP3);
    let setup = Arc::new(Setup::new(params));
    Some((walk.with_setup(setup.clone(), None), setup))
}

fn examined(
    params: &AudioCodecParameters,
    first: &[impl AsRef<[u8]>],
) -> Result<AudioCodecParameters, Refusal> {
    aac::examine(params, first.iter().map(AsRef::as_ref)).map_err(Refusal::Unsupported)
}
