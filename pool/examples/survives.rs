//! A pool that survives a task which aborts its process: `cargo run -p procpool --example survives`.

use procpool::{Attachment, ProcessPool, Registry, Task, TaskFailure};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Reciprocal(i64);

impl Task for Reciprocal {
    const NAME: &'static str = "example.reciprocal";
    type Attachment = ();
    type Output = i64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<i64, TaskFailure> {
        if self.0 == 0 { std::process::abort() } else { Ok(1000 / self.0) }
    }
}

#[expect(clippy::print_stdout, reason = "the output of the example")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    procpool::run_child_role(|| Registry::new().with::<Reciprocal>());

    let pool = ProcessPool::builder().max_workers(2).build()?;
    for output in pool.map((-2..=2).map(Reciprocal)) {
        match output {
            Ok(number) => println!("{number}"),
            Err(error) => println!("failed: {error}"),
        }
    }
    Ok(())
}
