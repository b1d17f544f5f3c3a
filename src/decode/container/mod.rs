//! Containers: how packets and samples lie in a file, and what the file says of them.

pub(super) mod aiff;
pub(super) mod au;
mod bytes;
mod caf;
mod channels;
pub(super) mod flac;
mod matroska;
pub(super) mod mp4;
pub(super) mod mpeg;
pub(super) mod nist;
pub(super) mod ogg;
pub(super) mod riff;
pub(super) mod samples;
pub(super) mod wave64;
