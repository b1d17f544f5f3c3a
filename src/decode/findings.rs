//! Findings: what was noticed in a file that could be decoded all the same.
//!
//! A file may be damaged in ten thousand places; its record says so in one warning with a count
//! and the first place. Each kind of warning therefore occurs at most once.

use crate::record::{Warning, WarningKind};

/// The warnings of one file, at most one of a kind.
#[derive(Debug, Default)]
pub(super) struct Findings {
    warnings: Vec<Warning>,
    /// Stretches that could not be decoded, and what was said of the first.
    damaged: u64,
    first_damage: String,
}

impl Findings {
    /// Notes a finding, unless there is one of its kind already: the first place counts.
    pub(super) fn note(
        &mut self,
        kind: WarningKind,
        frame: Option<u64>,
        byte: Option<u64>,
        message: impl Into<String>,
    ) {
        if !self.has(kind) {
            self.warnings.push(Warning { kind, message: message.into(), frame, byte });
        }
    }

    /// Notes what was noticed apart, of a kind that is not counted.
    pub(super) fn append(&mut self, noticed: Self) {
        for Warning { kind, message, frame, byte } in noticed.warnings {
            self.note(kind, frame, byte, message);
        }
    }

    /// Counts a stretch that could not be decoded and was left out.
    pub(super) fn damage(&mut self, frame: u64, byte: Option<u64>, what: &str) {
        self.damaged += 1;
        if self.damaged == 1 {
            what.clone_into(&mut self.first_damage);
            let message = format!("one stretch could not be decoded and was left out: {what}");
            self.note(WarningKind::DecodeErrors, Some(frame), byte, message);
        } else {
            let message = format!(
                "{} stretches could not be decoded and were left out; the first: {}",
                self.damaged, self.first_damage
            );
            if let Some(warning) = self.of_kind_mut(WarningKind::DecodeErrors) {
                warning.message = message;
            }
        }
    }

    /// How many stretches could not be decoded.
    pub(super) const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Whether there is a finding of this kind.
    pub(super) fn has(&self, kind: WarningKind) -> bool {
        self.warnings.iter().any(|warning| warning.kind == kind)
    }

    /// All findings, in the order in which they were first noticed.
    pub(super) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn of_kind_mut(&mut self, kind: WarningKind) -> Option<&mut Warning> {
        self.warnings.iter_mut().find(|warning| warning.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_damaged_places_are_one_warning() {
        let mut findings = Findings::default();
        for frame in 0..10_000 {
            findings.damage(500 + frame, Some(frame), if frame == 0 { "first" } else { "later" });
        }
        let [warning] = findings.warnings() else { panic!("{:?}", findings.warnings()) };
        assert_eq!(warning.kind, WarningKind::DecodeErrors);
        assert_eq!((warning.frame, warning.byte), (Some(500), Some(0)));
        assert!(warning.message.starts_with("10000 stretches"), "{}", warning.message);
        assert!(warning.message.ends_with("first"), "{}", warning.message);
    }

    #[test]
    fn the_first_finding_of_a_kind_stays() {
        let mut findings = Findings::default();
        findings.note(WarningKind::Truncated, Some(1), None, "early");
        findings.note(WarningKind::Truncated, Some(9), None, "late");
        assert_eq!(findings.warnings().len(), 1);
        assert_eq!(findings.warnings()[0].message, "early");
    }
}
