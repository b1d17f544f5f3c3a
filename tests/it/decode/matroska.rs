//! Matroska: files taken apart and put together again in every way that the container allows.

use std::ops::Range;

use super::*;

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TRACK_ENTRY: u32 = 0xae;
const FLAG_DEFAULT: u32 = 0x88;
const CODEC_DELAY: u32 = 0x56aa;
const AUDIO: u32 = 0xe1;
const SAMPLING_FREQUENCY: u32 = 0xb5;
const CONTENT_ENCODINGS: u32 = 0x6d80;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const DISCARD_PADDING: u32 = 0x75a2;

fn id_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect()
}

/// An element with a size of eight bytes.
fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let size = (1_u64 << 56 | content.len() as u64).to_be_bytes();
    [&id_bytes(id)[..], &size, content].concat()
}

/// An element of unknown size, as live streams have them.
fn endless(id: u32, content: &[u8]) -> Vec<u8> {
    [&id_bytes(id)[..], &[1, 255, 255, 255, 255, 255, 255, 255], content].concat()
}

/// The elements in a part of a file: id, all of it, its content.
fn children(bytes: &[u8], within: Range<usize>) -> Vec<(u32, Range<usize>, Range<usize>)> {
    let number = |at: usize, with_marker: bool| {
        let length = bytes[at].leading_zeros() as usize + 1;
        let all = bytes[at..at + length].iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
        (if with_marker { all } else { all & ((1 << (7 * length)) - 1) }, length)
    };
    let mut found = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let (id, id_length) = number(at, true);
        let (size, size_length) = number(at + id_length, false);
        let start = at + id_length + size_length;
        let end = start + usize::try_from(size).expect("a small element");
        found.push((u32::try_from(id).expect("an id"), at..end, start..end));
        at = end;
    }
    found
}

/// The content of the only element with that id.
fn only(bytes: &[u8], within: Range<usize>, id: u32) -> Range<usize> {
    let found = children(bytes, within).into_iter().find(|(found, ..)| *found == id);
    found.unwrap_or_else(|| panic!("an element {id:x}")).2
}

/// A fixture, taken apart.
struct Parts {
    /// What comes before the segment.
    ebml: Vec<u8>,
    /// Contents of the tracks.
    tracks: Vec<Vec<u8>>,
    /// Track and data of each block, none of which is laced.
    frames: Vec<(u8, Vec<u8>)>,
}

fn parts_of(name: &str) -> Parts {
    let bytes = bytes_of(name);
    let top = children(&bytes, 0..bytes.len());
    let segment = only(&bytes, 0..bytes.len(), SEGMENT);
    let tracks = only(&bytes, segment.clone(), TRACKS);
    let tracks = children(&bytes, tracks).into_iter().filter(|(id, ..)| *id == TRACK_ENTRY);
    let tracks = tracks.map(|(_, _, content)| bytes[content].to_vec()).collect();
    let mut frames = Vec::new();
    for (_, _, cluster) in children(&bytes, segment).into_iter().filter(|(id, ..)| *id == CLUSTER) {
        for (id, _, content) in children(&bytes, cluster) {
            let block = match id {
                SIMPLE_BLOCK => content,
                BLOCK_GROUP => only(&bytes, content, BLOCK),
                _ => continue,
            };
            let block = &bytes[block];
            assert_eq!(block[3] & 6, 0, "no lacing");
            frames.push((block[0] & 0x7f, block[4..].to_vec()));
        }
    }
    Parts { ebml: bytes[top[0].1.clone()].to_vec(), tracks, frames }
}

impl Parts {
    fn data(&self) -> impl Iterator<Item = &[u8]> {
        self.frames.iter().map(|(_, data)| data.as_slice())
    }

    /// The first track, with its child `id` replaced, or added.
    fn with(mut self, id: u32, content: &[u8]) -> Self {
        self.tracks[0] = with_child(&self.tracks[0], id, content);
        self
    }

