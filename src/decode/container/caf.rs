//! Core Audio (CAF): what the audio is, where it lies, and which of it is the recording.
//!
//! ```text
//! caff │ desc │ kuki │ chan │ data ┊ edits ┊ packets … │ pakt
//!        what   how    who                              sizes, delay and padding
//! ```
//!
//! Source: *Apple Core Audio Format Specification* 1.0, `CoreAudioBaseTypes.h`.

use std::fs::File;
use std::io::{Read, Seek};
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use audiopool_worker::pcm::{ChannelLayout, SampleFormat};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use super::bytes::{Endian, bytes_at, seek_read};
use super::channels;
use super::samples::{self, Coding, Header, Meaning, Samples};
use crate::decode::Opened;
use crate::decode::accounting::extent::{Claim, Extent, judge};
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::packet::Setup;
use crate::decode::codec::{aac, adpcm};
use crate::decode::container::format::{Decoding, FormatRow, Kind};
use crate::decode::container::{Container, Contents, Packets, Subject};
use crate::decode::engine::Demux;
use crate::decode::engine::raw::Order;
use crate::decode::refusal::Refusal;
use crate::record::WarningKind;

mod cookie;
mod packets;

use packets::{CafPackets, Table};

/// Chunks that are looked at.
const MAX_CHUNKS: usize = 4096;
/// Bytes of a cookie or a channel layout that are read.
const MAX_CONTENT: u64 = 64 * 1024;

/// What the chunks of a file say.
#[derive(Debug, Default)]
struct Chunks {
    description: Option<Description>,
    cookie: Vec<u8>,
    layout: Vec<u8>,
    /// Where the audio begins, and how many bytes it has, if that is known.
    data: Option<(u64, Option<u64>)>,
    /// The packet table: delay, padding and the bytes of its entries.
    table: Option<PacketTable>,
}

/// The fields of a packet table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PacketTable {
    packets: u64,
    /// Frames of the recording, and before them.
    valid: u64,
    priming: u64,
    entries: Range<u64>,
}

/// The fields of an audio description.
#[derive(Clone, Debug, PartialEq)]
struct Description {
    sample_rate: f64,
    format: [u8; 4],
    flags: u32,
    packet_bytes: u32,
    packet_frames: u32,
    channels: u32,
    bits: u32,
}

/// Core Audio.
pub(super) struct Caf;

