//! Event: what happens in a pool, for anyone who watches.
//!
//! A pool without an observer is the same pool. An observer is called from several threads and must
//! be quick: the pool waits for it.

use std::sync::Arc;
use std::time::Duration;

use crate::confine::Confinement;
use crate::protocol::{Role, Usage};

/// Who watches a pool.
pub type Observer = Arc<dyn Fn(&PoolEvent) + Send + Sync>;

/// What happens in a pool, for anyone who watches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolEvent {
    /// A child has introduced itself.
    ChildStarted {
        /// What it is for.
        role: Role,
        /// Its number, from 1; a successor has the same.
        number: u32,
        /// Its process id.
        pid: u32,
    },
    /// A child is ready for tasks.
    ChildReady {
        /// What it is for.
        role: Role,
        /// Its number.
        number: u32,
        /// How far it is confined.
        confinement: Confinement,
    },
    /// A child has died without being told to.
    ChildDied {
        /// What it was for.
        role: Role,
        /// Its number.
        number: u32,
        /// How, in one word: [`Cause::word`](crate::Cause::word).
        kind: &'static str,
        /// How.
        cause: String,
        /// What was found of it: signal and sender, processor time, memory, last words.
        evidence: String,
        /// The label of the task that it had.
        label: Option<u64>,
    },
    /// A task has used up half of its time without a sign of life from its child. Told once for
    /// each try.
    TaskLate {
        /// Whose task it is: [`TaskTerms::tenant`](crate::TaskTerms::tenant).
        tenant: u64,
        /// The task's label.
        label: u64,
        /// What the child is for.
        role: Role,
        /// The child's number.
        number: u32,
        /// How long the child has been silent, at least.
        silent: Duration,
        /// The silence after which it is killed.
        limit: Duration,
    },
    /// A task has lost its child and is tried again.
    TaskRetried {
        /// Whose task it is: [`TaskTerms::tenant`](crate::TaskTerms::tenant).
        tenant: u64,
        /// The task's label.
        label: u64,
        /// The try that begins.
        attempt: u32,
        /// How the last one ended.
        cause: String,
    },
    /// A child is gone, whatever the reason.
    ChildRetired {
        /// What it was for.
        role: Role,
        /// Its number.
        number: u32,
        /// What it has used, as far as it could say.
        usage: Usage,
    },
}
