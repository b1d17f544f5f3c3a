//! Hum: the frequency of the mains and its harmonics, above what is beside them.
//!
//! ```text
//!            │                  in each second, the level of a line against the mean level 4 and
//!     ▁▂▁ ▁  │  ▂▁ ▁▂           6 Hz to both sides; hum is there nearly always, and so the quarter
//!     44 46 50 54 56 Hz         of the seconds in which it shows least is what counts
//! ```
//!
//! A note may be held at a multiple of 50 Hz, too, and is no hum: there has to be the frequency of
//! the mains itself, or two of its multiples, and none of them may come and go.
//!
//! A line is Σ x·c, with c a sine under Hann's window, piecewise linear and made of whole numbers:
//! so the sums are exact, and those of two parts of a second add up to that of the whole. All
//! integers wrap where they would overflow, which no sample can bring about.

mod probes;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::cells::{self, Cell, Row};
use crate::analyze::accumulate::counts::Counts;
use crate::analyze::accumulate::grid::Grid;
use crate::analyze::accumulate::per_channel::{self, Apart};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, Metric, Region, Stretch, group,
};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};
use probes::{LINES, PROBES, Probes};

/// Hum from this on is a finding, in dB.
const LEAST_DB: f64 = 12.0;
/// A line may be louder by so much in half of the seconds than in the quietest quarter, in dB.
const STEADY_DB: f64 = 6.0;
/// Seconds that there must be at least.
const FEWEST: u64 = 3;
/// Bins for each decibel.
const BINS_PER_DB: f64 = 2.0;
/// The last bin of what is above its neighbours, and of what is below full scale.
const MOST: u16 = 199;
const QUIETEST: u16 = 399;

/// Looks for hum; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hum {}

/// The seconds of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel(Row<Sums>);

/// Of each probe, the sum with the cosine and with the sine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sums(Vec<[i64; 2]>);

/// What the seconds of a channel were like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seconds {
    /// Those in which there is something at these frequencies.
    heard: u64,
    /// The others.
    silent: u64,
    /// Of those that are heard, line by line; none if there is none.
    lines: Vec<Line>,
}

/// How many seconds have how much of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// In bins above its neighbours.
    above: Counts,
    /// In bins below full scale.
    below: Counts,
}

/// Hum in one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// How far the line of the mains, or two of its multiples, are above their neighbours.
    pub above_db: f64,
    /// The RMS of its strongest line.
    pub level_dbfs: f64,
    /// 50 or 60: of what it is a multiple.
    pub mains_hz: f64,
}

/// Hum, channel by channel, and where the audio is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hums {
    of_each: Vec<Option<Found>>,
    all: Option<Region>,
}

impl From<&AnalysisSettings> for Hum {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Hum {
    type Partial = Apart<Channel>;
    type Feature = Hums;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Apart<Channel> {
        Apart::of(chunk)
    }

    fn merge(&self, first: Apart<Channel>, next: Apart<Channel>) -> Apart<Channel> {
        first.join(next)
    }

    fn finish(&self, whole: Apart<Channel>, format: PcmFormat) -> Hums {
        let Some(piece) = whole.0 else { return Hums::default() };
        Hums {
            of_each: piece.channels.iter().map(|channel| channel.0.settled.hum()).collect(),
            all: Some(Region::of_frames(&piece.stretch.frames, format.sample_rate)),
        }
    }

    fn figures(hums: &Hums) -> impl Iterator<Item = Option<f64>> {
        let known = hums.of_each.iter().flatten();
        let most = known.max_by(|one, other| one.above_db.total_cmp(&other.above_db));
        let found = most.filter(|found| found.above_db >= LEAST_DB);
        [
            most.map(|found| found.above_db),
            found.map(|found| found.level_dbfs),
            found.map(|found| found.mains_hz),
        ]
        .into_iter()
    }

