//! A process pool whose tasks may crash: Python's `ProcessPoolExecutor` for Rust.
//!
//! A task runs in a child process. A task that panics, aborts, overflows its stack, runs out of
//! memory, is killed or hangs costs at most its child: the pool starts another, tries the task
//! again, and reports a task that keeps failing together with what every attempt died of. Other
//! tasks are not affected.
//!
//! ```standalone_crate
//! use procpool::{Attachment, ProcessPool, Registry, Task, TaskFailure};
//! use serde::{Deserialize, Serialize};
//!
//! /// Divides, and aborts the process instead of dividing by zero.
//! #[derive(Serialize, Deserialize)]
//! struct Divide(u32, u32);
//!
//! impl Task for Divide {
//!     const NAME: &'static str = "example.divide";
//!     type Attachment = ();
//!     type Output = u32;
//!
//!     fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u32, TaskFailure> {
//!         if self.1 == 0 {
//!             std::process::abort();
//!         }
//!         Ok(self.0 / self.1)
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     procpool::run_child_role(|| Registry::new().with::<Divide>());
//!
//!     let pool = ProcessPool::builder().max_workers(2).build()?;
//!     let outputs: Vec<_> = pool.map([Divide(6, 3), Divide(1, 0), Divide(8, 2)]).collect();
//!     assert_eq!(outputs[0].as_ref().unwrap(), &2);
//!     let error = outputs[1].as_ref().unwrap_err().to_string();
//!     assert!(error.contains("tried 3 times"), "{error}");
//!     assert_eq!(outputs[2].as_ref().unwrap(), &4);
//!     Ok(())
//! }
//! ```
//!
//! - The children run the program that builds the pool, so the first line of its `main` is
//!   [`run_child_role`]; or another program, named with [`PoolBuilder::worker_program`].
//! - A [`Task`] is a serializable value with a name. Large binary inputs travel as an
//!   [attachment] in shared memory instead of being encoded.
//! - [`ProcessPool`] says how it compares with Python's pool, method by method.
//! - [`Inline`] runs the same tasks on the calling thread, for tests.
//!
//! The modules are for programs that implement a child or a supervisor of their own, and for tests.

mod child;
mod contract;
mod parent;

#[doc(hidden)]
pub use child::chaos;
pub use child::{confine, lifeline, panics, serve, usage};
pub use child::{run_child_role, run_child_role_of};
#[cfg(windows)]
pub use contract::windows;
pub use contract::{
    attachment, bytes, channel, codec, expected_panic, frame, invitation, protocol, slots,
    status_page, task,
};
pub use parent::*;

pub use attachment::{Attachment, Description};
pub use bytes::Bytes;
pub use protocol::WorkerFault;
pub use task::{Outlet, Registry, StreamTask, Task, TaskFailure};

/// A checksum of the sources of this package; supervisor and child compare it in the handshake.
pub const BUILD_ID: &str = env!("PROCPOOL_BUILD_ID");
