//! K-weighting: the filter of BS.1770-5, and its zero-input response.
//!
//! BS.1770-5 gives two biquads for 48 kHz. For other rates they are computed from the analogue
//! filters, as libebur128 does, which gives the table of the standard at 48 kHz.

use std::cell::RefCell;
use std::f64::consts::PI;
use std::ops::Range;
use std::rc::Rc;

use crate::decibels::{power_of_ten, tangent};

/// Hops per grain, 10 ms each.
pub(super) const HOPS: usize = 100;
/// Hops after which the initial state has no effect: 200 ms, in which the slowest pole of the
/// filter decays to 4·10⁻²⁰.
pub(super) const TRANSIENT_HOPS: usize = 20;
/// Filter state of one channel.
pub(super) type State = [f64; 4];

/// Two biquads in transposed direct form II.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Filter {
    shelf: Biquad,
    highpass: Biquad,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
}

/// Everything that depends on the sample rate alone.
#[derive(Debug)]
pub(super) struct Kernel {
    rate: u32,
    pub(super) filter: Filter,
    /// Zero-input response: the output for each of the four state variables, over the first hops.
    zero_input: Vec<State>,
    /// Σ of their products in each of those hops: upper triangle, row by row.
    gram: Vec<[f64; 10]>,
}

impl Filter {
    fn at(rate: f64) -> Self {
        let prewarped = |frequency: f64| tangent(PI * frequency / rate);
        let (k, q) = (prewarped(1_681.974_450_955_533), 0.707_175_236_955_419_6);
        let high = power_of_ten(3.999_843_853_973_347 / 20.0);
        let band = power_of_ten(3.999_843_853_973_347 / 20.0 * 0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        let shelf = Biquad {
            b: [
                (high + band * k / q + k * k) / a0,
                2.0 * (k * k - high) / a0,
                (high - band * k / q + k * k) / a0,
            ],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        };
        let (k, q) = (prewarped(38.135_470_876_024_44), 0.500_327_037_323_877_3);
        let a0 = 1.0 + k / q + k * k;
        let a = [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0];
        Self { shelf, highpass: Biquad { b: [1.0, -2.0, 1.0], a } }
    }

    /// Filters one sample.
    #[inline]
    pub(super) fn step(&self, state: &mut State, x: f64) -> f64 {
        let Self { shelf, highpass } = self;
        let y = shelf.b[0] * x + state[0];
        state[0] = shelf.b[1] * x - shelf.a[0] * y + state[1];
        state[1] = shelf.b[2] * x - shelf.a[1] * y;
        let z = highpass.b[0] * y + state[2];
        state[2] = highpass.b[1] * y - highpass.a[0] * z + state[3];
        state[3] = highpass.b[2] * y - highpass.a[1] * z;
        z
    }
}

/// First frame of a hop, counted from the start of the file.
pub(super) fn hop_start(rate: u32, hop: u64) -> u64 {
    let frame = u128::from(hop) * u128::from(rate) / HOPS as u128;
    u64::try_from(frame).unwrap_or(u64::MAX)
}

impl Kernel {
    /// The kernel for a sample rate. Each thread caches the last one.
    pub(super) fn at(rate: u32) -> Rc<Self> {
        thread_local! {
            static LAST: RefCell<Option<Rc<Kernel>>> = const { RefCell::new(None) };
        }
        LAST.with_borrow_mut(|last| match last {
            Some(kernel) if kernel.rate == rate => Rc::clone(kernel),
            _ => Rc::clone(last.insert(Rc::new(Self::new(rate)))),
        })
    }

    fn new(rate: u32) -> Self {
        let filter = Filter::at(rate.into());
        let frames = hop_start(rate, TRANSIENT_HOPS as u64);
        let mut states = [[0.0; 4]; 4];
        for (place, state) in states.iter_mut().enumerate() {
            state[place] = 1.0;
        }
        let zero_input: Vec<State> =
            (0..frames).map(|_| states.each_mut().map(|state| filter.step(state, 0.0))).collect();
        let mut kernel = Self { rate, filter, zero_input, gram: Vec::new() };
        kernel.gram =
            (0..TRANSIENT_HOPS).map(|hop| gram(kernel.zero_input(kernel.hop(hop)))).collect();
        kernel
    }

