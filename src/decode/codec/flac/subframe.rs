//! Subframe: the samples of one channel of a FLAC frame, predicted and corrected.
//!
//! RFC 9639 §9.2.

use super::bits::Bits;

/// The most samples that a prediction looks back at.
const MAX_ORDER: usize = 32;
/// Bits of the widest sample: the difference of two channels of 32 bits.
const WIDEST: u32 = 33;

/// A whole number as wide as the samples of a channel.
pub(super) trait Sample: Copy + Default {
    /// Bits that it has room for.
    const BITS: u32;

    /// The low bits of a number; all of them, if an encoder made the frame.
    fn of(value: i64) -> Self;

    fn wide(self) -> i64;
}

impl Sample for i32 {
    const BITS: u32 = Self::BITS;

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "documented where it is declared")]
    fn of(value: i64) -> Self {
        value as Self
    }

    #[inline]
    fn wide(self) -> i64 {
        self.into()
    }
}

impl Sample for i64 {
    const BITS: u32 = Self::BITS;

    #[inline]
    fn of(value: i64) -> Self {
        value
    }

    #[inline]
    fn wide(self) -> i64 {
        self
    }
}

/// The memory in which a channel is decoded.
#[derive(Debug)]
pub(super) struct Subframe<S> {
    /// As many zeros as a prediction can look back at, then the samples.
    samples: Vec<S>,
    residuals: Vec<i32>,
}

impl<S: Sample> Subframe<S> {
    pub(super) const fn new() -> Self {
        Self { samples: Vec::new(), residuals: Vec::new() }
    }

    /// Reads `frames` samples of `depth` bits; `None` if that is not what the bits are.
    pub(super) fn read(&mut self, bits: &mut Bits<'_>, depth: u32, frames: usize) -> Option<&[S]> {
        self.samples.clear();
        self.samples.resize(MAX_ORDER + frames, S::default());
        // One bit that is zero, then the type.
        let kind = bits.unsigned(7)?;
        let wasted = if bits.unsigned(1)? == 1 { bits.zeros()?.checked_add(1)? } else { 0 };
        let depth = depth.checked_sub(wasted).filter(|depth| (1..=WIDEST).contains(depth))?;
        if depth > S::BITS {
            return None;
        }
        match kind {
            0 => {
                let constant = S::of(bits.signed(depth)?);
                self.samples[MAX_ORDER..].fill(constant);
            }
            1 => self.read_samples(bits, depth, frames)?,
            8..=12 => self.read_fixed(bits, depth, (kind - 8) as usize)?,
            32..=63 => self.read_linear(bits, depth, (kind - 31) as usize)?,
            _ => return None,
        }
        if wasted > 0 {
            for sample in &mut self.samples[MAX_ORDER..] {
                *sample = S::of(sample.wide() << wasted);
            }
        }
        self.samples.get(MAX_ORDER..)
    }

    /// The first `count` samples as they are.
    fn read_samples(&mut self, bits: &mut Bits<'_>, depth: u32, count: usize) -> Option<()> {
        for sample in self.samples.get_mut(MAX_ORDER..MAX_ORDER + count)? {
            *sample = S::of(bits.signed(depth)?);
        }
        Some(())
    }

    /// Samples that a polynomial through the last `order` of them predicts.
    fn read_fixed(&mut self, bits: &mut Bits<'_>, depth: u32, order: usize) -> Option<()> {
        self.read_samples(bits, depth, order)?;
        self.read_residuals(bits, order)?;
        match order {
            0 => self.predict([], 0),
            1 => self.predict([1], 0),
            2 => self.predict([-1, 2], 0),
            3 => self.predict([1, -3, 3], 0),
            _ => self.predict([-1, 4, -6, 4], 0),
        }
        Some(())
    }

    /// Samples that a sum of the last `order` of them predicts, each with its factor.
    fn read_linear(&mut self, bits: &mut Bits<'_>, depth: u32, order: usize) -> Option<()> {
        self.read_samples(bits, depth, order)?;
        let precision = bits.unsigned(4)? + 1;
        let shift = bits.signed(5)?;
        if precision == 16 || shift < 0 {
            return None;
        }
        // The factor of the latest sample comes first, and stands last.
        let mut factors = [0; MAX_ORDER];
        for factor in factors.iter_mut().rev().take(order) {
            *factor = bits.signed(precision)?;
        }
        self.read_residuals(bits, order)?;
        match order {
            1..=4 => self.predict::<4>(last_of(&factors), shift),
            5..=8 => self.predict::<8>(last_of(&factors), shift),
            9..=12 => self.predict::<12>(last_of(&factors), shift),
            13..=16 => self.predict::<16>(last_of(&factors), shift),
            _ => self.predict(factors, shift),
        }
        Some(())
    }

    /// Corrections of all samples but the first `order`, which have none.
    fn read_residuals(&mut self, bits: &mut Bits<'_>, order: usize) -> Option<()> {
        let frames = self.samples.len() - MAX_ORDER;
        let parameter_bits = match bits.unsigned(2)? {
            0 => 4,
            1 => 5,
            _ => return None,
        };
        let escape = (1 << parameter_bits) - 1;
        let partitions = 1_usize << bits.unsigned(4)?;
        let length = frames / partitions;
        if length * partitions != frames || length < order {
            return None;
        }
        self.residuals.clear();
        self.residuals.resize(frames, 0);
        for partition in 0..partitions {
            let from = if partition == 0 { order } else { partition * length };
            let out = self.residuals.get_mut(from..(partition + 1) * length)?;
            let parameter = bits.unsigned(parameter_bits)?;
            if parameter < escape {
                bits.rice(parameter, out)?;
                continue;
            }
            let width = bits.unsigned(5)?;
            for out in out {
                *out = i32::of(bits.signed(width)?);
            }
        }
        self.residuals.drain(..order);
        Some(())
    }

    /// Turns each residual into a sample: what the samples before it let expect, and itself.
    #[inline]
    fn predict<const REACH: usize>(&mut self, factors: [i64; REACH], shift: i64) {
        let first = self.samples.len() - self.residuals.len();
        for (at, &residual) in (first..).zip(&self.residuals) {
            let Some(before) = self.samples.get(at - REACH..at) else { return };
            let sum = factors.iter().zip(before).fold(0_i64, |sum, (&factor, sample)| {
                sum.wrapping_add(factor.wrapping_mul(sample.wide()))
            });
            let Some(sample) = self.samples.get_mut(at) else { return };
            *sample = S::of((sum >> shift).wrapping_add(residual.into()));
        }
    }
}

/// The last factors, where those before them are zero.
fn last_of<const COUNT: usize>(factors: &[i64; MAX_ORDER]) -> [i64; COUNT] {
    factors.last_chunk().copied().unwrap_or([0; COUNT])
}
