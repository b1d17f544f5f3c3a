//! Traces: what a pool may leave behind in this process. Looked at before it begins and after it
//! has ended, there must be no more of anything. There may be less: what was there before is
//! another owner's, and may come to its end.

use std::fmt;
use std::time::{Duration, Instant};
use std::{fs, process, thread};

/// How long threads may take to end that have nothing left to do.
const PATIENCE: Duration = Duration::from_secs(5);

/// What this process has open and what runs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traces {
    /// Open descriptors: files, channels, and shared memory.
    pub descriptors: usize,
    /// Mappings of shared memory.
    pub mappings: usize,
    /// Threads.
    pub threads: usize,
    /// Child processes, and dead ones that were not waited for.
    pub children: usize,
}

impl Traces {
    /// As it is now; nothing where the system does not say. Under Wine there is a `/proc`, too, but
    /// what it tells of is Wine.
    pub fn now() -> Option<Self> {
        if cfg!(windows) {
            return None;
        }
        let entries = |folder: &str| Some(fs::read_dir(folder).ok()?.count());
        let children = fs::read_dir("/proc/self/task").ok()?.filter_map(|thread| {
            let listed = fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
            Some(listed.split_whitespace().count())
        });
        // The first process of a container is given the orphans of others.
        let is_init = process::id() == 1;
        let children = if is_init { 0 } else { children.sum() };
        Some(Self {
            // Not counting the one that is open in order to count.
            descriptors: entries("/proc/self/fd")?.saturating_sub(1),
            mappings: fs::read_to_string("/proc/self/maps").ok()?.matches(" /memfd:").count(),
            threads: entries("/proc/self/task")?,
            children,
        })
    }

    /// Whether there is no more of anything than before, at the latest in a moment; says what there
    /// is otherwise.
    pub fn back_at(before: Option<Self>) -> Result<(), Leftover> {
        let Some(before) = before else { return Ok(()) };
        let begun = Instant::now();
        loop {
            let Some(now) = Self::now() else { return Ok(()) };
            if now.is_within(before) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(Leftover { before, now });
            }
            // The kernel does not say when it is done with a thread that has ended.
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_within(self, before: Self) -> bool {
        let Self { descriptors, mappings, threads, children } = self;
        descriptors <= before.descriptors
            && mappings <= before.mappings
            && threads <= before.threads
            && children <= before.children
    }
}

/// Something is left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("before: {before}; after: {now}")]
pub struct Leftover {
    before: Traces,
    now: Traces,
}

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptors, mappings, threads, children } = self;
        write!(
            f,
            "{descriptors} descriptors, {mappings} mappings of shared memory, {threads} threads, \
             {children} child processes"
        )
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use crate::slots::Transport;

    use super::*;

    #[test]
    fn a_child_that_was_not_waited_for_is_a_trace() {
        // Other tests run at the same time, so only what is surely there is asked for.
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        child.kill().unwrap();
        let traces = Traces::now().unwrap();
        child.wait().unwrap();
        assert!(traces.children >= 1 && traces.threads >= 1 && traces.descriptors >= 1);
    }

    #[test]
    fn less_than_before_is_fine_and_more_of_one_thing_is_not() {
        let before = Traces { descriptors: 9, mappings: 2, threads: 3, children: 0 };
        assert!(before.is_within(before));
        assert!(Traces { descriptors: 8, threads: 1, ..before }.is_within(before));
        assert!(!Traces { descriptors: 10, threads: 1, ..before }.is_within(before));
        assert!(!Traces { children: 1, ..before }.is_within(before));
        assert!(!Traces { mappings: 3, ..before }.is_within(before));
        assert!(!Traces { threads: 4, ..before }.is_within(before));
    }

    #[test]
    fn shared_memory_that_is_mapped_is_a_trace() {
        let page = crate::status_page::StatusPageView::new(Transport::Memfd).unwrap();
        assert!(Traces::now().unwrap().mappings >= 1);
        drop(page);
    }
}
