//! Child: the life of a child process, from the handshake to the goodbye.
//!
//! ```text
//!   role ──▶ serve ──▶ initializer ──▶ confine ──▶ tasks ──▶ answers
//!              │ lifeline: the supervisor is still there
//!              │ panics, log, usage: what a child tells of itself
//!              └ chaos: what it does wrong on request
//! ```

mod answers;
pub mod chaos;
pub mod confine;
mod initializer;
pub mod lifeline;
mod log;
pub mod panics;
mod role;
pub mod serve;
pub mod usage;

pub use role::{run_child_role, run_child_role_of};
