//! audiopool measures audio files on a pool of crash-isolated worker processes.

pub mod decode;
pub mod record;
pub mod segment;
pub mod settings;
