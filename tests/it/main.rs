//! Integration tests.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cli;
mod decode;
mod layering;
mod library;
mod plan;
mod pydub;
mod report;
