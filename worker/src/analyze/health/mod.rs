//! Health: whether a file is what it says it is. The decoder reports it: no analyzer sees it in
//! the samples, and no cut changes it.
//!
//! ```text
//! file_bytes      │ header │ audio │ ▒▒▒▒ │ audio │ tag │ ???? │
//! bytes_used      │████████│███████│      │███████│█████│      │
//! bytes_discarded │        │       │██████│       │     │      │  decode errors, and a cut last frame
//! trailing_bytes  │        │       │      │       │     │██████│
//! ```

mod metrics;

use serde::{Deserialize, Serialize};

use crate::analyze::{Details, Finding, Region};

pub(super) use metrics::METRICS;

/// What the decoding of a file says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Frames that the file says it has, if it says.
    pub declared_frames: Option<u64>,
    /// Stretches that could not be decoded and were left out, if they can be counted.
    pub decode_errors: Option<u64>,
    /// The first of them, at most [`Health::MOST`].
    pub damages: Vec<Damage>,
    /// Whether the audio has the checksum that the file holds, if it holds one.
    pub checksum_matches: Option<bool>,
    /// Bytes of the file.
    pub file_bytes: Option<u64>,
    /// Bytes of audio of which none could be made, if they can be counted.
    pub bytes_discarded: Option<u64>,
    /// A last frame that is cut short; its bytes are among those.
    pub cut: Option<Damage>,
    /// Bytes behind the audio that are neither audio nor a tag, if that can be told.
    pub trailing_bytes: Option<u64>,
    /// Where those are, if there are any.
    pub trailing: Option<Damage>,
    /// Whether its name ends as names of such files do, if it ends as those of any.
    pub extension_matches: Option<bool>,
}

/// A stretch of a file of which no audio came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The frame before which it was left out.
    pub frame: u64,
    /// Where it begins in the file, if that is known.
    pub byte: Option<u64>,
    /// How long it is, if that is known.
    pub bytes: Option<u64>,
}

impl Health {
    /// So many damages are kept; all are counted.
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

    /// Where it is not well.
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
    fn what_is_used_is_what_is_left() {
        let health = Health {
            file_bytes: Some(1000),
            bytes_discarded: Some(100),
            trailing_bytes: Some(7),
            ..Health::default()
        };
        let used = |health: &Health| health.figures().nth(4).flatten();
        assert_eq!(used(&health), Some(893.0));
        // What cannot be told is not nothing.
        assert_eq!(used(&Health { trailing_bytes: None, ..health.clone() }), None);
        assert_eq!(used(&Health { bytes_discarded: None, ..health }), None);
        assert_eq!(Health::default().figures().flatten().count(), 0);
        assert_eq!(Health::default().figures().count(), METRICS.len());
    }

    #[test]
    fn every_place_is_told_with_its_byte() {
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
