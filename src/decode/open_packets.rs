//! Opening what consists of packets: choosing the track, learning the format from the first packet
//! that decodes, and what is to be cut off.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::formats::{FormatReader, Track};

use super::codec::aac;
use super::codec::flac::StreamInfo;
use super::engine::Engine;
use super::findings::Findings;
use super::formats::FormatRow;
use super::magic::Kind;
use super::open::Candidate;
use super::packets::{Batches, Demux, Packet, Setup};
use super::parallel::Coded;
use super::raw::{Layout, Order};
use super::refusal::{Refusal, check_limits, refusal_of};
use super::regular::Tail;
use super::signature::Signature;
use super::symphonia_demux::{self, SymphoniaDemux};
use super::trim::Trim;
use super::{Opened, SourceFormat, regular};
use crate::record::WarningKind;

/// Packets that may fail to decode before a file is given up.
const MAX_BAD_PACKETS: usize = 64;

impl Candidate<'_> {
    pub(super) fn open_symphonia(
        &self,
        file: File,
        row: &FormatRow,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let start = self.head.start;
        let tail =
            Tail::new(file, start, self.file_length).map_err(|error| Refusal::of_io(&error))?;
        let format = match symphonia_demux::open(row.kind(), tail) {
            Some(Ok(format)) => format,
            Some(Err(error)) => return Err(refusal_of(row, &error)),
            None => return Err(Refusal::Unsupported(format!("{} is not built in", row.name))),
        };
        let Some((track, count)) = symphonia_demux::choose_track(&*format) else {
            let what = "no audio track whose codec is known to audiopool";
            return Err(Refusal::Unsupported(format!("{}: {what}", row.name)));
        };
        let Some(setup) = symphonia_demux::setup_of(track) else {
            let what = "the codec of its audio track is not known to audiopool";
            return Err(Refusal::Unsupported(format!("{}: {what}", row.name)));
        };
        let setup = Arc::new(self.examined(setup, track.id, row)?);
        if count > 1 {
            let message = format!("{} further audio tracks were not analysed", count - 1);
            findings.note(WarningKind::OtherTracks, None, None, message);
        }
        let codec = name_of_codec(setup.params.codec);
        if let Some(linear) = linear(&setup, row.kind()) {
            let declared = track.num_frames;
            return self.open_linear(format, row, linear, declared, &codec, findings);
        }
        let track = track.clone();
        self.open_track(format, &track, &setup, row, codec, findings)
    }

    /// The setup of a track in the rate that comes out of its decoder.
    fn examined(&self, setup: Setup, track: u32, row: &FormatRow) -> Result<Setup, Refusal> {
        if setup.params.codec != codec::CODEC_ID_AAC {
            return Ok(setup);
        }
        let (file, length) = regular::open(self.path).map_err(Refusal::Final)?;
        let tail = Tail::new(file, self.head.start, length).map_err(|e| Refusal::of_io(&e))?;
        let mut first = Vec::new();
        if let Some(Ok(mut format)) = symphonia_demux::open(row.kind(), tail) {
            while let Ok(Some(packet)) = format.next_packet()
                && first.len() < aac::EXAMINED
            {
                if packet.track_id == track {
                    first.push(packet.data);
                }
            }
        }
        let first = first.iter().map(|packet| &packet[..]);
        aac::examine(&setup.params, first).map(Setup::new).map_err(Refusal::Unsupported)
    }

    /// Linear PCM for which Symphonia found the way.
    fn open_linear(
        &self,
        format: Box<dyn FormatReader>,
        row: &FormatRow,
        (pcm, order): (PcmFormat, Order),
        declared: Option<u64>,
        codec: &str,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        // After opening, its demuxer stands where the samples begin.
        let start = self.head.start + symphonia_position(format);
        let file = self.file.try_clone().map_err(|error| Refusal::of_io(&error))?;
        let declared = declared.map(|frames| frames.saturating_mul(pcm.frame_width() as u64));
        self.open_raw(file, row, Layout { pcm, order, start, declared }, codec, findings)
    }

    fn open_track(
        &self,
        format: Box<dyn FormatReader>,
        track: &Track,
        setup: &Arc<Setup>,
        row: &FormatRow,
        codec: String,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let sample_rate = setup.params.sample_rate.unwrap_or(0);
        let declared = frames_of(track, sample_rate);
        let demux = SymphoniaDemux::new(format, track, setup.clone());
        self.open_coded(row, codec, declared, Trim::NONE, setup, Box::new(demux), findings)
    }

    /// Reads packets until one decodes, which tells the format, and begins again with them.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a file, put together once")]
    pub(super) fn open_coded(
        &self,
        row: &FormatRow,
        codec: String,
        declared_frames: Option<u64>,
        trim: Trim,
        setup: &Arc<Setup>,
        mut demux: Box<dyn Demux>,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let mut engine = Engine::new(setup).map_err(|error| refusal_of(row, &error))?;
        let mut ahead: VecDeque<Packet> = VecDeque::new();
        let mut wrong = None;
        let found = loop {
            let Some(packet) = demux.next(findings) else { break None };
            let probed = engine.probe(&packet);
            ahead.push_back(packet);
            match probed {
                Ok(Some(pcm)) => break Some(pcm),
                Ok(None) => {}
                Err(what) => wrong = wrong.or(Some(what)),
            }
            if ahead.len() == MAX_BAD_PACKETS {
                break None;
            }
        };
        let pcm = match (found, wrong) {
            (Some(pcm), _) => PcmFormat { lossy: setup.is_lossy(), ..pcm },
            // A file that holds no packet at all is what its header says.
            (None, None) if ahead.is_empty() => empty(setup).ok_or_else(|| {
                Refusal::Corrupt(format!("this is {} without any audio in it", row.name))
            })?,
            (None, wrong) => {
                let what = wrong.unwrap_or_else(|| "no packet decodes to audio".to_owned());
                return Err(Refusal::Corrupt(format!(
                    "this is {}, but nothing in it can be decoded ({what})",
                    row.name
                )));
            }
        };
        check_limits(pcm).map_err(Refusal::Final)?;
        let format =
            SourceFormat { container: row.container().to_owned(), codec, pcm, declared_frames };
        let signature = engine.flac().and_then(|(info, bits)| {
            compare_header(info, pcm, bits, findings);
            Signature::new(info.md5, bits, info.total)
        });
        let batches = Batches::new(demux, ahead, pcm);
        let audio = Box::new(Coded::new(batches, pcm, setup.start, self.threads));
        Ok(Opened { format, trim, signature, audio })
    }
}

