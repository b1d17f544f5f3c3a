//! Chunking invariance, examples, and sums in doubles.

use proptest::prelude::*;

use super::*;
use crate::analyze::testing::oracle::{Sound, sound};

fn figures(samples: &[i32]) -> Figures {
    let sound = Sound::mono_16(8000, samples.to_vec());
    Statistics {}.finish(Statistics {}.analyze(sound.pcm()), sound.format).of_all
}

#[track_caller]
fn near(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?}");
}

#[test]
fn rms_of_a_square_wave_equals_its_peak() {
    let square = figures(&[-16_384, 16_384, -16_384, 16_384]);
    near(square.rms_dbfs, 20.0 * 0.5_f64.log10());
    near(square.rms_aes17_dbfs, 20.0 * 0.5_f64.sqrt().log10());
    assert_eq!(square.crest_factor_db, Some(0.0));
    assert_eq!(square.dc_offset, Some(0.0));
    assert_eq!(square.peak_count, Some(4.0));
    assert_eq!(square.bit_depth_used, Some(2.0));
    assert_eq!(square.zero_crossing_rate, Some(1.0));
}

#[test]
fn zero_is_not_negative() {
    assert_eq!(figures(&[1, 0, 1, 0]).zero_crossing_rate, Some(0.0));
    assert_eq!(figures(&[-1, 0, -1, 0, 0]).zero_crossing_rate, Some(0.75));
    assert_eq!(figures(&[5]).zero_crossing_rate, None);
}

#[test]
fn silence_and_empty_audio_have_only_defined_figures() {
    let silence = Figures {
        dc_offset: Some(0.0),
        peak_count: Some(3.0),
        bit_depth_used: Some(0.0),
        zero_crossing_rate: Some(0.0),
        ..Figures::default()
    };
    assert_eq!(figures(&[0, 0, 0]), silence);
    assert_eq!(figures(&[]), Figures::default());
}

#[test]
fn figures_are_per_channel() {
    let left = [16_384, -16_384, 16_384, -16_384];
    let right = [1024, 1024, 1024, 1024];
    let both: Vec<u8> = left
        .iter()
        .zip(&right)
        .flat_map(|(left, right)| [*left, *right])
        .flat_map(|x: i16| x.to_le_bytes())
        .collect();
    let format = PcmFormat { channels: 2, ..Sound::mono_16(8000, Vec::new()).format };
    let found = Statistics {}.finish(Statistics {}.analyze(Pcm::new(format, 0, &both)), format);
    let alone = [left, right].map(|channel| figures(&channel.map(i32::from)));
    assert_eq!(found.of_each, alone);
    assert_eq!(found.of_all.dc_offset, alone[1].dc_offset);
    let details = Statistics::details(&found);
    let rms = details.channels.iter().find(|(key, _)| *key == "rms_dbfs").unwrap();
    assert_eq!(rms.1, alone.map(|figures| figures.rms_dbfs));
}

#[test]
fn invalid_partial_is_rejected() {
    let sound = Sound::mono_16(8000, vec![5, 0, -7]);
    let span = FrameSpan::from(sound.pcm());
    let good = Statistics {}.analyze(sound.pcm());
    assert_eq!(Statistics {}.check(&good, &span), Ok(()));
    let invalid: [fn(&mut Channel); 5] = [
        |channel| channel.sum = -98_305,
        |channel| channel.squares = 3 << 30 | 1,
        |channel| channel.largest = 32_769,
        |channel| channel.at_largest = 0,
        |channel| channel.sign_changes = 3,
    ];
    for corrupt in invalid {
        let mut partial = good.clone();
        corrupt(&mut partial.channels[0]);
        Statistics {}.check(&partial, &span).unwrap_err();
    }
    Statistics {}.check(&Partial { frames: 2, ..good.clone() }, &span).unwrap_err();
    Statistics {}.check(&Partial { channels: Vec::new(), ..good }, &span).unwrap_err();
}

/// Channel by channel and sample by sample, in doubles.
#[expect(clippy::cast_precision_loss, reason = "an oracle with a tolerance")]
fn reference(sound: &Sound) -> Option<[f64; 4]> {
    let channels = usize::from(sound.format.channels);
    let full_scale = f64::from(sound.format.full_scale());
    let frames: Vec<&[i32]> = sound.samples.chunks(channels).collect();
    let pairs = (frames.len().checked_sub(1)? * channels) as f64;
    let square = |&x: &i32| (f64::from(x) / full_scale).powi(2);
    let mean = sound.samples.iter().map(square).sum::<f64>() / sound.samples.len() as f64;
    let mut dc = 0.0_f64;
    let mut changes = 0;
    for channel in 0..channels {
        let of_channel: Vec<i32> = frames.iter().map(|frame| frame[channel]).collect();
        let sum: i64 = of_channel.iter().map(|&x| i64::from(x)).sum();
        dc = dc.max((sum as f64 / frames.len() as f64 / full_scale).abs());
        changes += of_channel.windows(2).filter(|two| (two[0] < 0) != (two[1] < 0)).count();
    }
    let largest = sound.samples.iter().map(|x| x.unsigned_abs()).max()?;
    let at_peak = sound.samples.iter().filter(|x| x.unsigned_abs() == largest).count();
    Some([10.0 * mean.log10(), dc, at_peak as f64, changes as f64 / pairs])
}

proptest! {
    #[test]
    fn sums_do_not_depend_on_chunking(
        sound in sound(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = Statistics {}.analyze(sound.pcm());
        let merged = sound.cut(&cuts).into_iter()
            .map(|chunk| Statistics {}.analyze(chunk))
            .fold(Partial::default(), |so_far, next| Statistics {}.merge(so_far, next));
        prop_assert_eq!(&merged, &whole);

        if let Some([rms, dc, at_peak, crossings]) = reference(&sound) {
            let ChannelStatistics { of_all: found, of_each } = Statistics {}.finish(merged, sound.format);
            prop_assert_eq!(of_each.len(), usize::from(sound.format.channels));
            prop_assert!(found.rms_dbfs.is_none_or(|found| (found - rms).abs() < 1e-9));
            prop_assert!((found.dc_offset.unwrap().abs() - dc).abs() < 1e-12);
            prop_assert_eq!(found.peak_count, Some(at_peak));
            prop_assert!(found.zero_crossing_rate.is_none_or(|found| (found - crossings).abs() < 1e-12));
        }
    }
}
