//! A ledger among children that do what they like, checked for what must hold whatever they do.

mod batches;
mod clock;
mod deaths;
mod laws;
mod machine;
mod model;
mod policies;
mod starts;
mod steps;
mod turns;
mod walk;
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::protocol::{Attempt, Role, TaskId};

use super::{
    Action, Backoff, Late, Ledger, Light, Policy, Reply, SeatId, TaskAccounting, Tenant, Terms,
    Verdict,
};
use crate::parent::cause::Silence;
use crate::parent::evidence::Evidence;
use crate::parent::fault::{Cause, FailedAttempt, PoolError, TaskError};
use world::{Doing, Process, World};

const CALM: Terms = Terms { tenant: 0, timeout: None, streams: false, light: None };

/// Of a kind that takes no time at all.
const LIGHT: Terms = Terms {
    tenant: 0,
    timeout: None,
    streams: false,
    light: Some(Light { name: "light", bytes: 8 }),
};

fn policy(seats: usize) -> Policy {
    Policy {
        role: Role::WORKER,
        seats,
        spare: 0,
        max_attempts: 3,
        max_tasks_per_child: None,
        backoff: Backoff::default(),
        start_timeout: Duration::from_secs(10),
        quit_timeout: Duration::from_secs(5),
        intensity: 10,
        period: Duration::from_mins(1),
        boot_attempts: 3,
        boot_pause: Duration::from_millis(50),
    }
}

fn boot_error() -> PoolError {
    PoolError::Boot { role: Role::WORKER, program: "w".into(), reason: "no".into() }
}

fn crash() -> Cause {
    Cause::Signal { signal: 11, name: "SIGSEGV".into() }
}

fn late(limit: Duration) -> Cause {
    Cause::TimedOut { limit, silence: Silence::Unknown }
}
