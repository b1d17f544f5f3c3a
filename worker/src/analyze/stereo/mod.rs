//! Stereo: what left and right have to do with each other.
//!
//! Everything is made of five sums of products, of the whole and of cells of 100 ms on a grid that
//! begins with the file. A cell is judged once, when it is complete, by sums of integers: so the
//! judgement has the same bits for any cut. A partial keeps the cells at its ends open:
//!
//! ```text
//!   chunk n             chunk n+1
//!   [head]·judged·[tail][head]·judged·[tail]
//!                └─one cell─┘ if the cut falls within it
//! ```

mod judged;
mod products;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::analyze::accumulate::grid::Grid;
use crate::analyze::{AnalysisSettings, Analyzer, Metric, Stretch, group, joined};
use crate::pcm::{Pcm, PcmFormat};
use judged::Judged;
use products::Products;

/// 100 ms.
const CELLS_PER_SECOND: u64 = 10;

/// Compares the first two channels; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stereo {}

/// What is known of one stretch; nothing if it has no audio, or one channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial(Option<Piece>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Piece {
    stretch: Stretch,
    all: Products,
    /// Of its frames in the cell that it begins in.
    head: Products,
    /// Of its frames in the cell that it ends in, which may be the same one.
    tail: Products,
    /// The cells between those two.
    inner: Judged,
}

/// The figures; `None` where there is nothing to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Of the whole, from −1 to 1.
    pub correlation: Option<f64>,
    /// Of the 100 ms where it is least.
    pub correlation_min: Option<f64>,
    /// Share of the cells that correlate with less than 0.
    pub negative_correlation_share: Option<f64>,
    /// Share of the cells of which one channel is the other upside down.
    pub phase_inverted_share: Option<f64>,
    /// Share of the cells of which both channels are the same but for their level.
    pub mono_share: Option<f64>,
    /// Power of the difference over that of the sum.
    pub side_to_mid_db: Option<f64>,
    /// Power of the left channel over that of the right one.
    pub channel_imbalance_db: Option<f64>,
}

impl From<&AnalysisSettings> for Stereo {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Stereo {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        let stretch = Stretch::from(chunk);
        if !is_compared(&stretch) {
            return Partial(None);
        }
        let channels = usize::from(stretch.format.channels);
        let integers = chunk.integers();
        let [left, right] = [0, 1].map(|channel| integers.channel(channel, channels));
        let grid = grid_of(&stretch);
        let at = |frame: u64| {
            let frame = frame.clamp(stretch.frames.start, stretch.frames.end);
            usize::try_from(frame - stretch.frames.start).unwrap_or(usize::MAX)
        };
        let mut cells = grid
            .cells(&stretch)
            .map(|cell| at(grid.start(cell))..at(grid.start(cell + 1)))
            .map(|frames| Products::of(&left[frames.clone()], &right[frames]));
        let head = cells.next().unwrap_or_default();
        let (mut all, mut tail, mut inner) = (head, head, Judged::default());
        for (place, cell) in cells.enumerate() {
            if place > 0 {
                inner += Judged::of(&tail, stretch.format);
            }
            all += cell;
            tail = cell;
        }
        Partial(Some(Piece { stretch, all, head, tail, inner }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(joined(first.0, next.0, |first, next| first.join(&next)))
    }

    fn finish(&self, whole: Partial, _: PcmFormat) -> Figures {
        let Some(piece) = whole.0 else { return Figures::default() };
        let judged = piece.judged();
        Figures {
            correlation: piece.all.correlation(),
            correlation_min: judged.least,
            negative_correlation_share: judged.share(judged.negative),
            phase_inverted_share: judged.share(judged.inverted),
            mono_share: judged.share(judged.mono),
            side_to_mid_db: piece.all.side_to_mid_db(),
            channel_imbalance_db: piece.all.imbalance_db(),
        }
    }

    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        [
            figures.correlation,
            figures.correlation_min,
            figures.negative_correlation_share,
            figures.phase_inverted_share,
            figures.mono_share,
            figures.side_to_mid_db,
            figures.channel_imbalance_db,
        ]
        .into_iter()
    }

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        match &partial.0 {
            None if !is_compared(stretch) => Ok(()),
            Some(piece) if is_compared(stretch) && piece.stretch == *stretch => piece.check(),
            _ => Err("of another stretch".into()),
        }
    }
}

fn is_compared(stretch: &Stretch) -> bool {
    stretch.frame_count() > 0 && stretch.format.channels >= 2
}

fn grid_of(stretch: &Stretch) -> Grid {
    Grid::new(stretch.format.sample_rate, CELLS_PER_SECOND)
}

/// Whether all frames are in one cell.
fn is_one_cell(stretch: &Stretch) -> bool {
    grid_of(stretch).count(stretch) == 1
}

