//! ITU-T G.711: A-law and mu-law codes, as the 16-bit samples that they stand for.

/// A-law samples, by code.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "codes are below 256"
)]
pub(in crate::decode) static ALAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = code as i16 ^ 0x55;
        let (segment, step) = ((bits >> 4) & 7, (bits & 15) << 4);
        let size = match segment {
            0 => step + 8,
            _ => (step + 0x108) << (segment - 1),
        };
        table[code] = if bits & 0x80 == 0 { -size } else { size };
        code += 1;
    }
    table
};

/// Mu-law samples, by code.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "codes are below 256"
)]
pub(in crate::decode) static MULAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = !(code as i16);
        let size = ((((bits & 15) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
        table[code] = if bits & 0x80 == 0 { size } else { -size };
        code += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_for_the_values_of_the_recommendation() {
        // The recommendation has 13 and 14 bits; the lowest of 16 are zero.
        assert_eq!((ALAW[0xd5], ALAW[0x55], ALAW[0xaa], ALAW[0x2a]), (8, -8, 32_256, -32_256));
        assert_eq!((MULAW[0xff], MULAW[0x7f], MULAW[0x80], MULAW[0x00]), (0, 0, 32_124, -32_124));
        for pair in 0..128 {
            assert_eq!(ALAW[pair], -ALAW[pair + 128]);
            assert_eq!(MULAW[pair], -MULAW[pair + 128]);
        }
    }
}
