//! Chunking invariance, the test signals of the standards, and libebur128.

use std::f64::consts::TAU;

use ebur128::{EbuR128, Mode};
use proptest::prelude::*;

use super::*;
use crate::analyze::testing::signals::{
    assert_chunking_invariance, bytes, cuts, format, varying_noise,
};
use crate::pcm::ChannelLayout;

const RATES_OF_PROGRAMMES: [u32; 3] = [44_100, 48_000, 96_000];

/// Piece by piece, as the registry does.
fn measure(format: PcmFormat, samples: &[f64]) -> Figures {
    let bytes = bytes(samples);
    let analyzer = Loudness::default();
    let whole = Pcm::new(format, 0, &bytes)
        .pieces(100_000)
        .map(|piece| analyzer.analyze(piece))
        .fold(Partial::default(), |so_far, next| analyzer.merge(so_far, next));
    analyzer.finish(whole, format)
}

/// A continuous 1 kHz tone with steps of level; 10 ms contain a whole number of periods.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a signal of some seconds"
)]
fn tones(rate: u32, channels: usize, steps: &[(f64, f64)]) -> Vec<f64> {
    let turn = |frame: u32| TAU * 1000.0 * f64::from(frame) / f64::from(rate);
    let wave: Vec<f64> = (0..rate / 100).map(|frame| turn(frame).sin()).collect();
    let mut samples = Vec::new();
    let mut seconds = 0.0;
    for &(length, dbfs) in steps {
        seconds += length;
        let end = (seconds * f64::from(rate)).round() as usize;
        let amplitude = 10_f64.powf(dbfs / 20.0);
        let frames = samples.len() / channels..end;
        let behind = wave.iter().cycle().skip(frames.start % wave.len());
        for x in behind.take(frames.len()) {
            samples.extend(std::iter::repeat_n(amplitude * x, channels));
        }
    }
    samples
}

const SILENCE: f64 = f64::NEG_INFINITY;

#[track_caller]
fn near(found: Option<f64>, expected: f64, tolerance: f64) {
    let found = found.expect("a figure");
    assert!((found - expected).abs() <= tolerance, "{found}, not {expected} ± {tolerance}");
}

#[test]
fn steady_tone_meets_tech_3341() {
    for rate in RATES_OF_PROGRAMMES {
        for level in [-23.0, -33.0] {
            let figures = measure(format(rate, 2), &tones(rate, 2, &[(20.0, level)]));
            near(figures.integrated_lufs, level, 0.02);
            near(figures.momentary_max_lufs, level, 0.02);
            near(figures.short_term_max_lufs, level, 0.02);
            near(figures.replaygain_track_gain_db, -18.0 - level, 0.02);
            near(figures.loudness_range_lu, 0.0, 0.001);
            stays(&figures.momentary_powers, level);
            stays(&figures.short_term_powers, level);
        }
    }
}

/// All windows, not only the loudest.
#[track_caller]
fn stays(powers: &[f64], level: f64) {
    assert!(!powers.is_empty());
    for &power in powers {
        near(loudness(power), level, 0.1);
    }
}

#[test]
fn stated_layout_selects_the_low_frequency_channel() {
    let one = tones(48_000, 1, &[(1.0, 0.0)]);
    let in_fourth: Vec<f64> = one.iter().flat_map(|&x| [0.0, 0.0, 0.0, x]).collect();
    let quad = format(48_000, 4);
    let layout = ChannelLayout::from_mask(0xf, 4);
    assert_eq!(measure(PcmFormat { layout, ..quad }, &in_fourth).integrated_lufs, None);
    near(measure(quad, &in_fourth).integrated_lufs, -3.01 + 10.0 * 1.41_f64.log10(), 0.02);
}

