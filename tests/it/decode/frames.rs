//! Frames: MPEG audio and AAC that lie in a file one behind the other, among tags and junk.

use super::*;

/// What looks like the start of a picture, with headers in it that nothing follows.
fn picture() -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
    for n in 0..3000_u32 {
        bytes.extend((n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes());
        if n % 97 == 0 {
            bytes.extend([0xff, 0xfb, 0x90, 0x44]);
        }
    }
    bytes
}

fn id3v2(fields: &[u8]) -> Vec<u8> {
    let size = u32::try_from(fields.len()).expect("a small tag");
    let size = [size >> 21, size >> 14, size >> 7, size].map(|part| part.to_le_bytes()[0] & 0x7f);
    [&b"ID3\x03\0\0"[..], &size, fields].concat()
}

/// The frames of an MP3 file without its tags, the frame with the tag of the encoder first.
fn mp3_frames(bytes: &[u8]) -> &[u8] {
    let at = bytes.windows(2).position(|two| two[0] == 0xff && two[1] >= 0xe0).expect("a frame");
    &bytes[at..]
}

#[test]
fn the_tag_of_the_encoder_is_found_behind_junk() {
    for name in ["cbr.mp3", "vbr.mp3", "lsf.mp3"] {
        let (whole, bytes) = (decoded(name), bytes_of(name));
        assert!(whole.format.declared_frames.is_some(), "{name}");
        for junk in [picture(), vec![0; 5000], b"ID3\x03\0\0".to_vec()] {
            let file =
                [&id3v2(b"TIT2\0\0\0\x05\0\0\0Test")[..], &junk, mp3_frames(&bytes)].concat();
            let found = decode_bytes(name, &file).expect("audio");
            assert_eq!(found.format, whole.format, "{name}");
            assert!(found.bytes == whole.bytes, "{name}: {} frames", found.frames());
        }
    }
}

#[test]
fn a_tag_that_claims_more_than_there_is_hides_no_audio() {
    let (whole, bytes) = (decoded("untagged.mp3"), bytes_of("untagged.mp3"));
    for claimed in [[0, 1, 0, 0], [0, 0x7f, 0x7f, 0x7f]] {
        let tag = [&b"ID3\x03\0\0"[..], &claimed, b"TIT2\0\0\0\x05\0\0\0Test"].concat();
        let found = decode_bytes("x.mp3", &[&tag[..], &bytes].concat()).expect("audio");
        assert_eq!(found.bytes, whole.bytes, "{claimed:?}");
    }
}

#[test]
fn only_a_file_that_states_its_length_declares_one() {
    for name in ["untagged.mp3", "layer2.mp2", "adts.aac", "latm.loas"] {
        assert_eq!(decoded(name).format.declared_frames, None, "{name}");
    }
    assert_eq!(decoded("cbr.mp3").format.declared_frames, Some(11025));
}

#[test]
fn the_comment_of_itunes_cuts_what_no_encoder_states() {
    let bytes = bytes_of("untagged.mp3");
    let whole = decoded("untagged.mp3");
    let width = whole.format.pcm.frame_width();
    let (start, end) = (528, 700);
    let left = whole.frames() - start - end;
    let text = format!("\0engiTunSMPB\0 00000000 {start:08X} {end:08X} {left:016X} 00000000");
    let size = u8::try_from(text.len()).expect("a short comment");
    let comment = [b"COMM\0\0\0", &[size, 0, 0][..], text.as_bytes()].concat();
    let found = decode_bytes("x.mp3", &[&id3v2(&comment)[..], &bytes].concat()).expect("audio");
    assert_eq!(found.format.declared_frames, Some(left as u64));
    assert!(found.bytes == whole.bytes[start * width..][..left * width]);
    assert_eq!(found.kinds(), []);
}

#[test]
fn adts_behind_a_tag_and_junk_is_adts() {
    let whole = decoded("adts.aac");
    let junk = vec![0x11; 700];
    for start in [id3v2(b"TIT2\0\0\0\x02\0\0\0x"), [id3v2(&[0; 40]), junk].concat()] {
        let found = decode_bytes("x.aac", &[&start[..], &bytes_of("adts.aac")].concat());
        let found = found.expect("audio");
        assert_eq!(found.format, whole.format);
        assert!(found.bytes == whole.bytes);
        assert!(!found.kinds().contains(&WarningKind::WrongExtension), "{:?}", found.warnings);
    }
}

