//! Findings: what was noticed in a file that could be decoded.
//!
//! A file may be damaged in ten thousand places; its record says so in one warning with a count
//! and the first place. Each kind of warning therefore occurs at most once. Beside that, every byte
//! of a file is accounted for, by the decoder that sees it: what was left out and where, and what lies
//! behind the audio. What no decoder can tell stays unknown.

use std::ops::Range;

use audiopool_worker::analyze::{Damage, Health};

use crate::record::{Warning, WarningKind};

/// The warnings of one file, at most one of a kind, and the account of its bytes.
#[derive(Debug, Default)]
pub(in crate::decode) struct Findings {
    warnings: Vec<Warning>,
    /// Stretches that could not be decoded, the first of them, and what was said of the first.
    damaged: u64,
    damages: Vec<Damage>,
    first_damage: String,
    /// Bytes of all of them, as far as they are known, and whether they all are.
    discarded: u64,
    is_vague: bool,
    account: Account,
    /// Frames that the file states, where that is known better at the end than at the beginning.
    declared: Option<u64>,
    is_declared: bool,
    extension_matches: Option<bool>,
}

/// What is known of a file's bytes beside those that are damaged.
#[derive(Debug, Default)]
struct Account {
    /// Whether the decoder sees every byte that it leaves out.
    is_complete: bool,
    /// Whether errors can be counted at all is doubted.
    is_blind: bool,
    cut: Option<Damage>,
    trailing: Option<Damage>,
    trailing_bytes: Option<u64>,
}