    fn tracks(&self) -> Vec<u8> {
        let entries: Vec<_> = self.tracks.iter().map(|track| element(TRACK_ENTRY, track)).collect();
        element(TRACKS, &entries.concat())
    }

    /// A file with these clusters.
    fn file(&self, clusters: &[Vec<u8>]) -> Vec<u8> {
        [self.ebml.clone(), element(SEGMENT, &[self.tracks(), clusters.concat()].concat())].concat()
    }
}

fn with_child(parent: &[u8], id: u32, content: &[u8]) -> Vec<u8> {
    let kept = children(parent, 0..parent.len()).into_iter().filter(|(found, ..)| *found != id);
    let kept: Vec<_> = kept.flat_map(|(_, all, _)| parent[all].to_vec()).collect();
    [kept, element(id, content)].concat()
}

fn block(flags: u8, data: &[u8]) -> Vec<u8> {
    [&[0x81, 0, 0, flags], data].concat()
}

fn simple(data: &[u8]) -> Vec<u8> {
    element(SIMPLE_BLOCK, &block(0x80, data))
}

/// A block with padding beside it.
fn padded(data: &[u8], nanoseconds: i64) -> Vec<u8> {
    let padding = element(DISCARD_PADDING, &nanoseconds.to_be_bytes());
    element(BLOCK_GROUP, &[element(BLOCK, &block(0, data)), padding].concat())
}

fn cluster(blocks: &[Vec<u8>]) -> Vec<u8> {
    element(CLUSTER, &[element(0xe7, &[0]), blocks.concat()].concat())
}

#[track_caller]
fn sound(bytes: &[u8]) -> Decoded {
    let found = decode_bytes("x.mkv", bytes).expect("a file that decodes");
    assert_eq!(found.warnings, []);
    found
}

#[test]
fn every_lacing_gives_the_frames_that_single_blocks_give() {
    let parts = parts_of("flac.mkv");
    let whole = decoded("flac.mkv").bytes;
    let data: Vec<_> = parts.data().collect();
    let plain: Vec<_> = data.iter().map(|data| simple(data)).collect();
    assert_eq!(sound(&parts.file(&[cluster(&plain)])).bytes, whole);

    let count = u8::try_from(data.len() - 1).expect("a few frames");
    let (_, sized) = data.split_last().expect("frames");
    let mut xiph = vec![count];
    for frame in sized {
        xiph.extend(vec![255; frame.len() / 255]);
        xiph.push(u8::try_from(frame.len() % 255).expect("a byte"));
    }
    let xiph = [xiph, data.concat()].concat();
    // Every size, and so every difference, in four bytes.
    let coded = |value: i64| {
        let value = u32::try_from(value).expect("a small number");
        (0x1000_0000 | value).to_be_bytes()
    };
    let mut ebml = vec![count];
    let mut before = None;
    for frame in sized {
        let length = i64::try_from(frame.len()).expect("a small frame");
        let code = before.map_or(length, |before| length - before + (1 << 27) - 1);
        ebml.extend(coded(code));
        before = Some(length);
    }
    let ebml = [ebml, data.concat()].concat();
    for (flags, data) in [(0x02, xiph), (0x06, ebml)] {
        let simple = element(SIMPLE_BLOCK, &block(flags, &data));
        assert_eq!(sound(&parts.file(&[cluster(&[simple])])).bytes, whole, "{flags}");
        let group = element(BLOCK_GROUP, &element(BLOCK, &block(flags, &data)));
        assert_eq!(sound(&parts.file(&[cluster(&[group])])).bytes, whole, "{flags} in a group");
    }

    let parts = parts_of("pcm.mkv");
    let samples: Vec<u8> = parts.data().flatten().copied().collect();
    let fixed = element(SIMPLE_BLOCK, &block(0x04, &[&[2], &samples[..]].concat()));
    assert_eq!(sound(&parts.file(&[cluster(&[fixed])])).bytes, decoded("pcm.mkv").bytes);
}

