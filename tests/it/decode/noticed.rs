//! Noticed: what is said of a file that can be decoded and is not quite right.

use super::*;

#[test]
fn flac_that_changes_its_format_is_analysed_up_to_there() {
    let found = decoded("changing.flac");
    assert_eq!(found.bytes, decoded("16.flac").bytes);
    let change = found.the_warning(WarningKind::FormatChange);
    assert_eq!(change.frame, Some(11025));
    assert_eq!(change.byte, Some(bytes_of("16.flac").len() as u64));
    assert!(change.message.contains("48000 Hz"), "{}", change.message);
}

#[test]
fn truncated_files_say_so_and_keep_what_is_there() {
    for name in ["16.flac", "long.flac", "s16.wav", "s24be.aiff", "cbr.mp3", "16.m4a", "long.ogg"] {
        let (bytes, whole) = (bytes_of(name), decoded(name));
        let found = decode_bytes(name, &bytes[..bytes.len() * 2 / 3]);
        // With its index at the end, an MP4 that is cut has none.
        if name == "16.m4a" {
            assert_eq!(found.expect_err("no index").kind, DecodeErrorKind::Corrupt);
            continue;
        }
        let found = found.expect("what is there");
        assert!(found.frames() > 0 && found.frames() < whole.frames(), "{name}");
        assert!(whole.bytes.starts_with(&found.bytes), "{name}");
        let cut = found.the_warning(WarningKind::Truncated);
        assert!(cut.frame.is_some_and(|frame| frame <= found.frames() as u64), "{name}: {cut:?}");
    }
}

/// An MP4 of one track whose index is at the end, with its index in front.
pub(crate) fn with_index_in_front(bytes: &[u8]) -> Vec<u8> {
    let box_at = |at: usize| {
        let [s0, s1, s2, s3, name @ ..] = *bytes[at..].first_chunk::<8>().expect("a box");
        (u32::from_be_bytes([s0, s1, s2, s3]) as usize, name)
    };
    let (first, _) = box_at(0);
    let mut at = first;
    while &box_at(at).1 != b"moov" {
        at += box_at(at).0;
    }
    let (media, index) = (&bytes[first..at], &bytes[at..]);
    let mut index = index.to_vec();
    // Version and flags, and how many places of chunks follow, which are now further back.
    let places = index.windows(4).position(|four| four == b"stco").expect("places") + 4;
    let count = usize::from(index[places + 7]) | usize::from(index[places + 6]) << 8;
    let further = u32::try_from(bytes.len() - at).expect("a small file");
    for place in index[places + 8..][..4 * count].chunks_exact_mut(4) {
        let byte = u32::from_be_bytes(place.try_into().expect("four"));
        place.copy_from_slice(&(byte + further).to_be_bytes());
    }
    [&bytes[..first], &index, media].concat()
}

#[test]
fn an_mp4_that_is_cut_short_behind_its_index_keeps_what_is_there() {
    for name in ["16.m4a", "long.m4a", "flac.mp4"] {
        let (bytes, whole) = (with_index_in_front(&bytes_of(name)), decoded(name));
        assert_eq!(decode_bytes(name, &bytes).expect("audio"), whole, "{name}");
        let cut = &bytes[..bytes.len() * 2 / 3];
        // The length of the audio may stand there, or that it goes on to the end.
        let mut endless = cut.to_vec();
        let media = endless.windows(4).position(|four| four == b"mdat").expect("the audio");
        endless[media - 4..media].fill(0);
        for bytes in [cut, &endless] {
            let found = decode_bytes(name, bytes).expect("what is there");
            assert!(found.frames() > whole.frames() / 3, "{name}: {}", found.frames());
            assert!(whole.bytes.starts_with(&found.bytes), "{name}");
            assert_eq!(found.kinds(), [WarningKind::Truncated], "{name}: {:?}", found.warnings);
            assert_eq!(found.warnings[0].frame, Some(found.frames() as u64), "{name}");
        }
    }
    // What only looks like a box behind the audio is no audio that is missing.
    let bytes = with_index_in_front(&bytes_of("16.m4a"));
    let found = decode_bytes("16.m4a", &[&bytes[..], b"text, text"].concat()).expect("audio");
    assert_eq!(found.kinds(), []);
}

#[test]
fn what_lies_behind_the_audio_is_noticed_unless_it_is_a_tag() {
    for name in ["16.flac", "s16.wav", "cbr.mp3"] {
        let (bytes, whole) = (bytes_of(name), decoded(name));
        let garbage: Vec<u8> = (0..900_u16).map(|i| (i * 7 % 251).to_le_bytes()[0]).collect();
        let found = decode_bytes(name, &[&*bytes, &garbage].concat()).expect("audio");
        assert_eq!(found.bytes, whole.bytes, "{name}");
        let trailing = found.the_warning(WarningKind::TrailingData);
        assert_eq!(trailing.byte, Some(bytes.len() as u64), "{name}");

        let mut id3v1 = [0; 128];
        id3v1[..8].copy_from_slice(b"TAGtitle");
        let found = decode_bytes(name, &[&*bytes, &id3v1].concat()).expect("audio");
        assert_eq!((found.bytes, found.warnings), (whole.bytes, vec![]), "{name}");
    }
}

