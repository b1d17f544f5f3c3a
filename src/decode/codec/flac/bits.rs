//! Bits: what a FLAC frame is written in, the most significant bit first.

/// Reads bits from bytes. Every method returns `None` where the bytes end too early.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, at the left edge. Bits behind the first `count` are either zero or those of
    /// the bytes that come next.
    cache: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, cache: 0, count: 0 }
    }

    /// Takes in bytes until at least 56 bits are there, or all that are left.
    #[inline]
    fn refill(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if let Some(&eight) = rest.first_chunk() {
            // `count` is below 64 here: a full cache is not refilled.
            self.cache |= u64::from_be_bytes(eight) >> self.count;
            let taken = (63 - self.count) >> 3;
            self.at += taken as usize;
            self.count += taken * 8;
            return;
        }
        for &byte in rest {
            if self.count > 56 {
                break;
            }
            self.cache |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.at += 1;
        }
    }

    #[inline]
    fn ensure(&mut self, count: u32) -> Option<()> {
        if self.count < count {
            self.refill();
        }
        (self.count >= count).then_some(())
    }

    /// Drops bits that are in the cache.
    #[inline]
    fn drop(&mut self, count: u32) {
        self.cache = self.cache.checked_shl(count).unwrap_or(0);
        self.count -= count;
    }

    /// The next `count` bits, at most 32, as an unsigned number.
    #[inline]
    pub(super) fn unsigned(&mut self, count: u32) -> Option<u32> {
        self.ensure(count)?;
        let value = self.cache.checked_shr(64 - count).unwrap_or(0);
        self.drop(count);
        u32::try_from(value).ok()
    }

    /// The next `count` bits, 1 to 33, as a number in two's complement; 0 for no bits.
    #[inline]
    pub(super) fn signed(&mut self, count: u32) -> Option<i64> {
        self.ensure(count)?;
        let value = self.cache.cast_signed().checked_shr(64 - count).unwrap_or(0);
        self.drop(count);
        Some(value)
    }

    /// The number of zeros before the next one, which is passed over.
    #[inline]
    pub(super) fn zeros(&mut self) -> Option<u32> {
        let mut zeros = 0_u32;
        loop {
            self.ensure(1)?;
            let here = self.cache.leading_zeros();
            if here < self.count {
                self.drop(here + 1);
                return zeros.checked_add(here);
            }
            zeros = zeros.checked_add(self.count)?;
            self.drop(self.count);
        }
    }

    /// Numbers in the Rice code with the parameter `low_bits`, at most 30, one for each of `out`;
    /// `None` also where one of them needs more than 32 bits.
    pub(super) fn rice(&mut self, low_bits: u32, out: &mut [i32]) -> Option<()> {
        let mut above = 0;
        for out in out {
            if self.count < 56 {
                self.refill();
            }
            let zeros = self.cache.leading_zeros();
            let length = zeros + 1 + low_bits;
            let folded = if length <= self.count && length < 64 {
                let low = ((self.cache << zeros << 1) >> 1) >> (63 - low_bits);
                self.cache <<= length;
                self.count -= length;
                u64::from(zeros) << low_bits | low
            } else {
                u64::from(self.zeros()?) << low_bits | u64::from(self.unsigned(low_bits)?)
            };
            above |= folded >> 32;
            #[expect(clippy::cast_possible_truncation, reason = "compared below")]
            let folded = folded as u32;
            // 0, −1, 1, −2, 2, …
            *out = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        }
        (above == 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read_across_refills() {
        let bytes: Vec<u8> = (0..200_u8).map(|x| x.wrapping_mul(73).wrapping_add(11)).collect();
        let bit = |at: usize| u64::from(bytes[at / 8] >> (7 - at % 8) & 1);
        let mut bits = Bits::new(&bytes);
        let mut at = 0;
        for count in (0..=32_u8).chain((0..=32).rev()) {
            let end = at + usize::from(count);
            let expected = (at..end).fold(0, |value, at| value << 1 | bit(at));
            at = end;
            let found = bits.unsigned(count.into()).map(u64::from);
            assert_eq!(found, Some(expected), "{count} bits");
        }
        assert_eq!(Bits::new(&[0x80, 0, 0, 0, 0x7f]).signed(33), Some(-1 << 32));
        assert_eq!(Bits::new(&[0xff]).signed(3), Some(-1));
        assert_eq!(Bits::new(&[0xff]).unsigned(9), None);
    }

    #[test]
    fn zeros_are_counted_beyond_the_cache() {
        let mut bytes = vec![0; 30];
        bytes.push(0b0001_1000);
        let mut bits = Bits::new(&bytes);
        assert_eq!(bits.zeros(), Some(243));
        assert_eq!(bits.zeros(), Some(0));
        assert_eq!(bits.zeros(), None);
    }

    #[test]
    fn rice_codes_are_those_of_the_standard() {
        // Parameter 2: 1 00 = 0, 1 01 = −1, 01 00 … = 2, 0001 11 = −8.
        let mut bits = Bits::new(&[0b1001_0101, 0b0000_0111]);
        let mut out = [9; 4];
        assert_eq!(bits.rice(2, &mut out), Some(()));
        assert_eq!(out, [0, -1, 2, -8]);
        // Parameter 0: a number of zeros, also where the code fills the cache.
        let mut bytes = vec![0b1010_0000];
        bytes.extend([0; 7]);
        bytes.push(1);
        let mut out = [9; 3];
        assert_eq!(Bits::new(&bytes).rice(0, &mut out), Some(()));
        assert_eq!(out, [0, -1, 34]);
        assert_eq!(Bits::new(&[0; 20]).rice(0, &mut [0]), None);
    }

    #[test]
    fn a_rice_code_of_more_than_32_bits_is_refused() {
        let mut bits = Bits::new(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(bits.rice(30, &mut [0]), None);
    }
}
