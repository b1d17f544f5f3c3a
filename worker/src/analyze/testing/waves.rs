//! Waves: sounds as doubles, as a program makes them, and the law of any cut for what filters them.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::analyze::{Analyzer, Stretch};
use crate::pcm::{Pcm, PcmFormat, SampleFormat};

/// Doubles.
pub(crate) fn format(sample_rate: u32, channels: u16) -> PcmFormat {
    PcmFormat::new(SampleFormat::F64, sample_rate, channels)
}

/// Interleaved samples as they lie in a chunk.
pub(crate) fn bytes(samples: &[f64]) -> Vec<u8> {
    samples.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Anything but a tone: noise whose level wanders.
pub(crate) fn wandering(seed: u64, frames: usize, channels: usize) -> Vec<f64> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state >> 32).expect("32 bits")) / 2_147_483_648.0 - 1.0
    };
    let mut level = 0.3;
    let mut samples = Vec::with_capacity(frames * channels);
    for frame in 0..frames {
        if frame % 700 == 0 {
            level = (level * (1.0 + 0.8 * next())).clamp(1e-4, 1.0);
        }
        samples.extend((0..channels).map(|_| level * next()));
    }
    samples
}

/// The level in decibels of full scale 1.
pub(crate) fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// Where a sound is cut, and in which order its pieces are merged.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    places: Vec<(Index, bool)>,
    backwards: bool,
}

/// Up to seven cuts, some of them after a few frames only.
pub(crate) fn cuts() -> impl Strategy<Value = Cuts> {
    let places = prop::collection::vec(any::<(Index, bool)>(), 0..8);
    (places, any::<bool>()).prop_map(|(places, backwards)| Cuts { places, backwards })
}

/// The partials of the pieces pass their check and merge into that of the whole.
#[track_caller]
pub(crate) fn expect_the_law<A>(analyzer: &A, whole: Pcm<'_>, cuts: &Cuts)
where
    A: Analyzer<Partial: Debug + PartialEq>,
{
    let analyze = |piece: Pcm<'_>| {
        let partial = analyzer.analyze(piece);
        assert_eq!(analyzer.check(&partial, &Stretch::from(piece)), Ok(()));
        partial
    };
    let mut rest = whole;
    let mut partials = Vec::new();
    for (place, short) in &cuts.places {
        let most = usize::try_from(rest.frames()).expect("few frames");
        let at = place.index(1 + if *short { most.min(30) } else { most });
        let (piece, behind) = rest.split_at(at as u64);
        partials.push(analyze(piece));
        rest = behind;
    }
    partials.push(analyze(rest));
    let merge = |first, next| analyzer.merge(first, next);
    let merged = if cuts.backwards {
        partials.into_iter().rev().reduce(|next, first| merge(first, next))
    } else {
        partials.into_iter().reduce(merge)
    };
    assert_eq!(merged, Some(analyze(whole)));
}
