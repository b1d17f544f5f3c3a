//! Chunking invariance, the test signals of the standards, and libebur128.

use std::f64::consts::{PI, TAU};

use ebur128::{EbuR128, Mode};
use proptest::prelude::*;

use super::*;

use crate::analyze::testing::signals::{
    assert_chunking_invariance, bytes, cuts, decibels, format, varying_noise,
};

const UNTIMED: TruePeak = TruePeak { is_timed: false };
const TIMED: TruePeak = TruePeak { is_timed: true };
const RATES_OF_PROGRAMMES: [u32; 3] = [44_100, 48_000, 96_000];

fn measure(format: PcmFormat, samples: &[f64]) -> Figures {
    let analyzer = UNTIMED;
    analyzer.finish(analyzer.analyze(Pcm::new(format, 0, &bytes(samples))), format)
}

fn dbtp(format: PcmFormat, samples: &[f64]) -> f64 {
    decibels(measure(format, samples).true_peak)
}

#[track_caller]
fn within(found: f64, expected: f64, case: u32, rate: u32) {
    let error = found - expected;
    let is_in_tolerance = (-0.4..=0.2).contains(&error);
    assert!(is_in_tolerance, "case {case}, {rate} Hz: {found} dBTP, not {expected} +0.2 −0.4");
}

/// A sine with this period in samples, with the fades of the standard.
fn sine(rate: u32, period: f64, amplitude: f64, degrees: f64) -> Vec<f64> {
    let frames = f64::from(rate) * 2.0;
    let wave = |n: f64| amplitude * (TAU * n / period + degrees.to_radians()).sin();
    let fade = |n: f64| (n / 2000.0).min((frames - n) / 2000.0).min(1.0);
    (0..rate * 2).map(|n| fade(n.into()) * wave(n.into())).collect()
}

#[test]
fn true_peak_meets_tech_3341() {
    for rate in RATES_OF_PROGRAMMES {
        let cases = [
            (15, 4.0, 0.5, 0.0, -6.0),
            (16, 4.0, 0.5, 45.0, -6.0),
            (17, 6.0, 0.5, 60.0, -6.0),
            (18, 8.0, 0.5, 67.5, -6.0),
            (19, 4.0, 1.41, 45.0, 3.0),
        ];
        for (case, period, amplitude, degrees, expected) in cases {
            let signal = sine(rate, period, amplitude, degrees);
            within(dbtp(format(rate, 1), &signal), expected, case, rate);
            // The largest of all channels, in 5.1 including the low-frequency channel.
            let mut six = vec![0.0; 6 * signal.len()];
            for (frame, x) in six.chunks_exact_mut(6).zip(&signal) {
                frame[3] = *x;
            }
            within(dbtp(format(rate, 6), &six), expected, case, rate);
        }
    }
    // The samples alone are lower: by 3 dB in case 16.
    let sampled = measure(format(48_000, 1), &sine(48_000, 4.0, 0.5, 45.0)).sample_peak;
    assert!((decibels(sampled) + 9.03).abs() < 0.01, "{sampled}");
}

#[test]
fn short_peak_between_samples_meets_tech_3341() {
    // At four times the rate: 0.5 at a sixth of the rate, and one period at a fourth of the rate at
    // 1.
    let (tone, burst) = (24.0, 16.0);
    let mut phase = 0.0_f64;
    let wave: Vec<f64> = (0..96_000)
        .map(|n| {
            let in_burst = (48_000..48_016).contains(&n);
            let value = if in_burst { 1.0 } else { 0.5 } * (TAU * phase).sin();
            phase += 1.0 / if in_burst { burst } else { tone };
            value
        })
        .collect();
    let low_pass: Vec<f64> = (-120..=120)
        .map(|k| {
            let x = f64::from(k) / 4.0;
            let sinc = if k == 0 { 1.0 } else { (PI * x).sin() / (PI * x) };
            sinc / 4.0 * (0.5 + 0.5 * (PI * f64::from(k) / 121.0).cos())
        })
        .collect();
    for (offset, case) in (20..=23).enumerate() {
        let decimated = wave.windows(low_pass.len()).skip(offset).step_by(4).map(|window| {
            window.iter().zip(&low_pass).map(|(x, coefficient)| x * coefficient).sum()
        });
        let samples: Vec<f64> = decimated.collect();
        for rate in RATES_OF_PROGRAMMES {
            within(dbtp(format(rate, 1), &samples), 0.0, case, rate);
        }
    }
}

/// Each frame mixed with its neighbours.
fn smooth(samples: &[f64], channels: usize) -> Vec<f64> {
    let frames = samples.windows(2 * channels + 1);
    frames.map(|near| near[0] / 4.0 + near[channels] / 2.0 + near[2 * channels] / 4.0).collect()
}