/// `ContentEncodings` of one compression.
fn compression(algorithm: u8, settings: &[u8]) -> Vec<u8> {
    let kind = element(0x4254, &[algorithm]);
    let content = element(0x5034, &[kind, element(0x4255, settings)].concat());
    element(0x6240, &content)
}

/// A stream of zlib whose data is not made shorter.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short frame");
    let (mut low, mut high) = (1_u32, 0_u32);
    for &byte in data {
        low = (low + u32::from(byte)) % 65521;
        high = (high + low) % 65521;
    }
    let sum = (high << 16 | low).to_be_bytes();
    let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    [&[0x78, 1, 1], &lengths[..], data, &sum].concat()
}

#[test]
fn packed_blocks_are_unpacked() {
    for name in ["flac.mkv", "opus.webm"] {
        let last = |data: &[u8]| {
            // As the fixture has it.
            if name == "opus.webm" { padded(data, 13_500_000) } else { simple(data) }
        };
        let whole = decoded(name).bytes;
        let parts = parts_of(name).with(CONTENT_ENCODINGS, &compression(0, &[]));
        let mut blocks: Vec<_> = parts.data().map(|data| simple(&stored(data))).collect();
        blocks.pop();
        blocks.push(last(&stored(&parts.frames.last().expect("frames").1)));
        assert_eq!(sound(&parts.file(&[cluster(&blocks)])).bytes, whole, "{name} in zlib");

        let first = parts.frames[0].1[0];
        let is_common = parts.data().all(|data| data[0] == first);
        assert!(is_common, "all frames begin alike");
        let parts = parts_of(name).with(CONTENT_ENCODINGS, &compression(3, &[first]));
        let mut blocks: Vec<_> = parts.data().map(|data| simple(&data[1..])).collect();
        blocks.pop();
        blocks.push(last(&parts.frames.last().expect("frames").1[1..]));
        assert_eq!(sound(&parts.file(&[cluster(&blocks)])).bytes, whole, "{name} stripped");
    }
}

#[test]
fn a_packed_block_that_is_damaged_is_told() {
    let parts = parts_of("flac.mkv").with(CONTENT_ENCODINGS, &compression(0, &[]));
    let mut blocks: Vec<_> = parts.data().map(|data| simple(&stored(data))).collect();
    let length = blocks[0].len();
    blocks[0][length - 1] ^= 1;
    let found = decode_bytes("x.mkv", &parts.file(&[cluster(&blocks)])).expect("the rest");
    assert!(found.the_warning(WarningKind::DecodeErrors).message.contains("unpacked"));
}

#[test]
fn packing_that_cannot_be_undone_is_refused_by_name() {
    if !is_without_ffmpeg("decode::matroska::packing_that_cannot_be_undone_is_refused_by_name") {
        return;
    }
    let unsupported = DecodeErrorKind::UnsupportedFormat;
    let file = |encodings: &[u8]| {
        let parts = parts_of("flac.mkv").with(CONTENT_ENCODINGS, encodings);
        let blocks: Vec<_> = parts.data().map(simple).collect();
        parts.file(&[cluster(&blocks)])
    };
    error_of_bytes("x.mkv", &file(&compression(1, &[])), unsupported, "bzip2");
    error_of_bytes("x.mkv", &file(&compression(2, &[])), unsupported, "LZO");
    let encrypted = element(0x6240, &[element(0x5033, &[1]), element(0x5035, &[])].concat());
    error_of_bytes("x.mkv", &file(&encrypted), unsupported, "encrypted");
}

#[test]
fn padding_is_counted_at_the_rate_of_the_decoder() {
    let parts = parts_of("opus.webm");
    let audio = only(&parts.tracks[0], 0..parts.tracks[0].len(), AUDIO);
    let audio = parts.tracks[0][audio].to_vec();
    let claimed = with_child(&audio, SAMPLING_FREQUENCY, &16_000_f64.to_be_bytes());
    let parts = parts.with(AUDIO, &claimed);
    let (last, others) = parts.frames.split_last().expect("frames");
    let mut blocks: Vec<_> = others.iter().map(|(_, data)| simple(data)).collect();
    blocks.push(padded(&last.1, 13_500_000));
    assert_eq!(sound(&parts.file(&[cluster(&blocks)])).frames(), 9600);
}