impl Piece {
    fn join(self, next: &Self) -> Self {
        let (grid, seam) = (grid_of(&self.stretch), next.stretch.frames.start);
        let [is_one, is_next_one] = [&self, next].map(|piece| is_one_cell(&piece.stretch));
        let (mut head, mut tail, mut inner) = (self.head, next.tail, self.inner);
        inner += next.inner;
        let format = self.stretch.format;
        if grid.cell(seam.saturating_sub(1)) == grid.cell(seam) {
            let mut cell = self.tail;
            cell += next.head;
            match (is_one, is_next_one) {
                (true, true) => (head, tail) = (cell, cell),
                (true, false) => head = cell,
                (false, true) => tail = cell,
                (false, false) => inner += Judged::of(&cell, format),
            }
        } else {
            if !is_one {
                inner += Judged::of(&self.tail, format);
            }
            if !is_next_one {
                inner += Judged::of(&next.head, format);
            }
        }
        let mut all = self.all;
        all += next.all;
        let stretch =
            Stretch { format, frames: self.stretch.frames.start..next.stretch.frames.end };
        Self { stretch, all, head, tail, inner }
    }

    /// All cells that the file has every frame of; the last one is often cut off.
    fn judged(&self) -> Judged {
        let (grid, format) = (grid_of(&self.stretch), self.stretch.format);
        let cells = grid.cells(&self.stretch);
        let mut judged = self.inner;
        let is_last_whole = grid.start(cells.end) == self.stretch.frames.end;
        if !is_one_cell(&self.stretch) {
            judged += Judged::of(&self.head, format);
        }
        if is_last_whole {
            judged += Judged::of(&self.tail, format);
        }
        judged
    }

    /// Whether it has what its stretch must have, and nothing impossible.
    fn check(&self) -> Result<(), String> {
        let Stretch { format, frames } = &self.stretch;
        let (grid, cells) = (grid_of(&self.stretch), grid_of(&self.stretch).cells(&self.stretch));
        let [head, tail] = [cells.start, cells.end - 1].map(|cell| {
            let of = grid.frames(cell);
            of.end.min(frames.end) - of.start.max(frames.start)
        });
        let sums = [(&self.all, frames.end - frames.start), (&self.head, head), (&self.tail, tail)];
        let inner = (cells.end - cells.start).saturating_sub(2);
        let possible = sums.iter().all(|(sums, frames)| sums.is_possible(*frames, *format))
            && self.inner.is_possible(inner);
        if possible { Ok(()) } else { Err("impossible sums of products".into()) }
    }
}

const METRICS: &[Metric] = &[
    Metric {
        key: "correlation",
        title: "Correlation",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Pearson correlation of the first two channels, over the whole file.",
        source: "numpy.corrcoef",
        range: "−1 to 1",
        reading: "1 is mono, 0 unrelated channels, −1 one channel with inverted polarity. Music \
                  has 0.3 to 0.9. Below 0, bass and voice lose level in a mono downmix.",
    },
    Metric {
        key: "correlation_min",
        title: "Minimum correlation",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Lowest correlation of any 100 ms window above −70 dBFS.",
        source: "numpy.corrcoef",
        range: "−1 to 1",
        reading: "Near −1, one channel is inverted for a moment at least, which may be an effect.",
    },
    Metric {
        key: "negative_correlation_share",
        title: "Negative correlation",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Share of the 100 ms windows above −70 dBFS whose correlation is below 0.",
        source: "numpy.corrcoef",
        range: "0 to 1",
        reading: "A few hundredths are wide stereo. More than half of the file indicates a fault.",
    },
    Metric {
        key: "phase_inverted_share",
        title: "Phase inverted",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Share of the 100 ms windows above −70 dBFS whose correlation is −0.95 or \
                     less.",
        source: "none; broadcasters call it phase reversal",
        range: "0 to 1",
        reading: "Near 1, one channel has inverted polarity, and the two cancel in a mono downmix.",
    },
    Metric {
        key: "mono_share",
        title: "Mono in stereo",
        unit: "",
        decimals: 3,
        groups: &[&group::STEREO],
        definition: "Share of the 100 ms windows above −70 dBFS whose correlation is 0.9995 or \
                     more: except for their level, both channels are the same.",
        source: "essentia's FalseStereoDetector, which has the same threshold",
        range: "0 to 1",
        reading: "1 is a mono recording in a stereo file; one channel would be enough.",
    },
    Metric {
        key: "side_to_mid_db",
        title: "Side to mid",
        unit: "dB",
        decimals: 2,
        groups: &[&group::STEREO],
        definition: "Power of the side signal (left − right) relative to the mid signal (left + \
                     right), over the whole file: 10·log10(Σ(l − r)² / Σ(l + r)²).",
        source: "none; SoX's oops and ffmpeg's stereotools produce the two signals",
        range: "−∞ (both channels are the same, sample by sample) and above",
        reading: "Stereo width. −20 is narrow, −6 wide. Above 0 the side signal is stronger than \
                  the mid signal.",
    },
    Metric {
        key: "channel_imbalance_db",
        title: "Channel imbalance",
        unit: "dB",
        decimals: 2,
        groups: &[&group::STEREO],
        definition: "Power of the first channel relative to the second: 10·log10(Σl² / Σr²).",
        source: "difference of the channels' RMS in ffmpeg astats and SoX stats",
        range: "any; above 0 the left channel is louder; not defined if one channel is silent",
        reading: "Within ±1 it is balanced. From ±3 on, the image is audibly off centre.",
    },
];
