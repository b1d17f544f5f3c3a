//! What every sample entry has: fields, boxes, and the coding that follows from them.

use std::sync::Arc;

use audiopool_worker::pcm::ChannelLayout;
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use crate::decode::codec::packet::Setup;

/// Bytes before the boxes of an entry, and those that versions 1 and 2 of `QuickTime` add.
const FIELDS: usize = 28;
const FIELDS_1: usize = FIELDS + 16;
const FIELDS_2: usize = FIELDS + 36;
/// Boxes that are looked at within an entry.
const MAX_BOXES: usize = 1024;

/// How the samples of a track are coded, from some chunk on.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) setup: Arc<Setup>,
    /// Bytes of a frame of PCM; `None` for coded audio.
    pub(super) frame: Option<u64>,
    /// The loudspeakers of its channels, where the entry states them.
    pub(super) layout: ChannelLayout,
    /// Frames at 48 kHz that a decoder of Opus drops where no edit list says more.
    pub(super) pre_skip: u64,
}

/// The fields that all audio entries have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) name: [u8; 4],
    pub(super) channels: u32,
    pub(super) bits: u32,
    /// In hertz; 0 if it does not fit or is not said.
    pub(super) sample_rate: u32,
    /// Flags and bytes of a frame, of version 2.
    pub(super) linear: Option<(u32, u32)>,
}

/// The fields of an entry and the bytes of its boxes.
pub(super) fn fields(name: [u8; 4], bytes: &[u8], list_version: u8) -> Option<(Fields, Boxes<'_>)> {
    let u16_at = |at: usize| bytes.get(at..)?.first_chunk().map(|&two| u16::from_be_bytes(two));
    let u32_at = |at: usize| bytes.get(at..)?.first_chunk().map(|&four| u32::from_be_bytes(four));
    let mut fields = Fields {
        name,
        channels: u16_at(16)?.into(),
        bits: u16_at(18)?.into(),
        sample_rate: u32_at(24)? >> 16,
        linear: None,
    };
    let boxes = match (u16_at(8)?, list_version) {
        // In ISO, version 1 has the fields of version 0.
        (1, 0)
            if begins_with_box(bytes.get(FIELDS_1..)) || !begins_with_box(bytes.get(FIELDS..)) =>
        {
            FIELDS_1
        }
        (2, 0) => {
            fields.sample_rate =
                whole(f64::from_be_bytes(*bytes.get(FIELDS + 4..)?.first_chunk()?));
            fields.channels = u32_at(FIELDS + 12)?;
            fields.bits = u32_at(FIELDS + 20)?;
            fields.linear = Some((u32_at(FIELDS + 24)?, u32_at(FIELDS + 28)?));
            FIELDS_2
        }
        _ => FIELDS,
    };
    Some((fields, Boxes { bytes: bytes.get(boxes..).unwrap_or_default() }))
}

/// A rate in whole hertz; 0 where it is none.
fn whole(rate: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    if (0.0..=f64::from(u32::MAX)).contains(&rate) { rate.round() as u32 } else { 0 }
}

fn begins_with_box(bytes: Option<&[u8]>) -> bool {
    bytes
        .and_then(|bytes| bytes.get(4..8))
        .is_some_and(|name| name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '))
}

/// The boxes of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxes<'a> {
    bytes: &'a [u8],
}

impl<'a> Boxes<'a> {
    /// The content of the first box of that name, also within `wave`.
    pub(super) fn find(&self, name: [u8; 4]) -> Option<&'a [u8]> {
        self.own(name).or_else(|| Boxes { bytes: self.own(*b"wave")? }.own(name))
    }

    fn own(&self, name: [u8; 4]) -> Option<&'a [u8]> {
        let mut rest = self.bytes;
        for _ in 0..MAX_BOXES {
            let &[s0, s1, s2, s3, n0, n1, n2, n3, ref behind @ ..] = rest else { return None };
            let size = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).ok()?;
            let length = if size == 0 { behind.len() } else { size.checked_sub(8)? };
            let content = &behind[..length.min(behind.len())];
            if [n0, n1, n2, n3] == name {
                return Some(content);
            }
            rest = &behind[content.len()..];
        }
        None
    }
}

/// Parameters with what every coding has.
pub(super) fn params(id: AudioCodecId, sample_rate: u32, channels: u32) -> AudioCodecParameters {
    let mut params = AudioCodecParameters::new();
    params.for_codec(id).with_sample_rate(sample_rate);
    if let Some(channels) = u16::try_from(channels).ok().filter(|&channels| channels > 0) {
        params.with_channels(Channels::Discrete(channels));
    }
    params
}

/// An entry of that coding.
pub(super) fn coded(params: AudioCodecParameters) -> Entry {
    let (frame, layout, pre_skip) = (None, ChannelLayout::UNSTATED, 0);
    Entry { setup: Arc::new(Setup::new(params)), frame, layout, pre_skip }
}
