//! The loudspeakers of a FLAC file's channels: those of RFC 9639 §9.1.3 for their number, unless the
//! comment `WAVEFORMATEXTENSIBLE_CHANNEL_MASK` states others (§8.6.2).

use audiopool_worker::pcm::ChannelLayout;

/// The name of the comment that holds a channel mask.
const NAME: &str = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK";
/// The masks of 3 to 8 channels by default. One and two need none.
const MASKS: [u32; 6] = [0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

/// The layout of so many channels, for which a comment states `mask`.
pub(in crate::decode) fn of(mask: Option<u32>, channels: u8) -> ChannelLayout {
    let fits = |mask: &u32| mask.count_ones() == u32::from(channels);
    let by_default = usize::from(channels).checked_sub(3).and_then(|index| MASKS.get(index));
    let mask = mask.filter(fits).or(by_default.copied());
    mask.map_or(ChannelLayout::UNSTATED, |mask| ChannelLayout::from_mask(mask, channels.into()))
}

/// The channel mask that a block of comments states.
pub(in crate::decode) fn mask_of(block: &[u8]) -> Option<u32> {
    let mut rest = block;
    take_text(&mut rest)?;
    // The number of comments, which end where the block does.
    rest = rest.get(4..)?;
    std::iter::from_fn(|| take_text(&mut rest)).find_map(|comment| {
        let (name, value) = std::str::from_utf8(comment).ok()?.split_once('=')?;
        let digits = value.trim().strip_prefix("0x").or_else(|| value.trim().strip_prefix("0X"));
        name.eq_ignore_ascii_case(NAME).then(|| u32::from_str_radix(digits?, 16).ok())?
    })
}

/// The text that `bytes` begin with, which then begin behind it.
fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (text, behind) = behind.split_at_checked(length)?;
    *bytes = behind;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(comments: &[&str]) -> Vec<u8> {
        let text = |text: &str| {
            let length = u32::try_from(text.len()).expect("a short text").to_le_bytes();
            [length.as_slice(), text.as_bytes()].concat()
        };
        let count = u32::try_from(comments.len()).expect("a few").to_le_bytes();
        let comments = comments.iter().flat_map(|comment| text(comment)).collect::<Vec<_>>();
        [text("vendor"), count.to_vec(), comments].concat()
    }

    #[test]
    fn a_comment_states_the_mask_of_the_channels() {
        let comments = ["TITLE=x", "waveformatextensible_channel_mask=0x00F"];
        assert_eq!(mask_of(&block(&comments)), Some(0xf));
        assert_eq!(mask_of(&block(&["TITLE=x"])), None);
        assert_eq!(mask_of(&block(&["WAVEFORMATEXTENSIBLE_CHANNEL_MASK=15"])), None);
        assert_eq!(mask_of(b"\xff\xff\xff\xff"), None);
        assert_eq!(mask_of(b""), None);
    }

    #[test]
    fn a_mask_of_another_number_of_channels_is_not_believed() {
        assert_eq!(of(Some(0xf), 4), ChannelLayout::from_mask(0xf, 4));
        assert_eq!(of(Some(0xf), 6), ChannelLayout::from_mask(0x3f, 6));
        assert_eq!(of(None, 4), ChannelLayout::from_mask(0x33, 4));
        assert_eq!(of(None, 2), ChannelLayout::UNSTATED);
    }
}
