//! Sheet: what a selftest found, for a person.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use procpool::chaos::{Fate, Plan};
use procpool::protocol::{Attempt, TaskId};

use super::comparison::Comparison;
use super::{ATTEMPTS, Selftest};
use crate::event::PoolEvent;
use procpool::TaskAccounting;

/// What a selftest found.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub(super) test: Selftest,
    pub(super) plan: Option<Plan>,
    pub(super) calm_time: Duration,
    pub(super) fire_time: Duration,
    pub(super) balance: TaskAccounting,
    pub(super) deaths: Deaths,
    pub(super) comparison: Comparison,
}

/// Processes that died without being told to, by cause.
#[derive(Clone, Debug, Default)]
pub(super) struct Deaths(BTreeMap<&'static str, u64>);

impl Deaths {
    pub(super) fn observe(&mut self, event: &PoolEvent) {
        if let PoolEvent::ChildDied { kind, .. } = event {
            *self.0.entry(kind).or_default() += 1;
        }
    }
}

impl Sheet {
    /// Whether every check passed.
    pub fn holds(&self) -> bool {
        self.comparison.count == 0
    }

    /// What is against a law; the first few of them.
    pub fn violations(&self) -> &[String] {
        &self.comparison.violations
    }

    /// How often each fault is planned, and how many tasks are hit.
    fn planned(&self) -> (BTreeMap<(u8, &'static str), u64>, u64) {
        let mut faults = BTreeMap::new();
        let mut hit = 0;
        let Some(plan) = self.plan else { return (faults, hit) };
        for task in (1..=u64::from(self.test.tasks)).map(TaskId) {
            hit += u64::from(plan.fate(task) != Fate::Spared);
            for attempt in (1..=ATTEMPTS).map(Attempt) {
                let Some(fault) = plan.fault(task, attempt) else { break };
                *faults.entry((fault.row, fault.name)).or_default() += 1;
                if fault.causes.is_empty() || plan.fate(task) == Fate::Panics {
                    break; // answered
                }
            }
        }
        (faults, hit)
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { test, calm_time, fire_time, balance, comparison, .. } = self;
        let workers = test.workers;
        writeln!(f, "baseline  one thread, no faults, {:.2} s", calm_time.as_secs_f64())?;
        writeln!(f, "pool      {workers} workers, {:.2} s", fire_time.as_secs_f64())?;
        let (faults, hit) = self.planned();
        if let Some(plan) = self.plan {
            let sum: u64 = faults.values().sum();
            writeln!(f, "faults    {sum} at {hit} of {} tasks, seed {}", test.tasks, plan.seed)?;
            for ((row, name), count) in faults {
                writeln!(f, "            F{row:02} {name:<26}{count:>5}")?;
            }
        }
        let TaskAccounting { retries, deaths, breaches, .. } = balance;
        writeln!(f, "tasks     {balance}")?;
        writeln!(f, "attempts  {retries} retried, {deaths} deaths, {breaches} breaches")?;
        for (kind, count) in &self.deaths.0 {
            writeln!(f, "            {kind:<30}{count:>5}")?;
        }
        let Comparison { equal, panicked, poisonous, .. } = comparison;
        writeln!(f, "results   {equal} equal to the baseline, bit for bit")?;
        if self.plan.is_some() {
            let meant = panicked + poisonous;
            writeln!(
                f,
                "failures  {meant} expected: {panicked} panicked, {poisonous} killed every worker"
            )?;
        }
        for violation in self.violations() {
            writeln!(f, "VIOLATION {violation}")?;
        }
        match comparison.count {
            0 => writeln!(f, "passed: nothing lost, doubled, changed or left behind"),
            1 => writeln!(f, "FAILED: 1 violation"),
            count => writeln!(f, "FAILED: {count} violations"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_are_counted_by_cause() {
        let mut deaths = Deaths::default();
        let role = crate::event::Role::WORKER;
        for kind in ["signal", "exited", "signal"] {
            let (cause, evidence) = (String::new(), String::new());
            deaths.observe(&PoolEvent::ChildDied {
                role,
                number: 1,
                kind,
                cause,
                evidence,
                label: None,
            });
        }
        assert_eq!(deaths.0, BTreeMap::from([("signal", 2), ("exited", 1)]));
    }
}
