//! Spectrum: which frequencies there are, in frames that lie where the file has them.
//!
//! ```text
//!   frame n     |─────2048─────|                frames begin every 512 from the start of the file
//!   frame n+1       |──────────────|
//!   [head │ … frames that lie within … │ tail]  [head │ …
//!                                   └────────────┘ the seam has frames of its own
//! ```
//!
//! A frame that a cut goes through is computed when both sides are known: a partial keeps as many
//! samples from either end as such a frame can have there. What is added up over frames are
//! integers (`shape`), so that frames may come in any order.

pub mod bands;
mod catalogue;
mod cutoff;
mod fourier;
mod shape;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analyze::{AnalysisSettings, Analyzer, Details, Metric, Stretch, joined};
use crate::pcm::{Pcm, PcmFormat};
use bands::Band;
use fourier::FRAME;
use shape::Sums;

/// From one frame to the next.
const HOP: u64 = 512;
/// What a frame that a cut goes through can have on one side of it.
const KEPT: u64 = FRAME as u64 - 1;

/// Measures the spectrum; there is nothing to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spectrum {}

/// The spectra of one stretch, its ends open; nothing if it has no audio.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial(Option<Piece>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Piece {
    stretch: Stretch,
    /// Its first samples as they came: those that a cut frame can have, or all.
    head: Vec<u8>,
    /// Its last ones.
    tail: Vec<u8>,
    /// Of the frames that lie within.
    sums: Sums,
}

/// The figures; `None` where there is too little audio, or it is too quiet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Where the middle of the spectrum is.
    pub centroid_hz: Option<f64>,
    /// Below which 85 % lie.
    pub rolloff_hz: Option<f64>,
    /// From a tone, 0, to white noise.
    pub flatness: Option<f64>,
    /// Where the spectrum ends.
    pub bandwidth_hz: Option<f64>,
    /// By how much it falls there.
    pub cutoff_depth_db: Option<f64>,
    /// The average spectrum in thirds of an octave; none where there is too little audio.
    pub bands: Vec<Band>,
}

impl From<&AnalysisSettings> for Spectrum {
    fn from(_: &AnalysisSettings) -> Self {
        Self {}
    }
}

impl Analyzer for Spectrum {
    type Partial = Partial;
    type Feature = Figures;

    const METRICS: &'static [Metric] = catalogue::METRICS;

    fn analyze(&self, chunk: Pcm<'_>) -> Partial {
        if chunk.is_empty() {
            return Partial(None);
        }
        let stretch = Stretch::from(chunk);
        let mut sums = Sums::default();
        add(&mut sums, chunk, frames_within(&stretch.frames));
        let kept = kept(&stretch);
        let bytes = chunk.bytes();
        let [head, tail] = [&bytes[..kept], &bytes[bytes.len() - kept..]].map(<[u8]>::to_vec);
        Partial(Some(Piece { stretch, head, tail, sums }))
    }

    fn merge(&self, first: Partial, next: Partial) -> Partial {
        Partial(joined(first.0, next.0, Piece::join))
    }

    fn finish(&self, whole: Partial, format: PcmFormat) -> Figures {
        let Some(piece) = whole.0 else { return Figures::default() };
        #[expect(clippy::cast_precision_loss, reason = "2048")]
        let hz_per_bin = f64::from(format.sample_rate) / FRAME as f64;
        let means = piece.sums.means();
        let in_hz = |bins: Option<f64>| bins.map(|bins| bins * hz_per_bin);
        let has_sound = means.powers.iter().any(|&power| power > 0.0);
        let cutoff = cutoff::find(&means.powers, hz_per_bin);
        #[expect(clippy::cast_precision_loss, reason = "at most 1024")]
        let bandwidth = cutoff
            .map_or(f64::from(format.sample_rate) / 2.0, |cutoff| cutoff.bin as f64 * hz_per_bin);
        Figures {
            centroid_hz: in_hz(means.centroid),
            rolloff_hz: in_hz(means.roll_off),
            flatness: means.flatness,
            bandwidth_hz: has_sound.then_some(bandwidth),
            cutoff_depth_db: cutoff.map(|cutoff| cutoff.depth_db),
            bands: bands::of(&means.powers, hz_per_bin),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 30")]
    fn figures(figures: &Figures) -> impl Iterator<Item = Option<f64>> {
        [
            figures.centroid_hz,
            figures.rolloff_hz,
            figures.flatness,
            figures.bandwidth_hz,
            figures.cutoff_depth_db,
            (!figures.bands.is_empty()).then_some(figures.bands.len() as f64),
        ]
        .into_iter()
    }

    fn details(figures: &Figures) -> Details {
        Details { spectrum_bands: figures.bands.clone(), ..Details::default() }
    }

    fn check(&self, partial: &Partial, stretch: &Stretch) -> Result<(), String> {
        match &partial.0 {
            None if stretch.frame_count() == 0 => Ok(()),
            Some(piece) if stretch.frame_count() > 0 && piece.stretch == *stretch => piece.check(),
            _ => Err("of another stretch".into()),
        }
    }
}

impl Piece {
    fn join(mut self, next: Self) -> Self {
        let seam = next.stretch.frames.start;
        let format = self.stretch.format;
        let [is_short, is_next_short] =
            [&self.stretch, &next.stretch].map(|stretch| stretch.frame_count() <= KEPT);
        let kept_before = (self.tail.len() / format.frame_width()) as u64;
        let known = [self.tail, next.head].concat();
        self.stretch.frames.end = next.stretch.frames.end;
        let Range { start, end } = frames_within(&self.stretch.frames);
        let crossing = start.max(frames_within(&(0..seam)).end)..end.min(seam.div_ceil(HOP));
        add(&mut self.sums, Pcm::new(format, seam - kept_before, &known), crossing);
        self.sums.join(next.sums);

        let kept = kept(&self.stretch);
        let head = if is_short { known[..kept.min(known.len())].to_vec() } else { self.head };
        let tail = if is_next_short { known[known.len() - kept..].to_vec() } else { next.tail };
        Self { stretch: self.stretch, head, tail, sums: self.sums }
    }

    /// Whether it has what its stretch must have, and nothing impossible.
    fn check(&self) -> Result<(), String> {
        let kept = kept(&self.stretch);
        if [self.head.len(), self.tail.len()] != [kept, kept] {
            return Err(format!("ends that are not {kept} bytes long"));
        }
        let Range { start, end } = frames_within(&self.stretch.frames);
        let possible = self.sums.is_possible(end.saturating_sub(start));
        if possible { Ok(()) } else { Err("impossible sums".into()) }
    }
}

/// The numbers of the frames of which a stretch has every sample.
fn frames_within(samples: &Range<u64>) -> Range<u64> {
    let first = samples.start.div_ceil(HOP);
    let end = samples.end.checked_sub(FRAME as u64).map_or(0, |last| last / HOP + 1);
    first..end.max(first)
}

/// Bytes that a partial of that stretch keeps from either end.
fn kept(stretch: &Stretch) -> usize {
    let frames = usize::try_from(stretch.frame_count().min(KEPT)).unwrap_or(usize::MAX);
    frames * stretch.format.frame_width()
}

/// Adds frames, by their numbers, all of them within that audio.
fn add(sums: &mut Sums, pcm: Pcm<'_>, frames: Range<u64>) {
    if frames.is_empty() {
        return;
    }
    let starts: Vec<usize> = frames
        .map(|frame| usize::try_from(frame * HOP - pcm.first_frame()).unwrap_or(usize::MAX))
        .collect();
    sums.add(&pcm.floats(), pcm.format().channels.into(), &starts);
}
