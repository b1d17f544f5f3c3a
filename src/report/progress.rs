//! Progress: one line on a terminal's standard error; nothing anywhere else.
//!
//! ```text
//! ████████░░░░░░░░ 120/412 files · 7:12:40 of audio · 1310 × real time · 0:52 left
//! ```
//!
//! Watches [`Event`]s. The number of files may become known late or never: until then a spinner
//! stands in place of the bar.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text::{clock, speed};
use crate::event::Event;

const SPINNER: &str = "{spinner} {pos} files{msg}";
const BAR: &str = "{bar:24} {pos}/{len} files{msg} · {eta} left";
const REFRESH: Duration = Duration::from_millis(200);

/// The line; clones share it.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
    measured: std::sync::Arc<Mutex<Measured>>,
}

#[derive(Debug)]
struct Measured {
    audio_seconds: f64,
    since: Instant,
}

impl Progress {
    /// A line on standard error if that is a terminal, else none.
    pub fn on_terminal() -> Self {
        if std::io::stderr().is_terminal() {
            let progress = Self::to(ProgressDrawTarget::stderr());
            progress.bar.enable_steady_tick(REFRESH);
            progress
        } else {
            Self::hidden()
        }
    }

    /// No line.
    pub fn hidden() -> Self {
        Self::to(ProgressDrawTarget::hidden())
    }

    fn to(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target).with_style(style(SPINNER));
        let measured = Measured { audio_seconds: 0.0, since: Instant::now() };
        Self { bar, measured: std::sync::Arc::new(Mutex::new(measured)) }
    }

    /// Whether there is a line that someone can see.
    pub fn is_visible(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Takes note of an event.
    pub fn observe(&self, event: &Event) {
        match event {
            Event::Planned { files } => {
                self.bar.set_length(*files);
                self.bar.set_style(style(BAR));
            }
            Event::ChunkMeasured { seconds, .. } => {
                let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
                measured.audio_seconds += seconds;
                let audio = measured.audio_seconds;
                let speed = speed(audio, measured.since.elapsed());
                drop(measured);
                let speed = speed.map_or_else(String::new, |s| format!(" · {s} × real time"));
                self.bar.set_message(format!(" · {} of audio{speed}", clock(audio)));
            }
            Event::JobFinished { .. } => self.bar.inc(1),
            _ => {}
        }
    }

    /// Does `write` with the line out of the way.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the line away for good.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would cost the looks, not the run; a test parses both.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▓░")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_parse() {
        assert!(ProgressStyle::with_template(SPINNER).is_ok());
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }

    #[test]
    fn the_line_tells_files_audio_and_speed() {
        let progress = Progress::hidden();
        progress.observe(&Event::ChunkMeasured { index: 0, frames: 48_000, seconds: 90.5 });
        progress.observe(&Event::ChunkMeasured { index: 0, frames: 48_000, seconds: 9.5 });
        progress.observe(&Event::JobFinished { index: 0, ok: true, audio_seconds: 100.0 });
        let message = progress.bar.message();
        assert!(message.starts_with(" · 1:40.0 of audio · "), "{message}");
        assert!(message.ends_with(" × real time"), "{message}");
        assert_eq!((progress.bar.position(), progress.bar.length()), (1, None));

        progress.observe(&Event::Planned { files: 4 });
        assert_eq!(progress.bar.length(), Some(4));
    }

    #[test]
    fn a_hidden_line_is_not_visible() {
        assert!(!Progress::hidden().is_visible());
    }
}