impl Container for Caf {
    const FORMAT: FormatRow = FormatRow {
        name: "Core Audio",
        codecs: "PCM, A-law, mu-law, ADPCM (IMA), ALAC, AAC, HE-AAC, MP3",
        extensions: &["caf"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind("caf"),
        markers: &[b"caff"],
        ffmpeg: &["caf"],
    };

    fn open(
        mut file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        match read(&mut file, subject.start, subject.length, findings) {
            Ok(Found::Samples(header)) => samples::contents(file, subject, Ok(header)),
            Ok(Found::Packets(coded)) => coded.contents(file, subject.length),
            Err(what) => samples::contents(file, subject, Err(what)),
        }
    }
}

impl Coded {
    /// The packets, once their first ones have told how they are decoded.
    fn contents(self, mut file: File, length: u64) -> Result<Contents, Refusal> {
        let Self { name, params, layout, data, table, packet_bytes, packet_frames } = self;
        let stated_rate = params.sample_rate;
        let params = if params.codec == codecs::CODEC_ID_AAC {
            let setup = Arc::new(Setup::new(params.clone()));
            let sizes = Table::new(table.as_ref(), packet_bytes, packet_frames);
            let mut first = CafPackets::new(file, data.clone(), length, sizes, None, setup);
            let mut ignored = Findings::default();
            let examined: Vec<_> =
                iter::from_fn(|| first.next(&mut ignored)).take(aac::EXAMINED).collect();
            file = first.into_file();
            aac::examine(&params, examined.iter().map(|packet| &*packet.data))
                .map_err(Refusal::Unsupported)?
        } else {
            params
        };
        // The packet table counts in the rate that the description states.
        let times = match (params.sample_rate, stated_rate) {
            (Some(rate), Some(stated)) if Some(rate) == stated.checked_mul(2) => 2,
            _ => 1,
        };
        let table = table.as_ref().map(|table| table.times(times));
        let setup = Arc::new(Setup::new(params));
        let trim = table.as_ref().map_or(Trim::NONE, |table| {
            Trim::keep(table.priming..table.priming.saturating_add(table.valid))
        });
        let is_alac = setup.params.codec == codecs::CODEC_ID_ALAC;
        // The last packet of ALAC says how short it is, and some programs do not look.
        let counts = |table: &&PacketTable| {
            !is_alac || table.valid != table.packets.saturating_mul(packet_frames.into())
        };
        let declared = table.as_ref().filter(counts).map(|table| table.valid);
        let sizes = Table::new(table.as_ref(), packet_bytes, packet_frames);
        let demux = CafPackets::new(file, data, length, sizes, declared, setup.clone());
        let packets = Packets::new(name, setup, demux);
        let complete = Box::new(move |mut opened: Opened| {
            opened.format.pcm.layout = layout;
            opened
        });
        let declared_frames = declared;
        Ok(Contents::Packets(Packets { declared_frames, trim, complete, ..packets }))
    }
}

/// What a file holds.
#[derive(Debug)]
enum Found {
    Samples(Header),
    Packets(Coded),
}

/// Audio in packets.
#[derive(Debug)]
struct Coded {
    name: &'static str,
    params: AudioCodecParameters,
    layout: ChannelLayout,
    data: Range<u64>,
    table: Option<PacketTable>,
    packet_bytes: u32,
    packet_frames: u32,
}

/// Reads the chunks of the file that begins at byte `start`. The error says what is wrong.
fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Found, String> {
    let chunks = Chunks::read(file, start, file_length)?;
    let description = chunks.description.ok_or("there is no audio description")?;
    let channels = u16::try_from(description.channels).unwrap_or(u16::MAX);
    let layout = channels::layout(&chunks.layout, channels);
    let (at, bytes) = chunks.data.ok_or("there is no audio data chunk")?;
    let sample_rate = description.sample_rate();
    let meaning = match description.meaning(channels, || super::riff::sample_of(file, at)) {
        Ok(meaning) => meaning,
        Err(None) => {
            let coded = description.coded(&chunks.cookie, sample_rate, channels);
            let Some((name, params)) = coded else {
                let name = description.format.escape_ascii();
                return Ok(Found::Samples(Header::Other(format!("the codec \"{name}\""))));
            };
            if chunks.table.is_none() && description.packet_bytes == 0 {
                return Err("there is no packet table, so it was never completed".into());
            }
            let end = bytes.map_or(file_length, |bytes| at.saturating_add(bytes));
            return Ok(Found::Packets(Coded {
                name,
                params,
                layout,
                data: at..end,
                table: chunks.table,
                packet_bytes: description.packet_bytes,
                packet_frames: description.packet_frames,
            }));
        }
        Err(Some(codec)) => return Ok(Found::Samples(Header::Other(codec))),
    };
    let frame = meaning.stored_frame(channels);
    let claim = Claim { start: at, bytes, container_end: None, frame };
    let next =
        |file: &mut _, at| Some(Chunk::read(file, at)?.end?).filter(|&end| end <= file_length);
    let extent = judge(file, file_length, claim, next, findings);
    let stated_frames = match &meaning.coding {
        Coding::Plain(_) => None,
        Coding::Adpcm(_) => chunks.table.as_ref().map(|table| table.valid),
    };
    if let (Some(table), Extent { declared: Some(bytes), .. }, Coding::Plain(_)) =
        (&chunks.table, extent, &meaning.coding)
        && table.valid != bytes / frame.max(1)
    {
        let message = format!("the packet table counts {} frames", table.valid);
        findings.note(WarningKind::LengthMismatch, None, None, message);
    }
    let samples =
        Samples { meaning, sample_rate, channels, layout, start: at, extent, stated_frames };
    Ok(Found::Samples(Header::Samples(samples)))
}

/// The header of a chunk.
struct Chunk {
    name: [u8; 4],
    content: u64,
    size: i64,
    /// The byte behind it; `None` if it goes on to the end of the file.
    end: Option<u64>,
}

impl Chunk {
    /// `None` where no chunk begins.
    fn read(file: &mut (impl Read + Seek), at: u64) -> Option<Self> {
        let mut header = [0; 12];
        let content = seek_read(file, at, &mut header).ok()?;
        let name: [u8; 4] = bytes_at(&header, 0);
        let size = Endian::Big.u64(&header, 4).cast_signed();
        let end = u64::try_from(size).ok().and_then(|size| content.checked_add(size));
        let is_chunk = <[u8]>::is_ascii(&name) && (end.is_some() || size == -1);
        is_chunk.then_some(Self { name, content, size, end })
    }
}

impl Chunks {
    fn read(file: &mut (impl Read + Seek), start: u64, file_length: u64) -> Result<Self, String> {
        let mut chunks = Self::default();
        let mut at = start.saturating_add(8);
        for _ in 0..MAX_CHUNKS {
            let Some(chunk) = Chunk::read(file, at) else { break };
            let mut content = || {
                let size = u64::try_from(chunk.size).unwrap_or(0).min(MAX_CONTENT);
                let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
                seek_read(file, chunk.content, &mut bytes).map(|_| bytes)
            };
            match &chunk.name {
                b"desc" => chunks.description = Some(Description::read(&content()?)),
                b"kuki" => chunks.cookie = content()?,
                b"chan" => chunks.layout = content()?,
                b"data" if chunks.data.is_none() => {
                    // The number of edits stands before the audio.
                    let size = u64::try_from(chunk.size).ok();
                    chunks.data =
                        Some((chunk.content + 4, size.map(|size| size.saturating_sub(4))));
                }
                b"pakt" if chunks.table.is_none() => {
                    let mut fields = [0; 24];
                    seek_read(file, chunk.content, &mut fields)?;
                    let end = chunk.end.unwrap_or(file_length).min(file_length);
                    chunks.table = PacketTable::read(&fields, chunk.content + 24..end);
                }
                _ => {}
            }
            // A data chunk whose size was never filled in is followed by its audio.
            let Some(end) = chunk.end.filter(|&end| end < file_length) else { break };
            at = end;
        }
        Ok(chunks)
    }
}

impl PacketTable {
    /// `None`, if it is none that can be.
    fn read(fields: &[u8; 24], entries: Range<u64>) -> Option<Self> {
        let packets = u64::try_from(Endian::Big.u64(fields, 0).cast_signed()).ok()?;
        let valid = u64::try_from(Endian::Big.u64(fields, 8).cast_signed()).ok()?;
        let priming = Endian::Big.u32(fields, 16).cast_signed();
        let priming = u64::try_from(priming).ok()?;
        Some(Self { packets, valid, priming, entries })
    }

