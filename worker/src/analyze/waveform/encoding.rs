//! Encoding: waveforms in the file formats of audiowaveform, byte for byte.
//!
//! JSON is always version 2. Binary is version 1 for one channel and version 2, which has a field
//! for their number, for several. 8-bit values are 16-bit values divided by 256, rounded towards
//! zero.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::Waveform;

/// Resolution of the values of an encoded waveform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bits {
    /// From −128 to 127.
    Eight,
    /// From −32768 to 32767.
    #[default]
    Sixteen,
}

/// Flag of the binary format for 8 bits.
const EIGHT_BITS: u32 = 1;

impl Bits {
    fn count(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    fn divisor(self) -> i16 {
        match self {
            Self::Eight => 256,
            Self::Sixteen => 1,
        }
    }
}

impl Waveform {
    /// The JSON as text.
    ///
    /// # Panics
    ///
    /// Never: writing to memory does not fail.
    pub fn json(&self, bits: Bits) -> String {
        let mut out = Vec::new();
        self.write_json(bits, &mut out).expect("memory takes whatever is written to it");
        String::from_utf8(out).expect("digits and names are ASCII")
    }

    /// Writes JSON.
    pub fn write_json(&self, bits: Bits, out: &mut dyn Write) -> io::Result<()> {
        write!(
            out,
            "{{\"version\":2,\"channels\":{},\"sample_rate\":{},\"samples_per_pixel\":{},\
             \"bits\":{},\"length\":{},\"data\":[",
            self.channels,
            self.sample_rate,
            self.samples_per_pixel,
            bits.count(),
            self.length(),
        )?;
        let mut between = "";
        for number in self.numbers(bits) {
            write!(out, "{between}{number}")?;
            between = ",";
        }
        out.write_all(b"]}\n")
    }

    /// Writes the binary format.
    pub fn write_dat(&self, bits: Bits, out: &mut dyn Write) -> io::Result<()> {
        let length = u32::try_from(self.length())
            .map_err(|_| io::Error::other("more columns than the format can count"))?;
        let flags = if bits == Bits::Eight { EIGHT_BITS } else { 0 };
        let version = if self.channels == 1 { 1 } else { 2 };
        let header = [version, flags, self.sample_rate, self.samples_per_pixel, length];
        for field in header {
            out.write_all(&field.to_le_bytes())?;
        }
        if version == 2 {
            out.write_all(&u32::from(self.channels).to_le_bytes())?;
        }
        for number in self.numbers(bits) {
            let bytes = number.to_le_bytes();
            out.write_all(if bits == Bits::Eight { &bytes[..1] } else { &bytes })?;
        }
        Ok(())
    }

    fn numbers(&self, bits: Bits) -> impl Iterator<Item = i16> {
        self.columns.iter().flatten().map(move |number| number / bits.divisor())
    }

    /// Columns per channel.
    fn length(&self) -> usize {
        self.columns.len() / usize::from(self.channels.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dat(waveform: &Waveform, bits: Bits) -> Vec<u8> {
        let mut out = Vec::new();
        waveform.write_dat(bits, &mut out).unwrap();
        out
    }

    /// Waveforms of audiowaveform's tests (test/WaveformBufferTest.cpp, `WaveformBufferSaveTest`).
    fn theirs(channels: u16, columns: &[[i16; 2]]) -> Waveform {
        let columns = columns.to_vec();
        Waveform { channels, sample_rate: 44_100, samples_per_pixel: 256, columns }
    }

    #[test]
    fn json_equals_audiowaveform_tests() {
        let two = theirs(1, &[[-1024, 1024], [-2048, 2048]]);
        // shouldSave16BitJsonFile
        let expected = concat!(
            r#"{"version":2,"channels":1,"sample_rate":44100,"samples_per_pixel":256,"#,
            r#""bits":16,"length":2,"data":[-1024,1024,-2048,2048]}"#,
            "\n"
        );
        assert_eq!(two.json(Bits::Sixteen), expected);
        // shouldSave8BitTextFile has these numbers
        let expected = expected.replace("16,\"l", "8,\"l").replace("024", "").replace("2048", "8");
        assert_eq!(two.json(Bits::Eight), expected.replace("-1,1,", "-4,4,"));
        assert!(theirs(1, &[]).json(Bits::Eight).ends_with("\"length\":0,\"data\":[]}\n"));
        // shouldSave8BitTextFileWith2Channels: [-4,4,-8,8] and [-12,12,-16,16]
        let four = [[-1024, 1024], [-2048, 2048], [-3072, 3072], [-4096, 4096]];
        let ends = "\"bits\":8,\"length\":2,\"data\":[-4,4,-8,8,-12,12,-16,16]}\n";
        assert!(theirs(2, &four).json(Bits::Eight).ends_with(ends));
    }

    #[test]
    fn example_of_the_format_specification_is_reproduced() {
        // doc/DataFormat.md, "Example"
        let data = [-65, 63, -66, 64, -40, 41, -39, 45, -55, 43, -55, 44].map(|x: i16| x * 256);
        let columns = data.as_chunks::<2>().0.to_vec();
        let waveform =
            Waveform { channels: 2, sample_rate: 48_000, samples_per_pixel: 512, columns };
        let expected = concat!(
            r#"{"version":2,"channels":2,"sample_rate":48000,"samples_per_pixel":512,"bits":8,"#,
            r#""length":3,"data":[-65,63,-66,64,-40,41,-39,45,-55,43,-55,44]}"#,
            "\n"
        );
        assert_eq!(waveform.json(Bits::Eight), expected);
        let binary = dat(&waveform, Bits::Eight);
        let header = [2, 0, 0, 0, 1, 0, 0, 0, 0x80, 0xBB, 0, 0, 0, 2, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0];
        assert_eq!(binary[..24], header);
        let data: Vec<_> = binary[24..].iter().map(|byte| byte.cast_signed()).collect();
        assert_eq!(data, [-65, 63, -66, 64, -40, 41, -39, 45, -55, 43, -55, 44]);
    }

    #[test]
    fn one_channel_is_version_1_with_a_20_byte_header() {
        // shouldSaveEmptyDataFile, shouldSave16BitDataFile, shouldSave8BitDataFile
        assert_eq!(dat(&theirs(1, &[]), Bits::Sixteen).len(), 20);
        let sixteen = dat(&theirs(1, &[[-1000, 1000]]), Bits::Sixteen);
        let header = [1, 0, 0, 0, 0, 0, 0, 0, 0x44, 0xAC, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0];
        assert_eq!(sixteen, [&header[..], &[0x18, 0xFC, 0xE8, 0x03]].concat());
        assert_eq!(dat(&theirs(1, &[[-100, 100]]), Bits::Eight).len(), 22);
    }

    #[test]
    fn eight_bit_values_are_rounded_towards_zero() {
        let waveform = theirs(1, &[[-32_768, 32_767], [-257, 257], [-255, 255], [-256, 256]]);
        assert!(waveform.json(Bits::Eight).ends_with("[-128,127,-1,1,0,0,-1,1]}\n"));
        assert_eq!(dat(&waveform, Bits::Eight)[20..], [0x80, 0x7F, 0xFF, 1, 0, 0, 0xFF, 1]);
    }
}
