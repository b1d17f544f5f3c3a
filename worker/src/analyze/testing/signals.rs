//! Signals: generated signals in doubles, and the test of chunking invariance.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::analyze::{Analyzer, FrameSpan};
use crate::pcm::{Pcm, PcmFormat, SampleFormat};

/// A format of doubles.
pub(crate) fn format(sample_rate: u32, channels: u16) -> PcmFormat {
    PcmFormat::new(SampleFormat::F64, sample_rate, channels)
}

/// Interleaved samples as the bytes of a chunk.
pub(crate) fn bytes(samples: &[f64]) -> Vec<u8> {
    samples.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Noise with a varying level.
pub(crate) fn varying_noise(seed: u64, frames: usize, channels: usize) -> Vec<f64> {
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

/// A level in dBFS; full scale is 1.
pub(crate) fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// Positions of chunk boundaries, and the order of merging.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    places: Vec<(Index, bool)>,
    backwards: bool,
}

/// Up to seven boundaries, some of them after a few frames only.
pub(crate) fn cuts() -> impl Strategy<Value = Cuts> {
    let places = prop::collection::vec(any::<(Index, bool)>(), 0..8);
    (places, any::<bool>()).prop_map(|(places, backwards)| Cuts { places, backwards })
}

/// Asserts that the partials of the chunks pass their check and merge into the partial of the
/// whole.
#[track_caller]
pub(crate) fn assert_chunking_invariance<A>(analyzer: &A, whole: Pcm<'_>, cuts: &Cuts)
where
    A: Analyzer<Partial: Debug + PartialEq>,
{
    let analyze = |piece: Pcm<'_>| {
        let partial = analyzer.analyze(piece);
        assert_eq!(analyzer.check(&partial, &FrameSpan::from(piece)), Ok(()));
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
