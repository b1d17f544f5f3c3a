//! Comparison: whether what came out is what must come out.

use procpool::chaos::{Fate, Plan};
use procpool::protocol::{Attempt, TaskId, WorkerFault};

use super::ATTEMPTS;
use procpool::{FailedAttempt, Leftover, TaskAccounting, TaskError};

/// Causes that are possible whatever has hit a task: a child that dies when it has answered may have
/// the next task already, and on a busy machine a child may take longer to die than it is given.
const ALWAYS: [&str; 6] = ["protocol", "exited", "spinning", "idle", "stopped", "timed_out"];

/// Violations beyond this are only counted.
const MOST_TOLD: usize = 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Results that are those of the calm run.
    pub(super) equal: u64,
    /// Tasks that failed as they must.
    pub(super) panicked: u64,
    pub(super) poisonous: u64,
    /// What is against a law.
    pub(super) violations: Vec<String>,
    /// How many there are.
    pub(super) count: u64,
}

type Outcome = Result<Vec<u8>, TaskError>;

impl Comparison {
    pub(super) fn of(
        plan: Option<Plan>,
        calm: &[Outcome],
        fire: &[Outcome],
        balance: &TaskAccounting,
        left: Result<(), Leftover>,
    ) -> Self {
        let mut comparison = Self::default();
        for ((task, calm), fire) in (1..).map(TaskId).zip(calm).zip(fire) {
            if let Err(reason) = comparison.judge(plan, task, calm, fire) {
                comparison.violation(format!("task {}: {reason}", task.0));
            }
        }
        comparison.judge_balance(calm, fire, balance);
        if let Err(left) = left {
            comparison.violation(format!("left behind: {left}"));
        }
        comparison
    }

    fn violation(&mut self, what: String) {
        self.count += 1;
        if self.violations.len() < MOST_TOLD {
            self.violations.push(what);
        }
    }

    fn judge(
        &mut self,
        plan: Option<Plan>,
        task: TaskId,
        calm: &Outcome,
        fire: &Outcome,
    ) -> Result<(), String> {
        let calm = calm.as_ref().map_err(|error| format!("failed in the baseline: {error}"))?;
        match (plan.map_or(Fate::Spared, |plan| plan.fate(task)), fire) {
            (Fate::Spared | Fate::Cured(_), Ok(output)) if output == calm => self.equal += 1,
            (Fate::Spared | Fate::Cured(_), Ok(_)) => {
                return Err("the result differs from the baseline".to_owned());
            }
            (Fate::Spared | Fate::Cured(_), Err(error)) => {
                return Err(format!("failed unexpectedly: {error}"));
            }
            (Fate::Panics, Err(TaskError::Fault(WorkerFault::Panic { location, .. })))
                if location.contains(".rs:") =>
            {
                self.panicked += 1;
            }
            (Fate::FailsEveryAttempt, Err(TaskError::AttemptsExhausted(attempts))) => {
                check_attempts(plan, task, attempts)?;
                self.poisonous += 1;
            }
            (fate, Ok(_)) => return Err(format!("{fate:?}, but gave a result")),
            (fate, Err(error)) => return Err(format!("{fate:?}, but ended with: {error:?}")),
        }
        Ok(())
    }

    /// Compares the accounting of the pool with that of the self-test.
    fn judge_balance(&mut self, calm: &[Outcome], fire: &[Outcome], balance: &TaskAccounting) {
        let ok = fire.iter().filter(|outcome| outcome.is_ok()).count() as u64;
        let all = calm.len() as u64;
        let counted = (balance.submitted, balance.succeeded, balance.failed, balance.cancelled);
        if !balance.is_even() || counted != (all, ok, all - ok, 0) {
            self.violation(format!(
                "the task accounting does not balance: {ok} of {all} tasks have a result, and of the pool's \
                 {balance:?}"
            ));
        }
    }
}

/// Every try is told, in order, each with what has hit it or with what can have.
fn check_attempts(
    plan: Option<Plan>,
    task: TaskId,
    attempts: &[FailedAttempt],
) -> Result<(), String> {
    let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.attempt).collect();
    if numbers != (1..=ATTEMPTS).collect::<Vec<_>>() {
        return Err(format!("attempts {numbers:?} are reported of {ATTEMPTS}"));
    }
    for attempt in attempts {
        let fault = plan.and_then(|plan| plan.fault(task, Attempt(attempt.attempt)));
        let causes = fault.map_or(&[] as &[_], |fault| fault.causes);
        let word = attempt.cause.word();
        if !causes.contains(&word) && !ALWAYS.contains(&word) {
            let name = fault.map_or("nothing", |fault| fault.name);
            return Err(format!(
                "attempt {}, hit by `{name}`, is reported to have ended because the process {}",
                attempt.attempt, attempt.cause
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: TaskAccounting = TaskAccounting {
        submitted: 2,
        succeeded: 2,
        failed: 0,
        cancelled: 0,
        retries: 0,
        deaths: 0,
        breaches: 0,
    };

    fn violations(fire: &[Outcome], balance: &TaskAccounting) -> Vec<String> {
        let calm = [Ok(vec![1]), Ok(vec![2])];
        Comparison::of(None, &calm, fire, balance, Ok(())).violations
    }

    #[test]
    fn the_same_results_and_even_books_are_in_order() {
        assert!(violations(&[Ok(vec![1]), Ok(vec![2])], &EVEN).is_empty());
    }

    #[test]
    fn one_bit_a_needless_failure_and_uneven_books_are_told() {
        let found = violations(&[Ok(vec![1]), Ok(vec![3])], &EVEN);
        assert!(found.len() == 1 && found[0].contains("task 2: the result differs"), "{found:?}");
        let found = violations(&[Ok(vec![1]), Err(TaskError::Cancelled)], &EVEN);
        assert!(found.len() == 2 && found[0].contains("failed unexpectedly"), "{found:?}");
        assert!(found[1].contains("not balance: 1 of 2"), "{found:?}");
        let lost = TaskAccounting { succeeded: 1, ..EVEN };
        assert_eq!(violations(&[Ok(vec![1]), Ok(vec![2])], &lost).len(), 1);
    }
}
