//! MP4 and `QuickTime`: tables, fragments, edits, PCM by its many names, and files that are cut short
//! or lie. The files are built here, box by box.

use std::time::{Duration, Instant};

use super::*;

/// Ticks of a second in which edits are long.
const MOVIE_SCALE: u32 = 1000;

fn boxed(name: [u8; 4], content: impl AsRef<[u8]>) -> Vec<u8> {
    let size = u32::try_from(8 + content.as_ref().len()).expect("a small box");
    [&size.to_be_bytes(), &name, content.as_ref()].concat()
}

/// Numbers of 32 bits.
fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// One track of a file.
#[derive(Clone)]
struct Track {
    number: u32,
    is_enabled: bool,
    handler: [u8; 4],
    /// Name, version, channels, bits, rate; and what follows.
    entry: ([u8; 4], u16, u16, u16, u32),
    more: Vec<u8>,
    scale: u32,
    /// Numbers and lengths.
    times: Vec<[u32; 2]>,
    /// As `stsz` has it: a size for all and their number, or 0 and all sizes.
    sizes: Vec<u32>,
    /// Places of chunks in the audio, and how many samples each has.
    chunks: Vec<u32>,
    samples: u32,
    edits: Vec<[u32; 2]>,
}

/// A track of PCM in one chunk, whose samples are 2 bytes.
fn pcm(frames: u32) -> Track {
    Track {
        number: 1,
        is_enabled: true,
        handler: *b"soun",
        entry: (*b"sowt", 0, 1, 16, 8000),
        more: Vec::new(),
        scale: 8000,
        times: vec![[frames, 1]],
        sizes: vec![2, frames],
        chunks: vec![0],
        samples: frames,
        edits: Vec::new(),
    }
}

impl Track {
    fn tables(&self, audio: u32) -> Vec<u8> {
        let (name, version, channels, bits, rate) = self.entry;
        let mut entry = vec![0; 8];
        entry.extend([version, 0, 0, 0, channels, bits, 0, 0].map(u16::to_be_bytes).concat());
        entry.extend(numbers(&[rate << 16]));
        entry.extend(&self.more);
        let stsd = [numbers(&[0, 1]), boxed(name, entry)].concat();
        let count = |count: usize| u32::try_from(count).expect("a few");
        let stts = [numbers(&[0, count(self.times.len())]), numbers(&self.times.concat())].concat();
        let places: Vec<u32> = self.chunks.iter().map(|place| audio + place).collect();
        [
            boxed(*b"stsd", stsd),
            boxed(*b"stts", stts),
            boxed(*b"stsc", numbers(&[0, 1, 1, self.samples, 1])),
            boxed(*b"stsz", [numbers(&[0]), numbers(&self.sizes)].concat()),
            boxed(*b"stco", [numbers(&[0, count(places.len())]), numbers(&places)].concat()),
        ]
        .concat()
    }

    fn boxes(&self, audio: u32) -> Vec<u8> {
        let header = numbers(&[u32::from(self.is_enabled), 0, 0, self.number]);
        let count = u32::try_from(self.edits.len()).expect("a few");
        let mut edits = numbers(&[0, count]);
        for [length, start] in &self.edits {
            edits.extend(numbers(&[*length, *start, 0x1_0000]));
        }
        let handler = [&[0; 8], &self.handler[..], &[0; 13]].concat();
        let media = [
            boxed(*b"mdhd", numbers(&[0, 0, 0, self.scale, 0, 0])),
            boxed(*b"hdlr", handler),
            boxed(*b"minf", boxed(*b"stbl", self.tables(audio))),
        ];
        let mut boxes = boxed(*b"tkhd", header);
        if count > 0 {
            boxes.extend(boxed(*b"edts", boxed(*b"elst", edits)));
        }
        boxes.extend(boxed(*b"mdia", media.concat()));
        boxed(*b"trak", boxes)
    }
}

