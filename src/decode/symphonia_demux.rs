//! Symphonia's demuxers, as a source of packets.
//!
//! One format is asked for, the one that the magic bytes promise: Symphonia's probe would search
//! for others further in. Of its tracks the default audio track is taken, else the first.

use std::fmt;
use std::io;
use std::sync::Arc;

use audiopool_worker::analyze::Damage;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::formats as readers;

use super::engine::said;
use super::findings::Findings;
use super::magic::Kind;
use super::packets::{Demux, Lost, Packet, Setup};
use super::regular::Tail;
use crate::record::WarningKind;

/// Failures in a row after which a demuxer has lost its way.
const MAX_FAILURES: u32 = 64;
/// Packets of other tracks, or without data, in a row, after which nothing more is to come.
const MAX_IDLE: u32 = 10_000_000;
/// Frames of a packet whose container does not say: a guess that only sizes batches.
const USUAL_FRAMES: u64 = 1024;

/// Opens the demuxer for `kind`; `None` where Symphonia has none.
pub(super) fn open(kind: Kind, file: Tail) -> Option<Result<Box<dyn FormatReader>, Error>> {
    let options = ProbeOptions { max_probe_depth: 4096, ..ProbeOptions::default() };
    let mut probe = Probe::new_with_options(&options);
    match kind {
        Kind::Wav => probe.register_format::<readers::WavReader<'_>>(),
        Kind::Aiff => probe.register_format::<readers::AiffReader<'_>>(),
        Kind::Caf => probe.register_format::<readers::CafReader<'_>>(),
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
    /// What was lost since the last packet.
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
    pub(super) fn new(format: Box<dyn FormatReader>, track: &Track, setup: Arc<Setup>) -> Self {
        let counts_frames = counts_frames(track, &setup);
        let track = track.id;
        Self { format, track, setup, counts_frames, lost: None, cut: false, ended: false }
    }

    fn next_packet(&mut self, findings: &mut Findings) -> Option<Packet> {
        // Other decoders, or their callers, drop what comes before the audio by themselves.
        let skips = self.setup.params.codec == CODEC_ID_VORBIS;
        let (mut failures, mut idle) = (0, 0);
        while !self.ended && failures < MAX_FAILURES && idle < MAX_IDLE {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id != self.track || packet.data.is_empty() => {
                    idle += 1;
                }
                Ok(Some(packet)) => {
                    let frames =
                        if self.counts_frames { packet.block_dur().get() } else { USUAL_FRAMES };
                    return Some(Packet {
                        frames,
                        trim_start: if skips { packet.trim_start.get() } else { 0 },
                        trim_end: packet.trim_end.get(),
                        byte: None,
                        bytes: packet.data.len() as u64,
                        lost: self.lost.take(),
                        setup: self.setup.clone(),
                        data: packet.data,
                    });
                }
                Ok(None) => self.ended = true,
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
                    self.lose(&said(&error));
                }
            }
        }
        self.ended = true;
        None
    }

    /// Notes what no packet can be made of, with what was lost right before it.
    fn lose(&mut self, what: &str) {
        if self.lost.is_none() {
            self.lost = Some(Lost { byte: None, bytes: None, what: what.into() });
        }
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
        self.next_packet(findings)
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
    }
}
