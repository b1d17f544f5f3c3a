//! Symphonia's demuxers, as a source of packets.
//!
//! One format is asked for, the one that the magic bytes promise: Symphonia's probe would search
//! for others further in. Of its tracks the default audio track is taken, else the first.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::formats as readers;

use super::engine::said;
use super::findings::Findings;
use super::magic::Kind;
use super::mpeg::FrameHeader;
use super::packets::{Demux, Packet, Setup};
use super::regular::Tail;
use crate::record::WarningKind;

/// Bytes that are searched for the first frame of MPEG audio.
const SEARCHED: u32 = 1 << 20;
/// Failures in a row after which a demuxer has lost its way.
const MAX_FAILURES: u32 = 64;
/// Packets of other tracks, or without data, in a row, after which nothing more is to come.
const MAX_IDLE: u32 = 10_000_000;
/// Frames of a packet whose container does not say: a guess that only sizes batches.
const USUAL_FRAMES: u64 = 1024;
/// Frames in a row of another format, after which an MPEG stream has changed.
const FOREIGN_FRAMES: u32 = 8;
/// Bytes at the end of a file that are searched for its last MPEG frame.
const END: u64 = 1 << 20;

/// Opens the demuxer for `kind`; `None` where Symphonia has none.
pub(super) fn open(kind: Kind, file: Tail) -> Option<Result<Box<dyn FormatReader>, Error>> {
    let depth = if matches!(kind, Kind::MpegAudio | Kind::Adts) { SEARCHED } else { 4096 };
    let options = ProbeOptions { max_probe_depth: depth, ..ProbeOptions::default() };
    let mut probe = Probe::new_with_options(&options);
    match kind {
        Kind::Wav => probe.register_format::<readers::WavReader<'_>>(),
        Kind::Aiff => probe.register_format::<readers::AiffReader<'_>>(),
        Kind::Ogg => probe.register_format::<readers::OggReader<'_>>(),
        Kind::Mp4 => probe.register_format::<readers::IsoMp4Reader<'_>>(),
        Kind::Matroska => probe.register_format::<readers::MkvReader<'_>>(),
        Kind::Caf => probe.register_format::<readers::CafReader<'_>>(),
        Kind::MpegAudio | Kind::Adts => {
            probe.register_format::<readers::MpaReader<'_>>();
            probe.register_format::<readers::AdtsReader<'_>>();
        }
        _ => return None,
    }
    let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
    let (format, metadata) = (FormatOptions::default(), MetadataOptions::default());
    Some(probe.probe(&Hint::new(), stream, format, metadata))
}

/// The track to decode, and the number of audio tracks.
pub(super) fn choose_track(format: &dyn FormatReader) -> Option<(&Track, usize)> {
    let is_audio = |track: &&Track| track.track_type() == Some(TrackType::Audio);
    let count = format.tracks().iter().filter(is_audio).count();
    let track =
        format.default_track(TrackType::Audio).or_else(|| format.tracks().iter().find(is_audio))?;
    Some((track, count))
}

/// What it takes to decode a track; `None` if nothing is known of its codec.
pub(super) fn setup_of(track: &Track) -> Option<Setup> {
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) => Some(Setup::new(params.clone())),
        _ => None,
    }
}

/// A file in a container that Symphonia takes apart.
pub(super) struct SymphoniaDemux {
    format: Box<dyn FormatReader>,
    track: u32,
    setup: Arc<Setup>,
    /// Whether the track's time stamps count frames.
    counts_frames: bool,
    /// Frames after trimming that the container declares and means.
    exact: Option<u64>,
    /// For MPEG audio, whose end is found only by looking.
    mpeg: Option<MpegEnd>,
    /// Frames of padding at the end of the last packet, and that packet when it is known.
    end_padding: u64,
    held: Option<Packet>,
    lost: Option<Box<str>>,
    /// The data ended where more was to come.
    cut: bool,
    ended: bool,
}

impl fmt::Debug for SymphoniaDemux {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymphoniaDemux")
            .field("format", &self.format.format_info().short_name)
            .field("track", &self.track)
            .finish_non_exhaustive()
    }
}

impl SymphoniaDemux {
    pub(super) fn new(
        format: Box<dyn FormatReader>,
        track: &Track,
        setup: Arc<Setup>,
        exact: Option<u64>,
        mpeg: Option<MpegEnd>,
    ) -> Self {
        let counts_frames = counts_frames(track, &setup);
        let track = track.id;
        Self {
            format,
            track,
            setup,
            counts_frames,
            exact,
            mpeg,
            end_padding: 0,
            held: None,
            lost: None,
            cut: false,
            ended: false,
        }
    }

    /// Drops `frames` at the end of the last packet.
    pub(super) fn with_end_padding(mut self, frames: u64) -> Self {
        self.end_padding = frames;
        self
    }

    /// A new stream begins in the middle of the file, as in chained Ogg files. `false` if it has
    /// no audio.
    fn begin_again(&mut self) -> bool {
        let Some((track, _)) = choose_track(&*self.format) else { return false };
        let Some(setup) = setup_of(track) else { return false };
        self.counts_frames = counts_frames(track, &setup);
        self.track = track.id;
        self.setup = Arc::new(setup);
        self.exact = None;
        true
    }