fn index(tracks: &[Track], more: &[u8], audio: u32) -> Vec<u8> {
    let tracks: Vec<_> = tracks.iter().map(|track| track.boxes(audio)).collect();
    let header = boxed(*b"mvhd", numbers(&[0, 0, 0, MOVIE_SCALE, 0]));
    boxed(*b"moov", [header, tracks.concat(), more.to_vec()].concat())
}

/// A file with its index in front, and something else in the index.
fn file_with(tracks: &[Track], more: &[u8], audio: &[u8]) -> Vec<u8> {
    let start = boxed(*b"ftyp", b"qt  \0\0\0\0qt  ");
    // The length of the index does not depend on where the audio is.
    let at = start.len() + index(tracks, more, 0).len() + 8;
    let index = index(tracks, more, u32::try_from(at).expect("a small file"));
    [start, index, boxed(*b"mdat", audio)].concat()
}

fn file(track: &Track, audio: &[u8]) -> Vec<u8> {
    file_with(std::slice::from_ref(track), &[], audio)
}

/// So many samples that differ from one another, as 16 bits in the order of this file format.
fn ramp(frames: u16) -> Vec<u8> {
    (0..frames).flat_map(|frame| (frame * 7).to_le_bytes()).collect()
}

#[track_caller]
fn samples_of(bytes: &[u8]) -> Decoded {
    decode_bytes("x.mov", bytes).expect("audio")
}

#[track_caller]
fn check_frames(bytes: &[u8], frames: impl IntoIterator<Item = u16>) -> Decoded {
    let found = samples_of(bytes);
    let expected: Vec<u8> = frames.into_iter().flat_map(|f| (f * 7).to_le_bytes()).collect();
    assert_eq!(found.frames(), expected.len() / 2, "{:?}", found.warnings);
    assert!(found.bytes == expected);
    found
}

#[test]
fn pcm_has_the_byte_order_that_its_name_and_enda_say() {
    let enda = |is_little: u8| boxed(*b"wave", boxed(*b"enda", [0, is_little]));
    let pcmc = |flags: u8, bits: u8| boxed(*b"pcmC", [0, 0, 0, 0, flags, bits]);
    let none = Vec::new;
    let v1 = |boxes: Vec<u8>| [numbers(&[1, 3, 3, 2]), boxes].concat();
    let (s16, s24, s32) = (SampleFormat::S16, SampleFormat::S24, SampleFormat::S32);
    let (u8, f32, f64) = (SampleFormat::U8, SampleFormat::F32, SampleFormat::F64);
    // Name, version, bits as the entry has them, what follows; format, bytes of a sample, and
    // whether they are turned round.
    let cases = [
        (*b"in24", 1, 16, v1(none()), s24, 3, true),
        (*b"in24", 1, 16, v1(enda(0)), s24, 3, true),
        (*b"in24", 1, 16, v1(enda(1)), s24, 3, false),
        (*b"in24", 0, 24, none(), s24, 3, true),
        (*b"in24", 0, 24, enda(1), s24, 3, false),
        (*b"in32", 1, 16, v1(none()), s32, 4, true),
        (*b"in32", 1, 16, v1(enda(1)), s32, 4, false),
        (*b"fl32", 1, 16, v1(none()), f32, 4, true),
        (*b"fl32", 1, 16, v1(enda(1)), f32, 4, false),
        (*b"fl64", 1, 16, v1(none()), f64, 8, true),
        (*b"fl64", 1, 16, v1(enda(1)), f64, 8, false),
        (*b"twos", 0, 16, none(), s16, 2, true),
        (*b"twos", 0, 24, none(), s24, 3, true),
        (*b"sowt", 0, 16, none(), s16, 2, false),
        (*b"sowt", 0, 32, none(), s32, 4, false),
        (*b"raw ", 0, 8, none(), u8, 1, false),
        (*b"raw ", 0, 16, none(), s16, 2, true),
        (*b"NONE", 0, 8, none(), u8, 1, false),
        (*b"ipcm", 0, 16, pcmc(1, 24), s24, 3, false),
        (*b"ipcm", 0, 16, pcmc(0, 16), s16, 2, true),
        (*b"fpcm", 0, 16, pcmc(1, 32), f32, 4, false),
        (*b"fpcm", 0, 16, pcmc(0, 64), f64, 8, true),
    ];
    let audio: Vec<u8> = (0..240_u8).map(|byte| byte / 2).collect();
    for (name, version, bits, more, format, width, is_turned) in cases {
        let width: u32 = width;
        let frames = 240 / width;
        let track = Track {
            entry: (name, version, 1, bits, 8000),
            more,
            sizes: vec![width, frames],
            times: vec![[frames, 1]],
            samples: frames,
            ..pcm(0)
        };
        let found = samples_of(&file(&track, &audio));
        let case = format!("{} {version} {bits}", name.escape_ascii());
        assert_eq!(found.format.pcm.sample_format, format, "{case}");
        let mut expected = audio.clone();
        if is_turned {
            expected.chunks_exact_mut(width as usize).for_each(<[u8]>::reverse);
        }
        assert!(found.bytes == expected, "{case}");
        // The bytes of the ramp are floats of any size.
        let mut kinds = found.kinds();
        kinds.retain(|kind| *kind != WarningKind::ImplausibleLevel);
        assert_eq!(kinds, [], "{case}");
        // A sample size of 1 stands for a frame.
        let old = Track { sizes: vec![1, frames], ..track };
        assert!(samples_of(&file(&old, &audio)).bytes == expected, "{case}");
    }
}

