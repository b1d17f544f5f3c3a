//! Containers: how packets and samples lie in a file.

pub(super) mod mpeg;
