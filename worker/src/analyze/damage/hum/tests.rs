use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::analyze::accumulate::per_channel::ChannelStates;
use crate::analyze::testing::oracle::sound;
use crate::analyze::testing::signals::{
    assert_chunking_invariance, bytes, cuts, format, varying_noise,
};

fn measured(samples: &[f64], rate: u32) -> HumByChannel {
    let (format, bytes) = (format(rate, 1), bytes(samples));
    Hum {}.finish(Hum {}.analyze(Pcm::new(format, 0, &bytes)), format)
}

fn figures(samples: &[f64], rate: u32) -> Vec<Option<f64>> {
    Hum::figures(&measured(samples, rate)).collect()
}

/// Noise of about −40 dBFS RMS plus a sine with this RMS.
fn with_hum(rate: u32, seconds: u32, hz: f64, dbfs: f64) -> Vec<f64> {
    let frames = rate * seconds;
    let amplitude = 2_f64.sqrt() * 10_f64.powf(dbfs / 20.0);
    let turn = TAU * hz / f64::from(rate);
    let noise = varying_noise(7, usize::try_from(frames).unwrap(), 1);
    (0..frames)
        .zip(noise)
        .map(|(at, noise)| 0.01 * noise.signum() + amplitude * (turn * f64::from(at)).sin())
        .collect()
}

#[track_caller]
fn near(found: Option<f64>, expected: f64, tolerance: f64) {
    assert!(found.is_some_and(|x| (x - expected).abs() <= tolerance), "{found:?}, {expected}");
}

#[test]
fn hum_is_reported_with_frequency_and_level() {
    for rate in [8000, 22_050, 44_100, 48_000, 192_000] {
        for (hz, mains) in [(50.0, 50.0), (60.0, 60.0), (49.9, 50.0)] {
            let found = figures(&with_hum(rate, 4, hz, -45.0), rate);
            assert!(found[0] >= Some(12.0), "{rate} Hz: {found:?}");
            near(found[1], -45.0, 1.0);
            assert_eq!(found[2], Some(mains), "{hz} Hz at {rate} Hz: {found:?}");
        }
    }
}

/// Sum of two signals.
fn both(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one + other).collect()
}

#[test]
fn one_harmonic_is_a_note_and_two_are_hum() {
    for (mains, multiples) in [(50.0, [2.0, 4.0]), (50.0, [3.0, 4.0]), (60.0, [2.0, 3.0])] {
        let [one, other] = [(multiples[0], -40.0), (multiples[1], -50.0)]
            .map(|(of, level)| with_hum(8000, 5, mains * of, level));
        for alone in [&one, &other] {
            let found = figures(alone, 8000);
            assert!(found[0] < Some(12.0), "{mains} Hz, {multiples:?}: {found:?}");
        }
        let found = figures(&both(&one, &other), 8000);
        assert!(found[0] >= Some(12.0), "{mains} Hz, {multiples:?}: {found:?}");
        near(found[1], -40.0, 1.0);
        assert_eq!(found[2], Some(mains), "{found:?}");
    }
}

#[test]
fn unsteady_tone_at_mains_frequency_is_not_hum() {
    // A quarter of the time as quiet as hum, and 12 dB louder afterwards.
    let [quiet, loud] = [-50.0, -38.0].map(|level| with_hum(8000, 2, 50.0, level));
    let note = [&quiet[..], &loud, &loud, &loud].concat();
    assert!(figures(&note, 8000)[0] < Some(12.0));
    let louder = with_hum(8000, 2, 50.0, -46.0);
    let hum = [&quiet[..], &louder, &louder, &louder].concat();
    assert!(figures(&hum, 8000)[0] >= Some(12.0));
}

#[test]
fn noise_and_other_tones_are_not_hum() {
    for rate in [8000, 44_100] {
        for hz in [55.0, 98.0, 110.0, 150.0, 200.0, 240.0, 440.0, 1950.0, 2050.0] {
            let found = figures(&with_hum(rate, 6, hz, -20.0), rate);
            assert!(found[0] < Some(12.0), "{hz} Hz at {rate} Hz: {found:?}");
            assert_eq!(found[1..], [None; 2]);
        }
    }
}

#[test]
fn intermittent_note_is_not_hum_and_silence_does_not_count() {
    let (hum, none) = (with_hum(8000, 2, 50.0, -30.0), with_hum(8000, 2, 440.0, -90.0));
    let note = [hum.clone(), none.clone(), none.clone(), hum.clone()].concat();
    assert!(figures(&note, 8000)[0] < Some(12.0));
    let with_silence = [vec![0.0; 80_000], hum.clone(), hum].concat();
    assert_eq!(figures(&with_silence, 8000)[2], Some(50.0));
    // Less than three seconds, silence, and rates without these lines give no figures.
    for (samples, rate) in
        [(vec![0.5; 16_000], 8000), (vec![0.0; 99_000], 8000), (vec![0.5; 9000], 900)]
    {
        assert_eq!(figures(&samples, rate), [None; 3]);
    }
}

