//! Explored: what the threads of a pool wait by, under thousands of schedules.
//!
//! The sources of the product, compiled once more on primitives at each of which a schedule explorer
//! decides which thread goes on. A result that is lost in one order of a thousand is found in a
//! second, with the schedule that loses it; a wake-up that is lost is a deadlock, and is reported as
//! one. Of the memory model it knows nothing: all is sequentially consistent.

mod child;
mod pools;
mod promises;
mod stopwatch;
mod sync;

#[path = "handle/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::duplicate_mod,
    clippy::struct_field_names,
    reason = "it is used and exported where it is at home"
)]
mod handle;

#[path = "supervisor/mod.rs"]
#[expect(dead_code, clippy::duplicate_mod, reason = "it is used where it is at home")]
mod supervisor;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Schedules of each kind for each check.
const SCHEDULES: usize = 1000;

/// Has `check` hold under schedules drawn by lot, and under those that are unlikely to be drawn.
/// The schedule of a failure is printed, and `shuttle::replay` repeats it.
fn explore(check: fn()) {
    run(RandomScheduler::new(SCHEDULES), check);
    run(PctScheduler::new(3, SCHEDULES), check);
}

fn run(scheduler: impl Scheduler + 'static, check: fn()) {
    Runner::new(scheduler, Config::new()).run(check);
}
