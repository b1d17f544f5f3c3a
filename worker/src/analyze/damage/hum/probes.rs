//! Probes: the frequencies that are measured, and their integer coefficients.
//!
//! ```text
//!   samples     │·····│·····│·····│     a node every `step` samples: about 2000 per second
//!   c        ───╱─────╲─────╱─────╲     a windowed sine at the nodes, linear in between
//! ```
//!
//! Linear interpolation attenuates frequencies near multiples of the node rate, and needs a few
//! operations per node instead of per sample.

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex, PoisonError};

use crate::decibels;
use crate::pcm::PcmFormat;

/// Mains frequencies and their harmonics, in Hz.
pub(super) const LINES: [u32; 8] = [50, 60, 100, 120, 150, 180, 200, 240];
/// Probes of each line, in Hz from it.
const OFFSETS: [f64; 5] = [0.0, -6.0, -4.0, 4.0, 6.0];
/// Number of probes.
pub(super) const PROBES: usize = LINES.len() * OFFSETS.len();
/// Minimum number of nodes per second.
const NODES: u32 = 2000;
/// Sample rates at which these lines exist and no sum overflows.
const RATES: std::ops::RangeInclusive<u32> = 1000..=768_000;
/// The value of 1 in the tables, and its number of bits.
const ONE: f64 = 16_384.0;
const ONE_BITS: u32 = 14;

/// Tables for one sample rate.
pub(super) struct Probes {
    format: PcmFormat,
    /// Samples from one node to the next.
    step: u32,
    /// Low bits of the samples that are dropped to avoid overflow.
    shift: u32,
    /// Cosine and sine at each node, for each probe; empty for unsupported rates.
    tables: Vec<Vec<[i16; 2]>>,
}

/// Cache of the last tables.
static LAST: Mutex<Option<Arc<Probes>>> = Mutex::new(None);

impl Probes {
    /// The tables for a format.
    pub(super) fn of(format: PcmFormat) -> Arc<Self> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(probes) if probes.format == format => Arc::clone(probes),
            _ => Arc::clone(last.insert(Arc::new(Self::new(format)))),
        }
    }

    /// Frames of a window: one second, rounded to nodes.
    pub(super) fn window(format: PcmFormat) -> u64 {
        u64::from(step(format)) * u64::from(nodes(format))
    }

    fn new(format: PcmFormat) -> Self {
        let (step, nodes) = (step(format), nodes(format));
        // Bits of a sample, of the weights of a node, of the table, and of half the nodes.
        let needed = format.integer_bits() - 1
            + 2 * u32::BITS.saturating_sub((step - 1).leading_zeros())
            + ONE_BITS
            + u32::BITS.saturating_sub(nodes.leading_zeros());
        let probes = LINES.iter().flat_map(|&line| OFFSETS.map(|offset| f64::from(line) + offset));
        let table = |hz: f64| -> Vec<[i16; 2]> {
            let turn = TAU * hz * f64::from(step) / f64::from(format.sample_rate);
            (0..=nodes)
                .map(|node| {
                    let phase = TAU * f64::from(node) / f64::from(nodes);
                    let window = ONE * (0.5 - 0.5 * decibels::cosine(phase));
                    let angle = turn * f64::from(node);
                    [decibels::cosine(angle), decibels::sine(angle)].map(|x| whole(window * x))
                })
                .collect()
        };
        let is_measured = RATES.contains(&format.sample_rate);
        Self {
            format,
            step,
            shift: needed.saturating_sub(62),
            tables: if is_measured { probes.map(table).collect() } else { Vec::new() },
        }
    }

    /// Sums over samples that start `offset` frames after the start of a window.
    pub(super) fn sums(&self, samples: &[i32], offset: u64) -> Vec<[i64; 2]> {
        if self.tables.is_empty() {
            return vec![[0; 2]; PROBES];
        }
        let (first_node, nodes) = self.nodes(samples, offset);
        let of = |table: &Vec<[i16; 2]>| {
            let (mut cosines, mut sines) = (0_i64, 0_i64);
            for (node, [cosine, sine]) in nodes.iter().zip(&table[first_node..]) {
                cosines = cosines.wrapping_add(node.wrapping_mul((*cosine).into()));
                sines = sines.wrapping_add(node.wrapping_mul((*sine).into()));
            }
            [cosines, sines]
        };
        self.tables.iter().map(of).collect()
    }

    /// Weights of the samples at the nodes around them, and the index of the first node.
    fn nodes(&self, samples: &[i32], offset: u64) -> (usize, Vec<i64>) {
        let step = u64::from(self.step);
        let first = offset / step;
        let mut nodes = vec![0_i64];
        let mut rest = samples;
        let mut behind = offset % step;
        while !rest.is_empty() {
            let most = usize::try_from(step - behind).unwrap_or(usize::MAX).min(rest.len());
            let (between, others) = rest.split_at(most);
            let (mut sum, mut moment) = (0_i64, 0_i64);
            for (place, sample) in (i64::try_from(behind).unwrap_or(0)..).zip(between) {
                let x = i64::from(sample >> self.shift.min(31));
                sum += x;
                moment += x * place;
            }
            if let Some(last) = nodes.last_mut() {
                *last = last.wrapping_add(i64::from(self.step) * sum - moment);
            }
            nodes.push(moment);
            (rest, behind) = (others, 0);
        }
        (usize::try_from(first).unwrap_or(usize::MAX), nodes)
    }

    /// Power of a sine with the RMS of a full-scale square wave.
    pub(super) fn full_scale_power(&self) -> f64 {
        let step = f64::from(self.step);
        let samples = f64::from(self.format.full_scale() >> self.shift.min(31));
        let amplitude = samples * step * step * f64::from(nodes(self.format)) * ONE / 4.0;
        2.0 * amplitude * amplitude
    }
}

fn step(format: PcmFormat) -> u32 {
    (format.sample_rate / NODES).max(1)
}

fn nodes(format: PcmFormat) -> u32 {
    let step = step(format);
    (format.sample_rate + step / 2) / step
}

#[expect(clippy::cast_possible_truncation, reason = "at most 16,384")]
fn whole(x: f64) -> i16 {
    x.round() as i16
}