#[test]
fn lpcm_is_what_its_flags_say() {
    // Float, big-endian, signed; bits and bytes of a sample.
    for (flags, bits, format, is_turned) in [
        (0b1_1100_u32, 24_u32, SampleFormat::S24, false),
        (0b1110, 16, SampleFormat::S16, true),
        (0b1001, 32, SampleFormat::F32, false),
        (0b1011, 64, SampleFormat::F64, true),
        (0b1100, 8, SampleFormat::U8, false),
    ] {
        let (channels, width) = (2_u32, bits / 8 * 2);
        let mut more = numbers(&[72]);
        more.extend(96_000_f64.to_be_bytes());
        more.extend(numbers(&[channels, 0x7f00_0000, bits, flags, width, 1]));
        let track = Track {
            entry: (*b"lpcm", 2, 3, 16, 1),
            more,
            scale: 96_000,
            times: vec![[240 / width, 1]],
            sizes: vec![width, 240 / width],
            samples: 240 / width,
            ..pcm(0)
        };
        let audio: Vec<u8> = (0..240_u8).map(|byte| byte / 2).collect();
        let found = samples_of(&file(&track, &audio));
        assert_eq!(found.format.pcm.sample_format, format);
        assert_eq!((found.format.pcm.channels, found.format.pcm.sample_rate), (2, 96_000));
        let mut expected = audio.clone();
        if is_turned {
            expected.chunks_exact_mut(bits as usize / 8).for_each(<[u8]>::reverse);
        }
        if bits == 8 {
            for byte in &mut expected {
                *byte ^= 0x80;
            }
        }
        assert!(found.bytes == expected, "{bits} bits, flags {flags:#b}");
    }
}

#[test]
fn a_rate_that_its_field_cannot_hold_is_that_of_the_media() {
    let track = Track { entry: (*b"sowt", 0, 1, 16, 0), scale: 96_000, ..pcm(1000) };
    let found = check_frames(&file(&track, &ramp(1000)), 0..1000);
    assert_eq!(found.format.pcm.sample_rate, 96_000);
    assert_eq!((found.format.declared_frames, found.kinds()), (Some(1000), vec![]));
    // Of AAC, its own configuration tells.
    let mut bytes = bytes_of("aac.m4a");
    let entry = bytes.windows(4).position(|four| four == b"mp4a").expect("an entry");
    bytes[entry + 28..entry + 32].fill(0);
    assert_eq!(decode_bytes("x.m4a", &bytes).expect("audio"), decoded("aac.m4a"));
}

