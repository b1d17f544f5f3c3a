//! Channels: the layout that an Apple container states, in `chan` of Core Audio and MP4 and in `CHAN`
//! of AIFF-C.
//!
//! Source: Apple's `CoreAudioBaseTypes.h`, and *Apple Core Audio Format Specification* 1.0.

use audiopool_worker::pcm::{ChannelLayout, Speaker};

use super::bytes::Endian;

/// What a tag says that is no layout of its own.
const USE_DESCRIPTIONS: u32 = 0;
const USE_BITMAP: u32 = 1 << 16;

/// The layout of `channels` channels that the content of a `chan` chunk states, from its tag on.
pub(in crate::decode) fn layout(content: &[u8], channels: u16) -> ChannelLayout {
    let field = |at: usize| Endian::Big.u32(content, at);
    let (tag, bitmap, count) = (field(0), field(4), field(8));
    let speakers: Vec<Speaker> = match tag {
        USE_BITMAP if bitmap.count_ones() == u32::from(channels) => {
            return ChannelLayout::from_mask(bitmap, channels);
        }
        USE_DESCRIPTIONS if count == u32::from(channels) => {
            let descriptions = content.get(12..).unwrap_or_default().as_chunks::<20>().0;
            let labels = descriptions.iter().map(|description| Endian::Big.u32(description, 0));
            let labels: Vec<u32> = labels.take(channels.into()).collect();
            let has_rear = labels.iter().any(|label| matches!(label, 33 | 34));
            labels.iter().map(|&label| of_label(label, has_rear)).collect()
        }
        _ if tag & 0xffff == u32::from(channels) => {
            of_tag(tag >> 16).iter().copied().filter_map(of_letter).collect()
        }
        _ => Vec::new(),
    };
    if speakers.len() == usize::from(channels) {
        ChannelLayout::new(&speakers)
    } else {
        ChannelLayout::UNSTATED
    }
}

/// The loudspeaker of a label. Surround channels are at the side where others are behind them.
const fn of_label(label: u32, has_rear: bool) -> Speaker {
    match label {
        1 | 38 | 301 => Speaker::FrontLeft,
        2 | 39 | 302 => Speaker::FrontRight,
        3 | 42 => Speaker::FrontCenter,
        4 => Speaker::LowFrequency,
        5 if has_rear => Speaker::SideLeft,
        6 if has_rear => Speaker::SideRight,
        5 | 33 => Speaker::BackLeft,
        6 | 34 => Speaker::BackRight,
        7 => Speaker::FrontLeftOfCenter,
        8 => Speaker::FrontRightOfCenter,
        9 => Speaker::BackCenter,
        10 => Speaker::SideLeft,
        11 => Speaker::SideRight,
        12 => Speaker::TopCenter,
        13 => Speaker::TopFrontLeft,
        14 => Speaker::TopFrontCenter,
        15 => Speaker::TopFrontRight,
        16 => Speaker::TopBackLeft,
        17 => Speaker::TopBackCenter,
        18 => Speaker::TopBackRight,
        35 => Speaker::WideLeft,
        36 => Speaker::WideRight,
        37 => Speaker::LowFrequency2,
        _ => Speaker::Other,
    }
}

/// The loudspeaker of a letter in the layouts below.
const fn of_letter(letter: u8) -> Option<Speaker> {
    Some(match letter {
        b'L' => Speaker::FrontLeft,
        b'R' => Speaker::FrontRight,
        b'C' => Speaker::FrontCenter,
        b'E' => Speaker::LowFrequency,
        b'l' => Speaker::BackLeft,
        b'r' => Speaker::BackRight,
        b'c' => Speaker::BackCenter,
        b'<' => Speaker::SideLeft,
        b'>' => Speaker::SideRight,
        b'(' => Speaker::FrontLeftOfCenter,
        b')' => Speaker::FrontRightOfCenter,
        b'?' => Speaker::Other,
        _ => return None,
    })
}

/// The channels of the layout with this number, one letter each: left, right, centre, low frequency
/// (E), surround or back (small), side (angle brackets), left and right of centre (parentheses).
const fn of_tag(number: u32) -> &'static [u8] {
    match number {
        100 => b"C",
        101 | 102 | 103 | 105 | 106 => b"LR",
        108 | 132 => b"LRlr",
        109 | 118 => b"LRlrC",
        110 | 139 => b"LRlrCc",
        111 => b"LRlrCc<>",
        113 => b"LRC",
        114 => b"CLR",
        115 => b"LRCc",
        116 => b"CLRc",
        117 => b"LRClr",
        119 => b"LCRlr",
        120 => b"CLRlr",
        121 => b"LRCElr",
        122 => b"LRlrCE",
        123 => b"LCRlrE",
        124 => b"CLRlrE",
        125 => b"LRCElrc",
        126 => b"LRCElr()",
        127 => b"C()LRlrE",
        128 => b"LRCE<>lr",
        129 => b"LRlrCE()",
        131 => b"LRc",
        133 => b"LRE",
        134 => b"LREc",
        135 => b"LRElr",
        136 => b"LRCE",
        137 => b"LRCEc",
        138 => b"LRlrE",
        140 => b"LR<>Clr",
        141 => b"CLRlrc",
        142 => b"CLRlrcE",
        143 => b"CLR<>lr",
        144 => b"CLR<>lrc",
        148 => b"LRlrC()",
        149 => b"CE",
        150 => b"LCR",
        151 => b"LCRc",
        152 => b"LCRE",
        153 => b"LRcE",
        154 => b"LCRcE",
        155 => b"LCRlrc",
        156 => b"LCR<>lr",
        157 => b"LCRlrEc",
        183 => b"CLR<>lrE",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(fields: &[u32]) -> Vec<u8> {
        fields.iter().flat_map(|field| field.to_be_bytes()).collect()
    }

    #[track_caller]
    fn check(fields: &[u32], channels: u16, expected: &[u8]) {
        let expected: Vec<_> = expected.iter().copied().filter_map(of_letter).collect();
        assert_eq!(layout(&content(fields), channels), ChannelLayout::new(&expected));
    }

    #[test]
    fn a_tag_a_bitmap_or_descriptions_state_the_layout() {
        check(&[121 << 16 | 6, 0, 0], 6, b"LRCElr");
        check(&[136 << 16 | 4, 0, 0], 4, b"LRCE");
        check(&[1 << 16, 0x0f, 0], 4, b"LRCE");
        check(&[0, 0, 3, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 4, 0, 0, 0, 0], 3, b"LRE");
        let rear = |label| [label, 0, 0, 0, 0];
        let fields = [[0, 0, 4].as_slice(), &[5, 6, 33, 34].map(rear).concat()].concat();
        check(&fields, 4, b"<>lr");
    }

    #[test]
    fn a_layout_of_another_number_of_channels_states_nothing() {
        check(&[121 << 16 | 6, 0, 0], 5, b"");
        check(&[1 << 16, 0x0f, 0], 3, b"");
        check(&[0, 0, 3, 1], 3, b"");
        check(&[147 << 16 | 2, 0, 0], 2, b"");
        check(&[], 1, b"");
    }

    #[test]
    fn every_layout_has_as_many_letters_as_speakers() {
        for number in 0..256 {
            let letters = of_tag(number);
            assert_eq!(
                letters.iter().copied().filter_map(of_letter).count(),
                letters.len(),
                "{number}"
            );
        }
    }
}
