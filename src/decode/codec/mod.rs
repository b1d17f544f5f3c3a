//! Codecs: what a coded stream is, and decoders beside those of Symphonia, each behind
//! [`Engine`](super::engine::Engine).

pub(super) mod aac;
pub(super) mod adpcm;
pub(super) mod disguise;
pub(super) mod flac;
pub(super) mod g711;
pub(super) mod mpa;
pub(super) mod opus;
pub(super) mod vorbis_header;
