//! audiopool measures audio files on a pool of crash-isolated worker processes.

pub mod decode;
pub mod event;
pub mod interrupt;
pub mod pipeline;
pub mod plan;
pub mod record;
pub mod report;
pub mod settings;
pub mod threads;
