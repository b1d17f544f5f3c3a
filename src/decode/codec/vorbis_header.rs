//! Vorbis headers: how many frames each packet decodes to, without decoding it.
//!
//! A packet overlaps the one before it, so two of them give a quarter of each block size. Which of
//! the two block sizes a packet has is told by its mode, and the modes stand at the very end of the
//! setup header, behind fields whose lengths depend on one another. Vorbis I §4.2 and §4.3.1.

/// Length of the identification header.
pub(in crate::decode) const IDENTIFICATION: usize = 30;

/// The identification header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Identification {
    pub(in crate::decode) channels: u8,
    pub(in crate::decode) sample_rate: u32,
    /// Frames of a short and of a long block.
    blocks: [u64; 2],
}

impl Identification {
    /// Reads the first header of a stream; `None` if it is of another version of Vorbis, or broken.
    pub(in crate::decode) fn read(packet: &[u8]) -> Option<Self> {
        let fields = packet.get(..IDENTIFICATION)?.strip_prefix(b"\x01vorbis\0\0\0\0")?;
        let &[channels, r0, r1, r2, r3, .., blocks, _] = fields else { return None };
        let sample_rate = u32::from_le_bytes([r0, r1, r2, r3]);
        let [short, long] = [blocks & 15, blocks >> 4];
        let is_valid = channels > 0 && sample_rate > 0 && (6..=long).contains(&short) && long < 14;
        is_valid.then(|| Self { channels, sample_rate, blocks: [1 << short, 1 << long] })
    }
}

/// Counts the frames of the packets of one stream.
#[derive(Clone, Debug)]
pub(in crate::decode) struct Durations {
    blocks: [u64; 2],
    /// Whether each mode has long blocks.
    modes: Vec<bool>,
    /// Frames of the block before.
    previous: Option<u64>,
}

impl Durations {
    /// Reads the setup header of a stream; `None` if it is broken.
    pub(in crate::decode) fn read(identification: Identification, packet: &[u8]) -> Option<Self> {
        let mut bits = Bits { bytes: packet.strip_prefix(b"\x05vorbis")?, at: 0 };
        let modes = read_modes(&mut bits, identification.channels)?;
        Some(Self { blocks: identification.blocks, modes, previous: None })
    }

    /// Frames that become available with this packet: none with the first. `None` of a packet that
    /// is no audio.
    pub(in crate::decode) fn frames_of(&mut self, packet: &[u8]) -> Option<u64> {
        let mut bits = Bits { bytes: packet, at: 0 };
        if bits.read(1)? != 0 {
            return None;
        }
        let last = u32::try_from(self.modes.len()).ok()?.checked_sub(1)?;
        let mode = usize::try_from(bits.read(bit_length(last))?).ok()?;
        let block = self.blocks[usize::from(*self.modes.get(mode)?)];
        let previous = self.previous.replace(block);
        Some(previous.map_or(0, |previous| (previous + block) / 4))
    }
}

/// A reader of bits, the least significant of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: u64,
}

impl Bits<'_> {
    /// The next `count` bits, 32 at most.
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for place in 0..count {
            let byte = *self.bytes.get(usize::try_from(self.at / 8).ok()?)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= 8 * self.bytes.len() as u64).then_some(())
    }
}

/// Bits that `number` takes: `ilog` of the specification.
fn bit_length(number: u32) -> u32 {
    u32::BITS - number.leading_zeros()
}

/// Whether each mode has long blocks, behind all that stands before the modes.
fn read_modes(bits: &mut Bits<'_>, channels: u8) -> Option<Vec<bool>> {
    for _ in 0..=bits.read(8)? {
        skip_codebook(bits)?;
    }
    let transforms = bits.read(6)? + 1;
    bits.skip(16 * u64::from(transforms))?;
    for _ in 0..=bits.read(6)? {
        skip_floor(bits)?;
    }
    for _ in 0..=bits.read(6)? {
        skip_residue(bits)?;
    }
    for _ in 0..=bits.read(6)? {
        skip_mapping(bits, channels)?;
    }
    let count = bits.read(6)? + 1;
    let mut modes = Vec::new();
    for _ in 0..count {
        modes.push(bits.flag()?);
        // Window type, transform type and mapping.
        bits.skip(16 + 16 + 8)?;
    }
    Some(modes)
}

fn skip_codebook(bits: &mut Bits<'_>) -> Option<()> {
    if bits.read(24)? != 0x56_4342 {
        return None;
    }
    let dimensions = bits.read(16)?;
    let entries = bits.read(24)?;
    let is_ordered = bits.flag()?;
    let is_sparse = !is_ordered && bits.flag()?;
    if is_ordered {
        bits.skip(5)?;
        let mut entry = 0;
        while entry < entries {
            entry += bits.read(bit_length(entries - entry))?;
        }
    } else if is_sparse {
        for _ in 0..entries {
            if bits.flag()? {
                bits.skip(5)?;
            }
        }
    } else {
        bits.skip(5 * u64::from(entries))?;
    }
    let values = match bits.read(4)? {
        0 => return Some(()),
        1 => u64::from(values_of_lattice(entries, dimensions)?),
        2 => u64::from(entries) * u64::from(dimensions),
        _ => return None,
    };
    bits.skip(32 + 32)?;
    let width = bits.read(4)? + 1;
    bits.skip(1)?;
    bits.skip(values * u64::from(width))
}

