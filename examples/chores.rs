//! The worker program of the tests of the executor; nothing to learn here, see `own_worker`.
//!
//! With `tiny N` it runs N tasks that do next to nothing, and prints the peaks of all its processes
//! and the bound that they must keep, in bytes. With `held N` it sends N long tasks to workers that
//! are replaced after ten, and prints how many handles it has after a tenth of them and at the end.

#![expect(clippy::print_stdout, reason = "it speaks to a test")]

#[path = "../tests/it/executor/chores.rs"]
mod chores;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use audiopool::ProcessPool;
use audiopool::pool::{PeakMemory, PoolEvent};
use procpool::usage::Meter;

const WORKERS: usize = 2;

fn main() -> ExitCode {
    audiopool::run_child_role_with(chores::registry);
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [mode, count] = arguments.as_slice() else { return ExitCode::FAILURE };
    match count.parse() {
        Ok(count) if mode == "tiny" && tiny(count).is_ok() => ExitCode::SUCCESS,
        Ok(count) if mode == "held" && held(count).is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn held(count: u64) -> Result<(), Box<dyn Error>> {
    let bytes = vec![7_u8; 100_000];
    let builder = ProcessPool::builder().max_workers(WORKERS);
    let pool = builder.max_tasks_per_child(10.try_into()?).build()?;
    let mut early = 0;
    for number in 0..count {
        let task = chores::Long { bytes: bytes.clone().into(), go: chores::Go::Well };
        assert_eq!(pool.submit(&task)?.result()?.len(), bytes.len(), "another answer");
        if number == count / 10 {
            early = handles()?;
        }
    }
    println!("{early} {}", handles()?);
    pool.shutdown();
    Ok(())
}

/// What this process has open.
#[cfg(unix)]
fn handles() -> Result<u64, Box<dyn Error>> {
    Ok(std::fs::read_dir("/dev/fd")?.count().try_into()?)
}

#[cfg(windows)]
fn handles() -> Result<u64, Box<dyn Error>> {
    Ok(procpool::windows::Process::this()?.handles()?.into())
}

fn tiny(count: u64) -> Result<(), Box<dyn Error>> {
    let children = Arc::new(AtomicU64::new(0));
    let observer = {
        let children = Arc::clone(&children);
        move |event: &PoolEvent| {
            if let PoolEvent::ChildRetired { usage, .. } = event {
                children.fetch_add(usage.peak_rss_bytes, Ordering::Relaxed);
            }
        }
    };
    let pool = ProcessPool::builder().max_workers(WORKERS).observer(Arc::new(observer)).build()?;
    let tasks = (0..count).map(|number| pool.submit(&chores::Double(number)));
    let futures = tasks.collect::<Result<Vec<_>, _>>()?;
    for (number, future) in (0..).zip(futures) {
        assert_eq!(future.result()?, number * 2, "an answer to another task");
    }
    pool.shutdown();
    let supervisor = Meter::open().read().peak_rss_bytes;
    let bound = PeakMemory { workers: WORKERS, tasks: count, ..PeakMemory::default() }.bytes();
    println!("{supervisor} {} {bound}", children.load(Ordering::Relaxed));
    Ok(())
}
