//! Initializer: what a child runs before it is ready.
//!
//! It is a registered task like another, without an attachment; its output is dropped, and what it has set
//! up in the process stays. It is the author's own code and belongs to the start, so it runs before
//! the process gives up its rights.

use std::panic::{self, AssertUnwindSafe};

use crate::protocol::{Initializer, WorkerFault};
use crate::task::{NoOutlet, Registry};

/// Runs it. A panic goes to `panicked`.
pub(crate) fn run(
    registry: &Registry,
    initializer: &Initializer,
    panicked: impl FnOnce(&(dyn std::any::Any + Send)) -> WorkerFault,
) -> Result<(), WorkerFault> {
    let Initializer { name, arguments } = initializer;
    let run = AssertUnwindSafe(|| registry.run(name, arguments, None, &mut NoOutlet));
    panic::catch_unwind(run).unwrap_or_else(|payload| Err(panicked(payload.as_ref()))).map(drop)
}
