//! Channel layouts: which loudspeaker each channel is for, in the `chnl` box of ISO. The `chan` box
//! of `QuickTime` is that of Core Audio.
//!
//! Positions and layouts are those of ISO 23091-3; the box is that of ISO 14496-12 §12.2.4.

use audiopool_worker::pcm::{ChannelLayout, Speaker};

/// Loudspeakers by their number.
const SPEAKERS: [Speaker; 27] = [
    Speaker::FrontLeft,
    Speaker::FrontRight,
    Speaker::FrontCenter,
    Speaker::LowFrequency,
    Speaker::BackLeft,
    Speaker::BackRight,
    Speaker::FrontLeftOfCenter,
    Speaker::FrontRightOfCenter,
    Speaker::BackLeft,
    Speaker::BackRight,
    Speaker::BackCenter,
    // Surround, direct.
    Speaker::BackLeft,
    Speaker::BackRight,
    Speaker::SideLeft,
    Speaker::SideRight,
    Speaker::WideLeft,
    Speaker::WideRight,
    Speaker::TopFrontLeft,
    Speaker::TopFrontRight,
    Speaker::TopFrontCenter,
    Speaker::TopBackLeft,
    Speaker::TopBackRight,
    Speaker::TopBackCenter,
    // Top, at the sides.
    Speaker::Other,
    Speaker::Other,
    Speaker::TopCenter,
    Speaker::LowFrequency2,
];

/// What stands before the angles of a loudspeaker without a number.
const EXPLICIT: u8 = 126;

/// The layout that the content of `chnl` states for so many channels.
pub(super) fn of_chnl(content: &[u8], channels: u16) -> ChannelLayout {
    let &[0, _, _, _, structure, defined, ref rest @ ..] = content else {
        return ChannelLayout::UNSTATED;
    };
    // Only channels, and no objects.
    if structure != 1 {
        return ChannelLayout::UNSTATED;
    }
    let numbers: Vec<u8> =
        if defined == 0 { positions(rest, channels) } else { of(defined).into() };
    if numbers.len() != usize::from(channels) {
        return ChannelLayout::UNSTATED;
    }
    let speakers: Vec<Speaker> = numbers
        .iter()
        .map(|&number| SPEAKERS.get(usize::from(number)).copied().unwrap_or_default())
        .collect();
    ChannelLayout::new(&speakers)
}

/// The numbers of the loudspeakers, one for each channel.
fn positions(mut rest: &[u8], channels: u16) -> Vec<u8> {
    let mut numbers = Vec::new();
    while numbers.len() < usize::from(channels)
        && let Some((&number, behind)) = rest.split_first()
    {
        let angles = if number == EXPLICIT { 3 } else { 0 };
        rest = behind.get(angles..).unwrap_or_default();
        numbers.push(number);
    }
    numbers
}

/// The loudspeakers of a layout that has a number.
const fn of(defined: u8) -> &'static [u8] {
    match defined {
        1 => &[2],
        2 => &[0, 1],
        3 => &[2, 0, 1],
        4 => &[2, 0, 1, 10],
        5 => &[2, 0, 1, 4, 5],
        6 => &[2, 0, 1, 4, 5, 3],
        7 => &[2, 6, 7, 0, 1, 4, 5, 3],
        9 => &[0, 1, 10],
        10 => &[0, 1, 4, 5],
        11 => &[2, 0, 1, 4, 5, 10, 3],
        12 => &[2, 0, 1, 4, 5, 8, 9, 3],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_stated_by_its_number_or_speaker_by_speaker() {
        let of = |content: &[u8], channels: u16| {
            let layout = of_chnl(content, channels);
            layout.speakers(channels.into()).map(<[Speaker]>::to_vec)
        };
        let expected = [Speaker::FrontLeft, Speaker::FrontRight, Speaker::LowFrequency].to_vec();
        assert_eq!(of(&[0, 0, 0, 0, 1, 0, 0, 1, 3], 3), Some(expected));
        let expected = [Speaker::FrontCenter, Speaker::Other].to_vec();
        assert_eq!(of(&[0, 0, 0, 0, 1, 0, 2, 126, 0, 30, 0], 2), Some(expected));
        let front = [Speaker::FrontCenter, Speaker::FrontLeft, Speaker::FrontRight];
        let expected = [&front[..], &[Speaker::BackLeft, Speaker::BackRight]].concat();
        assert_eq!(of(&[0, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0], 5), Some(expected));
        // Of another number of channels, with objects, of another version, cut short.
        for content in
            [&[0, 0, 0, 0, 1, 5][..], &[0, 0, 0, 0, 3, 2], &[1, 0, 0, 0, 1, 2], &[0, 0, 0, 0, 1, 0]]
        {
            assert_eq!(of(content, 2), None);
        }
    }
}