#[test]
fn the_layout_of_pcm_is_that_of_its_chnl_box() {
    use audiopool_worker::pcm::Speaker;

    let chnl = boxed(*b"chnl", [0, 0, 0, 0, 1, 0, 0, 1, 3]);
    let more = [boxed(*b"pcmC", [0, 0, 0, 0, 1, 16]), chnl].concat();
    let entry = (*b"ipcm", 0, 3, 16, 8000);
    let track = Track { entry, more, sizes: vec![6, 100], samples: 100, ..pcm(100) };
    let found = samples_of(&file(&track, &ramp(300)));
    let expected = [Speaker::FrontLeft, Speaker::FrontRight, Speaker::LowFrequency];
    assert_eq!(found.format.pcm.layout.speakers(3), Some(&expected[..]));
    // As Apple has it, by the number of a layout: 133 is left, right, low frequency.
    let chan = boxed(*b"chan", numbers(&[0, 133 << 16 | 3, 0, 0]));
    let old = Track { entry: (*b"sowt", 0, 3, 16, 8000), more: chan, ..track.clone() };
    let found = samples_of(&file(&old, &ramp(300)));
    assert_eq!(found.format.pcm.layout.speakers(3), Some(&expected[..]));
    let unstated = Track { more: track.more[..14].to_vec(), ..track };
    assert!(!samples_of(&file(&unstated, &ramp(300))).format.pcm.layout.is_stated());
}

#[test]
fn all_edits_are_followed() {
    let bytes = ramp(8000);
    let shown = |edits: &[[u32; 2]]| {
        let track = Track { edits: edits.to_vec(), ..pcm(8000) };
        samples_of(&file(&track, &bytes))
    };
    let found = shown(&[[100, 0], [200, 3200]]);
    assert_eq!((found.frames(), found.format.declared_frames), (2400, Some(2400)));
    assert!(found.bytes == [&bytes[..1600], &bytes[6400..9600]].concat());
    assert_eq!(found.kinds(), []);
    // A delay at the start adds nothing.
    let found = shown(&[[100, u32::MAX], [500, 400]]);
    assert!(found.bytes == bytes[800..8800]);
    assert_eq!(found.kinds(), []);
    // The same again, in another order, and with silence in between.
    for (edits, frames) in [
        (&[[100, 0], [100, 0]][..], 800),
        (&[[100, 800], [100, 0]], 1600),
        (&[[100, 0], [50, u32::MAX], [100, 800]], 1600),
    ] {
        let found = shown(edits);
        assert_eq!((found.frames(), found.kinds()), (frames, vec![WarningKind::EditList]));
    }
    // An edit that is rounded to a millisecond does not cut what was recorded.
    let track = Track { edits: vec![[999, 0]], ..pcm(7999) };
    check_frames(&file(&track, &ramp(7999)), 0..7999);
}

#[test]
fn itunes_says_what_an_edit_list_does_not() {
    let text = b" 00000000 00000064 00000032 0000000000000200 00000000";
    let tag = [
        boxed(*b"mean", b"\0\0\0\0com.apple.iTunes"),
        boxed(*b"name", b"\0\0\0\0iTunSMPB"),
        boxed(*b"data", [&[0, 0, 0, 1, 0, 0, 0, 0][..], text].concat()),
    ];
    let list = boxed(*b"ilst", boxed(*b"----", tag.concat()));
    let header = boxed(*b"hdlr", [0; 25]);
    for meta in [[&[0; 4][..], &header, &list].concat(), [&header[..], &list].concat()] {
        let user = boxed(*b"udta", boxed(*b"meta", meta));
        let found = check_frames(&file_with(&[pcm(1000)], &user, &ramp(1000)), 100..612);
        assert_eq!((found.format.declared_frames, found.kinds()), (Some(512), vec![]));
        // An edit list that cuts comes first.
        let edited = Track { edits: vec![[100, 8]], ..pcm(1000) };
        check_frames(&file_with(&[edited], &user, &ramp(1000)), 8..808);
    }
}

