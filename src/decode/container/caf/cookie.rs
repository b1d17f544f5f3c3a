//! The cookie of AAC: descriptors of MPEG-4 Systems (ISO/IEC 14496-1 §7.2.6), one in the other.

/// What the decoder is to be told.
pub(super) fn specific_of(cookie: &[u8]) -> Option<&[u8]> {
    let stream = descriptor(cookie, 3)?;
    let flags = *stream.get(2)?;
    let mut at = 3 + if flags & 0x80 == 0 { 0 } else { 2 };
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*stream.get(at)?);
    }
    at += if flags & 0x20 == 0 { 0 } else { 2 };
    descriptor(descriptor(stream.get(at..)?, 4)?.get(13..)?, 5)
}

/// The content of the descriptor that `bytes` begin with, if it is of this kind.
fn descriptor(bytes: &[u8], kind: u8) -> Option<&[u8]> {
    let (&found, mut rest) = bytes.split_first()?;
    let mut length = 0;
    for _ in 0..4 {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    (found == kind).then(|| &rest[..length.min(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_decoder_is_told_is_found_with_long_and_short_lengths() {
        let decoder = [[4, 17, 0x40].as_slice(), &[0; 12], &[5, 2, 0x12, 0x10]].concat();
        let short = [[3, 22, 0, 0, 0].as_slice(), &decoder].concat();
        assert_eq!(specific_of(&short), Some(&[0x12, 0x10][..]));
        let long = [[3, 0x80, 0x80, 0x80, 22, 0, 0, 0].as_slice(), &decoder].concat();
        assert_eq!(specific_of(&long), Some(&[0x12, 0x10][..]));
        assert_eq!(specific_of(&short[..20]), None);
        assert_eq!(specific_of(b""), None);
    }
}
