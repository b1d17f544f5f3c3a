//! Hum: the mains frequency and its harmonics, relative to the spectrum next to them.
//!
//! ```text
//!            │                  per second, the power of a line relative to the mean power 4 and 6 Hz
//!     ▁▂▁ ▁  │  ▂▁ ▁▂           to both sides; hum is present nearly always, so the value that three
//!     44 46 50 54 56 Hz         quarters of the seconds reach is used
//! ```
//!
//! A note can have a frequency that is a multiple of 50 Hz. Therefore hum needs the line at the
//! mains frequency itself or two other lines, and lines whose level changes are ignored.
//!
//! The amplitude of a line is Σ x·c, where c is a sine under a Hann window, piecewise linear and in
//! integers: the sums are exact, and the sums of two parts of a second add up to the sum of the
//! whole. Integer arithmetic wraps on overflow, which no input can cause.

mod probes;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::blocks::{self, Block, BlockSeries};
use crate::analyze::accumulate::counts::Counts;
use crate::analyze::accumulate::grid::Grid;
use crate::analyze::accumulate::per_channel::{ChannelPartial, PerChannel};
use crate::analyze::{
    AnalysisSettings, Analyzer, Details, Finding, FrameSpan, Metric, Region, group,
};
use crate::decibels;
use crate::pcm::{Pcm, PcmFormat};
use probes::{LINES, PROBES, Probes};

/// Minimum hum for a finding, in dB.
const LEAST_DB: f64 = 12.0;
/// Maximum difference between the median level of a line and its level in the quietest quarter of
/// the seconds, in dB.
const STEADY_DB: f64 = 6.0;
/// Minimum number of seconds.
const MIN_SECONDS: u64 = 3;
/// Histogram bins per decibel.
const BINS_PER_DB: f64 = 2.0;
/// Last bin of levels above the neighbours, and of levels below full scale.
const LAST_BIN_ABOVE: u16 = 199;
const LAST_BIN_BELOW: u16 = 399;

/// Detects hum; it has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hum {}

/// Seconds of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel(BlockSeries<ProbeSums>);

/// Sums with the cosine and with the sine, for each probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ProbeSums(Vec<[i64; 2]>);

/// Histograms over the seconds of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SecondCounts {
    /// Seconds with a signal at these frequencies.
    audible: u64,
    /// Seconds without one.
    silent: u64,
    /// Histograms of each line over the seconds with a signal; empty if there are none.
    lines: Vec<LineCounts>,
}

/// Histograms of one line over seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LineCounts {
    /// Level above its neighbours, in bins.
    above: Counts,
    /// Level below full scale, in bins.
    below: Counts,
}

/// Hum of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelHum {
    /// Level above the neighbours: of the line at the mains frequency, or of the second strongest
    /// line.
    pub above_db: f64,
    /// RMS of the strongest line.
    pub level_dbfs: f64,
    /// Mains frequency: 50 or 60.
    pub mains_hz: f64,
}

/// Hum of each channel, and the range of the audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HumByChannel {
    of_each: Vec<Option<ChannelHum>>,
    all: Option<Region>,
}

impl From<&AnalysisSettings> for Hum {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Hum {
    type Partial = PerChannel<Channel>;
    type Feature = HumByChannel;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> PerChannel<Channel> {
        PerChannel::of(chunk)
    }

    fn merge(&self, first: PerChannel<Channel>, next: PerChannel<Channel>) -> PerChannel<Channel> {
        first.join(next)
    }

    fn finish(&self, whole: PerChannel<Channel>, format: PcmFormat) -> HumByChannel {
        let Some(states) = whole.0 else { return HumByChannel::default() };
        HumByChannel {
            of_each: states.channels.iter().map(|channel| channel.0.summary.hum()).collect(),
            all: Some(Region::of_frames(&states.span.frames, format.sample_rate)),
        }
    }

    fn figures(hums: &HumByChannel) -> impl Iterator<Item = Option<f64>> {
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

    fn details(hums: &HumByChannel) -> Details {
        let above = |found: &Option<ChannelHum>| found.map(|found| found.above_db);
        let finding = |(channel, found): (u16, &Option<ChannelHum>)| Finding {
            kind: METRICS[0].key,
            channel: Some(channel),
            region: hums.all.unwrap_or(Region { start_seconds: 0.0, end_seconds: 0.0 }),
            value: above(found),
            threshold: Some(LEAST_DB),
            byte: None,
        };
        let has_hum = |(_, found): &(u16, &Option<ChannelHum>)| above(found) >= Some(LEAST_DB);
        Details {
            findings: (1..).zip(&hums.of_each).filter(has_hum).map(finding).collect(),
            channels: vec![(METRICS[0].key, hums.of_each.iter().map(above).collect())],
            ..Details::default()
        }
    }

    fn check(&self, partial: &PerChannel<Channel>, span: &FrameSpan) -> Result<(), String> {
        partial.check(span)
    }
}

fn grid_of(span: &FrameSpan) -> Grid {
    Grid::of_frames(Probes::window(span.format))
}

impl ChannelPartial for Channel {
    fn of(samples: &[i32], span: &FrameSpan) -> Self {
        Self(BlockSeries::of(grid_of(span), samples, span))
    }

