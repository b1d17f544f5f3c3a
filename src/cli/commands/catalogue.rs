//! Catalogues: what can be decoded and what can be computed.

use std::io::{self, Write};

use audiopool::decode::{self, FormatRow};
use audiopool::report::write_json;
use audiopool::settings::{GROUPS, catalogue};
use audiopool_worker::analyze::{ExpectedRange, Metric};
use serde::Serialize;

use crate::cli::options::analysis::{Metrics, catalogued, explain_help};
use crate::cli::options::list::ListFormat;

/// The arguments of `audiopool explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    #[arg(value_name = "KEY", value_parser = catalogued, help = explain_help())]
    pub(crate) metrics: Metrics,
}

/// A format, for a program.
#[derive(Serialize)]
struct FormatEntry {
    name: &'static str,
    extensions: &'static [&'static str],
    codecs: &'static str,
    decoding: &'static str,
}

/// A metric, for a program.
#[derive(Serialize)]
struct MetricEntry {
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    groups: Vec<&'static str>,
    definition: &'static str,
    source: &'static str,
    range: &'static str,
    reading: &'static str,
}

/// Lists the formats that can be decoded.
pub(crate) fn formats(format: ListFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ListFormat::Json => {
            let entry = |row: &FormatRow| FormatEntry {
                name: row.name,
                extensions: row.extensions,
                codecs: row.codecs,
                decoding: row.decoding.name(),
            };
            write_json(&decode::formats().iter().map(entry).collect::<Vec<_>>(), out)
        }
        ListFormat::Text => {
            let rows = decode::formats();
            let names = width(rows.iter().map(|row| row.name));
            let extensions: Vec<_> = rows.iter().map(|row| row.extensions.join(" ")).collect();
            let middle = width(extensions.iter().map(String::as_str));
            let hows = width(rows.iter().map(|row| row.decoding.name()));
            let (how, codecs) = ("decoded", "codecs");
            writeln!(out, "{:names$}  {:middle$}  {how:hows$}  {codecs}", "format", "extensions")?;
            for (row, extensions) in rows.iter().zip(&extensions) {
                let (name, how, codecs) = (row.name, row.decoding.name(), row.codecs);
                writeln!(out, "{name:names$}  {extensions:middle$}  {how:hows$}  {codecs}")?;
            }
            Ok(())
        }
    }
}

/// Lists the metrics that can be computed.
pub(crate) fn metrics(format: ListFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ListFormat::Json => {
            let entry = |metric: &Metric| {
                let &Metric {
                    key, title, unit, groups, definition, source, range, reading, ..
                } = metric;
                let groups = groups.iter().map(|group| group.name).collect();
                MetricEntry { key, title, unit, groups, definition, source, range, reading }
            };
            write_json(&catalogue().map(entry).collect::<Vec<_>>(), out)
        }
        ListFormat::Text => {
            for (place, group) in GROUPS.iter().enumerate() {
                let gap = if place == 0 { "" } else { "\n" };
                writeln!(out, "{gap}{}: {}", group.name, group.title)?;
                for line in wrapped(group.about, 78) {
                    writeln!(out, "  {line}")?;
                }
                for metric in catalogue().filter(|metric| metric.groups[0] == *group) {
                    writeln!(out, "\n{}", heading(metric))?;
                    for line in wrapped(metric.definition, 78) {
                        writeln!(out, "  {line}")?;
                    }
                }
            }
            Ok(())
        }
    }
}

/// Tells everything that is known of some metrics.
pub(crate) fn explain(metrics: &[&'static Metric], out: &mut dyn Write) -> io::Result<()> {
    for (place, metric) in metrics.iter().enumerate() {
        let gap = if place == 0 { "" } else { "\n" };
        writeln!(out, "{gap}{}", heading(metric))?;
        let groups: Vec<_> = metric.groups.iter().map(|group| group.name).collect();
        let told = [
            ("what it is", metric.definition),
            ("source", metric.source),
            ("range", metric.range),
            ("reading it", metric.reading),
            ("marked", &marked(metric)),
            ("asked for by", &format!("--metrics {}, or {}", metric.key, groups.join(", "))),
        ];
        for (what, text) in told.into_iter().filter(|(_, text)| !text.is_empty()) {
            for (place, line) in wrapped(text, 64).iter().enumerate() {
                let what = if place == 0 { what } else { "" };
                writeln!(out, "  {what:<12}  {line}")?;
            }
        }
    }
    Ok(())
}

/// Which figures reports mark; nothing if none are.
fn marked(metric: &Metric) -> String {
    let Some(ExpectedRange { least, most }) = metric.expected_range() else { return String::new() };
    let bounds =
        [least.map(|least| format!("below {least}")), most.map(|most| format!("above {most}"))];
    bounds.into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

/// `max_dbfs (Peak, dBFS)`; without a unit where there is none.
fn heading(metric: &Metric) -> String {
    let Metric { key, title, unit, .. } = metric;
    if unit.is_empty() { format!("{key} ({title})") } else { format!("{key} ({title}, {unit})") }
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

/// Breaks a paragraph between words into lines of at most `width` characters.
fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensibilities x", 5), ["incomprehensibilities", "x"]);
    }
}