#[test]
fn figures_equal_libebur128() {
    for (rate, channels) in [(22_050, 1), (44_100, 2), (48_000, 6), (96_000, 2), (192_000, 2)] {
        let mut samples = varying_noise(u64::from(rate), rate as usize, channels.into());
        if rate < 192_000 {
            // libebur128 has another filter there, and both are undefined near half the sample
            // rate. Like music, this noise has little energy there.
            samples = smooth(&samples, channels.into());
        }
        let figures = measure(format(rate, channels), &samples);
        let mut theirs = EbuR128::new(channels.into(), rate, Mode::TRUE_PEAK).unwrap();
        theirs.add_frames_f64(&samples).unwrap();
        let channels = 0..u32::from(channels);
        let largest = |peak: &dyn Fn(u32) -> f64| channels.clone().map(peak).fold(0.0, f64::max);
        let sampled = largest(&|channel| theirs.sample_peak(channel).unwrap());
        assert!((figures.sample_peak - sampled).abs() < 1e-12);
        let error = 20.0
            * (figures.true_peak / largest(&|channel| theirs.true_peak(channel).unwrap())).log10();
        // From 96 kHz on, libebur128 interpolates half as many values, in single precision.
        let least = if rate < 96_000 { -0.2 } else { -1e-4 };
        let most = if rate < 192_000 { 0.2 } else { 1e-4 };
        assert!((least..most).contains(&error), "{rate} Hz: {error} dB");
    }
}

#[test]
fn silence_and_empty_audio_have_no_peak() {
    for samples in [&[][..], &[0.0; 100]] {
        let analyzer = UNTIMED;
        let figures = measure(format(48_000, 1), samples);
        assert!(figures.of_each.iter().all(|peaks| *peaks == Peaks::default()));
        assert_eq!(Figures { of_each: Vec::new(), ..figures.clone() }, Figures::default());
        assert!(TruePeak::figures(&figures).all(|figure| figure.is_none()));
        let whole = analyzer.analyze(Pcm::new(format(48_000, 1), 0, &bytes(samples)));
        assert_eq!(whole.0.is_none(), samples.is_empty());
    }
}

#[test]
fn invalid_partial_is_rejected() {
    let format = format(8000, 2);
    let samples = bytes(&varying_noise(1, 3000, 2));
    let whole = Pcm::new(format, 0, &samples);
    let (_, chunk) = whole.split_at(300);
    let (good, span) = (UNTIMED.analyze(chunk), FrameSpan::from(chunk));
    assert_eq!(UNTIMED.check(&good, &span), Ok(()));
    let invalid: [fn(&mut SpanState); 9] = [
        |state| state.span.frames.end += 1,
        |state| state.span.format.channels = 1,
        |state| state.head.truncate(3),
        |state| state.tail.push(0.0),
        |state| state.head[3] = f64::NAN,
        |state| {
            state.tail[3] = 2.0 * largest(&state.peaks, |peaks| peaks.true_peak);
        },
        |state| state.peaks[0].sample_peak = -1.0,
        |state| state.peaks[0].true_peak = state.peaks[0].sample_peak / 2.0,
        |state| state.peaks[0].true_peak = f64::INFINITY,
    ];
    for (number, corrupt) in invalid.into_iter().enumerate() {
        let mut partial = good.clone();
        corrupt(partial.0.as_mut().expect("not empty"));
        assert!(UNTIMED.check(&partial, &span).is_err(), "corruption {number}");
    }
    assert!(UNTIMED.check(&Partial(None), &span).is_err(), "nothing of something");
}

proptest! {
    #[test]
    fn bits_do_not_depend_on_chunking(
        seed: u64,
        rate in prop::sample::select(vec![8000_u32, 44_100, 96_000, 192_000]),
        channels in 1_u16..=3,
        frames in 0_usize..1500,
        cuts in cuts(),
    ) {
        let format = format(rate, channels);
        let samples = bytes(&varying_noise(seed, frames, channels.into()));
        let whole = Pcm::new(format, 0, &samples);
        assert_chunking_invariance(&UNTIMED, whole, &cuts);
        assert_chunking_invariance(&TIMED, whole, &cuts);

        // A reference that measures block after block, each with everything before it.
        let [untimed, timed] = [UNTIMED, TIMED].map(|analyzer| {
            analyzer.finish(analyzer.analyze(whole), format)
        });
        prop_assert_eq!(timed.true_peak.to_bits(), untimed.true_peak.to_bits());
        let until = |ms: u64| {
            let (before, _) = whole.split_at(ms * u64::from(rate) / 1000);
            UNTIMED.finish(UNTIMED.analyze(before), format).true_peak
        };
        let mut so_far = 0.0_f64;
        for (block, peak) in (0..).zip(&timed.every_100_ms) {
            so_far = so_far.max(*peak);
            prop_assert_eq!(so_far.to_bits(), until((block + 1) * 100).to_bits());
        }
    }
}
