//! Selftest: the pool's laws, proved on this machine, under fire if that is asked for.
//!
//! ```text
//!   the same tasks ──▶ calm: the inline twin ────────────▶ results ──┐
//!                  └─▶ a real pool, hit by a seed's faults ─▶ results ┴─▶ equal, bit for bit?
//! ```
//!
//! What happens to which task at which try is a pure function of the seed
//! ([`Plan`]), so a run can be repeated, and what must come of it is known
//! beforehand: a task that a retry cures has the result of the run without faults, and any other
//! fails for a known cause. Task accounting and leftovers are checked too.

mod comparison;
mod sheet;
mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use procpool::chaos::Plan;
use procpool::protocol::TaskId;

use crate::role;
use crate::settings::WorkerProgram;
use procpool::{Inline, PoolError, PoolEvent, ProcessPool, TaskError, TaskTerms, Traces};

pub use sheet::Sheet;

use comparison::Comparison;
use sheet::Deaths;

/// How often a task is tried in all. The plan's cures count on three.
const ATTEMPTS: u32 = 3;

/// Silence after which a child is taken to hang. No task takes a tenth of it, and every hanging
/// fault takes all of it.
const DEADLINE: Duration = Duration::from_secs(1);

/// What is to be proved.
#[derive(Clone, Debug)]
pub struct Selftest {
    /// Decides which faults hit which tasks; without one there are none.
    pub seed: Option<u64>,
    /// How many tasks.
    pub tasks: u32,
    /// On how many worker processes.
    pub workers: usize,
    /// The worker program.
    pub worker_program: WorkerProgram,
}

impl Selftest {
    /// Runs the tasks twice and compares. The sheet says whether every check passed.
    pub fn run(&self) -> Result<Sheet, PoolError> {
        let tasks = || (1..=u64::from(self.tasks)).map(TaskId);
        let seed = self.seed.unwrap_or_default();
        let begun = Instant::now();
        let inline = Inline::new(role::all_tasks());
        let calm: Vec<_> =
            tasks().map(|task| work::of(seed, task).submit(&inline, TERMS)?.outcome()).collect();
        let calm_time = begun.elapsed();

        let before = Traces::now();
        let begun = Instant::now();
        let deaths = Arc::new(Mutex::new(Deaths::default()));
        let plan = self.seed.map(|seed| Plan { seed });
        let pool = self.pool(plan, &deaths)?;
        // In the order of their numbers: the plan goes by them.
        let submitted: Vec<_> =
            tasks().map(|task| work::of(seed, task).submit(&pool, TERMS)).collect();
        let fire: Vec<Result<Vec<u8>, TaskError>> =
            submitted.into_iter().map(|pending| pending?.outcome()).collect();
        let balance = pool.shutdown();
        drop(pool);
        let not_run = fire.iter().find_map(|outcome| match outcome {
            Err(TaskError::NotRun(error)) => Some(error.clone()),
            _ => None,
        });
        if let Some(error) = not_run {
            return Err(error);
        }
        let fire_time = begun.elapsed();

        let comparison = Comparison::of(plan, &calm, &fire, &balance, Traces::back_at(before));
        let deaths = deaths.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Sheet { test: self.clone(), plan, calm_time, fire_time, balance, deaths, comparison })
    }

    fn pool(
        &self,
        plan: Option<Plan>,
        deaths: &Arc<Mutex<Deaths>>,
    ) -> Result<ProcessPool, PoolError> {
        let deaths = Arc::clone(deaths);
        role::workers(&self.worker_program)
            .max_workers(self.workers)
            .max_attempts(ATTEMPTS)
            .chaos(plan)
            .observer(Arc::new(move |event: &PoolEvent| {
                deaths.lock().unwrap_or_else(PoisonError::into_inner).observe(event);
            }))
            .build()
    }
}

/// How every task is to be run.
const TERMS: TaskTerms = TaskTerms { label: 0, tenant: 0, timeout: Some(DEADLINE) };
