//! Codecs: what a coded stream is, and decoders beside those of Symphonia, each behind
//! [`PacketDecoder`](decoder::PacketDecoder).

pub(super) mod aac;
pub(super) mod adpcm;
pub(super) mod convert;
pub(super) mod decoder;
pub(super) mod disguise;
pub(super) mod flac;
pub(super) mod g711;
pub(super) mod mpa;
pub(super) mod opus;
pub(super) mod packet;
pub(super) mod vorbis;
pub(super) mod vorbis_header;

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codec;

/// Which decoded channel goes where: Vorbis order to that of WAV, for 1 to 8 channels. Opus has the
/// same order. Vorbis I §4.3.9, RFC 7845 §5.1.1.2.
const FROM_VORBIS_ORDER: [&[u8]; 8] = [
    &[0],
    &[0, 1],
    &[0, 2, 1],
    &[0, 1, 2, 3],
    &[0, 2, 1, 3, 4],
    &[0, 2, 1, 5, 3, 4],
    &[0, 2, 1, 6, 5, 3, 4],
    &[0, 2, 1, 7, 5, 6, 3, 4],
];

/// The name of a codec, as ffmpeg calls it too.
pub(in crate::decode) fn name_of_codec(id: AudioCodecId) -> String {
    if id == codec::CODEC_ID_OPUS {
        return "opus".to_owned();
    }
    symphonia::default::get_codecs()
        .get_audio_decoder(id)
        .map_or_else(|| "unknown".to_owned(), |decoder| decoder.codec.info.short_name.to_owned())
}
