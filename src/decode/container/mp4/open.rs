//! Opening an MP4: its index, the track to measure, and which frames of it are shown.

use std::fs::File;
use std::iter;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::boxes::Reader;
use super::chunks::{Chunks, Times};
use super::description::Entry;
use super::edits::{Edits, scaled};
use super::entry;
use super::fragments::{Fragments, TopLevel};
use super::movie::{Gapless, Movie, Track};
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::name_of_codec;
use crate::decode::codec::packet::Setup;
use crate::decode::container::format::{Decoding, FormatRow, Kind};
use crate::decode::container::mp4::{Declared, MAX_SHARE, Mp4};
use crate::decode::container::{Container, Contents, Packets, Subject};
use crate::decode::engine::Demux;
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind, Opened};
use crate::record::WarningKind;

/// Bytes of audio that are read at a time.
const READ: usize = 64 * 1024;
/// Frames of a packet where the file does not say.
const USUAL_FRAMES: u64 = 1024;

impl Container for Mp4 {
    const FORMAT: FormatRow = FormatRow {
        name: "MP4, QuickTime",
        codecs: "AAC, HE-AAC, ALAC, FLAC, Opus, MP1, MP2, MP3, PCM, A-law, mu-law",
        extensions: &[
            "m4a", "m4b", "m4p", "m4r", "mp4", "mp4a", "m4v", "mov", "qt", "3gp", "3g2", "f4a",
            "f4v",
        ],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::MP4,
        markers: &[],
        ffmpeg: &["mov"],
    };

    fn open(
        file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let Subject { row, start, length } = *subject;
        let reader = Reader::new(Arc::new(file), length, READ);
        let mut tables = reader.of_tables();
        let movie = movie_of(&mut tables, start).map_err(|what| {
            Refusal::Corrupt(format!("this is {}, but damaged or cut short ({what})", row.name))
        })?;
        let Some((track, count)) = movie.audio() else {
            let message =
                format!("this is {} without audio: none of its tracks is audio", row.name);
            return Err(Refusal::Final(DecodeError::new(DecodeErrorKind::NoAudio, message)));
        };
        if count > 1 {
            if !movie.is_understood {
                let what = "in whose index a track is broken";
                return Err(Refusal::Corrupt(format!("this is {}, {what}", row.name)));
            }
            let message = format!("{} further audio tracks were not analysed", count - 1);
            findings.note(WarningKind::OtherTracks, None, None, message);
        }
        let (mp4, times) = Self::of_track(&reader, start, &movie, track).map_err(|what| {
            Refusal::Unsupported(format!(
                "this is {} of a kind that audiopool does not decode itself: {what}",
                row.name
            ))
        })?;
        let shown = Shown::read(&mut tables, &movie, track, times, &mp4.entries[0]);
        if let Some(what) = shown.unfollowed {
            let message = format!("the edit list of the track was not followed in full: {what}");
            findings.note(WarningKind::EditList, None, None, message);
        }
        let (setup, layout) = (mp4.entries[0].setup.clone(), mp4.entries[0].layout);
        let (is_linear, agreed) = (mp4.entries[0].frame.is_some(), mp4.declared.clone());
        let codec = name_of_codec(setup.params.codec);
        let packets = Packets::new(codec, setup.clone(), mp4);
        let complete = Box::new(move |mut opened: Opened| {
            let (trim, declared) = shown.frames(opened.format.pcm.sample_rate, &setup);
            if let Some(declared) = declared {
                agreed.get_or_init(|| declared);
            }
            opened.trim = trim;
            opened.format.declared_frames = declared.map(|declared| declared.frames);
            let pcm = &mut opened.format.pcm;
            // A decoder may deliver channels in another order than the box names them.
            if is_linear && layout.speakers(pcm.channels.into()).is_some() {
                pcm.layout = layout;
            }
            opened
        });
        Ok(Contents::Packets(Packets { complete, ..packets }))
    }
}

/// Reads the index, wherever it lies. The error says what is wrong.
fn movie_of(reader: &mut Reader, start: u64) -> Result<Movie, &'static str> {
    let mut boxes = TopLevel::new(reader, start);
    while let Some(found) = boxes.next() {
        if &found.name == b"moov" {
            return Movie::read(reader, found.content).ok_or("its index names no track");
        }
    }
    Err("its index, the moov box, is missing")
}

