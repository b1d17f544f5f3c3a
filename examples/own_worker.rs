//! Tasks of your own in a worker program of your own, in one file: a function that is fatal for
//! some arguments.
//!
//! ```text
//! cargo run --example own_worker
//! ```
//!
//! Ackermann's function calls itself so deeply that some of its arguments overflow any stack, and
//! that ends a process. Here it costs one task, and the others never hear of it.

#![expect(clippy::print_stdout, reason = "it speaks to a person")]

use std::error::Error;
use std::iter;

use audiopool::{Attachment, ProcessPool, Registry, Task, TaskFailure};
use serde::{Deserialize, Serialize};

/// The function's arguments are the task's fields.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ackermann {
    m: u64,
    n: u64,
}

impl Task for Ackermann {
    const NAME: &'static str = "own_worker.ackermann";
    type Attachment = ();
    type Output = u64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u64, TaskFailure> {
        match self {
            Self { m: 6.., .. } => Err(TaskFailure::new("no computer has ever computed it")),
            Self { m, n } => Ok(ackermann(m, n)),
        }
    }
}

fn ackermann(m: u64, n: u64) -> u64 {
    match (m, n) {
        (0, n) => n + 1,
        (m, 0) => ackermann(m - 1, 1),
        (m, n) => ackermann(m - 1, ackermann(m, n - 1)),
    }
}

/// What the worker program can do. It is this program: see the first line of `main`.
fn tasks() -> Registry {
    Registry::new().with::<Ackermann>()
}

fn main() -> Result<(), Box<dyn Error>> {
    audiopool::run_child_role_with(tasks);

    let asked = [(2, 3), (1, 1_000_000_000), (7, 1), (3, 6)].map(|(m, n)| Ackermann { m, n });
    let pool = ProcessPool::builder().max_workers(2).build()?;
    for (Ackermann { m, n }, answer) in iter::zip(asked, pool.map(asked)) {
        match answer {
            Ok(number) => println!("ackermann({m}, {n}) is {number}"),
            Err(error) => println!("ackermann({m}, {n}) is not known: {error}"),
        }
    }

    let balance = pool.shutdown();
    println!("{} asked, {} answered, {} not", balance.submitted, balance.succeeded, balance.failed);
    Ok(())
}
