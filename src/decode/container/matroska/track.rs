//! Tracks: what a file says of its audio.

use super::ebml::{elements, float, unsigned};
use super::encoding::{self, Encoding, Sealed};
use super::ids;

/// The type of an audio track.
const AUDIO: u64 = 2;
/// The sampling frequency that is meant where none is stated.
const USUAL_RATE: f64 = 8000.0;

/// An entry of the element Tracks.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) number: u64,
    kind: u64,
    is_enabled: bool,
    is_default: bool,
    pub(super) codec: String,
    /// What the decoder needs to know, as the codec has it.
    pub(super) private: Vec<u8>,
    /// Nanoseconds by which the codec delays the audio.
    pub(super) delay: u64,
    /// What the container claims, in Hz; the codec may know better.
    pub(super) rate: f64,
    pub(super) output_rate: Option<f64>,
    pub(super) channels: u64,
    pub(super) bits: Option<u64>,
    /// How the data of its blocks is packed, or what keeps it from being unpacked.
    pub(super) encodings: Result<Vec<Encoding>, Sealed>,
}

impl Track {
    fn read(entry: &[u8]) -> Self {
        let mut track = Self {
            number: 0,
            kind: 0,
            is_enabled: true,
            is_default: true,
            codec: String::new(),
            private: Vec::new(),
            delay: 0,
            rate: USUAL_RATE,
            output_rate: None,
            channels: 1,
            bits: None,
            encodings: Ok(Vec::new()),
        };
        let mut packed = None;
        for (id, content) in elements(entry) {
            match id {
                ids::TRACK_NUMBER => track.number = unsigned(content).unwrap_or(0),
                ids::TRACK_TYPE => track.kind = unsigned(content).unwrap_or(0),
                ids::FLAG_ENABLED => track.is_enabled = unsigned(content) != Some(0),
                ids::FLAG_DEFAULT => track.is_default = unsigned(content) != Some(0),
                ids::CODEC_ID => {
                    let name = String::from_utf8_lossy(content);
                    name.trim_end_matches('\0').clone_into(&mut track.codec);
                }
                ids::CODEC_PRIVATE => content.clone_into(&mut track.private),
                ids::CODEC_DELAY => track.delay = unsigned(content).unwrap_or(0),
                ids::CONTENT_ENCODINGS => packed = Some(content),
                ids::AUDIO => track.read_audio(content),
                _ => {}
            }
        }
        if let Some(packed) = packed {
            match encoding::read(packed) {
                Ok(found) => {
                    if let Some(private) = encoding::unpack_private(&found, &track.private) {
                        track.private = private;
                    }
                    track.encodings = Ok(found);
                }
                Err(sealed) => track.encodings = Err(sealed),
            }
        }
        track
    }

    fn read_audio(&mut self, audio: &[u8]) {
        for (id, content) in elements(audio) {
            match id {
                ids::SAMPLING_FREQUENCY => self.rate = float(content).unwrap_or(USUAL_RATE),
                ids::OUTPUT_SAMPLING_FREQUENCY => self.output_rate = float(content),
                ids::CHANNELS => self.channels = unsigned(content).unwrap_or(0),
                ids::BIT_DEPTH => self.bits = unsigned(content).filter(|&bits| bits > 0),
                _ => {}
            }
        }
    }
}

/// All tracks of a file.
#[derive(Clone, Debug)]
pub(super) struct Tracks {
    all: Vec<Track>,
}

impl Tracks {
    /// Reads the content of the element Tracks.
    pub(super) fn read(content: &[u8]) -> Self {
        let entries = elements(content).filter(|(id, _)| *id == ids::TRACK_ENTRY);
        Self { all: entries.map(|(_, entry)| Track::read(entry)).collect() }
    }

    /// The audio track that a player would play, and the number of audio tracks.
    pub(super) fn audio(&self) -> Option<(&Track, usize)> {
        let audio = || self.all.iter().filter(|track| track.kind == AUDIO);
        let chosen = audio()
            .find(|track| track.is_enabled && track.is_default)
            .or_else(|| audio().find(|track| track.is_enabled))
            .or_else(|| audio().next())?;
        Some((chosen, audio().count()))
    }

    /// The numbers of all tracks.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.all.iter().map(|track| track.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u8, kind: u8, more: &[u8]) -> Vec<u8> {
        let content = [&[0xd7, 0x81, number, 0x83, 0x81, kind], more].concat();
        let size = 0x80 | u8::try_from(content.len()).expect("a short entry");
        [&[0xae, size], &content[..]].concat()
    }

    #[track_caller]
    fn check(entries: &[Vec<u8>], expected: Option<(u64, usize)>) {
        let tracks = Tracks::read(&entries.concat());
        assert_eq!(tracks.audio().map(|(track, count)| (track.number, count)), expected);
    }

    #[test]
    fn default_enabled_and_first_audio_tracks_are_chosen_in_this_order() {
        let not_default = [0x88, 0x81, 0];
        let disabled = [0xb9, 0x81, 0];
        check(&[entry(1, 1, &[])], None);
        check(&[entry(1, 1, &[]), entry(2, 2, &not_default)], Some((2, 1)));
        check(&[entry(1, 2, &not_default), entry(2, 2, &[])], Some((2, 2)));
        check(&[entry(1, 2, &disabled), entry(2, 2, &not_default)], Some((2, 2)));
        check(&[entry(1, 2, &disabled), entry(2, 2, &disabled)], Some((1, 2)));
        check(&[entry(3, 2, &[]), entry(4, 2, &[])], Some((3, 2)));
    }

    #[test]
    fn what_is_not_stated_has_its_default() {
        let tracks = Tracks::read(&entry(1, 2, &[0x86, 0x86, b'A', b'_', b'A', b'A', b'C', 0]));
        let (track, _) = tracks.audio().expect("a track");
        assert_eq!((track.codec.as_str(), track.channels), ("A_AAC", 1));
        assert!((track.rate - 8000.0).abs() < f64::EPSILON);
    }
}
