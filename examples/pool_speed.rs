//! How fast the pool is in itself: tasks that do nothing, a large argument, a first answer, a
//! death. `scripts/bench/run --pool` runs it in turns with the pools of Python.
//!
//! ```text
//! cargo run --release --example pool_speed -- --workers 2 --tasks 20000
//! ```
//!
//! Prints a line for each figure: its name and seconds, or tasks per second for `map`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to a script")]

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, thread};

use audiopool::{Attachment, ProcessPool, Registry, Task, TaskError, TaskFailure};
use serde::{Deserialize, Serialize};

/// Does nothing with a number.
#[derive(Debug, Serialize, Deserialize)]
struct Echo {
    number: u64,
}

impl Task for Echo {
    const NAME: &'static str = "pool_speed.echo";
    type Attachment = ();
    type Output = u64;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<u64, TaskFailure> {
        Ok(self.number)
    }
}

/// Tells how long its bytes are.
#[derive(Debug, Serialize, Deserialize)]
struct Length {
    bytes: audiopool::Bytes,
}

impl Task for Length {
    const NAME: &'static str = "pool_speed.length";
    type Attachment = ();
    type Output = usize;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<usize, TaskFailure> {
        Ok(self.bytes.len())
    }
}

/// Kills the process that it runs in.
#[derive(Debug, Serialize, Deserialize)]
struct Die;

impl Task for Die {
    const NAME: &'static str = "pool_speed.die";
    type Attachment = ();
    type Output = ();

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<(), TaskFailure> {
        die().map_err(TaskFailure::new)
    }
}

#[cfg(unix)]
fn die() -> std::io::Result<()> {
    use nix::sys::signal::{Signal, kill};

    Ok(kill(nix::unistd::Pid::this(), Signal::SIGKILL)?)
}

#[cfg(windows)]
fn die() -> std::io::Result<()> {
    use procpool::windows::{KILLED, end_this_process};

    end_this_process(KILLED);
    Err(std::io::Error::other("it lives on"))
}

fn tasks() -> Registry {
    Registry::new().with::<Echo>().with::<Length>().with::<Die>()
}

fn main() -> ExitCode {
    audiopool::run_child_role_with(tasks);

    let mut arguments = env::args().skip(1);
    let (mut workers, mut count) = (2, 20_000);
    while let Some(flag) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse().ok());
        match (flag.as_str(), number) {
            ("--workers", Some(number)) if number > 0 => workers = number,
            ("--tasks", Some(number)) if number > 0 => count = number,
            _ => {
                eprintln!("usage: pool_speed [--workers N] [--tasks N], both at least 1");
                return ExitCode::from(2);
            }
        }
    }
    match measure(workers, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(workers: usize, count: usize) -> Result<(), Box<dyn Error>> {
    // From no pool at all to the first answer of it.
    let firsts = times(9, || {
        let begun = Instant::now();
        let pool = pool(workers)?;
        answer(&pool, 1)?;
        let took = begun.elapsed();
        pool.shutdown();
        Ok(took)
    })?;
    say("first", firsts);

    let pool = pool(workers)?;
    (0..100).try_for_each(|number| answer(&pool, number))?;
    let maps = times(5, || {
        let begun = Instant::now();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let outputs = pool.map((0..count).map(|number| Echo { number }));
        for (number, output) in (0..).zip(outputs) {
            assert_eq!(output?, number, "an answer to another task");
        }
        Ok(begun.elapsed())
    })?;
    #[expect(clippy::cast_precision_loss, reason = "far less than 2^53 tasks")]
    let per_second = maps.into_iter().map(|time| count as f64 / time.as_secs_f64()).collect();
    print_median("map", per_second);

    let back = times(2000, || timed(|| answer(&pool, 7)))?;
    say("back", back);

    let large = Length { bytes: vec![7; 1 << 20].into() };
    let length = || {
        let length = pool.submit(&large)?.result()?;
        assert_eq!(length, 1 << 20, "it arrives whole");
        Ok(())
    };
    times(20, || timed(length))?;
    say("large", times(200, || timed(length))?);
    pool.shutdown();

    // From the moment that a task kills the only worker to the answer of the next one.
    let pool = ProcessPool::builder().max_workers(1).max_attempts(1).build()?;
    answer(&pool, 1)?;
    let replaced = times(9, || {
        timed(|| {
            let death = pool.submit(&Die)?;
            answer(&pool, 2)?;
            assert!(death.result().is_err(), "a process survived abort");
            Ok(())
        })
    })?;
    say("replaced", replaced);
    pool.shutdown();
    Ok(())
}

fn pool(workers: usize) -> Result<ProcessPool, Box<dyn Error>> {
    Ok(ProcessPool::builder().max_workers(workers).build()?)
}

fn answer(pool: &ProcessPool, number: u64) -> Result<(), TaskError> {
    assert_eq!(pool.submit(&Echo { number })?.result()?, number, "the answer");
    Ok(())
}

fn timed(what: impl FnOnce() -> Result<(), TaskError>) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    what()?;
    Ok(begun.elapsed())
}

fn times(
    count: usize,
    mut once: impl FnMut() -> Result<Duration, Box<dyn Error>>,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    // A breath, so that what went before has ended.
    thread::yield_now();
    (0..count).map(|_| once()).collect()
}

fn say(name: &str, times: Vec<Duration>) {
    print_median(name, times.into_iter().map(|time| time.as_secs_f64()).collect());
}

fn print_median(name: &str, mut figures: Vec<f64>) {
    figures.sort_by(f64::total_cmp);
    println!("{name} {:.9}", figures[figures.len() / 2]);
}
