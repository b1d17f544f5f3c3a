//! The decoder of one codec, whichever crate has it.
//!
//! Symphonia's decoders and our adapter for Opus take packets and append PCM, or say what is wrong
//! with a packet. Nothing here knows of files, batches or threads.

use audiopool_worker::pcm::PcmFormat;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::convert;
use crate::decode::codec::packet::{Packet, Setup};
use crate::decode::codec::{aac, flac, mpa, opus, vorbis};

/// Why a packet yields no audio.
pub(in crate::decode) enum DecodeFault {
    /// It is damaged; the next one may not be.
    Damaged(String),
    /// From here on the audio is of another format.
    Changed(String),
}

/// A decoder of one codec.
pub(in crate::decode) enum PacketDecoder {
    Symphonia {
        decoder: Box<dyn AudioDecoder>,
        /// Depth of the source, where it is less than the decoder's buffer.
        bits: Option<u32>,
        /// Whether it drops the frames that a packet says are to be trimmed.
        trims: bool,
    },
    Aac(Box<aac::Decoder>),
    Flac(Box<flac::Decoder>),
    Mpeg(Box<mpa::Decoder>),
    Opus(Box<opus::Decoder>),
    Vorbis(Box<vorbis::Decoder>),
}

impl PacketDecoder {
    pub(in crate::decode) fn new(setup: &Setup) -> Result<Self, Error> {
        if setup.params.codec == codec::CODEC_ID_OPUS {
            return opus::Decoder::new(&setup.params).map(|decoder| Self::Opus(Box::new(decoder)));
        }
        if let codec::CODEC_ID_MP1 | codec::CODEC_ID_MP2 | codec::CODEC_ID_MP3 = setup.params.codec
        {
            return Ok(Self::Mpeg(Box::new(mpa::Decoder::new())));
        }
        if setup.params.codec == codec::CODEC_ID_AAC {
            return match aac::Decoder::new(&setup.params) {
                Ok(decoder) => Ok(Self::Aac(Box::new(decoder))),
                Err(what) => {
                    tracing::debug!(what, "no decoder for this AAC");
                    Err(Error::Unsupported("this kind of AAC is not decoded here"))
                }
            };
        }
        if setup.params.codec == codec::CODEC_ID_FLAC {
            let decoder = setup.params.extra_data.as_deref().and_then(flac::Decoder::new);
            let decoder =
                decoder.ok_or(Error::DecodeError("there is no FLAC stream information"))?;
            return Ok(Self::Flac(Box::new(decoder)));
        }
        let extra_data = setup.params.extra_data.as_deref().unwrap_or_default();
        if setup.params.codec == codec::CODEC_ID_VORBIS && vorbis::Decoder::is_for(extra_data) {
            let decoder = vorbis::Decoder::new(extra_data);
            let decoder = decoder.ok_or(Error::DecodeError("the Vorbis headers are broken"))?;
            return Ok(Self::Vorbis(Box::new(decoder)));
        }
        // Only Vorbis is trimmed by its decoder: its first packet yields nothing.
        let trims = setup.params.codec == codec::CODEC_ID_VORBIS;
        let options = AudioDecoderOptions::default().gapless(trims);
        let decoder =
            symphonia::default::get_codecs().make_audio_decoder(&setup.params, &options)?;
        let bits = depth_of(&setup.params).or(decoder.codec_params().bits_per_sample);
        Ok(Self::Symphonia { decoder, bits, trims })
    }

    pub(in crate::decode) fn reset(&mut self) {
        match self {
            Self::Symphonia { decoder, .. } => decoder.reset(),
            // Packets of AAC are decoded in order, and a fault in one does not affect the next;
            // frames of FLAC are independent.
            Self::Aac(_) | Self::Flac(_) => {}
            Self::Mpeg(decoder) => decoder.reset(),
            Self::Opus(decoder) => decoder.reset(),
            Self::Vorbis(decoder) => decoder.reset(),
        }
    }

    /// What a FLAC stream says of itself, and the depth of the samples that were decoded last.
    pub(in crate::decode) fn flac(&self) -> Option<(&flac::StreamInfo, u8)> {
        match self {
            Self::Flac(decoder) => Some((decoder.info(), decoder.bits())),
            _ => None,
        }
    }

