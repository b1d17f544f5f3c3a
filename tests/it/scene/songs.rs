//! Songs: the files of a scene, the same in each.

use std::fs;
use std::path::Path;

/// Path of the long one, as it is reported.
pub(crate) const LONG: &str = "songs/2-long.wav";

/// Name, channels and frames of each, in the order of the records; all at [`RATE`].
pub(crate) const SONGS: [(&str, u16, u32); 5] = [
    ("1-first.wav", 1, 72_000),
    ("2-long.wav", 1, 480_000),
    ("3-stereo.wav", 2, 32_000),
    ("4-tiny.wav", 1, 1),
    ("5-last.wav", 1, 96_001),
];

/// Frames a second; a chunk is five seconds of one channel then, the least that is worth a task.
const RATE: u32 = 8000;

/// Writes all of them.
pub(super) fn write_into(folder: &Path) {
    fs::create_dir(folder).expect("a new folder");
    for (seed, (name, channels, frames)) in (1..).zip(SONGS) {
        fs::write(folder.join(name), wav(channels, &noise(seed, frames * u32::from(channels))))
            .expect("a new file");
    }
}

/// The content of a file of one frame.
pub(crate) fn tiny() -> Vec<u8> {
    wav(1, &[77])
}

/// Noise that is louder and softer by turns, and now and then silent.
fn noise(seed: u32, samples: u32) -> Vec<i16> {
    let mut state = seed;
    (0..samples)
        .map(|at| {
            // Numerical Recipes' generator: any would do.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., low, high] = state.to_le_bytes();
            let softer = (at / (RATE / 3) + seed) % 17;
            i16::from_le_bytes([low, high]).checked_shr(softer).unwrap_or(0)
        })
        .collect()
}

/// A WAV file of 16-bit PCM with the shortest header.
fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
    let width = channels * 2;
    let length = u32::try_from(samples.len() * 2).expect("a small file");
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((length + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * u32::from(width)).to_le_bytes());
    file.extend(width.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}
