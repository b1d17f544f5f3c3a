//! Plan: which task is hit at which try, and by what. A pure function of a seed, so that supervisor
//! and children know it without a word, and a run can be repeated.
//!
//! A fault is addressed as `task:attempt`. A try can also be lost through no fault of its own: a
//! child that dies right after a reply may have been given the next task already. So fates are such
//! that one more lost attempt changes nothing: a task that is cured has an undisturbed last attempt, one that fails
//! fails at every try.

use serde::{Deserialize, Serialize};

use super::Deed;
use super::fault::{FAULTS, Fault, PANIC};
use crate::protocol::{Attempt, TaskId};

/// A rehearsal's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
}

/// What becomes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing happens to it.
    Spared,
    /// Its first tries are hit, so many of them; the next one is not.
    Cured(u32),
    /// It panics, which is told and not tried again.
    Panics,
    /// Every try is hit by something that kills the child quickly.
    FailsEveryAttempt,
}

impl Plan {
    /// What becomes of that task. Few are hit more than once: a last try is made alone, so all the
    /// others wait for it.
    pub fn fate(self, task: TaskId) -> Fate {
        match self.draw(task.0, 0) % 100 {
            0..75 => Fate::Spared,
            75..93 => Fate::Cured(1),
            93..96 => Fate::Cured(2),
            96..98 => Fate::Panics,
            _ => Fate::FailsEveryAttempt,
        }
    }

    /// What hits that try, if anything does.
    pub fn fault(self, task: TaskId, attempt: Attempt) -> Option<&'static Fault> {
        let draw = self.draw(task.0, attempt.0);
        match self.fate(task) {
            Fate::Spared => None,
            Fate::Cured(hit) if attempt.0 > hit => None,
            Fate::Cured(_) => pick(draw, |_| true),
            Fate::Panics => Some(PANIC),
            Fate::FailsEveryAttempt => pick(draw, |fault| !fault.hangs && !fault.causes.is_empty()),
        }
    }

    /// One of 2^64 numbers for each pair: Vigna's `splitmix64`.
    fn draw(self, task: u64, attempt: u32) -> u64 {
        let mix = |mut x: u64| {
            x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^ (x >> 31)
        };
        mix(mix(mix(self.seed) ^ task) ^ u64::from(attempt))
    }
}

/// A row first, then one of its faults, so that rows are equally likely.
fn pick(draw: u64, suits: impl Fn(&Fault) -> bool) -> Option<&'static Fault> {
    // Not every system can do all of it.
    let suits = |fault: &Fault| suits(fault) && Deed::named(fault.name).is_some();
    let mut rows: Vec<u8> = FAULTS.iter().filter(|fault| suits(fault)).map(|f| f.row).collect();
    rows.dedup();
    let row = *rows.get(usize::try_from(draw % rows.len() as u64).ok()?)?;
    let faults: Vec<_> = FAULTS.iter().filter(|fault| fault.row == row && suits(fault)).collect();
    let which = usize::try_from((draw >> 32) % faults.len() as u64).ok()?;
    faults.get(which).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_is_the_same_plan_and_another_is_another() {
        let plan = |seed| {
            let plan = Plan { seed };
            let tries = (1..200).flat_map(|task| (1..=3).map(move |attempt| (task, attempt)));
            tries.map(|(t, a)| plan.fault(TaskId(t), Attempt(a))).collect::<Vec<_>>()
        };
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn every_row_is_drawn_and_most_tasks_are_spared() {
        let plan = Plan { seed: 1 };
        let rows: BTreeSet<u8> = (1..2000)
            .flat_map(|task| (1..=3).filter_map(move |a| plan.fault(TaskId(task), Attempt(a))))
            .map(|fault| fault.row)
            .collect();
        let is_known = |row: &u8| !cfg!(windows) || ![10, 11, 14, 17].contains(row);
        assert_eq!(rows, (1..=20).filter(is_known).collect());
        let spared = (1..2000).filter(|task| plan.fate(TaskId(*task)) == Fate::Spared).count();
        assert!((1400..1600).contains(&spared), "{spared}");
    }

    #[test]
    fn a_task_that_is_cured_has_an_undisturbed_third_attempt() {
        let plan = Plan { seed: 3 };
        for task in (1..2000).map(TaskId) {
            let third = plan.fault(task, Attempt(3));
            match plan.fate(task) {
                Fate::Spared | Fate::Cured(_) => assert_eq!(third, None),
                Fate::Panics => assert_eq!(third.unwrap().name, "panic"),
                Fate::FailsEveryAttempt => assert!(!third.unwrap().causes.is_empty()),
            }
        }
    }
}
