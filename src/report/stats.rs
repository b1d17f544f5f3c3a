//! Statistics: what a run cost, from its events; asked for with `--stats`, on standard error.
//!
//! Times, processes and attempts stand here and in no report, since they differ from run to run.
//! One row for each place in the pool, not for each process: what replaces a dead process adds to
//! its row, so that the table stays as small as the pool.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::text::{clock, speed};
use crate::event::{Confinement, Event, PoolEvent, Role, TaskAccounting, Usage};

/// Sums of the events of one run.
#[derive(Debug)]
pub struct Stats {
    begun: Instant,
    files_ok: u64,
    files_failed: u64,
    chunks: u64,
    audio_seconds: f64,
    passed_over: u64,
    retries: u64,
    late: u64,
    places: BTreeMap<(Role, u32), Place>,
    /// The last that is known of each kind of process.
    confined: BTreeMap<Role, Confinement>,
    supervisor: Option<Usage>,
    /// What all processes together may have taken up.
    peak_bytes: Option<u64>,
    /// The accounting of the pools that have ended.
    books: BTreeMap<Role, TaskAccounting>,
    /// What is left behind, once that has been looked at.
    left: Option<Result<(), String>>,
}

/// One place in the pool and all processes that ever held it.
#[derive(Debug, Default)]
struct Place {
    started: u64,
    died: u64,
    usage: Usage,
}

impl Stats {
    /// Nothing yet; the clock runs from here.
    pub fn begin() -> Self {
        Self {
            begun: Instant::now(),
            files_ok: 0,
            files_failed: 0,
            chunks: 0,
            audio_seconds: 0.0,
            passed_over: 0,
            retries: 0,
            late: 0,
            places: BTreeMap::new(),
            confined: BTreeMap::new(),
            supervisor: None,
            peak_bytes: None,
            books: BTreeMap::new(),
            left: None,
        }
    }

    /// Takes note of what the run has left behind in its process, if anything.
    pub fn left_behind(&mut self, left: Result<(), String>) {
        self.left = Some(left);
    }

    /// Takes note of files of the system (`._name`, `.DS_Store`, `Thumbs.db`) that were passed over.
    pub fn passed_over(&mut self, files: u64) {
        self.passed_over = files;
    }

    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::JobFinished { ok: true, .. } => self.files_ok += 1,
            Event::JobFinished { ok: false, .. } => self.files_failed += 1,
            Event::ChunkMeasured { seconds, .. } => {
                self.chunks += 1;
                self.audio_seconds += seconds;
            }
            Event::Pool(PoolEvent::TaskRetried { .. }) => self.retries += 1,
            Event::Pool(PoolEvent::TaskLate { .. }) => self.late += 1,
            Event::Pool(PoolEvent::ChildStarted { role, number, .. }) => {
                self.place(*role, *number).started += 1;
            }
            Event::Pool(PoolEvent::ChildReady { role, confinement, .. }) => {
                self.confined.insert(*role, confinement.clone());
            }
            Event::Pool(PoolEvent::ChildDied { role, number, .. }) => {
                self.place(*role, *number).died += 1;
            }
            Event::Pool(PoolEvent::ChildRetired { role, number, usage }) => {
                let total = &mut self.place(*role, *number).usage;
                total.tasks += usage.tasks;
                total.busy += usage.busy;
                total.cpu_user += usage.cpu_user;
                total.cpu_system += usage.cpu_system;
                total.peak_rss_bytes = total.peak_rss_bytes.max(usage.peak_rss_bytes);
            }
            Event::Balanced { role, balance } => {
                self.books.insert(*role, *balance);
            }
            Event::Bounded { peak_bytes } => self.peak_bytes = Some(*peak_bytes),
            Event::RunEnded { usage } => self.supervisor = Some(*usage),
            // Events of the pool that are added later count in no sum of today.
            Event::Planned { .. }
            | Event::JobStarted { .. }
            | Event::JobOpened { .. }
            | Event::Pool(_) => {}
        }
    }

    /// Writes the sums, with the time that passed since the beginning.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_after(self.begun.elapsed(), out)
    }

    fn place(&mut self, role: Role, number: u32) -> &mut Place {
        self.places.entry((role, number)).or_default()
    }

    fn write_after(&self, wall: Duration, out: &mut impl Write) -> io::Result<()> {
        let seconds = wall.as_secs_f64();
        let died: u64 = self.places.values().map(|place| place.died).sum();
        writeln!(out, "wall time    {seconds:.3} s")?;
        writeln!(
            out,
            "audio        {} in {} chunks{}",
            clock(self.audio_seconds),
            self.chunks,
            speed(self.audio_seconds, wall)
                .map_or_else(String::new, |speed| format!(", {speed} × real time")),
        )?;
        write!(out, "files        {} ok, {} failed", self.files_ok, self.files_failed)?;
        match self.passed_over {
            0 => writeln!(out)?,
            files => writeln!(out, ", {files} of the system passed over")?,
        }
        writeln!(
            out,
            "attempts     {} tasks late, {} retried, {died} processes died",
            self.late, self.retries
        )?;
        writeln!(out, "cpu          {:.3} s in all processes", self.cpu().as_secs_f64())?;
        if let Some(bound) = self.peak_bytes {
            let (bound, peaks) = (mebibytes(bound), mebibytes(self.peaks()));
            writeln!(
                out,
                "memory       at most {bound} at a time; the peaks below add up to {peaks}"
            )?;
        }
        for (role, confinement) in &self.confined {
            writeln!(out, "sandbox      {role}s: {confinement}")?;
        }
        for (role, balance) in &self.books {
            let TaskAccounting { retries, deaths, breaches, .. } = balance;
            writeln!(
                out,
                "ledger       {role}s: {balance}; {retries} retries, {deaths} deaths, {breaches} \
                 breaches"
            )?;
        }
        match &self.left {
            Some(Ok(())) => writeln!(
                out,
                "left behind  no process, thread, descriptor or mapping of shared memory"
            )?,
            Some(Err(left)) => writeln!(out, "left behind  {left}")?,
            None => {}
        }
        writeln!(out)?;
        writeln!(
            out,
            "{:<14}{:>8}{:>6}{:>9}{:>9}{:>10}{:>10}{:>11}",
            "process", "started", "died", "tasks", "busy", "cpu user", "cpu sys", "peak rss"
        )?;
        for ((role, number), place) in &self.places {
            let name = format!("{role} {number}");
            write_row(out, &name, place.started, place.died, &place.usage)?;
        }
        if let Some(usage) = &self.supervisor {
            write_row(out, "supervisor", 1, 0, usage)?;
        }
        Ok(())
    }

    /// The peaks of all places; what several workers share is in each of them.
    fn peaks(&self) -> u64 {
        let children = self.places.values().map(|place| place.usage);
        children.chain(self.supervisor).map(|usage| usage.peak_rss_bytes).sum()
    }

    fn cpu(&self) -> Duration {
        let children = self.places.values().map(|place| place.usage);
        children.chain(self.supervisor).map(|usage| usage.cpu_user + usage.cpu_system).sum()
    }
}

