//! Text: a block for each file, for a person.
//!
//! ```text
//! album/01.flac
//!   flac, flac · 44100 Hz · 2 channels · s16 · 3:07.4
//!   Peak         -0.32 dBFS
//!   Quietest    -90.31 dBFS
//!   Non-silent  181.27 s
//!
//! 1 file: 1 ok, 0 failed · 3:07.4 of audio in 0.2 s, 937 × real time
//! ```
//!
//! A figure that is −∞ or not defined is shown as `none`; one that deserves a look has a mark,
//! `! above 0`, that says why. The layout may change; programs read the
//! other formats.

mod album;
mod details;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use audiopool_worker::analyze::{ExpectedRange, Metric};

use super::{Paint, Report, escaped};
use crate::record::{Album, FileFormat, Outcome, Record, Summary, Warning, presentable};
use crate::settings::AnalysisSettings;

/// A report for a person.
#[derive(Debug)]
pub struct Text<'a, W> {
    out: W,
    settings: &'a AnalysisSettings,
    paint: Paint,
    begun: Instant,
}

impl<'a, W: Write> Text<'a, W> {
    /// A report that is written to `out`; the clock runs from here.
    pub fn new(out: W, settings: &'a AnalysisSettings, paint: Paint) -> Self {
        Self { out, settings, paint, begun: Instant::now() }
    }

    fn block(&self, record: &Record) -> String {
        let paint = self.paint;
        let mut block = paint.bold(escaped(&record.path.to_string_lossy())) + "\n";
        if let Some(format) = record.format() {
            push_line(&mut block, &paint.dim(format_line(format)));
        }
        if let Outcome::Ok { metrics, details, .. } = &record.outcome {
            push_figures(&mut block, &self.settings.metrics, metrics, paint);
            for (title, places) in details::places(details, &self.settings.metrics) {
                push_line(&mut block, &format!("{title}: {places}"));
            }
            for (title, picture) in details::pictures(details) {
                push_line(&mut block, &format!("{title}: {picture}"));
            }
        }
        for warning in record.warnings() {
            push_line(&mut block, &format!("{} {}", paint.yellow("warning:"), sentence(warning)));
        }
        if let Some(error) = record.error() {
            let what = format!("{} ({})", escaped(&error.message), error.kind);
            push_line(&mut block, &format!("{} {what}", paint.red("failed:")));
            for attempt in &error.attempts {
                let cause = escaped(&attempt.cause);
                push_line(&mut block, &format!("  attempt {}: {cause}", attempt.attempt));
            }
            if let Some(command) = &error.replay {
                push_line(&mut block, &format!("  to see it again: {}", escaped(command)));
            }
        }
        block.push('\n');
        block
    }
}

impl<W: Write> Report for Text<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.out.write_all(self.block(record).as_bytes())?;
        self.out.flush()
    }

    fn albums(&mut self, albums: &[Album]) -> io::Result<()> {
        for album in albums {
            self.out.write_all(album::block(album, self.paint).as_bytes())?;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        writeln!(self.out, "{}", self.paint.bold(closing_line(summary, self.begun.elapsed())))?;
        self.out.flush()
    }
}

fn push_line(block: &mut String, line: &str) {
    block.push_str("  ");
    block.push_str(line);
    block.push('\n');
}

