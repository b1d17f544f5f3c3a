//! ADPCM of blocks: Microsoft's, IMA's in WAV (also called DVI), and IMA's as Apple packs it.
//!
//! A block says with which values its prediction begins. Apple's says so in nine bits, so its decoder
//! goes on with the sample that it has, where that agrees. The sums are those of the definitions, in
//! shifts that round down; decoders that multiply instead drift away from them by hundreds of steps.
//!
//! Sources: *Multimedia Data Standards Update* (Microsoft, 1994), *Recommended Practices for
//! Enhancing Digital Audio Compatibility in Multimedia Systems* (IMA, 1992), Apple Technical Note
//! 1081.

/// How the samples of a block are coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Coding {
    /// Microsoft's, with its table of predictors.
    Microsoft(Box<[(i32, i32)]>),
    /// IMA's in WAV: the channels take turns of eight samples.
    Ima,
    /// IMA's in AIFF-C, Core Audio and `QuickTime`: one block for each channel.
    Apple,
}

/// The predictors that every file has to begin its own table with.
pub(in crate::decode) const PREDICTORS: [(i32, i32); 7] =
    [(256, 0), (512, -256), (0, 0), (192, 64), (240, 0), (460, -208), (392, -232)];

/// Blocks of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Blocks {
    pub(in crate::decode) coding: Coding,
    pub(in crate::decode) channels: u16,
    /// Bytes of a block with all its channels.
    pub(in crate::decode) size: usize,
    /// Frames of a block.
    pub(in crate::decode) frames: usize,
}

/// The last sample and step of each channel.
#[derive(Clone, Debug, Default)]
pub(in crate::decode) struct Memory(Vec<Ima>);

/// Bytes and samples of a block of one channel, as Apple packs it.
const APPLE_BYTES: usize = 34;
const APPLE_SAMPLES: usize = 64;

impl Blocks {
    /// Blocks of Microsoft's ADPCM or IMA's of so many bytes, each of as many frames as `stated`, if
    /// that can be. The error says what cannot.
    pub(in crate::decode) fn new(
        coding: Coding,
        channels: u16,
        size: u16,
        stated: u16,
    ) -> Result<Self, String> {
        let (count, size) = (usize::from(channels), usize::from(size));
        let (header, in_header) = match coding {
            Coding::Microsoft(_) => (7 * count, 2),
            Coding::Ima => (4 * count, 1),
            Coding::Apple => return Ok(Self::apple(channels)),
        };
        if count == 0 || size <= header {
            return Err(format!("a block of {size} bytes holds no samples of {channels} channels"));
        }
        let whole = match coding {
            // Of an incomplete turn at the end, no sample can be had.
            Coding::Ima => (size - header) / (4 * count) * 8 + in_header,
            _ => (size - header) * 2 / count + in_header,
        };
        let stated = usize::from(stated);
        let frames = if stated > in_header && stated <= whole { stated } else { whole };
        Ok(Self { coding, channels, size, frames })
    }

    /// Blocks as Apple packs them.
    pub(in crate::decode) fn apple(channels: u16) -> Self {
        let size = APPLE_BYTES * usize::from(channels);
        Self { coding: Coding::Apple, channels, size, frames: APPLE_SAMPLES }
    }

    /// Frames of a last block of so many bytes, which may be shorter than the others.
    pub(in crate::decode) fn frames_of_rest(&self, bytes: usize) -> usize {
        let count = usize::from(self.channels);
        let frames = match self.coding {
            Coding::Microsoft(_) if bytes >= 7 * count => (bytes - 7 * count) * 2 / count + 2,
            Coding::Ima if bytes >= 4 * count => (bytes - 4 * count) / (4 * count) * 8 + 1,
            _ => 0,
        };
        frames.min(self.frames)
    }

    /// Appends the samples of a block, interleaved and little-endian, to `bytes`; the error says
    /// what is wrong with it. `frames` are as many as there are in it, `memory` what was left by the
    /// block before.
    pub(in crate::decode) fn decode(
        &self,
        memory: &mut Memory,
        block: &[u8],
        frames: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let count = usize::from(self.channels);
        let from = bytes.len();
        bytes.resize(from + frames * count * 2, 0);
        let samples = &mut bytes[from..];
        let decoded = match &self.coding {
            Coding::Microsoft(predictors) => microsoft(block, count, predictors, samples),
            Coding::Ima => ima(block, count, samples),
            Coding::Apple => apple(memory, block, count, samples),
        };
        decoded.ok_or_else(|| {
            bytes.truncate(from);
            "a block of ADPCM begins with values that cannot be"
        })
    }
}