fn write_row(
    out: &mut impl Write,
    name: &str,
    started: u64,
    died: u64,
    usage: &Usage,
) -> io::Result<()> {
    let Usage { tasks, busy, cpu_user, cpu_system, peak_rss_bytes } = *usage;
    writeln!(
        out,
        "{name:<14}{started:>8}{died:>6}{tasks:>9}{:>9}{:>10}{:>10}{:>11}",
        format!("{:.2} s", busy.as_secs_f64()),
        format!("{:.2} s", cpu_user.as_secs_f64()),
        format!("{:.2} s", cpu_system.as_secs_f64()),
        mebibytes(peak_rss_bytes),
    )
}

/// `12.5 MiB`, in integers.
fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) / (1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DECODER;

    #[test]
    fn a_place_sums_up_all_who_held_it() {
        let mut stats = Stats::begin();
        let usage = |tasks, peak: u64| Usage {
            tasks,
            busy: Duration::from_millis(1500),
            cpu_user: Duration::from_millis(1200),
            cpu_system: Duration::from_millis(100),
            peak_rss_bytes: peak << 20,
        };
        let (role, number) = (Role::WORKER, 1);
        for event in [
            Event::Pool(PoolEvent::ChildStarted { role: DECODER, number, pid: 10 }),
            Event::Pool(PoolEvent::ChildStarted { role, number, pid: 11 }),
            Event::Pool(PoolEvent::ChildReady { role, number, confinement: Confinement::OFF }),
            Event::ChunkMeasured { index: 0, frames: 480_000, seconds: 10.0 },
            Event::Pool(PoolEvent::ChildDied {
                role,
                number,
                kind: "killed",
                cause: "killed by SIGKILL".to_owned(),
                evidence: "pid 11".to_owned(),
                label: Some(0),
            }),
            Event::Pool(PoolEvent::ChildRetired { role, number, usage: usage(3, 20) }),
            Event::Pool(PoolEvent::TaskRetried {
                tenant: 0,
                label: 0,
                attempt: 2,
                cause: "killed by SIGKILL".to_owned(),
            }),
            Event::Pool(PoolEvent::ChildStarted { role, number, pid: 12 }),
            Event::ChunkMeasured { index: 0, frames: 480_000, seconds: 10.0 },
            Event::JobFinished { index: 0, ok: true, audio_seconds: 20.0 },
            Event::Pool(PoolEvent::ChildRetired { role, number, usage: usage(4, 18) }),
            Event::Pool(PoolEvent::ChildRetired { role: DECODER, number, usage: usage(1, 9) }),
            Event::Balanced {
                role,
                balance: TaskAccounting {
                    submitted: 5,
                    succeeded: 3,
                    failed: 1,
                    cancelled: 1,
                    retries: 1,
                    deaths: 1,
                    breaches: 0,
                },
            },
            Event::Bounded { peak_bytes: 96 << 20 },
            Event::RunEnded { usage: usage(0, 5) },
        ] {
            stats.observe(&event);
        }
        stats.left_behind(Ok(()));

        let mut written = Vec::new();
        stats.write_after(Duration::from_secs(4), &mut written).unwrap();
        let expected = "\
wall time    4.000 s
audio        0:20.0 in 2 chunks, 5.0 × real time
files        1 ok, 0 failed
attempts     0 tasks late, 1 retried, 1 processes died
cpu          5.200 s in all processes
memory       at most 96.0 MiB at a time; the peaks below add up to 34.0 MiB
sandbox      workers: off
ledger       workers: 5 submitted = 3 ok + 1 failed + 1 cancelled; 1 retries, 1 deaths, 0 breaches
left behind  no process, thread, descriptor or mapping of shared memory

process        started  died    tasks     busy  cpu user   cpu sys   peak rss
decoder 1            1     0        1   1.50 s    1.20 s    0.10 s    9.0 MiB
worker 1             2     1        7   3.00 s    2.40 s    0.20 s   20.0 MiB
supervisor           1     0        0   1.50 s    1.20 s    0.10 s    5.0 MiB
";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