/// Tells where the first frame of a FLAC stream is not what the stream information says.
fn compare_header(info: &StreamInfo, pcm: PcmFormat, bits: u8, findings: &mut Findings) {
    let told = |rate, channels, bits| format!("{rate} Hz, {channels} channels, {bits} bits");
    let of_header = told(info.sample_rate, u16::from(info.channels), info.bits);
    let of_frame = told(pcm.sample_rate, pcm.channels, bits);
    if of_header != of_frame {
        let message = format!("the header says {of_header}, the audio is {of_frame}");
        findings.note(WarningKind::HeaderMismatch, None, None, message);
    }
}

/// The format of a file without a single packet, as its header has it.
fn empty(setup: &Setup) -> Option<PcmFormat> {
    let params = &setup.params;
    let channels = params.channels.as_ref()?.count();
    let sample_format = match params.bits_per_sample {
        _ if setup.is_lossy() => SampleFormat::F32,
        Some(17..=24) => SampleFormat::S24,
        Some(25..) => SampleFormat::S32,
        _ => SampleFormat::S16,
    };
    let channels = u16::try_from(channels).ok().filter(|&channels| channels > 0)?;
    let pcm = PcmFormat::new(sample_format, params.sample_rate?, channels);
    Some(PcmFormat { lossy: setup.is_lossy(), ..pcm })
}

/// Frames that a track declares, in the rate of its decoder.
fn frames_of(track: &Track, sample_rate: u32) -> Option<u64> {
    let (frames, base) = (track.num_frames?, track.time_base);
    let base = base.filter(|base| base.numer.get() == 1 && sample_rate > 0);
    let Some(ticks) = base.map(|base| base.denom.get()) else { return Some(frames) };
    let frames = u128::from(frames) * u128::from(sample_rate) / u128::from(ticks);
    Some(u64::try_from(frames).unwrap_or(u64::MAX))
}

/// The byte at which a demuxer of linear PCM stands.
fn symphonia_position(format: Box<dyn FormatReader>) -> u64 {
    use symphonia::core::io::ReadBytes;

    format.into_inner().pos()
}

/// The meaning of a track that is linear PCM and lies in one piece.
fn linear(setup: &Setup, kind: Kind) -> Option<(PcmFormat, Order)> {
    if kind != Kind::Caf {
        return None;
    }
    let (sample_format, order) = match setup.params.codec {
        codec::CODEC_ID_PCM_U8 => (SampleFormat::U8, Order::Native),
        codec::CODEC_ID_PCM_S8 => (SampleFormat::U8, Order::Signed8),
        codec::CODEC_ID_PCM_S16LE => (SampleFormat::S16, Order::Native),
        codec::CODEC_ID_PCM_S16BE => (SampleFormat::S16, Order::Reversed),
        codec::CODEC_ID_PCM_S24LE => (SampleFormat::S24, Order::Native),
        codec::CODEC_ID_PCM_S24BE => (SampleFormat::S24, Order::Reversed),
        codec::CODEC_ID_PCM_S32LE => (SampleFormat::S32, Order::Native),
        codec::CODEC_ID_PCM_S32BE => (SampleFormat::S32, Order::Reversed),
        codec::CODEC_ID_PCM_F32LE => (SampleFormat::F32, Order::Native),
        codec::CODEC_ID_PCM_F32BE => (SampleFormat::F32, Order::Reversed),
        codec::CODEC_ID_PCM_F64LE => (SampleFormat::F64, Order::Native),
        codec::CODEC_ID_PCM_F64BE => (SampleFormat::F64, Order::Reversed),
        _ => return None,
    };
    let channels = setup.params.channels.as_ref()?.count();
    let channels = u16::try_from(channels).ok().filter(|&channels| channels > 0)?;
    Some((PcmFormat::new(sample_format, setup.params.sample_rate?, channels), order))
}

/// The name of a codec, as ffmpeg calls it too.
pub(super) fn name_of_codec(id: AudioCodecId) -> String {
    if id == codec::CODEC_ID_OPUS {
        return "opus".to_owned();
    }
    symphonia::default::get_codecs()
        .get_audio_decoder(id)
        .map_or_else(|| "unknown".to_owned(), |decoder| decoder.codec.info.short_name.to_owned())
}