/// Puts the sample `index` of all channels into its place, if there is one.
fn put(samples: &mut [u8], index: usize, sample: i32) {
    if let Some(place) = samples.get_mut(2 * index..2 * index + 2) {
        // Every predictor keeps within 16 bits.
        place.copy_from_slice(&sample.to_le_bytes()[..2]);
    }
}

fn i16_at(bytes: &[u8], at: usize) -> Option<i32> {
    let two = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(i32::from(i16::from_le_bytes(two)))
}

fn within_16_bits(sample: i64) -> i32 {
    i32::from(i16::try_from(sample.clamp(-32_768, 32_767)).unwrap_or(0))
}

/// The lower four bits of a byte first or last.
const fn nibbles(byte: u8) -> [u8; 2] {
    [byte & 15, byte >> 4]
}

/// How a step grows with a code of Microsoft's, in 256ths.
const ADAPTATION: [i64; 16] =
    [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];
/// Beyond this, the next step would not fit into 32 bits.
const MOST_STEP: i64 = i32::MAX as i64 / 768;

/// What Microsoft's decoder remembers of a channel.
struct Microsoft {
    predictor: (i32, i32),
    step: i64,
    last: i32,
    before: i32,
}

fn microsoft(
    block: &[u8],
    count: usize,
    predictors: &[(i32, i32)],
    samples: &mut [u8],
) -> Option<()> {
    // Each field of the header for all channels, before the next field.
    let field =
        |number: usize, channel: usize| i16_at(block, count + 2 * (number * count + channel));
    let mut states = Vec::with_capacity(count);
    for channel in 0..count {
        let predictor = *predictors.get(usize::from(*block.get(channel)?))?;
        let step = i64::from(field(0, channel)?);
        let (last, before) = (field(1, channel)?, field(2, channel)?);
        put(samples, channel, before);
        put(samples, count + channel, last);
        states.push(Microsoft { predictor, step, last, before });
    }
    let codes = block.get(7 * count..)?.iter().flat_map(|&byte| [byte >> 4, byte & 15]);
    for (index, code) in codes.enumerate() {
        let state = states.get_mut(index % count)?;
        put(samples, 2 * count + index, state.next(code));
    }
    Some(())
}

impl Microsoft {
    fn next(&mut self, code: u8) -> i32 {
        let (of_last, of_before) = self.predictor;
        let predicted = (i64::from(self.last) * i64::from(of_last)
            + i64::from(self.before) * i64::from(of_before))
            >> 8;
        let signed = i64::from(code) - if code & 8 == 0 { 0 } else { 16 };
        let sample = within_16_bits(predicted + signed * self.step);
        self.step = ((ADAPTATION[usize::from(code)] * self.step) >> 8).clamp(16, MOST_STEP);
        (self.before, self.last) = (self.last, sample);
        sample
    }
}

#[rustfmt::skip]
const STEPS: [i64; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97,
    107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796,
    876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428,
    4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350,
    22385, 24623, 27086, 29794, 32767,
];
/// How far a code of IMA's moves in the table of steps.
const MOVES: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

/// What IMA's decoder remembers of a channel.
#[derive(Clone, Debug, Default)]
struct Ima {
    sample: i32,
    step: i32,
}

impl Ima {
    /// `None` if there is no such step.
    fn new(sample: i32, step: i32) -> Option<Self> {
        usize::try_from(step).ok().filter(|&step| step < STEPS.len())?;
        Some(Self { sample, step })
    }

    fn next(&mut self, code: u8) -> i32 {
        let step = usize::try_from(self.step).ok().and_then(|step| STEPS.get(step)).copied();
        let step = step.unwrap_or(0);
        let part = |bit: u8, size: i64| if code & bit == 0 { 0 } else { size };
        let change = (step >> 3) + part(1, step >> 2) + part(2, step >> 1) + part(4, step);
        let change = if code & 8 == 0 { change } else { -change };
        self.sample = within_16_bits(i64::from(self.sample) + change);
        self.step = (self.step + MOVES[usize::from(code & 7)]).clamp(0, 88);
        self.sample
    }
}

fn ima(block: &[u8], count: usize, samples: &mut [u8]) -> Option<()> {
    let turns = block.get(4 * count..)?;
    for channel in 0..count {
        let at = 4 * channel;
        let mut state = Ima::new(i16_at(block, at)?, i32::from(*block.get(at + 2)?))?;
        put(samples, channel, state.sample);
        let of_channel = turns.chunks_exact(4 * count).flat_map(|turn| &turn[at..at + 4]);
        for (index, code) in of_channel.flat_map(|&byte| nibbles(byte)).enumerate() {
            put(samples, (index + 1) * count + channel, state.next(code));
        }
    }
    Some(())
}