    fn details(hums: &Hums) -> Details {
        let above = |found: &Option<Found>| found.map(|found| found.above_db);
        let finding = |(channel, found): (u16, &Option<Found>)| Finding {
            kind: METRICS[0].key,
            channel: Some(channel),
            region: hums.all.unwrap_or(Region { start_seconds: 0.0, end_seconds: 0.0 }),
            value: above(found),
            threshold: Some(LEAST_DB),
            byte: None,
        };
        let has_hum = |(_, found): &(u16, &Option<Found>)| above(found) >= Some(LEAST_DB);
        Details {
            findings: (1..).zip(&hums.of_each).filter(has_hum).map(finding).collect(),
            channels: vec![(METRICS[0].key, hums.of_each.iter().map(above).collect())],
            ..Details::default()
        }
    }

    fn check(&self, partial: &Apart<Channel>, stretch: &Stretch) -> Result<(), String> {
        partial.check(stretch)
    }
}

fn grid_of(stretch: &Stretch) -> Grid {
    Grid::of_frames(Probes::window(stretch.format))
}

impl per_channel::Channel for Channel {
    fn of(samples: &[i32], stretch: &Stretch) -> Self {
        Self(Row::of(grid_of(stretch), samples, stretch))
    }

    fn join(self, stretch: &Stretch, next: Self, behind: &Stretch) -> Self {
        Self(self.0.join(grid_of(stretch), stretch, next.0, behind))
    }

    fn is_possible(&self, stretch: &Stretch) -> bool {
        let (grid, seconds) = (grid_of(stretch), &self.0.settled);
        let adds_up = |counts: &Counts, last| {
            counts.total() == Some(seconds.heard) && counts.is_possible(last)
        };
        let is_line = |line: &Line| adds_up(&line.above, MOST) && adds_up(&line.below, QUIETEST);
        self.0.has_open_ends(grid, stretch)
            && [&self.0.head, &self.0.tail].into_iter().flatten().all(|cell| cell.0.len() == PROBES)
            && seconds.heard.checked_add(seconds.silent) == Some(cells::whole(grid, stretch))
            && seconds.lines.len() == if seconds.heard > 0 { LINES.len() } else { 0 }
            && seconds.lines.iter().all(is_line)
    }
}

impl Cell for Sums {
    type Settled = Seconds;

    fn of(samples: &[i32], offset: u64, stretch: &Stretch) -> Self {
        Self(Probes::of(stretch.format).sums(samples, offset))
    }

    fn join(mut self, next: Self) -> Self {
        for (sums, more) in self.0.iter_mut().zip(next.0) {
            *sums = [sums[0].wrapping_add(more[0]), sums[1].wrapping_add(more[1])];
        }
        self
    }

    fn settle(self, _: u64, stretch: &Stretch, seconds: &mut Seconds) {
        #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
        let power = |&[cosine, sine]: &[i64; 2]| {
            let [cosine, sine] = [cosine as f64, sine as f64];
            cosine * cosine + sine * sine
        };
        let powers: Vec<f64> = self.0.iter().map(power).collect();
        if powers.iter().all(|&power| power == 0.0) {
            seconds.silent += 1;
            return;
        }
        seconds.heard += 1;
        seconds.lines.resize_with(LINES.len(), Line::default);
        let full_scale = Probes::of(stretch.format).full_scale_power();
        for (line, powers) in
            seconds.lines.iter_mut().zip(powers.chunks_exact(PROBES / LINES.len()))
        {
            let Some((&here, beside)) = powers.split_first() else { continue };
            #[expect(clippy::cast_precision_loss, reason = "four")]
            let beside = beside.iter().sum::<f64>() / beside.len() as f64;
            let above = decibels::of_power(here / beside);
            let below = decibels::of_power(here / full_scale);
            line.above.add(above.map_or(0, |above| bin(above, MOST)));
            line.below.add(below.map_or(QUIETEST, |below| bin(-below, QUIETEST)));
        }
    }

    fn add(seconds: &mut Seconds, more: Seconds) {
        seconds.heard += more.heard;
        seconds.silent += more.silent;
        seconds.lines.resize_with(seconds.lines.len().max(more.lines.len()), Line::default);
        for (line, more) in seconds.lines.iter_mut().zip(more.lines) {
            line.above.append(more.above);
            line.below.append(more.below);
        }
    }
}

impl Seconds {
    fn hum(&self) -> Option<Found> {
        if self.heard < FEWEST {
            return None;
        }
        let [of_50, of_60] = [50, 60].map(|mains| self.hum_of(mains));
        Some(if of_60.above_db > of_50.above_db { of_60 } else { of_50 })
    }