#[test]
fn finding_names_the_channel_with_hum() {
    let [left, right] = [with_hum(8000, 4, 440.0, -30.0), with_hum(8000, 4, 60.0, -30.0)];
    let both: Vec<f64> = left.into_iter().zip(right).flat_map(|(l, r)| [l, r]).collect();
    let (format, bytes) = (format(8000, 2), bytes(&both));
    let found = Hum {}.finish(Hum {}.analyze(Pcm::new(format, 0, &bytes)), format);
    let Details { findings, channels, .. } = Hum::details(&found);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.kind, finding.channel), ("hum_db", Some(2)));
    assert_eq!(finding.region, Region { start_seconds: 0.0, end_seconds: 4.0 });
    assert_eq!((channels[0].0, channels[0].1.len()), ("hum_db", 2));
}

#[test]
fn invalid_partial_is_rejected() {
    let samples = bytes(&with_hum(1000, 3, 50.0, -20.0));
    let (_, pcm) = Pcm::new(format(1000, 1), 0, &samples).split_at(500);
    let (pcm, _) = pcm.split_at(2200);
    let (good, span) = (Hum {}.analyze(pcm), FrameSpan::from(pcm));
    assert_eq!(Hum {}.check(&good, &span), Ok(()));
    let invalid: [fn(&mut ChannelStates<Channel>); 8] = [
        |states| states.span.frames.end += 1,
        |states| states.channels.clear(),
        |states| states.channels[0].0.head = None,
        |states| states.channels[0].0.tail = Some(ProbeSums(Vec::new())),
        |states| states.channels[0].0.summary.audible += 1,
        |states| states.channels[0].0.summary.silent += 1,
        |states| states.channels[0].0.summary.lines.clear(),
        |states| states.channels[0].0.summary.lines[3].above.add(5),
    ];
    for (number, corrupt) in invalid.into_iter().enumerate() {
        let mut partial = good.clone();
        corrupt(partial.0.as_mut().expect("not empty"));
        assert!(Hum {}.check(&partial, &span).is_err(), "corruption {number}");
    }
    Hum {}.check(&PerChannel::default(), &span).unwrap_err();
}

#[test]
fn lines_equal_the_definition() {
    // At 1000 Hz every sample is a node, and the sum is that of the Goertzel algorithm.
    let rate = 1000_u32;
    let samples = varying_noise(5, 1000, 1);
    let (format, bytes) = (format(rate, 1), bytes(&samples));
    let probes = Probes::of(format);
    let sums = probes.sums(&Pcm::new(format, 0, &bytes).integers().channel(0, 1), 0);
    for (line, place) in LINES.iter().zip((0..).step_by(PROBES / LINES.len())) {
        let turn = TAU * f64::from(*line) / f64::from(rate);
        let (mut cosine, mut sine) = (0.0, 0.0);
        for (at, x) in (0..rate).zip(&samples) {
            let window = 0.5 - 0.5 * (TAU * f64::from(at) / f64::from(rate)).cos();
            cosine += x * window * (turn * f64::from(at)).cos();
            sine += x * window * (turn * f64::from(at)).sin();
        }
        // A full-scale sine has half of the window's sum, squared, and half the power of a square
        // wave.
        let expected = 10.0 * ((cosine * cosine + sine * sine) / (250.0 * 250.0) / 2.0).log10();
        #[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
        let [cosine, sine] = sums[place].map(|sum| sum as f64);
        let found = 10.0 * ((cosine * cosine + sine * sine) / probes.full_scale_power()).log10();
        assert!((found - expected).abs() < 0.02, "{line} Hz: {found}, not {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn seconds_do_not_depend_on_chunking(sound in sound(), cuts in cuts()) {
        assert_chunking_invariance(&Hum {}, sound.pcm(), &cuts);
    }

    #[test]
    fn several_seconds_do_not_depend_on_chunking(seed: u64, channels in 1_u16..=2, cuts in cuts()) {
        let samples = bytes(&varying_noise(seed, 9000, channels.into()));
        assert_chunking_invariance(&Hum {}, Pcm::new(format(2500, channels), 0, &samples), &cuts);
        assert_chunking_invariance(&Hum {}, Pcm::new(format(4444, channels), 0, &samples), &cuts);
    }
}
