//! Details in text: where something is, below the figures.
//!
//! ```text
//!   Silences: 0:00.00–0:00.31, 0:12.40–0:13.02, and 4 more
//! ```
//!
//! Timelines are drawn in one line each:
//!
//! ```text
//!   Momentary: ▁▁▃▆▇▇█▇▅▁ -55.3 to -15.3 LUFS
//! ```
//!
//! A person wants the first few; the JSON formats hold them all.

use audiopool_worker::analyze::{Details, Finding, Metric, Region};

/// So many places of a kind are shown.
const SHOWN: usize = 5;

/// So many characters has a timeline.
const COLUMNS: usize = 60;

/// What is so much quieter than the loudest, in dB, is at the bottom of a timeline.
const REACH: f64 = 40.0;

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

/// A title and a picture for each timeline: its largest figure in each of some stretches of the
/// file, and how far the picture reaches.
pub(super) fn pictures(details: &Details) -> impl Iterator<Item = (&'static str, String)> {
    details.timelines.iter().filter_map(|(key, timeline)| {
        let title = if *key == "momentary_lufs" { "Momentary" } else { "Short-term" };
        Some((title, picture(&timeline.values().collect::<Vec<_>>())?))
    })
}

fn picture(values: &[Option<f64>]) -> Option<String> {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let columns = values.len().min(COLUMNS);
    let loudest = |values: &[Option<f64>]| values.iter().copied().flatten().max_by(f64::total_cmp);
    let top = loudest(values)?;
    let mut line = String::new();
    for column in 0..columns {
        let at = |column: usize| column * values.len() / columns;
        line.push(loudest(&values[at(column)..at(column + 1)]).map_or(' ', |value| {
            let below = ((top - value) / REACH * 8.0).floor();
            let level = (0..8_u8).rev().find(|level| f64::from(7 - level) >= below).unwrap_or(0);
            LEVELS[usize::from(level)]
        }));
    }
    Some(format!("{line} {:.1} to {top:.1} LUFS", top - REACH))
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
    match (finding.channel, finding.byte) {
        (Some(channel), _) => format!("{at} (channel {channel})"),
        (None, Some(byte)) => format!("{at} (byte {byte})"),
        (None, None) => at,
    }
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
    fn a_timeline_is_drawn_in_one_line() {
        let drawn = |values: &[f64]| picture(&values.iter().copied().map(Some).collect::<Vec<_>>());
        let steps = [-60.0, -52.5, -50.0, -40.1, -30.0, -25.0, -20.0, -15.1, -12.0, -10.0];
        assert_eq!(drawn(&steps).as_deref(), Some("▁▁▁▂▄▅▆▇██ -50.0 to -10.0 LUFS"));
        // More than fit are drawn by the loudest of each stretch.
        let many: Vec<_> = (0..6000).map(|n| if n == 3000 { -10.0 } else { -80.0 }).collect();
        let line = drawn(&many).unwrap();
        assert_eq!(line.split(' ').next().unwrap().chars().count(), COLUMNS);
        assert_eq!(line.chars().position(|drawn| drawn == '█'), Some(COLUMNS / 2));
        assert_eq!(picture(&[None, Some(-3.0)]).as_deref(), Some(" █ -43.0 to -3.0 LUFS"));
        assert_eq!(picture(&[None]), None);
        assert_eq!(picture(&[]), None);
    }

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
                byte: None,
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
