//! Chunking invariance, examples, and correlations in doubles without running sums.

use proptest::prelude::*;

use super::*;
use crate::analyze::testing::oracle::{Sound, sound};
use crate::analyze::testing::signals::{assert_chunking_invariance, cuts};

const FORMAT: PcmFormat = PcmFormat::new(crate::pcm::SampleFormat::S16, 1000, 2);

fn figures(frames: &[[i16; 2]]) -> Figures {
    let bytes: Vec<u8> = frames.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    Stereo {}.finish(Stereo {}.analyze(Pcm::new(FORMAT, 0, &bytes)), FORMAT)
}

/// A triangle wave.
fn triangle(frames: usize) -> impl Iterator<Item = i16> {
    [0, 5000, 10_000, 5000, 0, -5000, -10_000, -5000].into_iter().cycle().take(frames)
}

#[test]
fn identical_channels_are_mono() {
    let found = figures(&triangle(500).map(|x| [x, x]).collect::<Vec<_>>());
    let expected = Figures {
        correlation: Some(1.0),
        correlation_min: Some(1.0),
        negative_correlation_share: Some(0.0),
        phase_inverted_share: Some(0.0),
        mono_share: Some(1.0),
        side_to_mid_db: None,
        channel_imbalance_db: Some(0.0),
    };
    assert_eq!(found, expected);
    let quieter = figures(&triangle(500).map(|x| [x, x / 10]).collect::<Vec<_>>());
    assert_eq!((quieter.correlation, quieter.mono_share), (Some(1.0), Some(1.0)));
    assert_eq!(quieter.channel_imbalance_db, Some(20.0));
    assert!((quieter.side_to_mid_db.unwrap() - 20.0 * (0.9_f64 / 1.1).log10()).abs() < 1e-12);
}

#[test]
fn inverted_channel_is_detected() {
    let found = figures(&triangle(500).map(|x| [x, -x]).collect::<Vec<_>>());
    assert_eq!((found.correlation, found.correlation_min), (Some(-1.0), Some(-1.0)));
    assert_eq!(found.negative_correlation_share, Some(1.0));
    assert_eq!(found.phase_inverted_share, Some(1.0));
    assert_eq!(found.mono_share, Some(0.0));
    assert_eq!(found.side_to_mid_db, None, "there is no middle");
}

#[test]
fn shares_are_over_audible_blocks() {
    // 600 ms: two blocks mono, one inverted, one silent, and two mono of which the last is
    // incomplete.
    let both = |sign: i16, frames| triangle(frames).map(move |x| [x, sign * x]);
    let mut frames: Vec<_> = both(1, 200).collect();
    frames.extend(both(-1, 100));
    frames.extend([[0, 0]; 100]);
    frames.extend(both(1, 199));
    let found = figures(&frames);
    assert_eq!(found.mono_share, Some(0.75));
    assert_eq!(found.phase_inverted_share, Some(0.25));
    assert_eq!(found.correlation_min, Some(-1.0));
    // Magnitudes of 1 and 2 are below −70 dBFS.
    let quiet: Vec<_> = triangle(500).map(|x| [x / 5000, -x / 5000]).collect();
    let quiet = figures(&quiet);
    assert_eq!((quiet.correlation, quiet.correlation_min), (Some(-1.0), None));
    assert_eq!(quiet.phase_inverted_share, None);
}

#[test]
fn figures_are_undefined_without_two_signals() {
    assert_eq!(figures(&[]), Figures::default());
    assert_eq!(figures(&[[0, 0]; 300]), Figures::default());
    let mono = Sound::mono_16(1000, vec![5; 300]);
    assert_eq!(Stereo {}.analyze(mono.pcm()), Partial(None));
    let one_dead = figures(&triangle(300).map(|x| [x, 0]).collect::<Vec<_>>());
    assert_eq!((one_dead.correlation, one_dead.channel_imbalance_db), (None, None));
    assert_eq!(one_dead.side_to_mid_db, Some(0.0));
}