impl Findings {
    /// Notes a finding, unless there is one of its kind already: the first place counts.
    pub(in crate::decode) fn note(
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
    pub(in crate::decode) fn append(&mut self, noticed: Self) {
        for Warning { kind, message, frame, byte } in noticed.warnings {
            self.note(kind, frame, byte, message);
        }
    }

    /// Counts a stretch that could not be decoded and was left out.
    pub(in crate::decode) fn damage(&mut self, damage: Damage, what: &str) {
        self.damaged += 1;
        self.discarded = self.discarded.saturating_add(damage.bytes.unwrap_or(0));
        self.is_vague |= damage.bytes.is_none();
        if self.damages.len() < Health::MOST {
            self.damages.push(damage);
        }
        if self.damaged == 1 {
            what.clone_into(&mut self.first_damage);
            let message = format!("one stretch could not be decoded and was left out: {what}");
            self.note(WarningKind::DecodeErrors, Some(damage.frame), damage.byte, message);
        }
        self.tell_damages();
    }

    fn tell_damages(&mut self) {
        let (count, first) = (self.damaged, &self.first_damage);
        let message =
            format!("{count} stretches could not be decoded and were left out; the first: {first}");
        if let Some(warning) = self.of_kind_mut(WarningKind::DecodeErrors).filter(|_| count > 1) {
            warning.message = message;
        }
    }

    /// The decoder sees every byte that it leaves out.
    pub(in crate::decode) fn account_for_all_bytes(&mut self) {
        self.account.is_complete = true;
    }

    /// The decoder does not say where it fails and how often.
    pub(in crate::decode) fn leave_errors_uncounted(&mut self) {
        self.account.is_blind = true;
    }

    /// The file ends within a frame, which has this many bytes; 0 if the last frame is complete.
    pub(in crate::decode) fn cut(&mut self, frame: u64, byte: u64, bytes: u64) {
        let cut = Damage { frame, byte: Some(byte), bytes: Some(bytes) };
        self.account.cut = Some(cut).filter(|_| bytes > 0);
    }

    /// So many bytes behind the audio, from there on, are no part of it; perhaps none.
    pub(in crate::decode) fn trail(&mut self, byte: u64, bytes: u64) {
        self.account.trailing_bytes = Some(bytes);
        if bytes > 0 {
            self.account.trailing = Some(Damage { frame: 0, byte: Some(byte), bytes: Some(bytes) });
            let message = format!("{bytes} bytes behind the audio are no part of it");
            self.note(WarningKind::TrailingData, None, Some(byte), message);
        }
    }

    /// What is left behind the last whole frame: one that is cut short, which is no foreign data, or
    /// what is no part of the audio. Perhaps nothing.
    pub(in crate::decode) fn rest(&mut self, frame: u64, rest: Range<u64>, is_cut: bool) {
        let bytes = rest.end - rest.start;
        if is_cut {
            self.cut(frame, rest.start, bytes);
            self.trail(rest.end, 0);
        } else {
            self.trail(rest.start, bytes);
        }
    }

    /// Frames that the file states, as it turned out.
    pub(in crate::decode) fn declare(&mut self, frames: Option<u64>) {
        (self.declared, self.is_declared) = (frames, true);
    }

    /// The same, or what it seemed to state when it was opened.
    pub(in crate::decode) fn declared_or(&self, opened: Option<u64>) -> Option<u64> {
        if self.is_declared { self.declared } else { opened }
    }

    /// The name ends as names of such files do, or does not.
    pub(in crate::decode) fn compare_extension(&mut self, matches: bool) {
        self.extension_matches = Some(matches);
    }

    /// What is known of the health of a file of so many bytes that has come to so many frames.
    pub(in crate::decode) fn health(&self, file_bytes: u64, frames: u64) -> Health {
        let account = &self.account;
        // Of what lies behind a change of format, nothing is known.
        let is_whole = !self.has(WarningKind::FormatChange);
        let is_counted = is_whole && account.is_complete && !self.is_vague;
        let cut_bytes = account.cut.and_then(|cut| cut.bytes).unwrap_or(0);
        let mut damages = self.damages.clone();
        damages.sort_by_key(|damage| (damage.frame, damage.byte));
        Health {
            decode_errors: (!account.is_blind).then_some(self.damaged),
            damages,
            file_bytes: Some(file_bytes),
            bytes_discarded: is_counted.then(|| self.discarded.saturating_add(cut_bytes)),
            cut: account.cut.filter(|_| is_whole),
            trailing_bytes: account.trailing_bytes.filter(|_| is_whole),
            trailing: account
                .trailing
                .filter(|_| is_whole)
                .map(|trailing| Damage { frame: frames, ..trailing }),
            extension_matches: self.extension_matches,
            ..Health::default()
        }
    }

    /// Whether there is a finding of this kind.
    pub(in crate::decode) fn has(&self, kind: WarningKind) -> bool {
        self.warnings.iter().any(|warning| warning.kind == kind)
    }

    /// All findings, in the order in which they were first noticed.
    pub(in crate::decode) fn warnings(&self) -> &[Warning] {
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
    fn ten_thousand_damaged_places_are_one_warning_and_a_thousand_are_kept() {
        let mut findings = Findings::default();
        for frame in 0..10_000 {
            let damage = Damage { frame: 500 + frame, byte: Some(frame), bytes: Some(3) };
            findings.damage(damage, if frame == 0 { "first" } else { "later" });
        }
        let [warning] = findings.warnings() else { panic!("{:?}", findings.warnings()) };
        assert_eq!(warning.kind, WarningKind::DecodeErrors);
        assert_eq!((warning.frame, warning.byte), (Some(500), Some(0)));
        assert!(warning.message.starts_with("10000 stretches"), "{}", warning.message);
        assert!(warning.message.ends_with("first"), "{}", warning.message);
        findings.account_for_all_bytes();
        let health = findings.health(1 << 20, 20_000);
        assert_eq!((health.decode_errors, health.bytes_discarded), (Some(10_000), Some(30_000)));
        assert_eq!(health.damages.len(), Health::MOST);
    }

    #[test]
    fn the_first_finding_of_a_kind_stays() {
        let mut findings = Findings::default();
        findings.note(WarningKind::Truncated, Some(1), None, "early");
        findings.note(WarningKind::Truncated, Some(9), None, "late");
        assert_eq!(findings.warnings().len(), 1);
        assert_eq!(findings.warnings()[0].message, "early");
    }

    #[test]
    fn what_no_decoder_can_tell_is_not_zero() {
        let mut findings = Findings::default();
        let told = |findings: &Findings| {
            let health = findings.health(100, 9);
            (health.decode_errors, health.bytes_discarded, health.trailing_bytes)
        };
        assert_eq!(told(&findings), (Some(0), None, None));
        findings.account_for_all_bytes();
        findings.trail(90, 10);
        findings.cut(9, 80, 5);
        assert_eq!(told(&findings), (Some(0), Some(5), Some(10)));
        let trailing = findings.health(100, 9).trailing;
        assert_eq!(trailing, Some(Damage { frame: 9, byte: Some(90), bytes: Some(10) }));
        // One stretch of unknown length is enough for the sum to be unknown.
        findings.damage(Damage { frame: 3, byte: None, bytes: None }, "lost");
        assert_eq!(told(&findings), (Some(1), None, Some(10)));
        findings.note(WarningKind::FormatChange, Some(4), None, "changed");
        assert_eq!(told(&findings), (Some(1), None, None));
        findings.leave_errors_uncounted();
        assert_eq!(told(&findings), (None, None, None));
    }
}