#[test]
fn opus_begins_where_the_edit_list_says_and_not_behind_its_pre_skip() {
    let whole = decoded("opus.mp4");
    let mut bytes = bytes_of("opus.mp4");
    let list = bytes.windows(4).position(|four| four == b"elst").expect("an edit list");
    let start = u32::from_be_bytes(*bytes[list + 16..].first_chunk().expect("four"));
    // It is that of the pre-skip: 500 frames more are cut off.
    bytes[list + 16..list + 20].copy_from_slice(&(start + 500).to_be_bytes());
    let found = decode_bytes("x.mp4", &bytes).expect("audio");
    let width = whole.format.pcm.frame_width();
    let length = whole.bytes.len() - 500 * width;
    assert!(found.bytes[..length] == whole.bytes[500 * width..]);
    // Without an edit list, the pre-skip is cut off.
    bytes[list..list + 4].copy_from_slice(b"free");
    let found = decode_bytes("x.mp4", &bytes).expect("audio");
    assert!(found.bytes.starts_with(&whole.bytes));
}

/// A fragment of two tracks, the first of which is another's, and its audio, before or behind it.
fn fragment(samples: &[u8], is_behind: bool, places: u32) -> Vec<u8> {
    let other = [0xee; 30];
    let audio = boxed(*b"mdat", [&other[..], samples].concat());
    let count = u32::try_from(samples.len() / 2).expect("a few");
    let build = |offset: i32| {
        let header = |number: u32| boxed(*b"tfhd", numbers(&[0x02_0030, number, 2, 0]));
        let run = |count: u32, offset: i32| {
            boxed(*b"trun", [numbers(&[1, count]), offset.to_be_bytes().to_vec()].concat())
        };
        let size = |size: u32| boxed(*b"tfhd", numbers(&[0x02_0010, 1, size]));
        let first = boxed(*b"traf", [header(2), run(15, offset)].concat());
        let second = boxed(*b"traf", [size(2), run(count, offset + 30)].concat());
        boxed(*b"moof", [boxed(*b"mfhd", numbers(&[0, places])), first, second].concat())
    };
    let length = i32::try_from(build(0).len()).expect("a small box");
    if is_behind {
        let back = i32::try_from(audio.len()).expect("a small box") - 8;
        [audio, build(-back)].concat()
    } else {
        [build(length + 8), audio].concat()
    }
}

fn fragmented(parts: &[Vec<u8>]) -> Vec<u8> {
    let track = Track { times: vec![], chunks: vec![], sizes: vec![0, 0], ..pcm(0) };
    let defaults = [1, 2].map(|number| boxed(*b"trex", numbers(&[0, number, 1, 1, 2, 0])));
    let mut file = file_with(&[track], &boxed(*b"mvex", defaults.concat()), &[]);
    file.extend(parts.concat());
    file
}

#[test]
fn fragments_count_wherever_their_audio_lies_and_declare_nothing() {
    let audio = ramp(300);
    let (first, second) = audio.split_at(200);
    for is_behind in [false, true] {
        let parts = [fragment(first, is_behind, 1), fragment(second, is_behind, 2)];
        let found = check_frames(&fragmented(&parts), 0..300);
        assert_eq!((found.format.declared_frames, found.kinds()), (None, vec![]));
    }
    // The last one is cut short.
    let whole = fragmented(&[fragment(first, false, 1), fragment(second, false, 2)]);
    for missing in [1, 100, 199, 201, 250] {
        let found = samples_of(&whole[..whole.len() - missing]);
        assert_eq!(found.kinds(), [WarningKind::Truncated], "{missing}: {:?}", found.warnings);
        assert_eq!(found.frames(), 300 - missing.div_ceil(2).min(200), "{missing}");
    }
}

#[test]
fn the_track_that_is_enabled_is_measured_and_others_are_told_of() {
    let first = Track { is_enabled: false, ..pcm(100) };
    let second = Track { number: 2, chunks: vec![200], ..pcm(50) };
    let video = Track { number: 3, handler: *b"vide", ..pcm(1) };
    let audio = ramp(150);
    let found = check_frames(&file_with(&[video, first.clone(), second], &[], &audio), 100..150);
    assert_eq!(found.kinds(), [WarningKind::OtherTracks]);
    // If none is, it is the first.
    let second = Track { number: 2, is_enabled: false, ..pcm(50) };
    check_frames(&file_with(&[first, second], &[], &audio), 0..100);
}