#[test]
fn invalid_partial_is_rejected() {
    let bytes: Vec<u8> =
        triangle(555).flat_map(|x| [x, -x / 3]).flat_map(i16::to_le_bytes).collect();
    let (_, chunk) = Pcm::new(FORMAT, 0, &bytes).split_at(33);
    let (good, span) = (Stereo {}.analyze(chunk), FrameSpan::from(chunk));
    assert_eq!(Stereo {}.check(&good, &span), Ok(()));
    let invalid: [fn(&mut SpanState); 9] = [
        |state| state.span.frames.end += 1,
        |state| state.all.frames += 1,
        |state| state.head.frames -= 1,
        |state| state.tail.left = 1 << 40,
        |state| state.all.left_left = -1,
        |state| state.all.left_right = i128::MIN,
        |state| state.inner.blocks = 6,
        |state| state.inner.least = Some(f64::NAN),
        |state| state.inner.negative = 0,
    ];
    for (number, corrupt) in invalid.into_iter().enumerate() {
        let mut partial = good.clone();
        corrupt(partial.0.as_mut().expect("not empty"));
        assert!(Stereo {}.check(&partial, &span).is_err(), "corruption {number}");
    }
    Stereo {}.check(&Partial(None), &span).unwrap_err();
}

/// By definition: means first, then deviations.
#[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
fn pearson(frames: &[[f64; 2]]) -> Option<f64> {
    let mean = |channel: usize| {
        frames.iter().map(|frame| frame[channel]).sum::<f64>() / frames.len() as f64
    };
    let means = [mean(0), mean(1)];
    let sum = |one: usize, other: usize| -> f64 {
        frames.iter().map(|x| (x[one] - means[one]) * (x[other] - means[other])).sum()
    };
    let moves = |channel: usize| {
        frames.iter().any(|frame| frame[channel].to_bits() != frames[0][channel].to_bits())
    };
    (moves(0) && moves(1)).then(|| sum(0, 1) / (sum(0, 0) * sum(1, 1)).sqrt())
}

proptest! {
    #[test]
    fn products_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
        assert_chunking_invariance(&Stereo {}, sound.pcm(), &cuts);
        let channels = usize::from(sound.format.channels);
        if channels < 2 {
            return Ok(());
        }
        let found = Stereo {}.finish(Stereo {}.analyze(sound.pcm()), sound.format);
        let full_scale = f64::from(sound.format.full_scale());
        let frames: Vec<[f64; 2]> = sound
            .samples
            .chunks(channels)
            .map(|frame| [frame[0], frame[1]].map(|x| f64::from(x) / full_scale))
            .collect();
        if let (Some(found), Some(expected)) = (found.correlation, pearson(&frames)) {
            prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
        }
        prop_assert_eq!(found.correlation.is_some(), pearson(&frames).is_some());

        let rate = sound.format.sample_rate as usize;
        let mut least: Option<f64> = None;
        let mut blocks = 0.0;
        let mut negative = 0.0;
        for block in 0.. {
            let (from, to) = (block * rate / 10, (block + 1) * rate / 10);
            if to > frames.len() {
                break;
            }
            let power: f64 = frames[from..to].iter().flatten().map(|x| x * x).sum();
            let limit = 1e-7 * 2.0 * f64::from(u32::try_from(to - from).unwrap());
            // Doubles are not exact enough at the threshold.
            prop_assume!(power == 0.0 || (power / limit - 1.0).abs() > 1e-9);
            if let Some(found) = pearson(&frames[from..to]).filter(|_| power >= limit) {
                least = Some(least.map_or(found, |least| least.min(found)));
                blocks += 1.0;
                prop_assume!(found.abs() > 1e-12);
                negative += f64::from(found < 0.0);
            }
        }
        match (found.correlation_min, least) {
            (Some(found), Some(least)) => prop_assert!((found - least).abs() < 1e-9),
            (found, least) => prop_assert_eq!(found, least),
        }
        let share = (blocks > 0.0).then(|| negative / blocks);
        prop_assert_eq!(found.negative_correlation_share, share);
    }
}