/// Titles to the left, figures to the right of their column, so that points stand below points.
/// Where a group begins, except for the first, its title stands above.
fn push_figures(
    block: &mut String,
    metrics: &[&'static Metric],
    figures: &[(&'static str, Option<f64>)],
    paint: Paint,
) {
    let titles = metrics.iter().map(|metric| metric.title.chars().count()).max().unwrap_or(0);
    let spelled: Vec<_> = metrics
        .iter()
        .map(|metric| {
            let figure = figures.iter().find(|(key, _)| *key == metric.key);
            let figure = presentable(figure.and_then(|(_, figure)| *figure));
            figure.map_or_else(|| "none".to_owned(), |figure| rounded(figure, metric.decimals))
        })
        .collect();
    let behind = |figure: &str| figure.split_once('.').map_or(0, |(_, digits)| digits.len() + 1);
    let most_behind = spelled.iter().map(|figure| behind(figure)).max().unwrap_or(0);
    let fill = |figure: &str| {
        let missing = if figure == "none" { 0 } else { most_behind - behind(figure) };
        format!("{figure}{:missing$}", "")
    };
    let width = spelled.iter().map(|figure| fill(figure).len()).max().unwrap_or(0);
    let mut group = metrics.first().map(|metric| metric.groups[0]);
    for (metric, figure) in metrics.iter().zip(&spelled) {
        if group.replace(metric.groups[0]) != Some(metric.groups[0]) {
            push_line(block, &paint.dim(metric.groups[0].title));
        }
        let unit = if figure == "none" { "" } else { metric.unit };
        let line = format!("{:<titles$}  {:>width$} {unit}", metric.title, fill(figure));
        let value = figures.iter().find(|(key, _)| *key == metric.key);
        let mark = value.and_then(|(_, value)| unusual(metric, (*value)?));
        let mark = mark.map_or_else(String::new, |mark| format!("  {}", paint.yellow(mark)));
        push_line(block, &format!("{}{mark}", line.trim_end()));
    }
}

/// What is unusual about a figure, if it deserves a look: `! above 0`.
fn unusual(metric: &Metric, figure: f64) -> Option<String> {
    let ExpectedRange { least, most } =
        metric.expected_range().filter(|usual| usual.excludes(figure))?;
    Some(match (least, most) {
        (Some(least), Some(most)) => format!("! not within {least} to {most}"),
        (Some(least), None) => format!("! below {least}"),
        (None, Some(most)) => format!("! above {most}"),
        (None, None) => return None,
    })
}

/// To so many decimals, and never `-0`.
fn rounded(figure: f64, decimals: usize) -> String {
    let spelled = format!("{figure:.decimals$}");
    let is_zero = spelled.bytes().all(|byte| b"-0.".contains(&byte));
    if is_zero { spelled.trim_start_matches('-').to_owned() } else { spelled }
}

fn format_line(format: &FileFormat) -> String {
    let plural = if format.channels == 1 { "" } else { "s" };
    let mut line = format!(
        "{}, {} · {} Hz · {} channel{plural} · {}",
        escaped(&format.container),
        escaped(&format.codec),
        format.sample_rate,
        format.channels,
        format.sample_format.name(),
    );
    if let Some(seconds) = format.duration_seconds {
        line.push_str(" · ");
        line.push_str(&clock(seconds));
    }
    line
}

fn sentence(warning: &Warning) -> String {
    let mut text = escaped(&warning.message).into_owned();
    let places = [warning.frame.map(|at| ("frame", at)), warning.byte.map(|at| ("byte", at))];
    let places: Vec<_> =
        places.into_iter().flatten().map(|(what, at)| format!("{what} {at}")).collect();
    if !places.is_empty() {
        let _ = write!(text, " (at {})", places.join(", "));
    }
    text
}

/// `1 file: 1 ok, 0 failed · 3:07.4 of audio in 0.2 s, 937 × real time`
fn closing_line(summary: &Summary, wall: Duration) -> String {
    let Summary { inputs, ok, failed, damaged, audio_seconds, complete, .. } = *summary;
    let plural = if inputs == 1 { "" } else { "s" };
    let mut line = format!("{inputs} file{plural}: {ok} ok, {failed} failed");
    if damaged > 0 {
        let _ = write!(line, ", {damaged} damaged");
    }
    if ok > 0 {
        let _ = write!(line, " · {} of audio", clock(audio_seconds));
    } else {
        line.push_str(" ·");
    }
    let _ = write!(line, " in {:.1} s", wall.as_secs_f64());
    if let Some(speed) = speed(audio_seconds, wall) {
        let _ = write!(line, ", {speed} × real time");
    }
    if !complete {
        line.push_str(" · stopped before the end");
    }
    line
}

/// Audio time over wall time with two to three digits; nothing if there is nothing to divide.
pub(super) fn speed(audio_seconds: f64, wall: Duration) -> Option<String> {
    let speed = audio_seconds / wall.as_secs_f64();
    let digits = usize::from(speed < 10.0);
    (audio_seconds > 0.0 && speed.is_finite()).then(|| format!("{speed:.digits$}"))
}

/// Time of audio, rounded as figures are: `0:03.3`, `3:07.4`, and from an hour on `1:02:04`.
pub(super) fn clock(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let tenths = (duration.as_micros() + 50_000) / 100_000;
    if tenths < 36_000 {
        let (minutes, rest) = (tenths / 600, tenths % 600);
        return format!("{minutes}:{:02}.{}", rest / 10, rest % 10);
    }
    let seconds = (duration.as_millis() + 500) / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_clock() {
        for (seconds, shown) in [
            (0.0, "0:00.0"),
            (3.26, "0:03.3"),
            (59.94, "0:59.9"),
            (59.99, "1:00.0"),
            (187.449, "3:07.4"),
            (3599.96, "1:00:00"),
            (3723.9, "1:02:04"),
            (360_000.0, "100:00:00"),
        ] {
            assert_eq!(clock(seconds), shown);
        }
    }

    #[test]
    fn the_closing_line_says_what_came_of_it() {
        let all = Summary {
            inputs: 1,
            ok: 1,
            failed: 0,
            warned: 0,
            damaged: 0,
            audio_seconds: 187.42,
            complete: true,
        };
        assert_eq!(
            closing_line(&all, Duration::from_millis(200)),
            "1 file: 1 ok, 0 failed · 3:07.4 of audio in 0.2 s, 937 × real time"
        );
        let damaged = Summary { inputs: 3, ok: 3, damaged: 1, ..all };
        assert!(
            closing_line(&damaged, Duration::from_secs(1))
                .starts_with("3 files: 3 ok, 0 failed, 1 damaged · ")
        );
        let none = Summary { inputs: 2, failed: 2, complete: false, ..Summary::default() };
        assert_eq!(
            closing_line(&none, Duration::from_secs(1)),
            "2 files: 0 ok, 2 failed · in 1.0 s · stopped before the end"
        );
        assert_eq!(speed(5.0, Duration::from_secs(2)).as_deref(), Some("2.5"));
        assert_eq!(speed(5.0, Duration::ZERO), None);
    }

    #[test]
    fn no_figure_is_shown_as_negative_zero() {
        assert_eq!(rounded(-0.004, 2), "0.00");
        assert_eq!(rounded(-0.006, 2), "-0.01");
        assert_eq!(rounded(-0.4, 0), "0");
    }
}