    fn next_packet(&mut self, findings: &mut Findings) -> Option<Packet> {
        // What Symphonia says of MPEG audio rests on a guess at its length.
        let trims = self.mpeg.is_none();
        let (mut failures, mut idle) = (0, 0);
        while !self.ended && failures < MAX_FAILURES && idle < MAX_IDLE {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id != self.track || packet.data.is_empty() => {
                    idle += 1;
                }
                Ok(Some(packet)) => {
                    if !self.is_of_format(&packet.data, None, findings) {
                        continue;
                    }
                    if let Some(end) = &mut self.mpeg {
                        end.last.clear();
                        end.last.extend_from_slice(&packet.data);
                    }
                    let frames =
                        if self.counts_frames { packet.block_dur().get() } else { USUAL_FRAMES };
                    return Some(Packet {
                        frames,
                        trim_start: if trims { packet.trim_start.get() } else { 0 },
                        trim_end: if trims { packet.trim_end.get() } else { 0 },
                        byte: None,
                        lost: self.lost.take(),
                        setup: self.setup.clone(),
                        data: packet.data,
                    });
                }
                Ok(None) => self.ended = true,
                Err(Error::ResetRequired) => self.ended = !self.begin_again(),
                Err(Error::IoError(error)) => {
                    self.ended = true;
                    self.cut = true;
                    if error.kind() != io::ErrorKind::UnexpectedEof {
                        let message = format!("reading failed in the middle of the file: {error}");
                        findings.note(WarningKind::Truncated, None, None, message);
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.lost = Some(said(&error).into());
                }
            }
        }
        self.ended = true;
        None
    }

    /// Whether a packet is of the format that the file began with. What is not is left out; where
    /// several follow one another, the format has changed.
    fn is_of_format(&mut self, data: &[u8], frame: Option<u64>, findings: &mut Findings) -> bool {
        let Some(end) = &mut self.mpeg else { return true };
        let Some(header) = FrameHeader::read(data) else { return true };
        let first = *end.format.get_or_insert(header);
        if (first.sample_rate, first.channels()) == (header.sample_rate, header.channels()) {
            end.foreign = 0;
            return true;
        }
        end.foreign += 1;
        if end.foreign == FOREIGN_FRAMES {
            let message = format!(
                "the audio changes to {} Hz, {} channels; the rest was not analysed",
                header.sample_rate,
                header.channels()
            );
            findings.note(WarningKind::FormatChange, frame, None, message);
            self.ended = true;
            self.lost = None;
        } else {
            self.lost = Some("a frame is of another sample rate or number of channels".into());
        }
        false
    }
}

/// Whether a track's time stamps count frames.
fn counts_frames(track: &Track, setup: &Setup) -> bool {
    track.time_base.is_some_and(|base| {
        base.numer.get() == 1 && Some(base.denom.get()) == setup.params.sample_rate
    })
}

impl Demux for SymphoniaDemux {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        if self.end_padding == 0 {
            return self.next_packet(findings);
        }
        let held = self.held.take().or_else(|| self.next_packet(findings));
        self.held = self.next_packet(findings);
        let is_last = self.held.is_none();
        held.map(|packet| Packet { trim_end: if is_last { self.end_padding } else { 0 }, ..packet })
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if let Some(lost) = self.lost.take() {
            findings.damage(frames, None, &lost);
        }
        if findings.has(WarningKind::FormatChange) {
            return;
        }
        if self.cut {
            let message = "the file ends in the middle of the audio";
            findings.note(WarningKind::Truncated, Some(frames), None, message);
        }
        if let Some(exact) = self.exact.filter(|&exact| exact != frames)
            && !findings.has(WarningKind::Truncated)
        {
            let is_short = self.mpeg.is_some() && frames < exact;
            let kind = if is_short { WarningKind::Truncated } else { WarningKind::LengthMismatch };
            let message = format!("the file declares {exact} frames, there are {frames}");
            findings.note(kind, Some(frames), None, message);
        }
        if let Some(byte) = self.mpeg.as_mut().and_then(MpegEnd::trailing_data) {
            let message = "bytes behind the last frame are neither audio nor a tag";
            findings.note(WarningKind::TrailingData, Some(frames), Some(byte), message);
        }
    }
}

/// What it takes to find out where MPEG audio ends.
#[derive(Debug)]
pub(super) struct MpegEnd {
    file: File,
    file_length: u64,
    /// Header of the first frame.
    format: Option<FrameHeader>,
    /// Frames of another format since.
    foreign: u32,
    /// The last frame.
    last: Vec<u8>,
}

impl MpegEnd {
    pub(super) fn new(file: File, file_length: u64) -> Self {
        Self { file, file_length, format: None, foreign: 0, last: Vec::new() }
    }

    /// The byte behind the last frame, if what follows there is no customary tag.
    fn trailing_data(&mut self) -> Option<u64> {
        let start = self.file_length.saturating_sub(END);
        let mut end = Vec::new();
        self.file.seek(SeekFrom::Start(start)).ok()?;
        (&mut self.file).take(END).read_to_end(&mut end).ok()?;
        if self.last.is_empty() {
            return None;
        }
        let last = end.windows(self.last.len()).rposition(|window| window == self.last)?;
        let behind = last + self.last.len();
        let rest = without_tags(&end[behind..]);
        // A frame or two cut short by who recorded it is no foreign data.
        let is_cut_frame = FrameHeader::read(rest).is_some();
        let is_foreign = rest.iter().any(|&byte| byte != 0) && !is_cut_frame;
        is_foreign.then_some(start + behind as u64)
    }
}

/// What is left of the end of a file without the tags that are customary there.
fn without_tags(mut rest: &[u8]) -> &[u8] {
    if let Some(id3v1) = rest.len().checked_sub(128).filter(|&at| rest[at..].starts_with(b"TAG")) {
        rest = &rest[..id3v1];
    }
    let tag_at = |name: &[u8]| rest.windows(name.len()).position(|window| window == name);
    [b"APETAGEX".as_slice(), b"LYRICSBEGIN", b"ID3\x03", b"ID3\x04", b"TAG+"]
        .iter()
        .filter_map(|name| tag_at(name))
        .min()
        .map_or(rest, |at| &rest[..at])
}
