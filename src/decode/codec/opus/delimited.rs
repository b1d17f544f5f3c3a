//! Delimited: the packets of several Opus streams in one, each but the last with its own length.
//!
//! RFC 6716 §3.2 and Appendix B.

/// Takes the packet of one stream off the front of `data`: puts it into `packet` as it would stand
/// alone, and returns what follows. `None` where there is no such packet.
pub(super) fn split<'a>(data: &'a [u8], packet: &mut Vec<u8>) -> Option<&'a [u8]> {
    packet.clear();
    let (&[toc], mut rest) = data.split_first_chunk()?;
    packet.push(toc);
    let mut length = 0;
    match toc & 3 {
        0 => length = length_of(&mut rest, None)?,
        1 => length = 2 * length_of(&mut rest, None)?,
        2 => {
            length = length_of(&mut rest, Some(packet))?;
            length += length_of(&mut rest, None)?;
        }
        _ => {
            let (&[count], behind) = rest.split_first_chunk()?;
            rest = behind;
            packet.push(count);
            let frames = usize::from(count & 0x3f);
            let mut padding = 0;
            let mut is_padded = count & 0x40 != 0;
            while is_padded {
                let (&[more], behind) = rest.split_first_chunk()?;
                rest = behind;
                packet.push(more);
                padding += usize::from(more.min(254));
                is_padded = more == 255;
            }
            if count & 0x80 == 0 {
                length = frames * length_of(&mut rest, None)?;
            } else {
                for _ in 1..frames {
                    length += length_of(&mut rest, Some(packet))?;
                }
                length += length_of(&mut rest, None)?;
            }
            length += padding;
        }
    }
    let (frames, rest) = rest.split_at_checked(length)?;
    packet.extend_from_slice(frames);
    Some(rest)
}

/// Reads the length of a frame, of one byte or two; `copy` gets the same bytes.
fn length_of(rest: &mut &[u8], copy: Option<&mut Vec<u8>>) -> Option<usize> {
    let &first = rest.first()?;
    let (length, bytes) = if first < 252 {
        (usize::from(first), 1)
    } else {
        (4 * usize::from(*rest.get(1)?) + usize::from(first), 2)
    };
    let (coded, behind) = rest.split_at_checked(bytes)?;
    if let Some(copy) = copy {
        copy.extend_from_slice(coded);
    }
    *rest = behind;
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data: &[u8], alone: &[u8], behind: &[u8]) {
        let mut packet = vec![9; 3];
        assert_eq!(split(data, &mut packet), Some(behind));
        assert_eq!(packet, alone);
        let cut = &data[..data.len() - behind.len() - 1];
        assert_eq!(split(cut, &mut packet), None, "one byte too few");
    }

    #[test]
    fn one_or_two_frames_lose_the_length_of_the_last() {
        check(&[0xf8, 2, 1, 2, 7], &[0xf8, 1, 2], &[7]);
        check(&[0xf9, 2, 1, 2, 3, 4], &[0xf9, 1, 2, 3, 4], &[]);
        check(&[0xfa, 1, 2, 1, 2, 3, 7, 8], &[0xfa, 1, 1, 2, 3], &[7, 8]);
    }

    #[test]
    fn any_number_of_frames_keeps_count_and_padding() {
        // Three of one length; two of different lengths, with two bytes of padding.
        check(&[0xfb, 3, 1, 4, 5, 6], &[0xfb, 3, 4, 5, 6], &[]);
        check(&[0xfb, 0xc2, 2, 1, 2, 4, 5, 6, 0, 0, 7], &[0xfb, 0xc2, 2, 1, 4, 5, 6, 0, 0], &[7]);
    }

    #[test]
    fn a_length_of_two_bytes_is_four_times_the_second_and_the_first() {
        let mut data = vec![0xf8, 253, 1];
        data.extend([5; 257]);
        let mut packet = Vec::new();
        assert_eq!(split(&data, &mut packet), Some(&[][..]));
        assert_eq!(packet.len(), 258);
        assert_eq!(split(&[], &mut packet), None);
    }
}