#[test]
fn a_film_without_sound_has_no_audio() {
    let video = Track { handler: *b"vide", ..pcm(10) };
    error_of_bytes("x.mp4", &file(&video, &ramp(10)), DecodeErrorKind::NoAudio, "without audio");
}

#[test]
fn what_is_missing_of_another_track_ends_nothing() {
    // Another track's sample lies far outside.
    let other = Track { number: 2, is_enabled: false, chunks: vec![1 << 30], ..pcm(50) };
    let found = check_frames(&file_with(&[pcm(100), other], &[], &ramp(100)), 0..100);
    assert_eq!(found.kinds(), [WarningKind::OtherTracks]);
}

#[test]
fn samples_outside_the_file_are_told() {
    let track = Track { chunks: vec![0, 1 << 30, 100], samples: 50, ..pcm(150) };
    let found = samples_of(&file(&track, &ramp(100)));
    assert!(found.bytes == ramp(100));
    assert_eq!(found.kinds(), [WarningKind::DecodeErrors, WarningKind::Truncated]);
    // None is inside.
    let track = Track { chunks: vec![1 << 30], ..pcm(50) };
    let found = decode_bytes("x.mov", &file(&track, &ramp(50)));
    assert!(found.is_err() || !found.expect("audio").warnings.is_empty());
}

#[test]
fn hostile_tables_take_neither_memory_nor_time() {
    if !is_without_ffmpeg("decode::mp4::hostile_tables_take_neither_memory_nor_time") {
        return;
    }
    let started = Instant::now();
    let audio = ramp(1000);
    let many = u32::MAX;
    let of = |track: Track| decode_bytes("x.mov", &file(&track, &audio));
    // Billions of samples, durations and chunks that are declared and not there.
    for track in [
        Track { sizes: vec![2, many], samples: many, times: vec![[many, 1]], ..pcm(0) },
        Track { sizes: vec![0, many], samples: many, ..pcm(1000) },
        Track { sizes: vec![many, many], samples: many, ..pcm(1000) },
        Track { entry: (*b"sowt", 0, u16::MAX, 16, 8000), ..pcm(1000) },
        Track { times: vec![[many, many]; 9], scale: 1, ..pcm(1000) },
        Track { edits: vec![[many, 0]; 3], ..pcm(1000) },
    ] {
        if let Ok(found) = of(track) {
            assert!(found.bytes.len() <= 4 * audio.len());
        }
    }
    // Each chunk is the whole of the file.
    let track = Track { chunks: vec![0; 100_000], samples: 1000, sizes: vec![2, many], ..pcm(0) };
    let whole = file(&track, &audio);
    let found = decode_bytes("x.mov", &whole).expect("some of it");
    assert!(found.bytes.len() <= 4 * whole.len());
    assert!(found.kinds().contains(&WarningKind::LengthMismatch), "{:?}", found.warnings);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_file_whose_packets_come_to_nothing_says_so() {
    let track = Track { edits: vec![[100, 2000]], ..pcm(1000) };
    let found = samples_of(&file(&track, &ramp(1000)));
    let kinds = vec![WarningKind::LengthMismatch, WarningKind::NoFrames];
    assert_eq!((found.frames(), found.kinds()), (0, kinds));
}

#[test]
fn what_is_cut_or_changed_anywhere_does_no_harm() {
    if !is_without_ffmpeg("decode::mp4::what_is_cut_or_changed_anywhere_does_no_harm") {
        return;
    }
    let whole = file(&Track { edits: vec![[90, 80]], ..pcm(200) }, &ramp(200));
    let parts = fragmented(&[fragment(&ramp(60), true, 1), fragment(&ramp(60), false, 2)]);
    for file in [whole, parts] {
        for length in 1..file.len() {
            drop(decode_bytes("x.mov", &file[..length]));
        }
        for at in (0..file.len()).filter(|at| at % 3 == 0) {
            let mut changed = file.clone();
            changed[at] ^= 0xff;
            drop(decode_bytes("x.mov", &changed));
        }
    }
}
