//! Metric group `health`: whether a file is intact. The decoder provides the data, not an analyzer.
//!
//! ```text
//! file_bytes      │ header │ audio │ ▒▒▒▒ │ audio │ tag │ ???? │
//! bytes_used      │████████│███████│      │███████│█████│      │
//! bytes_discarded │        │       │██████│       │     │      │  decode errors and a truncated last frame
//! trailing_bytes  │        │       │      │       │     │██████│
//! ```

mod catalogue;

use serde::{Deserialize, Serialize};

use crate::analyze::{Details, Finding, Region};

pub(super) use catalogue::METRICS;

/// What the decoder reports of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Number of frames that the file declares, if it does.
    pub declared_frames: Option<u64>,
    /// Number of sections that could not be decoded and were skipped, if they can be counted.
    pub decode_errors: Option<u64>,
    /// The first of these sections, at most [`Health::MOST`].
    pub damages: Vec<Damage>,
    /// Whether the audio matches the checksum in the file, if there is one.
    pub checksum_matches: Option<bool>,
    /// Size of the file.
    pub file_bytes: Option<u64>,
    /// Bytes that could not be decoded, if they can be counted.
    pub bytes_discarded: Option<u64>,
    /// A truncated last frame, whose bytes are included in `bytes_discarded`.
    pub cut: Option<Damage>,
    /// Bytes after the audio that are neither audio nor a tag, if that is known.
    pub trailing_bytes: Option<u64>,
    /// Location of these bytes, if there are any.
    pub trailing: Option<Damage>,
    /// Whether the file name extension fits the format; `None` if it is not that of an audio
    /// format.
    pub extension_matches: Option<bool>,
}

/// A section of a file that was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The frame before which it was skipped.
    pub frame: u64,
    /// Its position in the file, if known.
    pub byte: Option<u64>,
    /// Its length in bytes, if known.
    pub bytes: Option<u64>,
}

impl Health {
    /// Number of sections that are kept; all are counted.
    pub const MOST: usize = 1000;

    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53, petabytes and millennia")]
    pub(super) fn figures(&self) -> impl Iterator<Item = Option<f64>> {
        let of_count = |count: Option<u64>| count.map(|count| count as f64);
        let of_answer = |answer: Option<bool>| answer.map(|answer| f64::from(u8::from(answer)));
        let used = || {
            let used = self.file_bytes?.checked_sub(self.bytes_discarded?)?;
            used.checked_sub(self.trailing_bytes?)
        };
        [
            of_count(self.declared_frames),
            of_count(self.decode_errors),
            of_answer(self.checksum_matches),
            of_count(self.file_bytes),
            of_count(used()),
            of_count(self.bytes_discarded),
            of_count(self.trailing_bytes),
            of_answer(self.extension_matches),
        ]
        .into_iter()
    }

    /// The findings.
    pub(super) fn details(&self, sample_rate: u32) -> Details {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bytes")]
        let finding = |kind, damage: &Damage| Finding {
            kind,
            channel: None,
            region: Region::of_frames(&(damage.frame..damage.frame), sample_rate),
            value: damage.bytes.map(|bytes| bytes as f64),
            threshold: None,
            byte: damage.byte,
        };
        let of = |kind| move |damage| finding(kind, damage);
        let findings = self.damages.iter().map(of("decode_errors"));
        let findings = findings.chain(self.cut.iter().map(of("bytes_discarded")));
        let findings = findings.chain(self.trailing.iter().map(of("trailing_bytes"))).collect();
        Details { findings, ..Details::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_used_is_the_remainder() {
        let health = Health {
            file_bytes: Some(1000),
            bytes_discarded: Some(100),
            trailing_bytes: Some(7),
            ..Health::default()
        };
        let used = |health: &Health| health.figures().nth(4).flatten();
        assert_eq!(used(&health), Some(893.0));
        // An unknown value is not zero.
        assert_eq!(used(&Health { trailing_bytes: None, ..health.clone() }), None);
        assert_eq!(used(&Health { bytes_discarded: None, ..health }), None);
        assert_eq!(Health::default().figures().flatten().count(), 0);
        assert_eq!(Health::default().figures().count(), METRICS.len());
    }

    #[test]
    fn findings_contain_byte_positions() {
        let damage = |frame, byte| Damage { frame, byte, bytes: Some(5) };
        let health = Health {
            damages: vec![damage(8000, Some(77)), damage(16_000, None)],
            cut: Some(damage(24_000, Some(300))),
            trailing: Some(damage(24_000, Some(305))),
            ..Health::default()
        };
        let told: Vec<_> = health
            .details(8000)
            .findings
            .into_iter()
            .map(|found| (found.kind, format!("{}", found.region.start_seconds), found.byte))
            .collect();
        let at = |kind, seconds: &str, byte| (kind, seconds.to_owned(), byte);
        let expected = [
            at("decode_errors", "1", Some(77)),
            at("decode_errors", "2", None),
            at("bytes_discarded", "3", Some(300)),
            at("trailing_bytes", "3", Some(305)),
        ];
        assert_eq!(told, expected);
    }
}
