//! Channel layouts: the loudspeaker of each channel of a file.
//!
//! Loudness weights a channel by the position of its loudspeaker (ITU-R BS.1770-5, Table 4), so the
//! layout that a file states must be used: the fourth channel of a 4-channel file is a surround
//! channel by default, and the low-frequency channel if the file states 3.1.

use serde::{Deserialize, Serialize};

/// A loudspeaker position. The first 18 are the bits of `dwChannelMask` in WAVEFORMATEXTENSIBLE,
/// in the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name is the definition")]
pub enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCenter,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCenter,
    FrontRightOfCenter,
    BackCenter,
    SideLeft,
    SideRight,
    TopCenter,
    TopFrontLeft,
    TopFrontCenter,
    TopFrontRight,
    TopBackLeft,
    TopBackCenter,
    TopBackRight,
    WideLeft,
    WideRight,
    LowFrequency2,
    /// No position, or one that is not in this list.
    #[default]
    Other,
}

impl Speaker {
    /// The positions of `dwChannelMask`, from the lowest bit on.
    const OF_MASK: [Self; 18] = [
        Self::FrontLeft,
        Self::FrontRight,
        Self::FrontCenter,
        Self::LowFrequency,
        Self::BackLeft,
        Self::BackRight,
        Self::FrontLeftOfCenter,
        Self::FrontRightOfCenter,
        Self::BackCenter,
        Self::SideLeft,
        Self::SideRight,
        Self::TopCenter,
        Self::TopFrontLeft,
        Self::TopFrontCenter,
        Self::TopFrontRight,
        Self::TopBackLeft,
        Self::TopBackCenter,
        Self::TopBackRight,
    ];
}

/// Loudspeakers of the channels of a file, in channel order, or that the file does not state them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChannelLayout(Option<[Speaker; Self::MOST]>);

impl ChannelLayout {
    /// Maximum number of channels of a layout. Layouts with more channels are not kept.
    pub const MOST: usize = 24;
    /// The file does not state a layout.
    pub const UNSTATED: Self = Self(None);

    /// The layout that gives each channel its loudspeaker. [`UNSTATED`](Self::UNSTATED) if there
    /// are more than [`MOST`](Self::MOST) channels, none, or none with a known position.
    pub fn new(speakers: &[Speaker]) -> Self {
        let is_known = speakers.iter().any(|&speaker| speaker != Speaker::Other);
        let mut all = [Speaker::Other; Self::MOST];
        match all.get_mut(..speakers.len()) {
            Some(first) if is_known => first.copy_from_slice(speakers),
            _ => return Self::UNSTATED,
        }
        Self(Some(all))
    }

    /// The layout of `channels` channels that a `dwChannelMask` describes: the bits that are set,
    /// from the lowest on, are the positions of the channels in order. Channels beyond the last bit
    /// have no position, bits beyond the last channel are ignored, and 0 states nothing.
    pub fn from_mask(mask: u32, channels: u16) -> Self {
        let set = |&(bit, _): &(usize, &Speaker)| mask >> bit & 1 == 1;
        let mut speakers: Vec<Speaker> =
            Speaker::OF_MASK.iter().enumerate().filter(set).map(|(_, &speaker)| speaker).collect();
        speakers.resize(channels.into(), Speaker::Other);
        Self::new(&speakers)
    }

    /// Whether the file states a layout.
    pub const fn is_stated(&self) -> bool {
        self.0.is_some()
    }

    /// The loudspeakers of the first `channels` channels, if the file states them.
    pub fn speakers(&self, channels: usize) -> Option<&[Speaker]> {
        self.0.as_ref()?.get(..channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_bits_are_positions_in_ascending_order() {
        use Speaker::{FrontCenter, FrontLeft, FrontRight, LowFrequency, Other, SideLeft};
        let layout = ChannelLayout::from_mask(0xf, 4);
        assert_eq!(
            layout.speakers(4),
            Some(&[FrontLeft, FrontRight, FrontCenter, LowFrequency][..])
        );
        let sparse = ChannelLayout::from_mask(0x204, 3);
        assert_eq!(sparse.speakers(3), Some(&[FrontCenter, SideLeft, Other][..]));
        assert_eq!(ChannelLayout::from_mask(0x3f, 2), ChannelLayout::new(&[FrontLeft, FrontRight]));
    }

    #[test]
    fn mask_without_positions_states_no_layout() {
        assert_eq!(ChannelLayout::from_mask(0, 6), ChannelLayout::UNSTATED);
        assert_eq!(ChannelLayout::from_mask(1 << 31, 2), ChannelLayout::UNSTATED);
        assert_eq!(ChannelLayout::from_mask(u32::MAX, 25), ChannelLayout::UNSTATED);
        assert_eq!(ChannelLayout::new(&[]), ChannelLayout::UNSTATED);
        assert!(ChannelLayout::from_mask(u32::MAX, 24).is_stated());
    }
}
