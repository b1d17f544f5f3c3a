//! PCM in MP4 and `QuickTime`: which of a dozen names and three flags means what.
//!
//! | name | samples |
//! |---|---|
//! | `raw `, `NONE` | 8 bit without sign; 16 bit big-endian |
//! | `twos`, `sowt` | 8 to 32 bit, big-endian, little-endian |
//! | `in24` `in32` `fl32` `fl64` | big-endian, unless `enda` says otherwise |
//! | `lpcm` | as the flags of version 2 say |
//! | `ipcm` `fpcm` | as `pcmC` says |
//! | `ulaw` `alaw` | 8 bits a sample |

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codec;

use super::description::{Boxes, Entry, Fields, coded, params};

/// How PCM is coded, if it is.
pub(super) fn entry(fields: &Fields, boxes: &Boxes<'_>) -> Option<Entry> {
    if fields.channels == 0 {
        return None;
    }
    let (id, width) = coding(fields, boxes)?;
    let params = params(id, fields.sample_rate, fields.channels);
    let frame = u64::from(width) * u64::from(fields.channels);
    Some(Entry { frame: Some(frame), ..coded(params) })
}

/// The coding of a sample and the bytes that it takes.
fn coding(fields: &Fields, boxes: &Boxes<'_>) -> Option<(AudioCodecId, u32)> {
    let is_little = || boxes.find(*b"enda").is_some_and(|enda| enda.starts_with(&[0, 1]));
    let named = |bits: u32, is_big: bool| Some((integer(bits, is_big)?, bits / 8));
    match &fields.name {
        b"raw " | b"NONE" if fields.bits == 16 => named(16, true),
        b"raw " | b"NONE" if fields.bits == 8 => Some((codec::CODEC_ID_PCM_U8, 1)),
        b"twos" => named(fields.bits, true),
        b"sowt" => named(fields.bits, false),
        b"in24" => named(24, !is_little()),
        b"in32" => named(32, !is_little()),
        b"fl32" => Some((float(32, !is_little())?, 4)),
        b"fl64" => Some((float(64, !is_little())?, 8)),
        b"lpcm" => {
            let (flags, bytes) = fields.linear?;
            linear(fields, flags, bytes)
        }
        b"ipcm" | b"fpcm" => {
            let &[_, _, _, _, flags, bits, ..] = boxes.find(*b"pcmC")? else { return None };
            let (bits, is_big) = (u32::from(bits), flags & 1 == 0);
            let id =
                if &fields.name == b"fpcm" { float(bits, is_big) } else { integer(bits, is_big) };
            Some((id?, bits / 8))
        }
        b"ulaw" => Some((codec::CODEC_ID_PCM_MULAW, 1)),
        b"alaw" => Some((codec::CODEC_ID_PCM_ALAW, 1)),
        _ => None,
    }
}

/// `lpcm`: flags of Core Audio, and the bytes of a frame.
fn linear(fields: &Fields, flags: u32, bytes: u32) -> Option<(AudioCodecId, u32)> {
    const FLOAT: u32 = 1;
    const BIG_ENDIAN: u32 = 2;
    const SIGNED: u32 = 4;
    const ALIGNED_HIGH: u32 = 16;
    const NOT_INTERLEAVED: u32 = 32;

    let is_big = flags & BIG_ENDIAN != 0;
    let width = if bytes == 0 { fields.bits.div_ceil(8) } else { bytes / fields.channels };
    // Fewer bits than there is room for are understood where they are the upper ones.
    let is_full = fields.bits == 8 * width;
    if flags & NOT_INTERLEAVED != 0 || !(is_full || flags & ALIGNED_HIGH != 0) {
        return None;
    }
    let id = if flags & FLOAT != 0 {
        float(8 * width, is_big).filter(|_| is_full)
    } else if flags & SIGNED != 0 {
        integer(8 * width, is_big)
    } else {
        unsigned(8 * width, is_big)
    };
    Some((id?, width))
}

const fn integer(bits: u32, is_big: bool) -> Option<AudioCodecId> {
    Some(match (bits, is_big) {
        (8, _) => codec::CODEC_ID_PCM_S8,
        (16, true) => codec::CODEC_ID_PCM_S16BE,
        (16, false) => codec::CODEC_ID_PCM_S16LE,
        (24, true) => codec::CODEC_ID_PCM_S24BE,
        (24, false) => codec::CODEC_ID_PCM_S24LE,
        (32, true) => codec::CODEC_ID_PCM_S32BE,
        (32, false) => codec::CODEC_ID_PCM_S32LE,
        _ => return None,
    })
}

const fn unsigned(bits: u32, is_big: bool) -> Option<AudioCodecId> {
    Some(match (bits, is_big) {
        (8, _) => codec::CODEC_ID_PCM_U8,
        (16, true) => codec::CODEC_ID_PCM_U16BE,
        (16, false) => codec::CODEC_ID_PCM_U16LE,
        (24, true) => codec::CODEC_ID_PCM_U24BE,
        (24, false) => codec::CODEC_ID_PCM_U24LE,
        (32, true) => codec::CODEC_ID_PCM_U32BE,
        (32, false) => codec::CODEC_ID_PCM_U32LE,
        _ => return None,
    })
}

const fn float(bits: u32, is_big: bool) -> Option<AudioCodecId> {
    Some(match (bits, is_big) {
        (32, true) => codec::CODEC_ID_PCM_F32BE,
        (32, false) => codec::CODEC_ID_PCM_F32LE,
        (64, true) => codec::CODEC_ID_PCM_F64BE,
        (64, false) => codec::CODEC_ID_PCM_F64LE,
        _ => return None,
    })
}
