//! Integration tests.

#[cfg(target_os = "linux")]
mod faults;
mod layering;
#[cfg(target_os = "linux")]
mod scene;
