//! Weights: how much a channel counts for loudness, by BS.1770-5 Table 4.
//!
//! From 60° to 120° to the side it is 1.41, elsewhere 1, for the low-frequency channel 0. Which
//! channel stands where is not known of every file; it is taken from their number, as WAV orders
//! them by default:
//!
//! | channels | order                          |
//! |---------:|--------------------------------|
//! | 4        | L R Ls Rs                      |
//! | 5        | L R C Ls Rs                    |
//! | 6        | L R C LFE Ls Rs                |
//! | 7        | L R C LFE Cs Ls Rs             |
//! | 8        | L R C LFE Lb Rb Ls Rs          |

const FRONT: f64 = 1.0;
const SIDE: f64 = 1.41;
const LFE: f64 = 0.0;

/// The weight of a channel of so many.
pub(super) fn of(channel: usize, channels: usize) -> f64 {
    match (channels, channel) {
        (4, 2 | 3) | (5, 3 | 4) | (6, 4 | 5) | (7, 5 | 6) | (8, 6 | 7) => SIDE,
        (6..=8, 3) => LFE,
        _ => FRONT,
    }
}
