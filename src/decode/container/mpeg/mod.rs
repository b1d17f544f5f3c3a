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

use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::aac;
use crate::decode::codec::packet::Setup;
use crate::decode::container::format::{Decoding, FormatRow, Kind};
use crate::decode::container::{Container, Contents, Packets, Subject};
use crate::decode::refusal::Refusal;
use frame::{Format, Framing};
use tag::{ITunes, Tag};
use walk::Walk;
use window::Window;

/// The framings that a file which begins like one of them may have.
const ALL: [Framing; 3] = [Framing::Mpeg, Framing::Adts, Framing::Loas];

/// MPEG audio of layer I, II or III.
pub(super) struct MpegAudio;

impl Container for MpegAudio {
    const FORMAT: FormatRow = FormatRow {
        name: "MPEG audio",
        codecs: "MP1, MP2, MP3",
        extensions: &["mp3", "mp2", "mp1", "mpga"],
        decoding: Decoding::BuiltIn,
        kind: Kind::MPEG_AUDIO,
        markers: &[],
        ffmpeg: &["mp3"],
    };

    fn open(file: File, subject: &mut Subject, _: &mut Findings) -> Result<Contents, Refusal> {
        frames(file, subject)
    }
}

/// AAC in ADTS.
pub(super) struct Adts;

impl Container for Adts {
    const FORMAT: FormatRow = FormatRow {
        name: "AAC (ADTS)",
        codecs: "AAC, HE-AAC",
        extensions: &["aac", "adts"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::ADTS,
        markers: &[],
        ffmpeg: &["aac"],
    };

    fn open(file: File, subject: &mut Subject, _: &mut Findings) -> Result<Contents, Refusal> {
        frames(file, subject)
    }
}

/// AAC in LOAS.
pub(super) struct Loas;

impl Container for Loas {
    const FORMAT: FormatRow = FormatRow {
        name: "AAC (LOAS, LATM)",
        codecs: "AAC, HE-AAC",
        extensions: &["loas", "latm"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::LOAS,
        markers: &[],
        ffmpeg: &["loas"],
    };

    fn open(file: File, subject: &mut Subject, _: &mut Findings) -> Result<Contents, Refusal> {
        frames(file, subject)
    }
}

/// A file that consists of frames, behind tags and perhaps junk. The first frames that follow one
/// another decide which of the three formats it is, whatever its first bytes look like.
fn frames(file: File, subject: &mut Subject) -> Result<Contents, Refusal> {
    let range = subject.start..subject.length;
    frames_of(file, subject, range, &ALL)
}

/// Frames of MPEG audio in the bytes `range` of another container.
pub(super) fn frames_in(
    file: File,
    subject: &mut Subject,
    range: Range<u64>,
) -> Result<Contents, Refusal> {
    frames_of(file, subject, range, &[Framing::Mpeg])
}

fn frames_of(
    mut file: File,
    subject: &mut Subject,
    range: Range<u64>,
    framings: &[Framing],
) -> Result<Contents, Refusal> {
    let itunes = ITunes::find(&mut file, subject.start);
    // A frame that a tag follows instead of its end is cut short.
    let audio = tags::foreign(&mut file, range.clone());
    let end = if audio.is_empty() { range.end } else { audio.end };
    let found = find(file, range.start..end, range.end, framings);
    let Some(mut walk) = found else {
        return Err(Refusal::Corrupt(format!(
            "this should be {}, but there is no frame of it that another follows",
            subject.row.name
        )));
    };
    if framings.len() > 1 {
        subject.row = walk.framing().row();
    }
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
    let walk = walk.with_setup(setup.clone(), declared);
    let packets = Packets::new(name, setup, walk);
    Ok(Contents::Packets(Packets { declared_frames: declared, trim, ..packets }))
}

/// The frames in `range`; or, if there are none, those that an `ID3v2` tag before it claims, which
/// states too long a length then.
fn find(file: File, range: Range<u64>, file_length: u64, framings: &[Framing]) -> Option<Walk> {
    let start = range.start;
    let end = range.end.max(start);
    let window = Window::new(file, start..end);
    let file = match Walk::find(window, start..end, file_length, framings) {
        Ok(walk) => return Some(walk),
        Err(file) => file,
    };
    if start == 0 {
        return None;
    }
    let end = if start < end { end } else { file_length };
    Walk::find(Window::new(file, 0..end), 0..end, file_length, framings).ok()
}

/// The frames of a file of layer III, for tests.
#[cfg(test)]
pub(in crate::decode) fn layer_3(
    file: File,
    length: u64,
) -> Option<(impl crate::decode::engine::Demux, Arc<Setup>)> {
    let walk =
        Walk::find(Window::new(file, 0..length), 0..length, length, &[Framing::Mpeg]).ok()?;
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
