//! Progress: one line on a terminal's standard error; nothing anywhere else.
//!
//! ```text
//! ████████░░░░░░░░ 120/412 files · 7:12:40.3 of audio · 1310 × real time · 0:52 left
//! ```
//!
//! Watches [`Event`]s. The bar counts files, and of a file in work the part that is measured, as far
//! as the file states its length: so one long file has a bar, too. The number of files may become
//! known late or never: until then a spinner stands in place of the bar. The line is cut at the width
//! of the terminal.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text::{clock, speed};
use crate::event::Event;

const SPINNER: &str = "{spinner} {wide_msg}";
const BAR: &str = "{bar:24} {wide_msg}";
/// Steps of the bar.
const STEPS: f64 = 1000.0;
const REFRESH: Duration = Duration::from_millis(200);
/// Time after which the time that is left is guessed.
const SETTLED: Duration = Duration::from_secs(2);

/// The line; clones share it.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
    work: Arc<Mutex<Work>>,
}

/// What is known of the run.
#[derive(Debug)]
struct Work {
    since: Instant,
    /// Audio measured so far, in seconds.
    audio_seconds: f64,
    /// Files of the run, when that is known.
    files: Option<u64>,
    finished: u64,
    /// The files in work by their index.
    open: HashMap<u64, OpenFile>,
}

/// Seconds of audio of a file in work.
#[derive(Debug, Default)]
struct OpenFile {
    stated: Option<f64>,
    measured: f64,
}

impl Work {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Planned { files } => self.files = Some(*files),
            Event::JobOpened { index, format, declared_frames } => {
                #[expect(clippy::cast_precision_loss, reason = "a bar of a thousand steps")]
                let stated = declared_frames.map(|frames| frames as f64);
                let rate = f64::from(format.pcm.sample_rate.max(1));
                self.open.entry(*index).or_default().stated = stated.map(|frames| frames / rate);
            }
            Event::ChunkMeasured { index, seconds, .. } => {
                self.audio_seconds += seconds;
                self.open.entry(*index).or_default().measured += seconds;
            }
            Event::JobFinished { index, .. } => {
                self.finished += 1;
                self.open.remove(index);
            }
            _ => {}
        }
    }

    /// The part of the run that is done, from 0 to 1, if the number of files is known.
    fn done(&self) -> Option<f64> {
        let part = |file: &OpenFile| match file.stated {
            Some(stated) if stated > 0.0 => (file.measured / stated).min(1.0),
            _ => 0.0,
        };
        #[expect(clippy::cast_precision_loss, reason = "a bar of a thousand steps")]
        let (finished, files) = (self.finished as f64, self.files?.max(1) as f64);
        Some(((finished + self.open.values().map(part).sum::<f64>()) / files).min(1.0))
    }

    /// What stands behind the bar after so much time.
    fn message(&self, elapsed: Duration) -> String {
        let mut message = match self.files {
            Some(files) => format!("{}/{files} files", self.finished),
            None if self.finished == 1 => "1 file".to_owned(),
            None => format!("{} files", self.finished),
        };
        if self.audio_seconds > 0.0 {
            let _ = write!(message, " · {} of audio", clock(self.audio_seconds));
            if let Some(speed) = speed(self.audio_seconds, elapsed) {
                let _ = write!(message, " · {speed} × real time");
            }
        }
        if let Some(done) = self.done().filter(|done| *done > 0.0 && elapsed >= SETTLED) {
            let left = elapsed.mul_f64((1.0 - done) / done).max(Duration::from_secs(1));
            let seconds = left.as_secs_f64().ceil();
            let _ = write!(message, " · {} left", whole_clock(seconds));
        }
        message
    }
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
        let work = Work {
            since: Instant::now(),
            audio_seconds: 0.0,
            files: None,
            finished: 0,
            open: HashMap::new(),
        };
        Self { bar, work: Arc::new(Mutex::new(work)) }
    }

    /// Whether there is a line that someone can see.
    pub fn is_visible(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Takes note of an event.
    pub fn observe(&self, event: &Event) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        work.observe(event);
        let (message, done) = (work.message(work.since.elapsed()), work.done());
        drop(work);
        if let Event::Planned { .. } = event {
            self.bar.set_style(style(BAR));
        }
        if let Some(done) = done {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to a thousand"
            )]
            let (length, position) = (STEPS as u64, (done * STEPS) as u64);
            self.bar.set_length(length);
            self.bar.set_position(position);
        }
        self.bar.set_message(message);
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

/// Time in whole seconds: `0:52`, `1:02:03`.
fn whole_clock(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
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
    use audiopool_worker::pcm::{PcmFormat, SampleFormat};

    use super::*;
    use crate::event::{DecodedBy, SourceFormat};

    #[test]
    fn both_templates_parse() {
        assert!(ProgressStyle::with_template(SPINNER).is_ok());
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }

    fn measured(index: u64, seconds: f64) -> Event {
        Event::ChunkMeasured { index, frames: 48_000, seconds }
    }

    #[test]
    fn the_line_tells_files_audio_and_speed() {
        let progress = Progress::hidden();
        progress.observe(&measured(0, 90.5));
        progress.observe(&measured(0, 9.5));
        progress.observe(&Event::JobFinished { index: 0, ok: true, audio_seconds: 100.0 });
        let message = progress.bar.message();
        assert!(message.starts_with("1 file · 1:40.0 of audio · "), "{message}");
        assert!(message.ends_with(" × real time"), "{message}");
        assert_eq!(progress.bar.length(), None);

        progress.observe(&Event::Planned { files: 4 });
        assert_eq!((progress.bar.position(), progress.bar.length()), (250, Some(1000)));
        assert!(progress.bar.message().starts_with("1/4 files · "));
    }

    #[test]
    fn the_bar_of_one_long_file_counts_its_audio() {
        let progress = Progress::hidden();
        let format = SourceFormat {
            container: "wav".to_owned(),
            codec: "pcm_s16le".to_owned(),
            decoder: DecodedBy::BuiltIn,
            pcm: PcmFormat::new(SampleFormat::S16, 48_000, 2),
            declared_frames: Some(48_000 * 200),
        };
        let declared_frames = format.declared_frames;
        progress.observe(&Event::Planned { files: 1 });
        progress.observe(&Event::JobOpened { index: 0, format, declared_frames });
        progress.observe(&measured(0, 50.0));
        assert_eq!(progress.bar.position(), 250);
        let work = progress.work.lock().unwrap();
        assert!(work.message(Duration::from_secs(1)).ends_with(" × real time"), "too early");
        assert!(work.message(Duration::from_secs(20)).ends_with(" · 1:00 left"));
    }

    #[test]
    fn what_is_left_is_never_nothing() {
        let progress = Progress::hidden();
        progress.observe(&Event::Planned { files: 1 });
        let mut work = progress.work.lock().unwrap();
        assert_eq!(work.message(Duration::from_secs(9)), "0/1 files", "nothing is known yet");
        work.finished = 1;
        assert!(work.message(Duration::from_secs(9)).ends_with(" · 0:01 left"));
        assert_eq!(whole_clock(3723.0), "1:02:03");
    }

    #[test]
    fn a_hidden_line_is_not_visible() {
        assert!(!Progress::hidden().is_visible());
    }
}