    /// The hum of mains of that frequency.
    fn hum_of(&self, mains: u32) -> Found {
        let none = Found { above_db: 0.0, level_dbfs: -200.0, mains_hz: f64::from(mains) };
        let lines = LINES.iter().zip(&self.lines).filter(|(hz, _)| *hz % mains == 0);
        let lines: Vec<_> = lines.map(|(_, line)| self.steady(line)).collect();
        let above = |line: &Option<(f64, f64)>| line.map_or(0.0, |(above, _)| above);
        let mut heights: Vec<_> = lines.iter().map(above).collect();
        heights.sort_by(|one, other| other.total_cmp(one));
        // The first line is the mains itself; if it is not there, two others have to be.
        let above_db = lines.first().map_or(0.0, above).max(heights.get(1).copied().unwrap_or(0.0));
        let strongest = lines.iter().flatten().max_by(|one, other| one.0.total_cmp(&other.0));
        strongest.map_or(none, |&(_, level_dbfs)| Found { above_db, level_dbfs, ..none })
    }

    /// How far a line is above its neighbours, and its level, in the quarter of the seconds in which
    /// it is least; `None` if it is much louder in half of them.
    fn steady(&self, line: &Line) -> Option<(f64, f64)> {
        let decibels = |bin: Option<u16>| (f64::from(bin.unwrap_or(0)) + 0.5) / BINS_PER_DB;
        let (quarter, half) = (self.heard.div_ceil(4), self.heard.div_ceil(2));
        let level = |rank| -decibels(line.below.ranked_from_above(rank));
        let is_steady = level(half) - level(quarter) <= STEADY_DB;
        is_steady.then(|| (decibels(line.above.ranked_from_below(quarter)), level(quarter)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn bin(decibels: f64, last: u16) -> u16 {
    (decibels * BINS_PER_DB).floor().clamp(0.0, last.into()) as u16
}

const METRICS: &[Metric] = &[
    Metric {
        key: "hum_db",
        title: "Hum",
        unit: "dB",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "Mains hum above its surroundings, in the channel where it is strongest. In \
                     each second, under a Hann window, the power at 50 or 60 Hz and at 2, 3 and 4 \
                     times that is compared with the mean power 4 and 6 Hz to either side. Each of \
                     these lines is rated by the value that three quarters of the non-silent \
                     seconds reach; a line that is more than 6 dB louder in half of the seconds \
                     than in the quietest quarter is a note and is ignored. The figure is that of \
                     the line at the mains frequency or that of the second strongest line, \
                     whichever is higher. Needs 3 non-silent seconds and a sample rate of 1 to 768 \
                     kHz.",
        source: "none; essentia's HumDetector detects any steady tone",
        range: "0 to 100",
        reading: "Below 12: no hum. From 12 on, hum is audible in the pauses. It cannot be told \
                  from a steady tone at 50 or 60 Hz. Steady tones from 1750 to 2250 Hz alias into \
                  it, 35 to 64 dB below their level.",
    },
    Metric {
        key: "hum_dbfs",
        title: "Hum level",
        unit: "dBFS",
        decimals: 1,
        groups: &[&group::DAMAGE],
        definition: "RMS of the strongest line of hum_db, as reached by three quarters of the \
                     non-silent seconds; not defined if hum_db is below 12.",
        source: "none",
        range: "−200 to 0",
        reading: "Above −60 it is audible in quiet passages, above −45 nearly everywhere.",
    },
    Metric {
        key: "hum_hz",
        title: "Mains frequency",
        unit: "Hz",
        decimals: 0,
        groups: &[&group::DAMAGE],
        definition: "Mains frequency whose lines hum_db rates highest; not defined if hum_db is \
                     below 12.",
        source: "none",
        range: "50 or 60",
        reading: "50 in most of the world, 60 in North America and parts of Asia.",
    },
];
