//! Finding: one line of a diagnosis.

use std::fmt;

use serde::Serialize;

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Health {
    /// It works.
    Ok,
    /// Runs succeed, but something is missing that some of them may want.
    Warning,
    /// Runs cannot succeed.
    Problem,
}

impl Health {
    /// `ok`, `warning` or `problem`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of what.
    pub topic: &'static str,
    /// How well it is.
    pub health: Health,
    /// What is so.
    pub found: String,
    /// What would help, if it is not well.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(topic: &'static str, found: impl Into<String>) -> Self {
        Self { topic, health: Health::Ok, found: found.into(), advice: None }
    }

    pub(super) fn warning(
        topic: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let advice = Some(advice.into());
        Self { topic, health: Health::Warning, found: found.into(), advice }
    }

    /// Of an error, which says itself what would help as far as it knows.
    pub(super) fn problem(topic: &'static str, error: &impl fmt::Display) -> Self {
        let found = error.to_string();
        Self { topic, health: Health::Problem, found, advice: None }
    }

    pub(super) fn with_advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, health, found, advice } = self;
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{:<8} {topic:<16} {}", health.name(), one_line(found))?;
        advice.iter().try_for_each(|advice| write!(f, "; {}", one_line(advice)))
    }
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// In the order in which a run would come upon it.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// How well the worst is.
    pub fn worst(&self) -> Health {
        self.findings.iter().map(|finding| finding.health).max().unwrap_or(Health::Ok)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}
