//! Damage: files with junk in them, behind them, over them, and without their end. Every byte is
//! accounted for, and the account is the same however the work is cut.

use std::fs;
use std::path::Path;
use std::process::Command;

use audiopool_worker::analyze::{Damage, Health};
use serde_json::Value;

use super::{fixture, health};
use crate::decode::noticed::with_index_in_front;

/// Formats of which every byte is accounted for, with a fixture of some length.
const ACCOUNTED: [&str; 12] = [
    "s16-stereo-44100.wav",
    "s24-mono-22050.aiff",
    "s16-stereo-44100.flac",
    "speech-22050.mp3",
    "traps/layer2.mp2",
    "traps/adts.aac",
    "mono-16000-33s.ogg",
    "mono-48000-33s.opus",
    "mono-16000-33s.m4a",
    "traps/rf64.wav",
    "traps/flac.mkv",
    "traps/opus.webm",
];

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// What is said of these bytes under the name of a fixture.
fn account_of(name: &str, bytes: &[u8]) -> Health {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(Path::new(name).file_name().unwrap());
    fs::write(&path, bytes).unwrap();
    let health = health(&path);
    let known = [health.bytes_discarded, health.trailing_bytes].map(|known| known.expect(name));
    let of_damages: u64 = health.damages.iter().filter_map(|damage| damage.bytes).sum();
    let of_cut = health.cut.and_then(|cut| cut.bytes).unwrap_or(0);
    assert_eq!(known[0], of_damages + of_cut, "{name}: {health:?}");
    assert_eq!(known[1], health.trailing.and_then(|trailing| trailing.bytes).unwrap_or(0));
    assert_eq!(health.file_bytes, Some(bytes.len() as u64), "{name}");
    health
}

/// How many errors, bytes that were discarded, and bytes behind the audio.
fn counts(health: &Health) -> [u64; 3] {
    [health.decode_errors, health.bytes_discarded, health.trailing_bytes].map(Option::unwrap)
}

fn junk(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * 7 % 100 + 100).unwrap()).collect()
}

fn id3v1() -> Vec<u8> {
    [b"TAG".to_vec(), vec![b' '; 125]].concat()
}

fn ape() -> Vec<u8> {
    let footer = [&b"APETAGEX\xd0\x07\0\0"[..], &[45, 0, 0, 0, 1], &[0; 15]].concat();
    [b"\x05\0\0\0\0\0\0\0abcde", &footer[..]].concat()
}

/// The bytes at which the frames of ADTS begin.
fn adts_frames(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    while let Some(&[_, _, _, a, b, c]) =
        bytes.get(starts[starts.len() - 1]..).and_then(<[u8]>::first_chunk)
    {
        let length = usize::from(a & 3) << 11 | usize::from(b) << 3 | usize::from(c) >> 5;
        starts.push(starts[starts.len() - 1] + length);
    }
    starts
}

/// The byte at which the first frame of `speech-22050.mp3` from byte `from` on begins: of 32 kbit/s.
fn mp3_frame(bytes: &[u8], from: usize) -> usize {
    let is_header = |three: &[u8]| three[..2] == [0xff, 0xf3] && three[2] & 0xfd == 0x40;
    from + bytes[from..].windows(3).position(is_header).unwrap()
}

fn put_in(bytes: &[u8], at: usize, junk: &[u8]) -> Vec<u8> {
    [&bytes[..at], junk, &bytes[at..]].concat()
}

#[test]
fn a_sound_file_is_used_to_the_last_byte() {
    for name in ACCOUNTED {
        let health = account_of(name, &bytes_of(name));
        assert_eq!(counts(&health), [0; 3], "{name}: {health:?}");
        assert_eq!(health.extension_matches, Some(true), "{name}");
    }
}

#[test]
fn the_rest_behind_a_change_of_format_is_unknown_and_not_nothing() {
    let health = health(&fixture("traps/changing.flac"));
    assert_eq!((health.bytes_discarded, health.trailing_bytes), (None, None));
}

#[test]
fn junk_behind_the_audio_is_trailing_data_and_tags_are_not() {
    for name in ACCOUNTED {
        let sound = bytes_of(name);
        let end = sound.len() as u64;
        let found = account_of(name, &[&sound[..], &junk(1000)].concat());
        assert_eq!(counts(&found), [0, 0, 1000], "{name}: {found:?}");
        assert_eq!(found.trailing.and_then(|trailing| trailing.byte), Some(end), "{name}");
        for tags in [id3v1(), ape(), [ape(), id3v1()].concat(), vec![0; 5000]] {
            let found = account_of(name, &[&sound[..], &tags].concat());
            assert_eq!(counts(&found), [0; 3], "{name} and {} bytes: {found:?}", tags.len());
        }
        let found = account_of(name, &[&sound[..], &junk(77), &ape(), &id3v1()].concat());
        assert_eq!(counts(&found), [0, 0, 77], "{name}: {found:?}");
    }
}

