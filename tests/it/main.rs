//! Integration tests.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cli;
mod decode;
mod definitions;
#[cfg(target_os = "linux")]
mod doctor;
mod documents;
mod equivalence;
mod executor;
#[cfg(target_os = "linux")]
mod faults;
mod fuzz;
mod health;
mod last_stage;
mod layering;
mod library;
#[cfg(target_os = "linux")]
mod memory;
mod plan;
mod planted;
mod program;
mod pydub;
mod reference;
mod report;
#[cfg(target_os = "linux")]
mod scene;
mod spectrum;
#[cfg(target_os = "linux")]
mod transport;
mod web;
#[cfg(windows)]
mod windows;

// The tests decode in this process too, and compare the figures with those of the programs.
audiopool_worker::export_mathematics!();
