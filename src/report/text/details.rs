//! Details in text: where something is, below the figures.
//!
//! ```text
//!   Silences: 0:00.00–0:00.31, 0:12.40–0:13.02, and 4 more
//! ```
//!
//! A person wants the first few; the JSON formats hold them all.

use audiopool_worker::analyze::{Details, Finding, Metric, Region};

/// So many places of a kind are shown.
const SHOWN: usize = 5;

/// A title and what belongs to it, for each kind of region and finding that has any.
pub(super) fn places(
    details: &Details,
    metrics: &[&'static Metric],
) -> Vec<(&'static str, String)> {
    let title =
        |key: &str| metrics.iter().find(|metric| metric.key == key).map(|found| found.title);
    let regions = details.regions.iter().filter_map(|(key, regions)| {
        let shown: Vec<_> = regions.iter().take(SHOWN).map(span).collect();
        Some((title(key)?, listed(&shown, regions.len())?))
    });
    let of_kind = |metric: &&'static Metric| {
        let of: Vec<_> =
            details.findings.iter().filter(|finding| finding.kind == metric.key).collect();
        let shown: Vec<_> = of.iter().take(SHOWN).map(|finding| place(finding)).collect();
        Some((metric.title, listed(&shown, of.len())?))
    };
    regions.chain(metrics.iter().filter_map(of_kind)).collect()
}

/// With commas, and how many more there are; nothing of nothing.
fn listed(shown: &[String], all: usize) -> Option<String> {
    let text = shown.join(", ");
    match all - shown.len() {
        _ if shown.is_empty() => None,
        0 => Some(text),
        more => Some(format!("{text}, and {more} more")),
    }
}

fn span(region: &Region) -> String {
    format!("{}–{}", clock(region.start_seconds), clock(region.end_seconds))
}

fn place(finding: &Finding) -> String {
    let at = clock(finding.region.start_seconds);
    finding.channel.map_or_else(|| at.clone(), |channel| format!("{at} (channel {channel})"))
}

/// `1:02:03.45`, or without hours.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time of a file, in hundredths"
)]
fn clock(seconds: f64) -> String {
    let hundredths = (seconds * 100.0).round() as u64;
    let (minutes, rest) = (hundredths / 6000, hundredths % 6000);
    let (whole, part) = (rest / 100, rest % 100);
    match minutes / 60 {
        0 => format!("{minutes}:{whole:02}.{part:02}"),
        hours => format!("{hours}:{:02}:{whole:02}.{part:02}", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse_metrics;

    #[test]
    fn the_first_few_places_are_shown_and_the_others_counted() {
        let metrics = parse_metrics("silence_runs,clipping_runs").unwrap();
        let region = |second: u32| Region {
            start_seconds: second.into(),
            end_seconds: f64::from(second) + 0.456,
        };
        let details = Details {
            regions: vec![
                ("silence_runs", (3596..3603).map(region).collect()),
                ("non_silence_regions", vec![region(1)]),
            ],
            findings: vec![Finding {
                kind: "clipping_runs",
                channel: Some(2),
                region: region(61),
                value: None,
                threshold: None,
            }],
            ..Details::default()
        };
        let expected = [
            (
                "Silences",
                "59:56.00–59:56.46, 59:57.00–59:57.46, 59:58.00–59:58.46, 59:59.00–59:59.46, \
                 1:00:00.00–1:00:00.46, and 2 more",
            ),
            ("Clipping runs", "1:01.00 (channel 2)"),
        ];
        let found = places(&details, &metrics);
        let found: Vec<_> = found.iter().map(|(title, text)| (*title, text.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!(places(&Details::default(), &metrics), []);
    }
}