#[test]
fn junk_between_frames_is_one_error_of_its_length_at_its_byte() {
    let of_adts = bytes_of("traps/adts.aac");
    let of_mp3 = bytes_of("speech-22050.mp3");
    let of_ogg = bytes_of("mono-16000-33s.ogg");
    let page = 20_000 + of_ogg[20_000..].windows(4).position(|four| four == b"OggS").unwrap();
    let of_flac = bytes_of("s16-stereo-44100.flac");
    // Where a second one is lost, the first begins and ends.
    let mut damaged = of_flac.clone();
    damaged[of_flac.len() / 2] ^= 1;
    let lost = account_of("x.flac", &damaged).damages[0].byte.unwrap();
    let flac_frame = usize::try_from(lost).unwrap();
    let cases = [
        ("traps/adts.aac", &of_adts, adts_frames(&of_adts)[5]),
        ("speech-22050.mp3", &of_mp3, mp3_frame(&of_mp3, 20_000)),
        ("mono-16000-33s.ogg", &of_ogg, page),
        ("s16-stereo-44100.flac", &of_flac, flac_frame),
    ];
    for (name, sound, at) in cases {
        for junk in [junk(1), junk(500), junk(300_000), vec![0; 1], vec![0; 3000]] {
            let length = junk.len();
            // To a frame of FLAC, zeros are none of their own.
            if name.ends_with("flac") && junk[0] == 0 {
                continue;
            }
            let found = account_of(name, &put_in(sound, at, &junk));
            let Damage { byte, bytes, frame } = found.damages[0];
            let ([byte, bytes], at) = ([byte, bytes].map(Option::unwrap), at as u64);
            assert_eq!(counts(&found), [1, bytes, 0], "{name}, {length}: {found:?}");
            assert_eq!(byte + bytes, at + length as u64, "{name}: {found:?}");
            // A frame of FLAC is known by the one behind it, so it is lost with the junk.
            assert!(byte == at || (name.ends_with("flac") && byte < at), "{name}: {found:?}");
            assert!(frame > 0, "{name}");
        }
        // A tag in the middle is what programs leave that join files.
        if name != "s16-stereo-44100.flac" {
            let tag = b"ID3\x04\0\0\0\0\0\x05hello";
            assert_eq!(counts(&account_of(name, &put_in(sound, at, tag))), [0; 3], "{name}");
        }
    }
}

/// The pages of an Ogg file: where each begins, and the frame that it says it ends with.
fn ogg_pages(bytes: &[u8]) -> Vec<(usize, u64)> {
    let marks = bytes.windows(5).enumerate().filter(|(_, five)| five == b"OggS\0");
    let granule = |at: usize| u64::from_le_bytes(bytes[at + 6..at + 14].try_into().unwrap());
    marks.map(|(at, _)| (at, granule(at))).collect()
}

#[test]
fn damage_to_an_ogg_file_is_where_it_is_heard() {
    // Opus counts what is skipped before it begins.
    for (name, skipped) in
        [("mono-48000-33s.opus", 312), ("mono-16000-33s.ogg", 0), ("traps/long.ogg", 0)]
    {
        let sound = bytes_of(name);
        let pages = ogg_pages(&sound);
        let [(at, _), (_, heard)] = [pages[pages.len() / 2], pages[pages.len() / 2 - 1]];
        let found = account_of(name, &put_in(&sound, at, &junk(99)));
        assert_eq!(found.damages[0].frame, heard - skipped, "{name}");

        // The same in a broadcast that was recorded from some seconds on.
        let first = pages.iter().position(|(_, granule)| *granule > 0).unwrap();
        let (start, (middle, before)) = (pages[first].0, (pages[first + 4].0, pages[first + 3].1));
        let later = [&sound[..start], &sound[middle..]].concat();
        let found = account_of(name, &put_in(&later, at - (middle - start), &junk(99)));
        let frame = found.damages[0].frame;
        // Its first packets may be lost, since they need those before.
        assert!(frame.abs_diff(heard - before) <= 4096, "{name}: {frame}, not {heard} - {before}");
    }
}

