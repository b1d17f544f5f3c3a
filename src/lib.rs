//! audiopool measures audio files on a pool of crash-isolated worker processes.

pub mod chunk;
pub mod decode;
pub mod decoder;
pub mod event;
pub mod interrupt;
pub mod merge;
pub mod pipeline;
pub mod plan;
pub mod pool;
pub mod record;
pub mod report;
pub mod role;
pub mod segment;
pub mod settings;
pub mod threads;

pub use role::{run_child_role, run_child_role_with};
