use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::analyze::testing::signals::{
    assert_chunking_invariance, bytes, cuts, format, varying_noise,
};

fn figures(samples: &[f64], rate: u32, channels: u16) -> Figures {
    let format = format(rate, channels);
    let bytes = bytes(samples);
    let figures = Spectrum {}.finish(Spectrum {}.analyze(Pcm::new(format, 0, &bytes)), format);
    assert_eq!(Spectrum::figures(&figures).count(), Spectrum::METRICS.len());
    figures
}

fn tone(rate: u32, hz: f64, level: f64, frames: usize) -> Vec<f64> {
    let step = TAU * hz / f64::from(rate);
    (0..u32::try_from(frames).unwrap()).map(|at| level * (step * f64::from(at)).sin()).collect()
}

fn noise(level: f64, frames: usize) -> Vec<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        level * (f64::from(u32::try_from(state >> 32).unwrap()) / 2_147_483_648.0 - 1.0)
    };
    (0..frames).map(next).collect()
}

#[track_caller]
fn near(found: Option<f64>, expected: f64, tolerance: f64) {
    assert!(found.is_some_and(|x| (x - expected).abs() <= tolerance), "{found:?}, not {expected}");
}

#[test]
fn tone_and_noise_have_their_spectral_figures() {
    let found = figures(&tone(48_000, 3000.0, 0.5, 48_000), 48_000, 1);
    near(found.centroid_hz, 3000.0, 1.0);
    near(found.rolloff_hz, 3000.0, 24.0);
    assert!(found.flatness < Some(1e-6), "{found:?}");

    let found = figures(&noise(0.5, 96_000), 48_000, 1);
    near(found.centroid_hz, 12_000.0, 150.0);
    near(found.rolloff_hz, 0.85 * 24_000.0, 150.0);
    // e⁻ᵞ: the flatness of a chi-square distribution.
    near(found.flatness, 0.5615, 0.01);
    assert_eq!((found.bandwidth_hz, found.cutoff_depth_db), (Some(24_000.0), None));
}

#[test]
fn quiet_frames_count_only_for_the_bandwidth() {
    let loud = noise(0.5, 48_000);
    let with_silence = [loud.clone(), vec![0.0; 48_000]].concat();
    let [one, both] = [loud, with_silence].map(|samples| figures(&samples, 48_000, 1));
    near(both.centroid_hz, one.centroid_hz.unwrap(), 30.0);
    let silence = figures(&vec![0.0; 9000], 48_000, 1);
    assert!(silence.bands.iter().all(|band| band.level_dbfs.is_none()));
    assert_eq!(Figures { bands: Vec::new(), ..silence }, Figures::default());
    assert_eq!(figures(&noise(0.5, 2047), 48_000, 1), Figures::default());
    assert!(figures(&noise(0.5, 2048), 48_000, 1).centroid_hz.is_some());
    assert_eq!(figures(&noise(1e-5, 9000), 48_000, 1).centroid_hz, None);
}

#[test]
fn channels_are_averaged_as_powers() {
    let (left, right) = (tone(8000, 500.0, 0.5, 8000), tone(8000, 1500.0, 0.5, 8000));
    let both: Vec<f64> = left.iter().zip(&right).flat_map(|(&l, &r)| [l, r]).collect();
    near(figures(&both, 8000, 2).centroid_hz, 1000.0, 1.0);
    // Would be lost in a mono downmix.
    let against: Vec<f64> = left.iter().flat_map(|&l| [l, -l]).collect();
    near(figures(&against, 8000, 2).centroid_hz, 500.0, 1.0);
}

#[test]
fn bands_sum_to_the_power_of_the_audio() {
    let samples = noise(0.5, 96_000);
    let bands = figures(&samples, 96_000, 1).bands;
    let sum: f64 = bands.iter().map(|band| 10_f64.powf(band.level_dbfs.unwrap() / 10.0)).sum();
    // White noise up to 48 kHz; the bands cover 22.4 Hz to 22,387 Hz.
    near(Some(10.0 * sum.log10()), 10.0 * (0.25 / 3.0 * 22_365.0 / 48_000.0_f64).log10(), 0.1);
    let bands = figures(&tone(48_000, 1000.0, 0.5, 48_000), 48_000, 1).bands;
    let loudest =
        bands.iter().max_by(|one, other| one.level_dbfs.partial_cmp(&other.level_dbfs).unwrap());
    assert_eq!(loudest.unwrap().centre_hz.to_bits(), 1000.0_f64.to_bits());
    near(loudest.unwrap().level_dbfs, -9.03, 0.05);
}