    fn join(self, span: &FrameSpan, next: Self, next_span: &FrameSpan) -> Self {
        Self(self.0.join(grid_of(span), span, next.0, next_span))
    }

    fn is_possible(&self, span: &FrameSpan) -> bool {
        let (grid, seconds) = (grid_of(span), &self.0.summary);
        let adds_up = |counts: &Counts, last| {
            counts.total() == Some(seconds.audible) && counts.is_possible(last)
        };
        let is_line = |line: &LineCounts| {
            adds_up(&line.above, LAST_BIN_ABOVE) && adds_up(&line.below, LAST_BIN_BELOW)
        };
        self.0.has_open_ends(grid, span)
            && [&self.0.head, &self.0.tail]
                .into_iter()
                .flatten()
                .all(|block| block.0.len() == PROBES)
            && seconds.audible.checked_add(seconds.silent) == Some(blocks::complete(grid, span))
            && seconds.lines.len() == if seconds.audible > 0 { LINES.len() } else { 0 }
            && seconds.lines.iter().all(is_line)
    }
}

impl Block for ProbeSums {
    type Summary = SecondCounts;

    fn of(samples: &[i32], offset: u64, span: &FrameSpan) -> Self {
        Self(Probes::of(span.format).sums(samples, offset))
    }

    fn join(mut self, next: Self) -> Self {
        for (sums, more) in self.0.iter_mut().zip(next.0) {
            *sums = [sums[0].wrapping_add(more[0]), sums[1].wrapping_add(more[1])];
        }
        self
    }

    fn add_to(self, _: u64, span: &FrameSpan, seconds: &mut SecondCounts) {
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
        seconds.audible += 1;
        seconds.lines.resize_with(LINES.len(), LineCounts::default);
        let full_scale = Probes::of(span.format).full_scale_power();
        for (line, powers) in
            seconds.lines.iter_mut().zip(powers.chunks_exact(PROBES / LINES.len()))
        {
            let Some((&here, beside)) = powers.split_first() else { continue };
            #[expect(clippy::cast_precision_loss, reason = "four")]
            let beside = beside.iter().sum::<f64>() / beside.len() as f64;
            let above = decibels::of_power(here / beside);
            let below = decibels::of_power(here / full_scale);
            line.above.add(above.map_or(0, |above| bin(above, LAST_BIN_ABOVE)));
            line.below.add(below.map_or(LAST_BIN_BELOW, |below| bin(-below, LAST_BIN_BELOW)));
        }
    }

    fn add(seconds: &mut SecondCounts, more: SecondCounts) {
        seconds.audible += more.audible;
        seconds.silent += more.silent;
        seconds.lines.resize_with(seconds.lines.len().max(more.lines.len()), LineCounts::default);
        for (line, more) in seconds.lines.iter_mut().zip(more.lines) {
            line.above.append(more.above);
            line.below.append(more.below);
        }
    }
}

impl SecondCounts {
    fn hum(&self) -> Option<ChannelHum> {
        if self.audible < MIN_SECONDS {
            return None;
        }
        let [of_50, of_60] = [50, 60].map(|mains| self.hum_of(mains));
        Some(if of_60.above_db > of_50.above_db { of_60 } else { of_50 })
    }

    /// Hum at multiples of one mains frequency.
    fn hum_of(&self, mains: u32) -> ChannelHum {
        let none = ChannelHum { above_db: 0.0, level_dbfs: -200.0, mains_hz: f64::from(mains) };
        let lines = LINES.iter().zip(&self.lines).filter(|(hz, _)| *hz % mains == 0);
        let lines: Vec<_> = lines.map(|(_, line)| self.steady(line)).collect();
        let above = |line: &Option<(f64, f64)>| line.map_or(0.0, |(above, _)| above);
        let mut heights: Vec<_> = lines.iter().map(above).collect();
        heights.sort_by(|one, other| other.total_cmp(one));
        // Either the line at the mains frequency or two lines must be present.
        let above_db = lines.first().map_or(0.0, above).max(heights.get(1).copied().unwrap_or(0.0));
        let strongest = lines.iter().flatten().max_by(|one, other| one.0.total_cmp(&other.0));
        strongest.map_or(none, |&(_, level_dbfs)| ChannelHum { above_db, level_dbfs, ..none })
    }

    /// Level of a line above its neighbours, and its RMS, as reached by three quarters of the
    /// seconds; `None` if its level is not steady.
    fn steady(&self, line: &LineCounts) -> Option<(f64, f64)> {
        let decibels = |bin: Option<u16>| (f64::from(bin.unwrap_or(0)) + 0.5) / BINS_PER_DB;
        let (quarter, half) = (self.audible.div_ceil(4), self.audible.div_ceil(2));
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
