//! Codecs: what a coded stream is, and decoders beside those of Symphonia.

pub(super) mod aac;
pub(super) mod mpa;
