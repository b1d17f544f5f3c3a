//! Chunking invariance, examples, and comparison with pydub's algorithm.

use proptest::prelude::*;

use super::*;
use crate::analyze::testing::oracle::{Sound, non_silent, sound};

/// One character is a millisecond of eight frames: `█` loud, `·` zero.
#[track_caller]
fn check(picture: &str, min_silence_ms: u32, expected_ms: u64) {
    let samples = picture.chars().flat_map(|c| [if c == '█' { 9999 } else { 0 }; 8]).collect();
    let sound = Sound::mono_16(8000, samples);
    let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms };
    let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format).duration();
    assert_eq!(figure, Duration::from_millis(expected_ms), "{picture}");
}

#[test]
fn silence_is_the_time_that_silent_windows_cover() {
    check("██████████", 4, 10);
    check("··········", 4, 0);
    check("███····███", 4, 6);
    check("███···████", 4, 10);
    check("···███·███", 4, 10);
    check("····██····", 4, 2);
    check("·█···█····█·····█", 4, 8);
}

#[test]
fn audio_shorter_than_the_window_is_not_silent() {
    check("", 4, 0);
    check("···", 4, 3);
    check("····", 4, 0);
    check("·", 1, 0);
    check("·", 0, 0);
}

#[test]
fn regions_are_the_gaps_between_silences() {
    let regions = |picture: &str| -> Vec<(u64, u64)> {
        let samples = picture.chars().flat_map(|c| [if c == '█' { 9999 } else { 0 }; 8]).collect();
        let sound = Sound::mono_16(8000, samples);
        let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 4 };
        let found = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
        found.0.into_iter().map(|region| (region.start, region.end)).collect()
    };
    assert_eq!(regions("███····███"), [(0, 3), (7, 10)]);
    assert_eq!(regions("····██····█"), [(4, 6), (10, 11)]);
    assert_eq!(regions("██····"), [(0, 2)]);
    assert_eq!(regions("··········"), []);
    assert_eq!(regions("··"), [(0, 2)]);
    assert_eq!(regions(""), []);
}

#[test]
fn rounded_up_length_is_padded_with_zeros() {
    // 12 frames at 8 kHz are 1.5 ms, rounded half to even: 2 ms, the last one half padding.
    // Its RMS is √(100² · 4 / 8) = 70.7, below the 103.6 of -50 dBFS.
    let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 1 };
    for (level, expected) in [(100, 1), (200, 2)] {
        let sound = Sound::mono_16(8000, [[9999; 8].as_slice(), &[level; 4]].concat());
        let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format).duration();
        assert_eq!(figure, Duration::from_millis(expected));
    }
    let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 2 };
    let sound = Sound::mono_16(8000, vec![100; 12]);
    let nothing = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format);
    assert_eq!(nothing.duration(), Duration::ZERO);
}

#[test]
fn rms_is_rounded_down_before_the_comparison() {
    // -50 dBFS are 103.62 of 32768: an RMS of 103.99 is silent, one of 104 is not.
    let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 1 };
    for (last, expected) in [(103, 0), (104, 1)] {
        let sound = Sound::mono_16(8000, [[104; 7].as_slice(), &[last]].concat());
        let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format).duration();
        assert_eq!(figure, Duration::from_millis(expected));
    }
}

#[test]
fn extreme_thresholds_are_handled() {
    let sound = Sound::mono_16(8000, vec![i32::from(i16::MIN); 80]);
    for (threshold_db, expected) in [
        (f64::INFINITY, 0),
        (500.0, 0),
        (0.0, 0),
        (-0.001, 10),
        (f64::NEG_INFINITY, 10),
        (f64::NAN, 10),
    ] {
        let analyzer = NonSilence { threshold_db, min_silence_ms: 4 };
        let figure = analyzer.finish(analyzer.analyze(sound.pcm()), sound.format).duration();
        assert_eq!(figure, Duration::from_millis(expected), "{threshold_db} dB");
    }
}

#[test]
fn partial_size_does_not_depend_on_length() {
    let noise = |at: i32| at.wrapping_mul(0x9E37_79B1_u32.cast_signed()) >> 16;
    let sound = Sound::mono_16(48_000, (0..480_000).map(noise).collect());
    let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 1000 };
    let partial = analyzer.analyze(sound.pcm());
    let bytes = procpool::codec::encode(&partial).unwrap();
    assert!(bytes.len() <= 18 * 1000 + 80, "{}", bytes.len());
}

fn one(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

#[test]
fn invalid_partial_is_rejected() {
    let sound = Sound::mono_16(8000, vec![0; 800]);
    let analyzer = NonSilence { threshold_db: -50.0, min_silence_ms: 10 };
    let span = FrameSpan::from(sound.pcm());
    let good = analyzer.analyze(sound.pcm());
    assert_eq!(analyzer.check(&good, &span), Ok(()));

    let invalid = |corrupt: fn(&mut SpanState)| {
        let mut partial = good.clone();
        corrupt(partial.0.as_mut().unwrap());
        analyzer.check(&partial, &span).unwrap_err()
    };
    invalid(|open| open.span.frames.end += 1);
    invalid(|open| open.span.format.channels = 2);
    invalid(|open| open.head.push(0));
    invalid(|open| open.tail.clear());
    invalid(|open| open.tail[3] = u128::MAX);
    invalid(|open| open.silent = one(0..9));
    invalid(|open| open.silent = one(0..101));
    invalid(|open| open.silent = vec![5..15, 14..30]);
    invalid(|open| open.silent = vec![5..15, 15..30]);
    invalid(|open| open.silent = vec![20..40, 0..10]);
    #[expect(clippy::reversed_empty_ranges, reason = "from a invalid process")]
    invalid(|open| open.silent = one(40..20));
    analyzer.check(&Partial(None), &span).unwrap_err();
}

proptest! {
    #[test]
    fn non_silence_equals_pydub_for_any_chunking(
        sound in sound(),
        threshold_db in -70.0..1.0_f64,
        min_silence_ms in prop_oneof![1_u32..12, 1_u32..200],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let analyzer = NonSilence { threshold_db, min_silence_ms };
        let whole = analyzer.analyze(sound.pcm());

        let partials: Vec<_> = sound.cut(&cuts).into_iter().map(|chunk| {
            let partial = analyzer.analyze(chunk);
            assert_eq!(analyzer.check(&partial, &chunk.into()), Ok(()));
            partial
        }).collect();
        let leftwards = partials.iter().cloned()
            .fold(Partial::default(), |so_far, next| analyzer.merge(so_far, next));
        let rightwards = partials.into_iter()
            .rfold(Partial::default(), |behind, next| analyzer.merge(next, behind));
        prop_assert_eq!(&leftwards, &whole);
        prop_assert_eq!(&rightwards, &whole);

        let expected = non_silent(&sound, threshold_db, min_silence_ms.into());
        prop_assert_eq!(analyzer.finish(whole, sound.format).0, expected);
    }
}
