//! Probes: which frequencies are looked at, and the whole numbers that they are looked at with.
//!
//! ```text
//!   samples     │·····│·····│·····│     a node every so many samples: 2000 a second or a few more
//!   c        ───╱─────╲─────╱─────╲     a sine under a window at the nodes, straight lines between
//! ```
//!
//! Straight lines keep out what is near a multiple of the nodes' rate, and take a few sums for each
//! node and not for each sample.

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex, PoisonError};

use crate::decibels;
use crate::pcm::PcmFormat;

/// The mains and its harmonics.
pub(super) const LINES: [u32; 8] = [50, 60, 100, 120, 150, 180, 200, 240];
/// What is looked at for each line, in Hz from it.
const OFFSETS: [f64; 5] = [0.0, -6.0, -4.0, 4.0, 6.0];
/// In all.
pub(super) const PROBES: usize = LINES.len() * OFFSETS.len();
/// Nodes a second, at least.
const NODES: u32 = 2000;
/// At these rates there are these lines, and no sum overflows.
const RATES: std::ops::RangeInclusive<u32> = 1000..=768_000;
/// What 1 is in the tables, and its bits.
const ONE: f64 = 16_384.0;
const ONE_BITS: u32 = 14;

/// Everything that depends on the rate.
pub(super) struct Probes {
    format: PcmFormat,
    /// Samples from one node to the next.
    step: u32,
    /// Bits that the samples have too many.
    shift: u32,
    /// Probe by probe, cosine and sine at each node; none of a rate without hum.
    tables: Vec<Vec<[i16; 2]>>,
}

/// Those that were used last.
static LAST: Mutex<Option<Arc<Probes>>> = Mutex::new(None);

impl Probes {
    /// Those of a format.
    pub(super) fn of(format: PcmFormat) -> Arc<Self> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(probes) if probes.format == format => Arc::clone(probes),
            _ => Arc::clone(last.insert(Arc::new(Self::new(format)))),
        }
    }

    /// Frames of a window: a second, to a node.
    pub(super) fn window(format: PcmFormat) -> u64 {
        u64::from(step(format)) * u64::from(nodes(format))
    }

    fn new(format: PcmFormat) -> Self {
        let (step, nodes) = (step(format), nodes(format));
        // A sample, the weights of a node, the table, half of the nodes.
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

    /// The sums of samples that begin so many frames behind the start of a window.
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

    /// What samples weigh at the nodes that they lie between, and the first of these nodes.
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

    /// The power that a sine has that is as strong as a square wave of full scale.
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