#[test]
fn dual_mono_measures_mono_as_the_same_signal_in_two_channels() {
    let steps = [(3.0, -30.0), (4.0, -12.0), (3.0, -20.0)];
    let [mono, stereo] = [1_u16, 2].map(|channels| {
        let samples = bytes(&tones(48_000, channels.into(), &steps));
        let analyzer = Loudness { dual_mono: true, ..Loudness::default() };
        let format = format(48_000, channels);
        analyzer.finish(analyzer.analyze(Pcm::new(format, 0, &samples)), format)
    });
    assert_eq!(mono, stereo, "two channels have exactly twice the energy of one");
}

#[test]
fn channels_are_weighted_as_in_bs_1770() {
    // A full-scale tone in one channel has 3.01 dB less; a side channel has 1.41 times the power.
    let (front, side) = (Some(-3.01), Some(-3.01 + 10.0 * 1.41_f64.log10()));
    let layouts: [&[Option<f64>]; 8] = [
        &[front],
        &[front; 2],
        &[front; 3],
        &[front, front, side, side],
        &[front, front, front, side, side],
        &[front, front, front, None, side, side],
        &[front, front, front, None, front, side, side],
        &[front, front, front, None, front, front, side, side],
    ];
    for rate in RATES_OF_PROGRAMMES {
        let one = tones(rate, 1, &[(1.0, 0.0)]);
        for (channels, layout) in (1_u16..).zip(layouts) {
            for (channel, expected) in layout.iter().enumerate() {
                let mut samples = vec![0.0; one.len() * layout.len()];
                for (frame, x) in samples.chunks_exact_mut(layout.len()).zip(&one) {
                    frame[channel] = *x;
                }
                let found = measure(format(rate, channels), &samples).integrated_lufs;
                match expected {
                    Some(expected) => near(found, *expected, 0.02),
                    None => assert_eq!(found, None, "low frequencies"),
                }
            }
        }
    }
}

#[test]
fn integrated_loudness_meets_tech_3341() {
    let cases: [&[(f64, f64)]; 5] = [
        &[(20.0, -23.0)],
        &[(20.0, -33.0)],
        &[(10.0, -36.0), (60.0, -23.0), (10.0, -36.0)],
        &[(10.0, -72.0), (10.0, -36.0), (60.0, -23.0), (10.0, -36.0), (10.0, -72.0)],
        &[(20.0, -26.0), (20.1, -20.0), (20.0, -26.0)],
    ];
    for rate in RATES_OF_PROGRAMMES {
        for (case, steps) in cases.iter().enumerate() {
            let expected = if case == 1 { -33.0 } else { -23.0 };
            let figures = measure(format(rate, 2), &tones(rate, 2, steps));
            near(figures.integrated_lufs, expected, 0.1);
        }
        // Case 6: five channels with different levels.
        let one = tones(rate, 1, &[(20.0, 0.0)]);
        let gains = [-28.0, -28.0, -24.0, -30.0, -30.0].map(|db: f64| 10_f64.powf(db / 20.0));
        let five: Vec<f64> = one.iter().flat_map(|x| gains.map(|gain| gain * x)).collect();
        near(measure(format(rate, 5), &five).integrated_lufs, -23.0, 0.1);
        // The low-frequency channel of 5.1 does not count.
        let six: Vec<f64> =
            five.chunks(5).flat_map(|x| [x[0], x[1], x[2], 0.9, x[3], x[4]]).collect();
        let (of_five, of_six) = (measure(format(rate, 5), &five), measure(format(rate, 6), &six));
        assert_eq!(of_six, of_five);
    }
}