    /// Frames of a hop, counted from the start of its grain.
    pub(super) fn hop(&self, hop: usize) -> Range<usize> {
        let start = |hop| {
            let frame = hop_start(self.rate, hop as u64);
            usize::try_from(frame).expect("a grain has 32 bits of frames")
        };
        start(hop)..start(hop + 1)
    }

    /// Zero-input response over some frames; empty after 200 ms.
    pub(super) fn zero_input(&self, frames: Range<usize>) -> &[State] {
        self.zero_input.get(frames).unwrap_or_default()
    }

    /// Change of the energy of a hop if the filter starts with `state` instead of an empty state.
    /// `cross_term` is Σ of its output times [`zero_input`](Self::zero_input).
    ///
    /// The filter is linear: its output is y + Σ state·response, and the square of that is y² +
    /// 2·y·Σ state·response + (Σ state·response)².
    pub(super) fn correction(&self, hop: usize, cross_term: &State, state: &State) -> f64 {
        let mut linear = 0.0;
        for (cross_term, state) in cross_term.iter().zip(state) {
            linear += cross_term * state;
        }
        let mut quadratic = 0.0;
        let mut products = self.gram[hop].iter();
        for row in 0..4 {
            for column in row..4 {
                let twice = if row == column { 1.0 } else { 2.0 };
                let product = products.next().copied().unwrap_or(0.0);
                quadratic += twice * product * state[row] * state[column];
            }
        }
        2.0 * linear + quadratic
    }
}

fn gram(zero_input: &[State]) -> [f64; 10] {
    let mut sums = [0.0; 10];
    for outputs in zero_input {
        let mut sums = sums.iter_mut();
        for row in 0..4 {
            for column in row..4 {
                if let Some(sum) = sums.next() {
                    *sum += outputs[row] * outputs[column];
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_equals_the_standard_at_48_khz() {
        let Filter { shelf, highpass } = Filter::at(48_000.0);
        let near = |found: &[f64], table: &[f64]| {
            for (found, table) in found.iter().zip(table) {
                assert!((found - table).abs() < 1e-13, "{found}, not {table}");
            }
        };
        near(&shelf.b, &[1.535_124_859_586_97, -2.691_696_189_406_38, 1.198_392_810_852_85]);
        near(&shelf.a, &[-1.690_659_293_182_41, 0.732_480_774_215_85]);
        near(&highpass.b, &[1.0, -2.0, 1.0]);
        near(&highpass.a, &[-1.990_047_454_833_98, 0.990_072_250_366_21]);
    }

    #[test]
    fn zero_input_response_decays_within_the_kernel() {
        for rate in [8000, 44_100, 48_000, 192_000] {
            let kernel = Kernel::at(rate);
            let last = kernel.zero_input.last().unwrap();
            assert!(last.iter().all(|output| output.abs() < 1e-15), "{rate} Hz: {last:?}");
        }
    }

    #[test]
    fn correction_equals_the_effect_of_the_initial_state() {
        let kernel = Kernel::at(8000);
        let remembered = [0.3, -0.2, 0.05, 0.4];
        let (mut empty, mut full) = ([0.0; 4], remembered);
        for hop in 0..TRANSIENT_HOPS {
            let (mut energy, mut expected, mut cross_term) = (0.0, 0.0, [0.0; 4]);
            for at in kernel.hop(hop) {
                let x = f64::from(u32::try_from(at * 7919 % 1000).unwrap()) / 1000.0 - 0.5;
                let y = kernel.filter.step(&mut empty, x);
                energy += y * y;
                expected += kernel.filter.step(&mut full, x).powi(2);
                for (cross_term, zero_input) in cross_term.iter_mut().zip(&kernel.zero_input[at]) {
                    *cross_term += y * zero_input;
                }
            }
            let found = energy + kernel.correction(hop, &cross_term, &remembered);
            assert!((found - expected).abs() < 1e-13 * expected.max(1.0), "cell {hop}: {found}");
        }
    }
}