#[test]
fn padding_beside_any_block_is_dropped_at_the_end_that_it_names() {
    let parts = parts_of("opus.webm");
    let data: Vec<_> = parts.data().collect();
    let whole: Vec<_> = data.iter().map(|data| simple(data)).collect();
    let whole = sound(&parts.file(&[cluster(&whole)]));
    let width = whole.format.pcm.frame_width();
    // Packets of 960 frames; the first 312 frames of all are no audio.
    for padding in [1_000_000, -1_000_000] {
        let mut blocks: Vec<_> = data.iter().map(|data| simple(data)).collect();
        let index = 2;
        blocks[index] = padded(data[index], padding);
        let found = sound(&parts.file(&[cluster(&blocks)]));
        let first = 960 * index - 312;
        let dropped = if padding > 0 { first + 960 - 48..first + 960 } else { first..first + 48 };
        let expected = [&whole.bytes[..dropped.start * width], &whole.bytes[dropped.end * width..]];
        assert!(found.bytes == expected.concat(), "{padding} ns");
    }
}

#[test]
fn the_delay_of_a_codec_is_dropped_where_its_decoder_delivers_it() {
    // 1105 frames at 44100 Hz.
    let parts = parts_of("mp3.mkv").with(CODEC_DELAY, &25_056_689_u32.to_be_bytes());
    let blocks: Vec<_> = parts.data().map(simple).collect();
    let found = sound(&parts.file(&[cluster(&blocks)]));
    let whole = parts_of("mp3.mkv").file(&[cluster(&blocks)]);
    let whole = sound(&whole);
    assert_eq!(found.frames() + 1105, whole.frames());
    assert!(whole.bytes.ends_with(&found.bytes));
}

#[test]
fn the_default_track_is_the_one_that_is_measured() {
    let mut parts = parts_of("two-tracks.mkv");
    let blocks: Vec<_> = parts
        .frames
        .iter()
        .map(|(track, data)| {
            element(SIMPLE_BLOCK, &[&[0x80 | track, 0, 0, 0x80], data.as_slice()].concat())
        })
        .collect();
    let flags: [&[(u16, [u8; 2])]; 2] = [&[(2, [1, 0])], &[(1, [0, 1])]];
    for (channels, is_default) in flags.concat() {
        for (track, flag) in parts.tracks.iter_mut().zip(is_default) {
            *track = with_child(track, FLAG_DEFAULT, &[flag]);
        }
        let found = decode_bytes("x.mkv", &parts.file(&[cluster(&blocks)])).expect("a track");
        assert_eq!(found.format.pcm.channels, channels);
        assert_eq!(found.kinds(), [WarningKind::OtherTracks]);
        let fixture = if channels == 2 { "16.flac" } else { "flac.mkv" };
        assert_eq!(found.bytes, decoded(fixture).bytes);
    }
}

