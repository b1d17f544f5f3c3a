//! Packets: the unit that demuxers deliver and decoders take, and what a decoder is made of.

use std::sync::Arc;

use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

/// One coded packet.
#[derive(Debug)]
pub(in crate::decode) struct Packet {
    pub(in crate::decode) data: Box<[u8]>,
    /// Frames it decodes to, before trimming. A guess is good enough.
    pub(in crate::decode) frames: u64,
    /// Decoded frames to drop at its start and end; for decoders that trim.
    pub(in crate::decode) trim_start: u64,
    pub(in crate::decode) trim_end: u64,
    /// Where it begins in the file, if the demuxer knows.
    pub(in crate::decode) byte: Option<u64>,
    /// Bytes of the file that it takes.
    pub(in crate::decode) bytes: u64,
    /// What was lost between the packet before and this one.
    pub(in crate::decode) lost: Option<Lost>,
    /// The decoder that it is for.
    pub(in crate::decode) setup: Arc<Setup>,
}

/// What a demuxer could make no packet of.
#[derive(Clone, Debug)]
pub(in crate::decode) struct Lost {
    /// Where it begins in the file, if that is known.
    pub(in crate::decode) byte: Option<u64>,
    /// How long it is, if that is known.
    pub(in crate::decode) bytes: Option<u64>,
    pub(in crate::decode) what: Box<str>,
}

/// How the decoding of a batch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Start {
    /// Packets are independent of one another.
    Afresh,
    /// With packets from before the batch, chosen by the rule of MPEG layer III.
    BitReservoir,
    /// With the one packet before the batch.
    OneBefore,
    /// With the decoder as it is: batches must be decoded in order.
    Continued,
}

/// What it takes to make a decoder.
#[derive(Debug)]
pub(in crate::decode) struct Setup {
    pub(in crate::decode) params: AudioCodecParameters,
    pub(in crate::decode) start: Start,
}

impl Setup {
    pub(in crate::decode) fn new(params: AudioCodecParameters) -> Self {
        let start = match params.codec {
            codec::CODEC_ID_MP3 => Start::BitReservoir,
            codec::CODEC_ID_MP1 | codec::CODEC_ID_MP2 | codec::CODEC_ID_VORBIS => Start::OneBefore,
            codec::CODEC_ID_AAC | codec::CODEC_ID_OPUS => Start::Continued,
            _ => Start::Afresh,
        };
        Self { params, start }
    }

    /// Whether a lossy codec made the samples, and so they are float.
    pub(in crate::decode) fn is_lossy(&self) -> bool {
        is_lossy(self.params.codec)
    }
}

/// Whether a codec is lossy in the sense of [`PcmFormat::lossy`]. A-law, mu-law and ADPCM deliver
/// 16-bit integers and are not.
pub(in crate::decode) fn is_lossy(id: AudioCodecId) -> bool {
    matches!(
        id,
        codec::CODEC_ID_MP1
            | codec::CODEC_ID_MP2
            | codec::CODEC_ID_MP3
            | codec::CODEC_ID_AAC
            | codec::CODEC_ID_VORBIS
            | codec::CODEC_ID_OPUS
    )
}
