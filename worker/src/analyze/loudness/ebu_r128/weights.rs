//! Weights: weight of each channel, by BS.1770-5 Table 4.
//!
//! Loudspeakers from 60° to 120° to the side have the weight 1.41, others 1, the low-frequency
//! channel 0. The layout that the file states is used. Back loudspeakers are at 110° in a layout
//! without side loudspeakers (5.1, quadraphonic, hexagonal), else beyond 120° (7.1). Without a
//! stated layout, WAV's default for the number of channels is used:
//!
//! | channels | order                          |
//! |---------:|--------------------------------|
//! | 4        | L R Ls Rs                      |
//! | 5        | L R C Ls Rs                    |
//! | 6        | L R C LFE Ls Rs                |
//! | 7        | L R C LFE Cs Ls Rs             |
//! | 8        | L R C LFE Lb Rb Ls Rs          |

use crate::pcm::{PcmFormat, Speaker};

const FRONT: f64 = 1.0;
const SIDE: f64 = 1.41;
const LFE: f64 = 0.0;

/// The weight of each channel.
pub(super) fn of(format: PcmFormat) -> Vec<f64> {
    let channels = usize::from(format.channels);
    match format.layout.speakers(channels) {
        Some(speakers) => speakers.iter().map(|&speaker| of_speaker(speaker, speakers)).collect(),
        None => (0..channels).map(|channel| by_default(channel, channels)).collect(),
    }
}

/// Weight of a loudspeaker in a layout.
fn of_speaker(speaker: Speaker, layout: &[Speaker]) -> f64 {
    use Speaker::{
        BackLeft, BackRight, LowFrequency, LowFrequency2, SideLeft, SideRight, WideLeft, WideRight,
    };
    match speaker {
        LowFrequency | LowFrequency2 => LFE,
        SideLeft | SideRight | WideLeft | WideRight => SIDE,
        BackLeft | BackRight if !layout.iter().any(|one| matches!(one, SideLeft | SideRight)) => {
            SIDE
        }
        _ => FRONT,
    }
}

/// Weight of a channel in WAV's default layout.
fn by_default(channel: usize, channels: usize) -> f64 {
    match (channels, channel) {
        (4, 2 | 3) | (5, 3 | 4) | (6, 4 | 5) | (7, 5 | 6) | (8, 6 | 7) => SIDE,
        (6..=8, 3) => LFE,
        _ => FRONT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcm::{ChannelLayout, SampleFormat};

    #[track_caller]
    fn check(mask: u32, expected: &[f64]) {
        let channels = u16::try_from(expected.len()).expect("a few");
        let layout = ChannelLayout::from_mask(mask, channels);
        let format = PcmFormat { layout, ..PcmFormat::new(SampleFormat::S16, 48_000, channels) };
        assert_eq!(of(format), expected, "mask {mask:#x}");
    }

    #[test]
    fn stated_layout_sets_the_weights() {
        check(0x00f, &[FRONT, FRONT, FRONT, LFE]); // 3.1
        check(0x00b, &[FRONT, FRONT, LFE]); // 2.1
        check(0x10f, &[FRONT, FRONT, FRONT, LFE, FRONT]); // 4.1
        check(0x107, &[FRONT, FRONT, FRONT, FRONT]); // 4.0
        check(0x03f, &[FRONT, FRONT, FRONT, LFE, SIDE, SIDE]); // 5.1, back
        check(0x60f, &[FRONT, FRONT, FRONT, LFE, SIDE, SIDE]); // 5.1, side
        check(0x137, &[FRONT, FRONT, FRONT, SIDE, SIDE, FRONT]); // hexagonal
        check(0x707, &[FRONT, FRONT, FRONT, FRONT, SIDE, SIDE]); // 6.0
        check(0x63f, &[FRONT, FRONT, FRONT, LFE, FRONT, FRONT, SIDE, SIDE]); // 7.1
    }

    #[test]
    fn channel_count_sets_the_weights_without_a_layout() {
        check(0, &[FRONT, FRONT, SIDE, SIDE]);
        check(0, &[FRONT, FRONT, FRONT, LFE, SIDE, SIDE]);
        check(0, &[FRONT, FRONT, FRONT, LFE, FRONT, FRONT, SIDE, SIDE]);
        check(0, &[FRONT, FRONT, FRONT]);
    }
}