#[test]
fn loudest_windows_meet_tech_3341() {
    for rate in RATES_OF_PROGRAMMES {
        let nine = [(1.34, -20.0), (1.66, -30.0)].repeat(5);
        let nine = measure(format(rate, 2), &tones(rate, 2, &nine));
        near(nine.short_term_max_lufs, -23.0, 0.1);
        stays(&nine.short_term_powers, -23.0);
        let twelve = [(0.18, -20.0), (0.22, -30.0)].repeat(25);
        let twelve = measure(format(rate, 2), &tones(rate, 2, &twelve));
        near(twelve.momentary_max_lufs, -23.0, 0.1);
        stays(&twelve.momentary_powers, -23.0);
        for i in 0..20 {
            let late = f64::from(i);
            let ten = tones(rate, 2, &[(late * 0.15, SILENCE), (3.0, -23.0), (1.0, SILENCE)]);
            near(measure(format(rate, 2), &ten).short_term_max_lufs, -23.0, 0.1);
            let thirteen = tones(rate, 2, &[(late * 0.02, SILENCE), (0.4, -23.0), (1.0, SILENCE)]);
            near(measure(format(rate, 2), &thirteen).momentary_max_lufs, -23.0, 0.1);
            // Cases 11 and 14 are for live meters, which show the largest value so far.
            let level = late - 38.0;
            let eleven = [(late * 0.15, SILENCE), (3.0, level), (3.0 - late * 0.15, SILENCE)];
            let eleven = tones(rate, 2, &eleven);
            near(measure(format(rate, 2), &eleven).short_term_max_lufs, level, 0.1);
            let fourteen = [(late * 0.02, SILENCE), (0.4, level), (0.4 - late * 0.02, SILENCE)];
            let fourteen = tones(rate, 2, &fourteen);
            near(measure(format(rate, 2), &fourteen).momentary_max_lufs, level, 0.1);
        }
    }
}

