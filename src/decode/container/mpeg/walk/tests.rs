use std::io::Write;

use symphonia::core::codecs::audio::AudioCodecParameters;

use super::*;

/// A frame of MPEG-1 layer III, 128 kbit/s at 44.1 kHz, stereo.
fn frame(of: u8) -> Vec<u8> {
    [vec![0xff, 0xfb, 0x90, 0x04], vec![of; 413]].concat()
}

/// A frame of the free format: `length` bytes, and one of padding.
fn free(of: u8, length: usize, is_padded: bool) -> Vec<u8> {
    let padding = u8::from(is_padded);
    let data = length - 4 + usize::from(padding);
    [vec![0xff, 0xfb, padding << 1, 0x04], vec![of; data]].concat()
}

fn walk(bytes: &[u8]) -> Option<Walk> {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room");
    let length = bytes.len() as u64;
    let walk =
        Walk::find(Window::new(file, 0..length), 0..length, length, &[Framing::Mpeg]).ok()?;
    Some(walk.with_setup(Arc::new(Setup::new(AudioCodecParameters::new())), None))
}

/// The byte and the length of each packet, what was lost before it, and what was found in the end.
type Walked = (Vec<(u64, u64, Option<(u64, u64)>)>, Findings);

fn all(bytes: &[u8]) -> Walked {
    let mut walk = walk(bytes).expect("a frame");
    let mut findings = Findings::default();
    let mut packets = Vec::new();
    while let Some(packet) = walk.next(&mut findings) {
        let lost = packet.lost.and_then(|lost| lost.byte.zip(lost.bytes));
        packets.push((packet.byte.expect("its place"), packet.bytes, lost));
    }
    walk.finish(0, &mut findings);
    (packets, findings)
}

#[test]
fn frames_are_found_one_behind_the_other_and_what_is_between_them_is_told() {
    let bytes = [
        &frame(1)[..],
        &[0; 5],
        &frame(1),
        &vec![7; 300_000],
        &frame(2),
        b"ID3\x04\0\0\0\0\0\0",
        &frame(3),
        b"junk",
    ]
    .concat();
    let (packets, findings) = all(&bytes);
    let expected = [
        (0, 417, None),
        // The second is not told from junk that looks like it.
        (300_839, 417, Some((417, 300_422))),
        (301_266, 417, None),
    ];
    assert_eq!(packets, expected);
    let health = findings.health(bytes.len() as u64, 0);
    assert_eq!((health.trailing_bytes, health.bytes_discarded), (Some(4), Some(0)));
}

#[test]
fn a_frame_that_only_holds_a_tag_is_no_packet_and_no_gap() {
    let mut tag = frame(0);
    tag[36..40].copy_from_slice(b"Info");
    let (packets, _) = all(&[tag.clone(), frame(9), tag, frame(8)].concat());
    assert_eq!(packets, [(417, 417, None), (1251, 417, None)]);
}

#[test]
fn frames_of_the_free_format_are_as_long_as_the_first() {
    let lengths = [false, true, true, false, true];
    let frames = lengths.map(|is_padded| free(5, 1044, is_padded));
    let mut at = 0;
    let expected = lengths.map(|is_padded| {
        let length = 1044 + u64::from(is_padded);
        at += length;
        (at - length, length, None)
    });
    assert_eq!(all(&frames.concat()).0, expected);
    // Behind junk, and with a hole in the middle.
    let junk = [vec![9; 777], frames.concat(), vec![9; 50], frames.concat()].concat();
    let (packets, _) = all(&junk);
    assert_eq!(packets.len(), 10);
    assert_eq!(packets[0], (777, 1044, Some((0, 777))));
    assert_eq!(packets[5].2, Some((777 + at, 50)));
    // Two are the fewest that tell their length, and one is none.
    assert_eq!(all(&frames[..2].concat()).0.len(), 2);
    assert!(walk(&frames[0]).is_none());
}

#[test]
fn a_stream_that_goes_on_in_another_format_ends_there() {
    // 48 kHz.
    let other = [vec![0xff, 0xfb, 0x94, 0x04], vec![1; 380]].concat();
    assert_eq!(other.len(), 384);
    let (packets, findings) = all(&[frame(1).repeat(3), other.repeat(9)].concat());
    assert_eq!(packets.len(), 3);
    assert!(findings.has(WarningKind::FormatChange));
    assert_eq!(findings.warnings()[0].byte, Some(3 * 417));
    // A few in between are left out.
    let (packets, findings) = all(&[frame(1).repeat(3), other.repeat(2), frame(2)].concat());
    assert_eq!(packets[3], (3 * 417 + 768, 417, Some((3 * 417, 768))));
    assert_eq!(findings.warnings(), []);
}

#[test]
fn a_frame_that_is_cut_by_the_next_is_lost_and_not_the_next() {
    let bytes = [&frame(1)[..], &frame(1)[..200], &frame(2).repeat(3)].concat();
    let (packets, _) = all(&bytes);
    assert_eq!(packets[1], (617, 417, Some((417, 200))));
    assert_eq!(packets.len(), 4);
}

#[test]
fn headers_without_frames_are_found_in_time() {
    // Every four bytes begin like a frame of the free format, and none is followed by its like.
    let mut bytes: Vec<u8> =
        (0..200_000_u32).flat_map(|n| [0xff, 0xfb, 0, (n % 3 * 64).to_le_bytes()[0]]).collect();
    bytes.extend(vec![0xff; 300_000]);
    drop(walk(&bytes));
}
