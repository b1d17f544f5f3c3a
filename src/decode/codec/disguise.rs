//! Disguise: coded audio that lies where 16-bit stereo samples should be.
//!
//! A DTS audio CD, and what a digital cable carries (IEC 61937), are stored as WAV files whose header
//! says PCM. Played as samples, they are noise at full level.

/// Bytes that are searched.
pub(in crate::decode) const SEARCHED: u64 = 64 * 1024;

/// The synchronisation words of DTS, in the byte orders and widths that it is stored in.
const DTS: [&[u8]; 4] =
    [b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00\x07", b"\xff\x1f\x00\xe8"];
/// The preamble of a burst of IEC 61937, in both byte orders.
const BURST: [&[u8]; 2] = [b"\x72\xf8\x1f\x4e", b"\xf8\x72\x4e\x1f"];

/// What `bytes`, of which a file's samples begin with, are instead of samples.
pub(in crate::decode) fn of(bytes: &[u8]) -> Option<&'static str> {
    if DTS.iter().any(|word| recurs(bytes, word)) {
        Some("DTS")
    } else if BURST.iter().any(|word| recurs(bytes, word)) {
        Some("coded audio for a digital cable (IEC 61937)")
    } else {
        None
    }
}

/// Whether a word is found three times at the same distance, or at the very beginning and again:
/// that is no coincidence.
fn recurs(bytes: &[u8], word: &[u8]) -> bool {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let mut found = memchr::memmem::find_iter(bytes, word).filter(|at| at % 2 == 0);
    let (Some(first), Some(second)) = (found.next(), found.next()) else { return false };
    let third = second + (second - first);
    first <= zeros || bytes.get(third..).is_some_and(|rest| rest.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_recurs_tells_what_samples_really_are() {
        let twice = |word: &[u8]| {
            let rest = vec![9; 100 - word.len()];
            [&[0; 6], word, &rest, word, &rest].concat()
        };
        for word in DTS {
            assert_eq!(of(&twice(word)), Some("DTS"));
        }
        for word in BURST {
            assert!(of(&twice(word)).is_some_and(|what| what.contains("61937")));
        }
        assert_eq!(of(&[DTS[0], &[9; 100]].concat()), None);
        let thrice = [[9; 10].as_slice(), DTS[0], &[9; 10], DTS[0], &[9; 10], DTS[0]].concat();
        assert_eq!(of(&thrice), Some("DTS"));
        assert_eq!(of(&thrice[..thrice.len() - 1]), None);
        assert_eq!(of(b""), None);
        assert_eq!(of(&[0; 999]), None);
    }
}