fn apple(memory: &mut Memory, block: &[u8], count: usize, samples: &mut [u8]) -> Option<()> {
    memory.0.resize(count, Ima::default());
    for (channel, packet) in block.chunks_exact(APPLE_BYTES).enumerate() {
        let (&[high, low], codes) = packet.split_first_chunk()?;
        // Nine bits of the sample, seven of the step.
        let stated = i32::from(i16::from_be_bytes([high, low & 0x80]));
        let stated = Ima::new(stated, i32::from(low & 0x7f))?;
        let state = memory.0.get_mut(channel)?;
        if state.step != stated.step || (state.sample - stated.sample).abs() > 0x7f {
            *state = stated;
        }
        for (index, code) in codes.iter().flat_map(|&byte| nibbles(byte)).enumerate() {
            put(samples, index * count + channel, state.next(code));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(blocks: &Blocks, block: &[u8]) -> Result<Vec<i16>, &'static str> {
        let mut bytes = Vec::new();
        blocks.decode(&mut Memory::default(), block, blocks.frames, &mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(|&two| i16::from_le_bytes(two)).collect())
    }

    #[test]
    fn ima_codes_add_their_parts_of_the_step_and_round_each_down() {
        let blocks = Blocks::new(Coding::Ima, 1, 8, 9).expect("one turn");
        // From 100 at a step of 7: codes 7, 15, 0, 8, 1, 2, 4, 12.
        let found = decoded(&blocks, &[100, 0, 0, 0, 0xf7, 0x80, 0x21, 0xc4]).expect("a block");
        assert_eq!(found, [100, 111, 81, 85, 82, 92, 107, 132, 101]);
        assert!(decoded(&blocks, &[0, 0, 89, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn microsoft_s_predictions_are_rounded_down() {
        let coding = Coding::Microsoft(PREDICTORS.into());
        let blocks = Blocks::new(coding, 1, 8, 0).expect("a block");
        assert_eq!(blocks.frames, 4);
        // Predictor 5 (460, -208), a step of 16, -3 after -1: (-1380 + 208) / 256 is -4.6.
        let found = decoded(&blocks, &[5, 16, 0, 0xfd, 0xff, 0xff, 0xff, 0x0f]).expect("a block");
        assert_eq!(found, [-1, -3, -5, -23]);
        assert!(decoded(&blocks, &[7, 16, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_block_that_is_too_small_for_its_channels_is_refused() {
        assert!(Blocks::new(Coding::Ima, 2, 8, 1).is_err());
        assert!(Blocks::new(Coding::Ima, 0, 512, 505).is_err());
        assert!(Blocks::new(Coding::Microsoft(PREDICTORS.into()), 2, 14, 2).is_err());
        // A number of frames that the block cannot hold is not believed.
        assert_eq!(Blocks::new(Coding::Ima, 1, 256, 9999).expect("a block").frames, 505);
    }

    #[test]
    fn the_last_block_may_be_short() {
        let blocks = Blocks::new(Coding::Ima, 2, 256, 249).expect("a block");
        assert_eq!(blocks.frames_of_rest(8 + 16), 17);
        assert_eq!(blocks.frames_of_rest(8 + 15), 9);
        assert_eq!(blocks.frames_of_rest(5), 0);
    }

    #[test]
    fn a_block_of_apple_s_goes_on_with_the_sample_before_where_it_agrees() {
        let blocks = Blocks::apple(1);
        let (mut memory, mut bytes) = (Memory::default(), Vec::new());
        // A step of 7 and codes of 0 and 8 in turn: nothing is added and taken away.
        let block = |high, low| [[high, low].as_slice(), &[0x80; 32]].concat();
        for (high, low) in [(0x01, 0x00), (0x00, 0x80), (0x01, 0x01), (0x02, 0x00)] {
            let read = blocks.decode(&mut memory, &block(high, low), 64, &mut bytes);
            assert_eq!(read, Ok(()));
        }
        let first = |block: usize| i16::from_le_bytes([bytes[128 * block], bytes[128 * block + 1]]);
        // 256; 128 is too far away; another step; 512 is too far away.
        assert_eq!([0, 1, 2, 3].map(first), [256, 128, 257, 512]);
        let mut memory = Memory(vec![Ima { sample: 300, step: 0 }]);
        bytes.clear();
        assert_eq!(blocks.decode(&mut memory, &block(0x01, 0x00), 64, &mut bytes), Ok(()));
        assert_eq!(i16::from_le_bytes([bytes[0], bytes[1]]), 300);
    }
}