#[test]
fn damaged_frames_are_errors_with_all_their_bytes() {
    // One frame or page each; of PCM, any byte is as good as another.
    for (name, errors) in [
        ("s16-stereo-44100.flac", 1),
        ("mono-16000-33s.ogg", 1),
        ("mono-48000-33s.opus", 1),
        ("s16-stereo-44100.wav", 0),
    ] {
        let mut bytes = bytes_of(name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        let found = account_of(name, &bytes);
        assert_eq!(found.decode_errors, Some(errors), "{name}: {found:?}");
        for Damage { byte, bytes, .. } in &found.damages {
            let (byte, bytes) = (byte.unwrap(), bytes.unwrap());
            assert!((byte..byte + bytes).contains(&(middle as u64)), "{name}: {found:?}");
        }
    }
    // Of an MP3 whose headers are gone, what was between them.
    let mut bytes = bytes_of("speech-22050.mp3");
    let at = mp3_frame(&bytes, 20_000);
    let next = mp3_frame(&bytes, at + 2);
    bytes[at] = 0;
    let found = account_of("speech-22050.mp3", &bytes);
    let of_frame = |damage: &Damage| (damage.byte, damage.bytes);
    assert_eq!(of_frame(&found.damages[0]), (Some(at as u64), Some((next - at) as u64)));
    // The frames behind it may lack its bits, and nothing else does.
    let [errors, discarded, trailing] = counts(&found);
    assert!(errors <= 3 && discarded < 400 && trailing == 0, "{found:?}");
    let lost = found.damages.iter().filter_map(|damage| damage.bytes).sum::<u64>();
    assert_eq!(lost, discarded);
}

#[test]
fn a_file_without_its_end_is_cut_in_its_last_frame() {
    let adts = bytes_of("traps/adts.aac");
    for name in ACCOUNTED {
        let mut sound = bytes_of(name);
        if name.ends_with("m4a") {
            sound = with_index_in_front(&sound);
        }
        let left = match name {
            "traps/adts.aac" => adts_frames(&adts)[7] + 20,
            // That ends in the middle of a sample.
            _ if name.ends_with("wav") => sound.len() / 2 / 8 * 8 + 5,
            _ if name.ends_with("aiff") => 54 + 3 * 5000 + 2,
            _ => sound.len() * 2 / 3,
        };
        let found = account_of(name, &sound[..left]);
        let [errors, discarded, trailing] = counts(&found);
        assert_eq!((errors, trailing), (0, 0), "{name}: {found:?}");
        let cut = found.cut.expect(name);
        assert_eq!(cut.byte.unwrap() + discarded, left as u64, "{name}: {found:?}");
        assert!((1..20_000).contains(&discarded), "{name}: {discarded}");
    }
}

#[test]
fn a_name_that_does_not_fit_is_told() {
    let place = tempfile::tempdir().unwrap();
    for (name, expected) in
        [("a.mp3", Some(false)), ("a.wav", Some(true)), ("a", None), ("a.txt", None)]
    {
        let path = place.path().join(name);
        fs::copy(fixture("s16-stereo-44100.wav"), &path).unwrap();
        assert_eq!(health(&path).extension_matches, expected, "{name}");
    }
}

#[test]
fn the_account_is_the_same_however_the_work_is_cut() {
    let place = tempfile::tempdir().unwrap();
    for name in ACCOUNTED {
        let sound = bytes_of(name);
        let file = Path::new(name).file_name().unwrap().to_str().unwrap();
        let mut damaged = sound.clone();
        for part in 1..20 {
            let at = sound.len() * part / 20;
            damaged[at..(at + 40).min(sound.len())].fill(0x5a);
        }
        for (number, bytes) in [&sound[..sound.len() * 2 / 3], &damaged].into_iter().enumerate() {
            fs::write(place.path().join(format!("{number}-{file}")), bytes).unwrap();
        }
        let behind = [&sound[..], &junk(33)].concat();
        fs::write(place.path().join(format!("2-{file}")), behind).unwrap();
    }
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_audiopool"))
            .args(["analyze", "--metrics", "health", "--format", "ndjson"])
            .args(more)
            .arg(place.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let inline = run(&["--isolation", "never"]);
    for more in [
        &["--workers", "1"][..],
        &["--workers", "4", "--min-chunk-ms", "1000", "--max-chunk-ms", "1000"],
    ] {
        assert!(run(more) == inline, "{more:?}");
    }
    let records: Vec<Value> =
        inline.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3 * ACCOUNTED.len());
    let findings = records.iter().flat_map(|record| record["findings"].as_array().unwrap());
    let found = |kind: &str| findings.clone().filter(|finding| finding["kind"] == kind).count();
    assert!(found("decode_errors") > 30, "{}", found("decode_errors"));
    assert!(found("trailing_bytes") == ACCOUNTED.len() && found("bytes_discarded") > 5);
    for finding in findings {
        assert!(finding["value"].is_number(), "{finding}");
    }
    for record in &records {
        let findings = record["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["byte"].is_u64()), "{record}");
    }
}

#[test]
fn a_last_frame_of_flac_that_is_damaged_is_not_told_as_foreign() {
    let mut bytes = bytes_of("s16-stereo-44100.flac");
    let starts: Vec<usize> = bytes
        .windows(2)
        .enumerate()
        .filter(|(_, two)| matches!(two, [0xff, 0xf8 | 0xf9]))
        .map(|(at, _)| at)
        .collect();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let last = starts[starts.len() - 1];
    bytes[last] = 0x55;
    let health = account_of("s16-stereo-44100.flac", &bytes);
    let [errors, discarded, trailing] = counts(&health);
    assert_eq!((errors, trailing), (2, 0), "{health:?}");
    assert!(discarded >= (bytes.len() - last) as u64, "{health:?}");
}