    /// Decodes a packet only to bring the decoder into the state that the next packet needs.
    pub(in crate::decode) fn warm(&mut self, packet: &Packet) {
        // A fault in it was reported with the batch that it belongs to.
        match self {
            Self::Symphonia { decoder, .. } => drop(decoder.decode_ref(&packet.as_symphonia())),
            Self::Mpeg(decoder) => drop(decoder.decode(&packet.data).is_ok()),
            Self::Vorbis(decoder) => drop(decoder.decode(&packet.data).is_ok()),
            _ => {}
        }
    }

    /// The format of what a packet decodes to: sample format, rate, channels. For opening a file.
    pub(in crate::decode) fn probe(
        &mut self,
        packet: &Packet,
    ) -> Result<Option<PcmFormat>, String> {
        match self {
            Self::Symphonia { decoder, bits, .. } => {
                let buffer =
                    decoder.decode_ref(&packet.as_symphonia()).map_err(|error| said(&error))?;
                Ok(pcm_of(&buffer, *bits))
            }
            Self::Aac(decoder) => Ok(decoder.decode(&packet.data)?.pcm()),
            Self::Flac(decoder) => {
                let (buffer, bits) = decoder.decode(&packet.data).map_err(str::to_owned)?;
                Ok(pcm_of(&buffer, Some(bits)))
            }
            Self::Mpeg(decoder) => {
                decoder.decode(&packet.data).map(|(pcm, _)| pcm).map_err(str::to_owned)
            }
            Self::Opus(decoder) => Ok(Some(decoder.pcm())),
            Self::Vorbis(decoder) => {
                let is_silent = decoder.decode(&packet.data)?.is_empty();
                Ok((!is_silent).then(|| decoder.pcm()))
            }
        }
    }

    pub(in crate::decode) fn decode(
        &mut self,
        packet: &Packet,
        pcm: PcmFormat,
        bytes: &mut Vec<u8>,
    ) -> Result<(), DecodeFault> {
        match self {
            Self::Opus(decoder) => {
                decoder.decode(packet, bytes).map_err(|what| DecodeFault::Damaged(what.to_owned()))
            }
            Self::Aac(decoder) => {
                let audio = decoder.decode(&packet.data).map_err(DecodeFault::Damaged)?;
                deliver_samples(audio.pcm(), audio.samples(), packet, pcm, bytes)
            }
            Self::Vorbis(decoder) => {
                let found = decoder.pcm();
                let samples = decoder
                    .decode(&packet.data)
                    .map_err(|what| DecodeFault::Damaged(what.to_owned()))?;
                deliver_samples(Some(found), samples, packet, pcm, bytes)
            }
            Self::Mpeg(decoder) => {
                let (found, samples) = decoder
                    .decode(&packet.data)
                    .map_err(|what| DecodeFault::Damaged(what.to_owned()))?;
                deliver_samples(found, samples, packet, pcm, bytes)
            }
            Self::Flac(decoder) => {
                let (buffer, bits) = decoder
                    .decode(&packet.data)
                    .map_err(|what| DecodeFault::Damaged(what.to_owned()))?;
                let before = bytes.len();
                deliver(&buffer, Some(bits), pcm, bytes)?;
                packet.trim(bytes, before, pcm);
                Ok(())
            }
            Self::Symphonia { decoder, bits, trims } => {
                let buffer = match decoder.decode_ref(&packet.as_symphonia()) {
                    Ok(buffer) => buffer,
                    Err(error) => {
                        let what = said(&error);
                        if matches!(error, Error::ResetRequired) {
                            decoder.reset();
                        }
                        return Err(DecodeFault::Damaged(what));
                    }
                };
                let before = bytes.len();
                deliver(&buffer, *bits, pcm, bytes)?;
                if !*trims {
                    packet.trim(bytes, before, pcm);
                }
                Ok(())
            }
        }
    }
}

/// Appends what a decoder made of a packet. `bits` is the depth of the source where it is known.
fn deliver(
    buffer: &GenericAudioBufferRef<'_>,
    bits: Option<u32>,
    pcm: PcmFormat,
    bytes: &mut Vec<u8>,
) -> Result<(), DecodeFault> {
    if buffer.frames() == 0 {
        return Ok(());
    }
    let found = pcm_of(buffer, bits);
    let is_other = |found| PcmFormat { lossy: pcm.lossy, layout: pcm.layout, ..found } != pcm;
    if found.is_none_or(is_other) || !convert::append(buffer, pcm.sample_format, bytes) {
        let to = found.map_or_else(|| "no audio".to_owned(), name_of);
        return Err(DecodeFault::Changed(to));
    }
    Ok(())
}

