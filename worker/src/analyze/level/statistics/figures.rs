//! Figures: roots, quotients and logarithms of the sums of one or more channels.

use super::Channel;
use crate::decibels;
use crate::pcm::PcmFormat;

/// 20·log10 √2: the AES17 level of a sine minus its RMS level.
const AES17_DB: f64 = 3.010_299_956_639_812;

/// Figures of one or more channels; `None` if they are not defined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Largest magnitude. Reported per channel here, and for all channels by `extremes`.
    pub max_dbfs: Option<f64>,
    /// RMS level.
    pub rms_dbfs: Option<f64>,
    /// RMS level plus 3.01 dB.
    pub rms_aes17_dbfs: Option<f64>,
    /// Largest magnitude over RMS.
    pub crest_factor_db: Option<f64>,
    /// Mean of the channel whose mean is farthest from zero.
    pub dc_offset: Option<f64>,
    /// Number of samples with the largest magnitude.
    pub peak_count: Option<f64>,
    /// Bits per sample without those that are zero in all samples.
    pub bit_depth_used: Option<f64>,
    /// Share of neighbouring samples with different signs.
    pub zero_crossing_rate: Option<f64>,
}

impl Figures {
    /// The figures in the order of the catalogue.
    pub(super) fn listed(&self) -> [Option<f64>; 7] {
        [
            self.rms_dbfs,
            self.rms_aes17_dbfs,
            self.crest_factor_db,
            self.dc_offset,
            self.peak_count,
            self.bit_depth_used,
            self.zero_crossing_rate,
        ]
    }
}

/// Figures of these channels together.
pub(super) fn of(channels: &[Channel], frames: u64, format: PcmFormat) -> Figures {
    if frames == 0 || channels.is_empty() {
        return Figures::default();
    }
    let full_scale = f64::from(format.full_scale());
    let samples = frames.saturating_mul(channels.len() as u64);
    let squares = channels.iter().map(|channel| channel.squares).fold(0, u128::saturating_add);
    let mean_square = rounded(squares) / count(samples) / (full_scale * full_scale);
    let largest = channels.iter().map(|channel| channel.largest).max().unwrap_or(0);
    let peak = f64::from(largest) / full_scale;
    let at_peak = channels.iter().filter(|channel| channel.largest == largest);
    let bits = channels.iter().fold(0, |bits, channel| bits | channel.bits);
    let pairs = samples.saturating_sub(channels.len() as u64);
    let changes = channels.iter().map(|channel| channel.sign_changes).sum();
    let rms = decibels::of_power(mean_square);
    let offsets = channels.iter().map(|channel| mean(channel.sum, frames) / full_scale);
    let bits_used = format.integer_bits().saturating_sub(unused(bits, format));
    Figures {
        max_dbfs: format.dbfs(largest),
        rms_dbfs: rms,
        rms_aes17_dbfs: rms.map(|rms| rms + AES17_DB),
        crest_factor_db: decibels::of_power(peak * peak / mean_square),
        dc_offset: offsets.max_by(|one, other| one.abs().total_cmp(&other.abs())),
        peak_count: Some(count(at_peak.map(|channel| channel.at_largest).sum())),
        bit_depth_used: (!format.lossy).then(|| f64::from(bits_used)),
        zero_crossing_rate: (pairs > 0).then(|| count(changes) / count(pairs)),
    }
}

fn mean(sum: i128, frames: u64) -> f64 {
    let magnitude = rounded(sum.unsigned_abs()) / count(frames);
    if sum < 0 { -magnitude } else { magnitude }
}

/// Number of low bits that are zero in all samples.
fn unused(bits: u32, format: PcmFormat) -> u32 {
    bits.trailing_zeros().min(format.integer_bits())
}

#[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest, on every system")]
fn rounded(sum: u128) -> f64 {
    sum as f64
}

#[expect(clippy::cast_precision_loss, reason = "2⁵³ samples are 3000 years")]
fn count(of: u64) -> f64 {
    of as f64
}