    /// The same with frames that are so many times as short.
    fn times(&self, factor: u64) -> Self {
        let Self { packets, valid, priming, ref entries } = *self;
        let (valid, priming) = (valid.saturating_mul(factor), priming.saturating_mul(factor));
        Self { packets, valid, priming, entries: entries.clone() }
    }
}

impl Description {
    const IS_FLOAT: u32 = 1;
    const IS_LITTLE: u32 = 2;

    fn read(content: &[u8]) -> Self {
        let [flags, packet_bytes, packet_frames, channels, bits] =
            [12, 16, 20, 24, 28].map(|at| Endian::Big.u32(content, at));
        let sample_rate = f64::from_be_bytes(bytes_at(content, 0));
        let format = bytes_at(content, 8);
        Self { sample_rate, format, flags, packet_bytes, packet_frames, channels, bits }
    }

    fn sample_rate(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float saturates, and what it comes to is compared with limits"
        )]
        let sample_rate = self.sample_rate.round() as u32;
        sample_rate
    }

    /// What the samples mean. The error is the name of what is not decoded here, or nothing if the
    /// audio is in packets.
    fn meaning(
        &self,
        channels: u16,
        audio: impl FnOnce() -> Vec<u8>,
    ) -> Result<Meaning, Option<String>> {
        match &self.format {
            b"lpcm" => self.linear(audio).map_err(Some),
            b"alaw" => Ok(Meaning::alaw()),
            b"ulaw" => Ok(Meaning::mulaw()),
            b"ima4" => Ok(Meaning::adpcm(adpcm::Blocks::apple(channels), "adpcm_ima_qt")),
            _ => Err(None),
        }
    }

    fn linear(&self, audio: impl FnOnce() -> Vec<u8>) -> Result<Meaning, String> {
        let least = self.bits.div_ceil(8);
        let width = self.packet_bytes.checked_div(self.channels).unwrap_or(0).max(least);
        let is_little = self.flags & Self::IS_LITTLE != 0;
        let is_float = self.flags & Self::IS_FLOAT != 0;
        if (is_float, width, is_little, least) == (false, 4, true, 3)
            && super::riff::is_low_24(&audio())
        {
            return Ok(Meaning::plain(SampleFormat::S32, Order::Low24, "pcm_s32le"));
        }
        let endian = if is_little { Endian::Little } else { Endian::Big };
        Meaning::linear(is_float, width.into(), endian).ok_or_else(|| {
            format!("{} of {} bits", if is_float { "floats" } else { "integers" }, self.bits)
        })
    }

    /// How packets are decoded, and what that is called.
    fn coded(
        &self,
        cookie: &[u8],
        sample_rate: u32,
        channels: u16,
    ) -> Option<(&'static str, AudioCodecParameters)> {
        let params = |id: AudioCodecId, extra: Option<Vec<u8>>| {
            let mut params = AudioCodecParameters::new();
            params.for_codec(id).with_sample_rate(sample_rate);
            params.with_channels(Channels::Discrete(channels));
            if let Some(extra) = extra {
                params.with_extra_data(extra.into());
            }
            params
        };
        Some(match &self.format {
            b"alac" => ("alac", params(codecs::CODEC_ID_ALAC, Some(cookie.to_vec()))),
            b"aac " | b"aach" | b"aacp" => {
                let specific = cookie::specific_of(cookie)?;
                ("aac", params(codecs::CODEC_ID_AAC, Some(specific.to_vec())))
            }
            b".mp1" => ("mp1", params(codecs::CODEC_ID_MP1, None)),
            b".mp2" => ("mp2", params(codecs::CODEC_ID_MP2, None)),
            b".mp3" => ("mp3", params(codecs::CODEC_ID_MP3, None)),
            _ => return None,
        })
    }
}