#[test]
fn a_live_stream_is_complete_where_a_block_ends_and_nowhere_else() {
    let parts = parts_of("flac.mkv");
    let whole = decoded("flac.mkv").bytes;
    let blocks: Vec<_> = parts.data().map(simple).collect();
    let halves = blocks.split_at(blocks.len() / 2);
    let mut file = [parts.ebml.clone(), endless(SEGMENT, &parts.tracks())].concat();
    let mut ends = Vec::new();
    for half in [halves.0, halves.1] {
        file.extend(endless(CLUSTER, &element(0xe7, &[0])));
        for block in half {
            file.extend(block);
            ends.push(file.len());
        }
    }
    assert_eq!(sound(&file).bytes, whole);
    let first = *ends.first().expect("blocks");
    for length in (first..file.len()).filter(|length| length % 7 == 0 || ends.contains(length)) {
        let found = decode_bytes("x.mkv", &file[..length]).expect("a block at least");
        assert!(whole.starts_with(&found.bytes), "{length} bytes");
        if ends.contains(&length) {
            assert_eq!(found.warnings, [], "{length} bytes");
        } else {
            let is_between = file[..length].ends_with(&element(0xe7, &[0]));
            if !is_between {
                assert!(found.kinds().contains(&WarningKind::Truncated), "{length} bytes");
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_is_told_wherever_it_is_cut() {
    for name in ["flac.mkv", "opus.webm", "vorbis.webm", "pcm.mkv"] {
        let (bytes, whole) = (bytes_of(name), decoded(name).bytes);
        for length in (bytes.len() / 2..bytes.len()).step_by(97) {
            let Ok(found) = decode_bytes(name, &bytes[..length]) else { continue };
            assert_eq!(found.kinds(), [WarningKind::Truncated], "{name}, {length} bytes");
            assert!(whole.starts_with(&found.bytes), "{name}, {length} bytes");
        }
    }
}

#[test]
fn a_damaged_cluster_costs_itself_and_no_other() {
    let parts = parts_of("flac.mkv");
    let whole = decoded("flac.mkv").bytes;
    let clusters: Vec<_> = parts.data().map(|data| cluster(&[simple(data)])).collect();
    let file = parts.file(&clusters);
    let first = clusters[0].clone();
    let at = file.windows(first.len()).position(|bytes| bytes == first).expect("it is there");
    let second = at + first.len();
    // The size of a cluster is not needed: another begins behind it.
    let mut bytes = file.clone();
    bytes[second + 5] = 255;
    assert_eq!(sound(&bytes).bytes, whole);
    // The id of the cluster, the id of the block, and its size.
    for (place, value) in [(second, 0), (second + 22, 0), (second + 24, 9)] {
        let mut bytes = file.clone();
        bytes[place] = value;
        let found = decode_bytes("x.mkv", &bytes).expect("the rest");
        let damage = found.the_warning(WarningKind::DecodeErrors);
        assert!(damage.byte.is_some_and(|byte| byte >= second as u64), "{place}: {damage:?}");
        assert!(found.bytes.len() < whole.len(), "{place}");
        assert!(found.bytes.starts_with(&whole[..1152 * 2]), "{place}");
        assert!(found.bytes.ends_with(&whole[whole.len() - 500..]), "{place}");
    }
    // Junk between two clusters.
    let junk = vec![0x55; 300];
    let bytes = [&file[..second], &junk, &file[second..]].concat();
    let found = decode_bytes("x.mkv", &bytes).expect("all of it");
    assert_eq!(found.bytes, whole);
    let damage = found.the_warning(WarningKind::DecodeErrors);
    assert_eq!(damage.byte, Some(second as u64));
    assert!(damage.message.contains("300 bytes"), "{}", damage.message);
}

#[test]
fn a_segment_that_goes_on_behind_its_end_is_read_on() {
    let parts = parts_of("flac.mkv");
    let blocks: Vec<_> = parts.data().map(simple).collect();
    let (first, second) = blocks.split_at(1);
    let bytes = [parts.file(&[cluster(first)]), cluster(second)].concat();
    let found = decode_bytes("x.mkv", &bytes).expect("all of it");
    assert_eq!(found.kinds(), [WarningKind::LengthMismatch]);
    assert_eq!(found.bytes, decoded("flac.mkv").bytes);
}

#[test]
fn packets_that_come_to_no_audio_are_told() {
    let parts = parts_of("opus.webm");
    // All that is left of 960 frames behind the pre-skip of 312 is padding.
    let blocks = [padded(&parts.frames[0].1, 13_500_000)];
    let found = decode_bytes("x.webm", &parts.file(&[cluster(&blocks)])).expect("a packet");
    assert_eq!(found.frames(), 0);
    assert_eq!(found.kinds(), [WarningKind::NoFrames]);
}