/// The greatest number whose power of `dimensions` is no more than `entries`.
fn values_of_lattice(entries: u32, dimensions: u32) -> Option<u32> {
    if dimensions == 0 {
        return None;
    }
    let fits = |number: u32| number.checked_pow(dimensions).is_some_and(|power| power <= entries);
    let (mut least, mut most) = (0, entries);
    while least < most {
        let middle = least + (most - least).div_ceil(2);
        if fits(middle) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    Some(least)
}

fn skip_floor(bits: &mut Bits<'_>) -> Option<()> {
    match bits.read(16)? {
        0 => {
            bits.skip(8 + 16 + 16 + 6 + 8)?;
            let books = bits.read(4)? + 1;
            bits.skip(8 * u64::from(books))
        }
        1 => {
            let count = bits.read(5)?;
            let mut partitions = Vec::new();
            for _ in 0..count {
                partitions.push(usize::try_from(bits.read(4)?).ok()?);
            }
            let classes = partitions.iter().max().map_or(0, |most| most + 1);
            let mut dimensions = Vec::new();
            for _ in 0..classes {
                dimensions.push(bits.read(3)? + 1);
                let subclass_bits = bits.read(2)?;
                let masterbook = if subclass_bits > 0 { 8 } else { 0 };
                bits.skip(masterbook + (8 << subclass_bits))?;
            }
            bits.skip(2)?;
            let width = bits.read(4)?;
            let posts: u32 = partitions.iter().filter_map(|class| dimensions.get(*class)).sum();
            bits.skip(u64::from(posts) * u64::from(width))
        }
        _ => None,
    }
}

fn skip_residue(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(16 + 24 + 24 + 24)?;
    let classes = bits.read(6)? + 1;
    bits.skip(8)?;
    let mut books = 0;
    for _ in 0..classes {
        books += bits.read(3)?.count_ones();
        if bits.flag()? {
            books += bits.read(5)?.count_ones();
        }
    }
    bits.skip(8 * u64::from(books))
}

fn skip_mapping(bits: &mut Bits<'_>, channels: u8) -> Option<()> {
    if bits.read(16)? != 0 {
        return None;
    }
    let submaps = if bits.flag()? { bits.read(4)? + 1 } else { 1 };
    if bits.flag()? {
        let steps = bits.read(8)? + 1;
        let width = bit_length(u32::from(channels) - 1);
        bits.skip(2 * u64::from(steps) * u64::from(width))?;
    }
    if bits.read(2)? != 0 {
        return None;
    }
    if submaps > 1 {
        bits.skip(4 * u64::from(channels))?;
    }
    bits.skip((8 + 8 + 8) * u64::from(submaps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_read_from_the_least_significant_on() {
        let mut bits = Bits { bytes: &[0b1010_0110, 0b0000_0001], at: 0 };
        assert_eq!(bits.read(3), Some(0b110));
        assert_eq!(bits.read(7), Some(0b011_0100));
        assert_eq!(bits.skip(6), Some(()));
        assert_eq!(bits.read(1), None);
    }

    #[test]
    fn the_side_of_a_lattice_is_its_integer_root() {
        for (entries, dimensions, expected) in
            [(81, 4, 3), (80, 4, 2), (16_777_215, 1, 16_777_215), (1, 65_535, 1), (0, 3, 0)]
        {
            assert_eq!(values_of_lattice(entries, dimensions), Some(expected));
        }
        assert_eq!(values_of_lattice(5, 0), None);
    }

    #[test]
    fn an_identification_header_is_checked() {
        let mut packet = b"\x01vorbis\0\0\0\0\x02\x44\xac\0\0".to_vec();
        packet.extend([0; 12]);
        packet.extend([0xb8, 1]);
        let read = Identification::read(&packet).expect("a header");
        assert_eq!(read, Identification { channels: 2, sample_rate: 44_100, blocks: [256, 2048] });
        let with = |at: usize, byte: u8| {
            let mut changed = packet.clone();
            changed[at] = byte;
            Identification::read(&changed)
        };
        // Another version, no channels, blocks that are too short, too long, and in the wrong order.
        for (at, byte) in [(7, 1), (11, 0), (28, 0xb5), (28, 0xe8), (28, 0x8b)] {
            assert_eq!(with(at, byte), None, "byte {at}");
        }
        assert_eq!(Identification::read(&packet[..29]), None);
    }

    #[test]
    fn a_setup_header_of_other_bytes_is_broken() {
        let identification = Identification { channels: 2, sample_rate: 8000, blocks: [256, 2048] };
        for packet in [&b"\x05vorbis"[..], b"\x05vorbis\xff\xff\xff\xff\xff\xff", b"\x03vorbis"] {
            assert!(Durations::read(identification, packet).is_none());
        }
    }

    #[test]
    fn two_blocks_give_a_quarter_of_each() {
        let mut durations =
            Durations { blocks: [256, 2048], modes: vec![false, true], previous: None };
        // A flag of 0 for audio, and one bit of mode.
        let [short, long, header] = [[0b00], [0b10], [0b01]];
        let frames: Vec<_> =
            [short, short, long, long, header, short].map(|one| durations.frames_of(&one)).into();
        assert_eq!(frames, [Some(0), Some(128), Some(576), Some(1024), None, Some(576)]);
    }
}
