//! Symphonia's demuxers, as a source of packets.
//!
//! One format is asked for, the one that the magic bytes promise: Symphonia's probe would search
//! for others further in. Of its tracks the default audio track is taken, else the first.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use audiopool_worker::analyze::Damage;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::formats as readers;

use super::engine::said;
use super::findings::Findings;
use super::locate::Locator;
use super::magic::Kind;
use super::mpeg::FrameHeader;
use super::ogg::Pages;
use super::packets::{Demux, Lost, Packet, Setup};
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
    /// For MPEG audio, the format that its frames have to be of.
    mpeg: Option<MpegFormat>,
    /// Where in the file its packets are, where that can be told.
    bytes: Bytes,
    /// Frames of padding at the end of the last packet, and that packet when it is known.
    end_padding: u64,
    held: Option<Packet>,
    lost: Option<Lost>,
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
        mpeg: Option<MpegFormat>,
        bytes: Bytes,
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
            bytes,
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
                    if let Bytes::Paged(pages) = &mut self.bytes {
                        pages.go_on();
                    }
                    let bytes = self.locate(&packet.data);
                    let length = bytes.as_ref().map(|bytes| bytes.end - bytes.start);
                    if !self.is_of_format(&packet.data, bytes.clone(), findings) {
                        continue;
                    }
                    let frames =
                        if self.counts_frames { packet.block_dur().get() } else { USUAL_FRAMES };
                    return Some(Packet {
                        frames,
                        trim_start: if trims { packet.trim_start.get() } else { 0 },
                        trim_end: if trims { packet.trim_end.get() } else { 0 },
                        byte: bytes.map(|bytes| bytes.start),
                        bytes: length.unwrap_or(packet.data.len() as u64),
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
                    // Where packets are located, what is missing will show.
                    let bytes = matches!(self.bytes, Bytes::Located(_)).then_some(0);
                    self.lose(None, bytes, &said(&error));
                }
            }
        }
        self.ended = true;
        None
    }

    /// Where a packet lies, with what is lost before it noted.
    fn locate(&mut self, data: &[u8]) -> Option<Range<u64>> {
        let Bytes::Located(locator) = &mut self.bytes else { return None };
        let found = locator.find(data)?;
        if !found.gap.is_empty() {
            let length = found.gap.end - found.gap.start;
            let what = format!("{length} bytes from byte {} on are no frame", found.gap.start);
            self.lose(Some(found.gap.start), Some(length), &what);
        }
        Some(found.bytes)
    }

    /// Notes what no packet can be made of, with what was lost right before it.
    fn lose(&mut self, byte: Option<u64>, bytes: Option<u64>, what: &str) {
        let Some(lost) = &mut self.lost else {
            self.lost = Some(Lost { byte, bytes, what: what.into() });
            return;
        };
        lost.byte = lost.byte.or(byte);
        lost.bytes = lost.bytes.zip(bytes).map(|(before, more)| before + more);
    }

    /// Whether a packet is of the format that the file began with. What is not is left out; where
    /// several follow one another, the format has changed.
    fn is_of_format(
        &mut self,
        data: &[u8],
        bytes: Option<Range<u64>>,
        findings: &mut Findings,
    ) -> bool {
        let Some(format) = &mut self.mpeg else { return true };
        let Some(header) = FrameHeader::read(data) else { return true };
        let first = *format.first.get_or_insert(header);
        if (first.sample_rate, first.channels()) == (header.sample_rate, header.channels()) {
            format.foreign = 0;
            return true;
        }
        format.foreign += 1;
        if format.foreign == FOREIGN_FRAMES {
            let message = format!(
                "the audio changes to {} Hz, {} channels; the rest was not analysed",
                header.sample_rate,
                header.channels()
            );
            findings.note(WarningKind::FormatChange, None, None, message);
            self.ended = true;
            self.lost = None;
        } else {
            let what = "a frame is of another sample rate or number of channels";
            let length = bytes.as_ref().map(|bytes| bytes.end - bytes.start);
            self.lose(bytes.map(|bytes| bytes.start), length, what);
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
            let damage = Damage { frame: frames, byte: lost.byte, bytes: lost.bytes };
            findings.damage(damage, &lost.what);
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
        match std::mem::replace(&mut self.bytes, Bytes::Unseen) {
            Bytes::Located(mut locator) => {
                if let Some(rest) = locator.rest() {
                    findings.account_for_all_bytes();
                    let is_cut = !rest.is_empty() && locator.is_frame(rest.start);
                    findings.rest(frames, rest, is_cut);
                }
            }
            Bytes::Counted { end, trailing } => {
                // Of a packet that is cut short, nobody says how much is there.
                if !self.cut {
                    findings.account_for_all_bytes();
                }
                findings.trail(end, trailing);
            }
            Bytes::Paged(pages) => {
                let Some(account) = pages.account() else { return };
                findings.account_for_all_bytes();
                for (frame, gap) in account.gaps {
                    let length = gap.end - gap.start;
                    let what = format!("{length} bytes from byte {} on are no page", gap.start);
                    let frame = frame.min(frames);
                    let damage = Damage { frame, byte: Some(gap.start), bytes: Some(length) };
                    findings.damage(damage, &what);
                }
                findings.damage_further(account.further.gaps, account.further.bytes);
                findings.rest(frames, account.rest, account.is_cut);
            }
            Bytes::Unseen => {}
        }
    }
}

/// What is known of the bytes of the file.
#[derive(Debug)]
pub(super) enum Bytes {
    /// Packets are looked for in it.
    Located(Box<Locator>),
    /// The container says where each packet is, so nothing is lost but packets; and so many bytes
    /// behind its end are no part of it.
    Counted { end: u64, trailing: u64 },
    /// Its pages are gone through beside the demuxer.
    Paged(Box<Pages>),
    /// Whatever is no packet is passed over without a word.
    Unseen,
}

/// The format that the frames of MPEG audio have to be of.
#[derive(Debug, Default)]
pub(super) struct MpegFormat {
    /// Header of the first frame.
    first: Option<FrameHeader>,
    /// Frames of another format since.
    foreign: u32,
}