impl Mp4 {
    /// The packets of `track`, and how long they last. The error says what is not decoded.
    fn of_track(
        reader: &Reader,
        start: u64,
        movie: &Movie,
        track: &Track,
    ) -> Result<(Self, Times), String> {
        let mut tables = reader.of_tables();
        let stsd = tables.find(&track.tables, *b"stsd");
        let stsd = stsd.ok_or("it does not say how its samples are coded")?;
        let entries = entry::read_all(&mut tables, &stsd, track.scale)?;
        let times = Times::read(&mut tables, &track.tables);
        let defaults = movie.defaults(&mut tables, track.id);
        let from_start = |entries: Vec<Entry>, tables: &mut Reader| Self {
            budget: reader.length().saturating_mul(MAX_SHARE),
            chunks: Chunks::open(tables, &track.tables, start, times, &entries),
            fragments: Fragments::new(reader, start, track.id, defaults),
            reader: reader.clone(),
            entries,
            usual: USUAL_FRAMES,
            run: None,
            linear: None,
            missing: None,
            is_short: false,
            has_samples: false,
            ended: false,
            declared: Arc::new(OnceLock::new()),
        };
        // What comes out of some decoders, only the first packets tell.
        let mut examined = from_start(entries, &mut tables);
        let mut first = Vec::new();
        let mut ignored = Findings::default();
        while first.len() < examined.entries[0].examined()
            && let Some(packet) = examined.next(&mut ignored)
        {
            first.push(packet.data);
        }
        let entries = examined.entries.into_iter().map(|entry| entry.of_first_packets(&first));
        let mut mp4 = from_start(entries.collect::<Result<_, _>>()?, &mut tables);
        let duration = if times.first > 0 { times.first } else { defaults.duration.into() };
        let rate = mp4.entries[0].setup.params.sample_rate.unwrap_or(0);
        mp4.usual = match scaled(duration, rate, track.scale) {
            0 => USUAL_FRAMES,
            frames => frames,
        };
        Ok((mp4, times))
    }
}

/// Which part of a track is shown.
#[derive(Debug)]
struct Shown {
    /// Ticks of a second.
    scale: u32,
    /// Ticks of all samples, where the index knows them all.
    total: Option<u64>,
    /// Ticks of the media by which the end of an edit may be wrong.
    rounding: u64,
    edits: Vec<Range<u64>>,
    gapless: Option<Gapless>,
    pre_skip: u64,
    usual: u64,
    unfollowed: Option<&'static str>,
}

impl Shown {
    fn read(
        reader: &mut Reader,
        movie: &Movie,
        track: &Track,
        times: Times,
        entry: &Entry,
    ) -> Self {
        let edits = track
            .edits
            .as_ref()
            .filter(|_| track.scale > 0)
            .map_or_else(Edits::default, |content| {
                Edits::read(reader, content, movie.scale, track.scale)
            });
        let total = Some(times.total).filter(|&total| total > 0 && !movie.has_fragments);
        let rounding = u64::from(track.scale.div_ceil(movie.scale));
        Self {
            scale: track.scale,
            total,
            rounding,
            edits: edits.shown,
            gapless: movie.gapless,
            pre_skip: entry.pre_skip,
            usual: times.first,
            unfollowed: edits.unfollowed,
        }
    }

    /// What is shown in frames of a decoder that delivers `rate` of them in a second, and how many
    /// they are, where the file says so.
    fn frames(&self, rate: u32, setup: &Setup) -> (Trim, Option<Declared>) {
        let frames = |ticks: u64| match ticks {
            u64::MAX => u64::MAX,
            ticks => scaled(ticks, rate, self.scale),
        };
        let total = self.total.map(frames);
        let end = self.total.unwrap_or(u64::MAX);
        let is_cut =
            |shown: &Range<u64>| shown.start > 0 || shown.end.saturating_add(self.rounding) < end;
        let cuts = self.edits.len() > 1 || self.edits.iter().any(is_cut);
        let gapless = self.gapless.filter(|_| !cuts);
        let kept: Vec<Range<u64>> = if let Some(Gapless { delay, length }) = gapless {
            iter::once(delay..delay.saturating_add(length)).collect()
        } else if self.edits.is_empty() {
            iter::once(self.pre_skip..u64::MAX).collect()
        } else {
            let of_edit = |shown: &Range<u64>| {
                // What a lossless coder has coded ends where the recording ends.
                let is_end = !setup.is_lossy() && shown.end.abs_diff(end) <= self.rounding;
                frames(shown.start)..if is_end { u64::MAX } else { frames(shown.end.min(end)) }
            };
            self.edits.iter().map(of_edit).collect()
        };
        let declared = total.map(|total| {
            let inside = |kept: &Range<u64>| kept.end.min(total).saturating_sub(kept.start);
            let usual = if setup.is_lossy() { frames(self.usual) } else { 0 };
            let tick = if rate == self.scale { 0 } else { frames(1) + 1 };
            Declared { frames: kept.iter().map(inside).sum(), tolerance: usual + tick }
        });
        (Trim::keep_all(kept), declared)
    }
}