#[test]
fn loudness_range_meets_tech_3342() {
    let cases: [(&[f64], f64); 4] = [
        (&[-20.0, -30.0], 10.0),
        (&[-20.0, -15.0], 5.0),
        (&[-40.0, -20.0], 20.0),
        (&[-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    ];
    for rate in RATES_OF_PROGRAMMES {
        for (levels, expected) in cases {
            let steps: Vec<_> = levels.iter().map(|&level| (20.0, level)).collect();
            let figures = measure(format(rate, 2), &tones(rate, 2, &steps));
            near(figures.loudness_range_lu, expected, 0.01);
            // Played twice, it has the same range; so has one channel.
            let twice = measure(format(rate, 1), &tones(rate, 1, &steps).repeat(2));
            near(twice.loudness_range_lu, expected, 1.0);
        }
    }
}

#[test]
fn figures_equal_libebur128() {
    for (rate, channels) in [(8000, 1), (22_050, 1), (44_100, 2), (48_000, 2), (48_000, 6)] {
        let samples = varying_noise(u64::from(rate), 12 * rate as usize, channels.into());
        let figures = measure(format(rate, channels), &samples);
        let mut theirs = EbuR128::new(channels.into(), rate, Mode::I | Mode::M | Mode::S).unwrap();
        let (mut momentary, mut short_term) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        // A hop of 10 ms, as ours.
        for piece in samples.chunks(rate as usize / 100 * usize::from(channels)) {
            theirs.add_frames_f64(piece).unwrap();
            momentary = momentary.max(theirs.loudness_momentary().unwrap());
            short_term = short_term.max(theirs.loudness_shortterm().unwrap());
        }
        // libebur128 rounds 10 ms to a whole number of frames.
        let tolerance = if rate % 100 == 0 && rate != 22_050 { 1e-6 } else { 0.02 };
        near(figures.integrated_lufs, theirs.loudness_global().unwrap(), tolerance);
        near(figures.momentary_max_lufs, momentary, tolerance);
        near(figures.short_term_max_lufs, short_term, tolerance);
    }
}

#[test]
fn loudness_is_undefined_for_too_little_audio() {
    for (rate, steps) in [
        (48_000, &[][..]),
        (48_000, &[(0.39, -10.0)]),
        (48_000, &[(5.0, SILENCE)]),
        (4000, &[(5.0, -10.0)]),
    ] {
        let figures = measure(format(rate, 2), &tones(rate, 2, steps));
        assert!(Loudness::figures(&figures).all(|figure| figure.is_none()), "{figures:?}");
    }
    let below_the_gate = measure(format(48_000, 2), &tones(48_000, 2, &[(5.0, -71.0)]));
    assert_eq!(below_the_gate.integrated_lufs, None);
    near(below_the_gate.momentary_max_lufs, -71.0, 0.1);
}

#[test]
fn invalid_floats_have_no_loudness() {
    let mut samples = tones(48_000, 1, &[(2.0, -23.0)]);
    for (at, damage) in [(100, f64::NAN), (50_000, f64::INFINITY), (90_000, -1e300)] {
        samples[at] = damage;
    }
    let figures = measure(format(48_000, 1), &samples);
    let expected = |x: Option<f64>| x.expect("a figure").is_finite();
    assert!(expected(figures.integrated_lufs) && expected(figures.momentary_max_lufs));
}

#[test]
fn invalid_partial_is_rejected() {
    let format = format(8000, 2);
    let samples = bytes(&varying_noise(1, 30_000, 2));
    let whole = Pcm::new(format, 0, &samples);
    let (_, chunk) = whole.split_at(3000);
    let (good, span) = (Loudness::default().analyze(chunk), FrameSpan::from(chunk));
    assert_eq!(Loudness::default().check(&good, &span), Ok(()));
    let invalid: [fn(&mut SpanState); 10] = [
        |piece| piece.span.frames.end += 1,
        |piece| piece.span.format.channels = 1,
        |piece| piece.head.truncate(16),
        |piece| piece.first = None,
        |piece| piece.hops[3] = f64::NAN,
        |piece| piece.hops[3] = -1e-9,
        |piece| piece.hops.truncate(50),
        |piece| piece.ends.truncate(1),
        |piece| piece.open.frames -= 1,
        |piece| piece.open.channels[1].state[2] = f64::INFINITY,
    ];
    for (number, corrupt) in invalid.into_iter().enumerate() {
        let mut partial = good.clone();
        corrupt(partial.0.as_mut().expect("not empty"));
        assert!(Loudness::default().check(&partial, &span).is_err(), "corruption {number}");
    }
    assert!(Loudness::default().check(&Partial(None), &span).is_err(), "nothing of something");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bits_do_not_depend_on_chunking(
        seed: u64,
        rate in prop::sample::select(vec![8000_u32, 8001, 9999, 11_025]),
        channels in 1_u16..=6,
        frames in 0_usize..45_000,
        cuts in cuts(),
    ) {
        let format = format(rate, channels);
        let samples = bytes(&varying_noise(seed, frames, channels.into()));
        assert_chunking_invariance(&Loudness::default(), Pcm::new(format, 0, &samples), &cuts);
    }
}

#[test]
fn grains_equal_a_continuous_filter() {
    // A filter that never starts anew, hop by hop.
    let rate = 44_100;
    let mut samples = varying_noise(7, 5 * rate as usize, 1);
    samples[..60_000].fill(1.0); // what takes longest to be forgotten
    let Partial(Some(piece)) =
        Loudness::default().analyze(Pcm::new(format(rate, 1), 0, &bytes(&samples)))
    else {
        panic!("no piece");
    };
    let kernel = Kernel::at(rate);
    let mut state = State::default();
    for (hop, energy) in piece.corrected().into_iter().enumerate() {
        let frames = [hop, hop + 1].map(|hop| kweighting::hop_start(rate, hop as u64));
        let [start, end] = frames.map(|frame| usize::try_from(frame).expect("few frames"));
        let expected: f64 =
            samples[start..end].iter().map(|&x| kernel.filter.step(&mut state, x).powi(2)).sum();
        let error = (energy - expected).abs() / expected.max(1.0);
        assert!(error < 1e-9, "cell {hop}: {energy}, not {expected}");
    }
}