/// Appends interleaved samples of the format `found`, without what the packet says is to be trimmed.
fn deliver_samples(
    found: Option<PcmFormat>,
    samples: &[f32],
    packet: &Packet,
    pcm: PcmFormat,
    bytes: &mut Vec<u8>,
) -> Result<(), DecodeFault> {
    let Some(found) = found else { return Ok(()) };
    if (PcmFormat { lossy: pcm.lossy, layout: pcm.layout, ..found }) != pcm {
        return Err(DecodeFault::Changed(name_of(found)));
    }
    let channels = usize::from(pcm.channels);
    let frames = samples.len() / channels;
    let limited = |trim: u64| usize::try_from(trim).unwrap_or(frames).min(frames);
    let end = frames - limited(packet.trim_end);
    let start = limited(packet.trim_start).min(end);
    let kept = &samples[start * channels..end * channels];
    bytes.extend(kept.iter().flat_map(|sample| sample.to_le_bytes()));
    Ok(())
}

impl Packet {
    fn as_symphonia(&self) -> PacketRef<'_> {
        let frames = Duration::from(self.frames);
        let mut packet = PacketRef::new(0, Timestamp::ZERO, frames, &self.data);
        packet.trim_start = Duration::from(self.trim_start);
        packet.trim_end = Duration::from(self.trim_end);
        packet
    }

    /// Removes from `bytes[before..]`, which it decoded to, what is to be trimmed.
    fn trim(&self, bytes: &mut Vec<u8>, before: usize, pcm: PcmFormat) {
        let width = pcm.frame_width();
        let frames = (bytes.len() - before) / width;
        let limited = |trim: u64| usize::try_from(trim).unwrap_or(frames).min(frames);
        bytes.truncate(bytes.len() - limited(self.trim_end) * width);
        let start = before + limited(self.trim_start) * width;
        bytes.drain(before..start.min(bytes.len()));
    }
}

/// Bits of a sample as it was coded, where a decoder delivers more and does not say.
fn depth_of(params: &AudioCodecParameters) -> Option<u32> {
    match params.codec {
        codec::CODEC_ID_ADPCM_MS
        | codec::CODEC_ID_ADPCM_IMA_WAV
        | codec::CODEC_ID_ADPCM_IMA_QT
        | codec::CODEC_ID_ADPCM_G722 => Some(16),
        // The sixth byte of the magic cookie, behind the boxes that old files wrap it in.
        codec::CODEC_ID_ALAC => {
            let mut cookie = params.extra_data.as_deref()?;
            while matches!(cookie.get(4..8)?, b"frma" | b"alac") {
                cookie = cookie.get(12..)?;
            }
            cookie.get(5).map(|&bits| u32::from(bits))
        }
        _ => params.bits_per_sample,
    }
}

/// What a decoder's buffer holds; `None` for a buffer without channels.
fn pcm_of(buffer: &GenericAudioBufferRef<'_>, bits: Option<u32>) -> Option<PcmFormat> {
    let channels = u16::try_from(buffer.num_planes()).ok().filter(|&channels| channels > 0)?;
    Some(PcmFormat::new(convert::format_of(buffer, bits), buffer.spec().rate(), channels))
}

/// A format for a person: `48000 Hz, 2 channels, s16`.
pub(in crate::decode) fn name_of(pcm: PcmFormat) -> String {
    let plural = if pcm.channels == 1 { "" } else { "s" };
    format!(
        "{} Hz, {} channel{plural}, {}",
        pcm.sample_rate,
        pcm.channels,
        pcm.sample_format.name()
    )
}

/// What Symphonia says is wrong, without its prefix.
pub(in crate::decode) fn said(error: &Error) -> String {
    match error {
        Error::DecodeError(what) | Error::Unsupported(what) | Error::LimitError(what) => {
            (*what).to_owned()
        }
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the data ends too early".to_owned()
        }
        other => other.to_string(),
    }
}