#[test]
fn upsampled_audio_has_a_cutoff() {
    // Zero stuffing, a 255-tap low-pass at 5.5 kHz, and 8 bits, whose rounding noise is above the
    // stop band of the filter.
    let low = noise(0.5, 30_000);
    let doubled: Vec<f64> = low.iter().flat_map(|&x| [x, 0.0]).collect();
    let taps: Vec<f64> = (-127..=127)
        .map(|n: i32| {
            let t = f64::from(n);
            let sinc = if n == 0 { 0.5 } else { (TAU * t / 4.0).sin() / (TAU / 2.0 * t) };
            sinc * (0.54 + 0.46 * (TAU * t / 256.0).cos())
        })
        .collect();
    let wave: Vec<f64> = doubled
        .windows(taps.len())
        .map(|window| window.iter().zip(&taps).map(|(x, tap)| x * tap).sum::<f64>())
        .map(|x| (x * 128.0).round() / 128.0)
        .collect();
    let found = figures(&wave, 22_050, 1);
    near(found.bandwidth_hz, 5512.5, 150.0);
    assert!(found.cutoff_depth_db > Some(20.0), "{found:?}");
}

#[test]
fn invalid_floats_are_handled() {
    let mut samples = noise(0.5, 9000);
    for (at, damage) in [(100, f64::NAN), (3000, f64::INFINITY), (5000, -1e300)] {
        samples[at] = damage;
    }
    assert!(figures(&samples, 48_000, 1).flatness.is_some_and(f64::is_finite));
}

#[test]
fn invalid_partial_is_rejected() {
    let samples = bytes(&varying_noise(1, 9000, 2));
    let pcm = Pcm::new(format(8000, 2), 0, &samples);
    let (good, span) = (Spectrum {}.analyze(pcm), FrameSpan::from(pcm));
    assert_eq!(Spectrum {}.check(&good, &span), Ok(()));
    let invalid: [fn(&mut SpanState); 5] = [
        |state| state.span.frames.end += 1,
        |state| state.head.truncate(16),
        |state| state.tail.clear(),
        |state| state.sums.frames += 1,
        |state| state.sums.above_gate = 99,
    ];
    for (number, corrupt) in invalid.into_iter().enumerate() {
        let mut partial = good.clone();
        corrupt(partial.0.as_mut().expect("not empty"));
        assert!(Spectrum {}.check(&partial, &span).is_err(), "corruption {number}");
    }
    Spectrum {}.check(&Partial(None), &span).unwrap_err();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spectrum_does_not_depend_on_chunking(
        seed: u64,
        channels in 1_u16..=3,
        frames in 0_usize..12_000,
        cuts in cuts(),
    ) {
        let samples = bytes(&varying_noise(seed, frames, channels.into()));
        assert_chunking_invariance(&Spectrum {}, Pcm::new(format(8000, channels), 0, &samples), &cuts);
    }

    #[test]
    fn every_frame_is_on_one_side_or_crosses_the_boundary(
        start in 0_u64..5000,
        lengths in [1_u64..6000, 1_u64..6000],
    ) {
        let (boundary, end) = (start + lengths[0], start + lengths[0] + lengths[1]);
        let count = |frames: Range<u64>| frames.end - frames.start;
        let crossing = frames_within(&(start..end))
            .filter(|frame| (frame * HOP..frame * HOP + FRAME as u64).contains(&boundary) && frame * HOP != boundary)
            .count() as u64;
        let within = count(frames_within(&(start..boundary))) + count(frames_within(&(boundary..end)));
        prop_assert_eq!(within + crossing, count(frames_within(&(start..end))));
    }
}
