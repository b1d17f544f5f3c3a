//! Containers: how packets and samples lie in a file.

mod matroska;
pub(super) mod mp4;
pub(super) mod mpeg;
pub(super) mod ogg;