#[test]
fn aac_in_loas_is_the_aac_in_adts() {
    let (loas, adts) = (decoded("latm.loas"), decoded("adts.aac"));
    assert_eq!((loas.format.container.as_str(), loas.format.codec.as_str()), ("loas", "aac"));
    assert_eq!(loas.format.pcm, adts.format.pcm);
    let found = decode_bytes("x.aac", &bytes_of("latm.loas")).expect("audio");
    assert_eq!((found.bytes, found.warnings), (loas.bytes, vec![]));
}

#[test]
fn a_file_may_consist_of_one_frame() {
    // 96 kbit/s at 44.1 kHz.
    let bytes = bytes_of("untagged.mp3");
    let first = 144 * 96_000 / 44_100 + usize::from(bytes[2] >> 1 & 1);
    let mut id3v1 = [b' '; 128];
    id3v1[..3].copy_from_slice(b"TAG");
    for file in [bytes[..first].to_vec(), [&bytes[..first], &id3v1].concat()] {
        let found = decode_bytes("x.mp3", &file).expect("one frame");
        assert_eq!((found.frames(), found.kinds()), (1152, vec![]));
    }
    let adts = bytes_of("adts.aac");
    let first =
        usize::from(adts[3] & 3) << 11 | usize::from(adts[4]) << 3 | usize::from(adts[5]) >> 5;
    assert_eq!(decode_bytes("x.aac", &adts[..first]).expect("one frame").frames(), 1024);
}

#[test]
fn a_header_that_no_frame_follows_is_no_audio() {
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain((0..900_u16).flat_map(|n| [n.to_le_bytes()[0] % 26 + b'a', 0]))
        .collect();
    for (name, bytes) in [
        ("x.mp3", utf16),
        ("x.aac", picture()),
        ("x", [&[0xff, 0xf1, 0x50][..], &[7; 4000]].concat()),
    ] {
        assert!(decode_bytes(name, &bytes).is_err(), "{name}");
    }
}

#[test]
fn a_file_that_is_cut_and_goes_on_with_another_loses_one_frame() {
    let bytes = bytes_of("untagged.mp3");
    let frames = bytes.windows(2).enumerate().filter(|(_, two)| *two == [0xff, 0xfb]);
    let third = frames.map(|(at, _)| at).nth(3).expect("frames");
    let found = decode_bytes("x.mp3", &[&bytes[..third + 100], &bytes].concat()).expect("audio");
    assert_eq!(found.frames(), decoded("untagged.mp3").frames() + 3 * 1152);
    let damage = found.the_warning(WarningKind::DecodeErrors);
    assert_eq!(damage.byte, Some(third as u64));
}

#[test]
fn a_tag_with_a_wrong_length_between_frames_hides_no_frame() {
    let (bytes, whole) = (bytes_of("untagged.mp3"), decoded("untagged.mp3"));
    let tag = b"ID3\x04\0\0\0\0\x20\x00tag";
    let found = decode_bytes("x.mp3", &[&bytes[..], tag, &bytes].concat()).expect("audio");
    assert_eq!(found.frames(), 2 * whole.frames());
}

#[test]
fn mp3_in_a_wav_file_is_the_mp3() {
    let (whole, bytes) = (decoded("cbr.mp3"), bytes_of("cbr.mp3"));
    let frames = mp3_frames(&bytes);
    let length = u32::try_from(frames.len()).expect("a small file");
    let mut format = vec![0x55, 0, 2, 0];
    for field in [44_100_u32, 16_000, 1, 12] {
        format.extend(field.to_le_bytes());
    }
    // What MPEGLAYER3WAVEFORMAT adds.
    format.truncate(14);
    format.extend([0, 0, 12, 0, 1, 0, 2, 0, 0, 0, 0xa1, 1, 1, 0, 0x71, 5]);
    let head =
        [b"fmt ", &30_u32.to_le_bytes()[..], &format, b"data", &length.to_le_bytes()].concat();
    let size = u32::try_from(4 + head.len() + frames.len()).expect("a small file");
    let file = [b"RIFF", &size.to_le_bytes()[..], b"WAVE", &head, frames].concat();
    let found = decode_bytes("x.wav", &file).expect("audio");
    assert_eq!((found.format.container.as_str(), found.format.codec.as_str()), ("wav", "mp3"));
    assert_eq!(found.format.declared_frames, whole.format.declared_frames);
    assert_eq!((found.bytes, found.warnings), (whole.bytes, vec![]));
}