#[test]
fn damaged_frames_are_left_out_and_counted() {
    let whole = decoded("long.flac");
    let mut bytes = bytes_of("long.flac");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 40] {
        *byte = !*byte;
    }
    let found = decode_bytes("x.flac", &bytes).expect("most of it");
    let damage = found.the_warning(WarningKind::DecodeErrors);
    assert!(damage.message.contains("bytes from byte"), "{}", damage.message);
    let place = usize::try_from(damage.frame.expect("its place")).expect("a short file")
        * found.format.pcm.frame_width();
    assert_eq!(found.bytes[..place], whole.bytes[..place]);
    assert!(whole.bytes.ends_with(&found.bytes[place..]), "it goes on behind the damage");
    assert!(found.frames() > whole.frames() * 9 / 10);
    assert!(found.kinds().contains(&WarningKind::LengthMismatch));
}

#[test]
fn a_wrong_total_is_a_mismatch_not_a_limit() {
    let mut bytes = bytes_of("16.flac");
    // The total of 36 bits ends at byte 26: 4 of marker, 4 of block header, 18 of the block.
    bytes[24..26].copy_from_slice(&1000_u16.to_be_bytes());
    let found = decode_bytes("x.flac", &bytes).expect("audio");
    assert_eq!(found.format.declared_frames, Some(1000));
    assert_eq!(found.frames(), 11025);
    assert_eq!(found.kinds(), [WarningKind::LengthMismatch]);
}

#[test]
fn the_name_is_believed_less_than_the_content() {
    let found = decode_bytes("really.mp3", &bytes_of("16.flac")).expect("audio");
    assert_eq!(found.format.container, "flac");
    let wrong = found.the_warning(WarningKind::WrongExtension);
    assert!(wrong.message.contains("FLAC"), "{}", wrong.message);
    assert_eq!(decode_bytes("NAME.FLA", &bytes_of("16.flac")).expect("audio").warnings, []);
    assert_eq!(decode_bytes("no extension", &bytes_of("16.flac")).expect("audio").warnings, []);
}

#[test]
fn an_id3v2_tag_may_stand_before_anything() {
    let tag = [b"ID3\x04\0\0\0\0\x02\x05".as_slice(), &[0xff; 261]].concat();
    for name in ["16.flac", "cbr.mp3", "adts.aac", "s16be.aiff"] {
        let whole = decoded(name);
        let found = decode_bytes(name, &[&*tag, &bytes_of(name)].concat()).expect("audio");
        assert_eq!(found, whole, "{name}");
    }
}

#[test]
fn what_is_appended_to_an_mp3_behind_the_frames_it_counts_stays() {
    let (tagged, bare) = (bytes_of("cbr.mp3"), bytes_of("untagged.mp3"));
    let found = decode_bytes("x.mp3", &[&*tagged, &bare].concat()).expect("audio");
    assert_eq!(found.frames(), decoded("cbr.mp3").frames() + decoded("untagged.mp3").frames());
    assert_eq!(found.kinds(), [WarningKind::LengthMismatch]);
}

#[test]
fn a_header_without_audio_is_an_empty_recording() {
    let mut bytes = bytes_of("s16.wav");
    let data = bytes.windows(4).position(|four| four == b"data").expect("a data chunk");
    bytes.truncate(data + 8);
    bytes[data + 4..].fill(0);
    let found = decode_bytes("x.wav", &bytes).expect("a recording of nothing");
    assert_eq!((found.frames(), found.kinds()), (0, vec![]));
    assert_eq!(found.format.declared_frames, Some(0));
    assert_eq!(found.format.pcm.sample_format, SampleFormat::S16);
}

#[test]
fn wavpack_is_never_taken_for_the_wav_file_it_was_made_from() {
    if !ffmpeg_is_installed() {
        println!("not run: there is no ffmpeg here");
        return;
    }
    let found = decode_bytes("x.wav", &bytes_of("wavpack.wv")).expect("audio");
    assert_eq!(found.format.codec, "wavpack");
    assert_eq!(found.bytes, decoded("s16.wav").bytes);
    assert_eq!(found.kinds(), [WarningKind::WrongExtension]);
}

#[test]
fn a_file_cut_short_is_cut_short_for_ffmpeg_too() {
    if !ffmpeg_is_installed() {
        println!("not run: there is no ffmpeg here");
        return;
    }
    let bytes = bytes_of("ac3.ac3");
    let found = decode_bytes("-x.ac3", &bytes[..bytes.len() - 100]).expect("audio");
    assert!(
        found.kinds() == [WarningKind::Truncated] || found.kinds() == [WarningKind::DecodeErrors],
        "{:?}",
        found.warnings
    );
    error_of_bytes("x.wv", b"wvpk nothing more", DecodeErrorKind::Corrupt, "WavPack");
}

#[test]
fn flac_that_begins_with_a_frame_is_flac() {
    let (bytes, whole) = (bytes_of("16.flac"), decoded("16.flac"));
    let mut at = 4;
    loop {
        let [kind, l0, l1, l2] = *bytes[at..].first_chunk().expect("a metadata block");
        at += 4 + u32::from_be_bytes([0, l0, l1, l2]) as usize;
        if kind & 0x80 != 0 {
            break;
        }
    }
    let found = decode_bytes("x.flac", &bytes[at..]).expect("audio");
    assert_eq!((found.format.container.as_str(), found.kinds()), ("flac", vec![]));
    assert_eq!(found.format.declared_frames, None);
    assert!(found.bytes == whole.bytes);
}
