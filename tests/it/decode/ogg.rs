//! Ogg, page by page: what trims, what does not, chains, and streams beside each other.

use super::*;

/// Fields of a page.
const FLAGS: usize = 5;
const GRANULE: usize = 6;
const SERIAL: usize = 14;
const SEQUENCE: usize = 18;
const CHECKSUM: usize = 22;
const BEGINS: u8 = 2;
const ENDS: u8 = 4;

/// The pages of a fixture.
fn pages_of(name: &str) -> Vec<Vec<u8>> {
    let bytes = bytes_of(name);
    let mut rest = &bytes[..];
    let mut pages = Vec::new();
    while !rest.is_empty() {
        assert!(rest.starts_with(b"OggS"), "{name}");
        let segments = usize::from(rest[26]);
        let content: usize = rest[27..27 + segments].iter().map(|&size| usize::from(size)).sum();
        let (page, behind) = rest.split_at(27 + segments + content);
        pages.push(page.to_vec());
        rest = behind;
    }
    pages
}

fn granule(page: &[u8]) -> i64 {
    i64::from_le_bytes(page[GRANULE..GRANULE + 8].try_into().expect("eight bytes"))
}

/// Changes a page, and its checksum with it.
fn change(page: &mut [u8], change: impl FnOnce(&mut [u8])) {
    change(page);
    page[CHECKSUM..CHECKSUM + 4].fill(0);
    let crc = page.iter().fold(0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ (0x04c1_1db7 & (crc >> 31).wrapping_neg())
        })
    });
    page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&crc.to_le_bytes());
}

fn move_granule(page: &mut [u8], by: i64) {
    let moved = granule(page) + by;
    change(page, |page| page[GRANULE..GRANULE + 8].copy_from_slice(&moved.to_le_bytes()));
}

fn set_serial(pages: &mut [Vec<u8>], serial: u8) {
    for page in pages {
        change(page, |page| page[SERIAL..SERIAL + 4].copy_from_slice(&[serial, 0, 0, 0]));
    }
}

/// All of some pages.
fn decode_pages(name: &str, pages: &[Vec<u8>]) -> Decoded {
    decode_bytes(name, &pages.concat()).expect("audio")
}

/// Frames that the file declares, once all of it was read.
fn declared(pages: &[Vec<u8>]) -> Option<u64> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.ogg");
    fs::write(&path, pages.concat()).expect("a temporary file");
    let mut source = Source::open(&path).expect("audio");
    let mut bytes = Vec::new();
    while source.next_block(&mut bytes) {
        bytes.clear();
    }
    source.health().declared_frames
}

/// Numbers of the pages on which audio ends.
fn audio_pages(pages: &[Vec<u8>]) -> Vec<usize> {
    (0..pages.len()).filter(|&at| granule(&pages[at]) > 0).collect()
}

#[test]
fn ogg_page_with_short_granule_is_not_trimmed() {
    for name in ["vorbis.ogg", "long.ogg"] {
        let mut pages = pages_of(name);
        let audio = audio_pages(&pages);
        // The last page is compared with the one before it.
        for &at in audio.iter().skip(1).rev().skip(2) {
            move_granule(&mut pages[at], -100);
        }
        let found = decode_pages(name, &pages);
        assert_eq!(found, decoded(name), "{name}");
    }
}

#[test]
fn ogg_end_is_trimmed_only_where_the_stream_ends() {
    for name in ["vorbis.ogg", "stereo.opus"] {
        let (mut pages, whole) = (pages_of(name), decoded(name));
        let last = pages.len() - 1;
        change(&mut pages[last], |page| page[FLAGS] &= !ENDS);
        let found = decode_pages(name, &pages);
        assert!(found.frames() > whole.frames(), "{name}: {}", found.frames());
        assert!(found.bytes.starts_with(&whole.bytes), "{name}");
        assert_eq!(found.kinds(), [WarningKind::Truncated], "{name}");
    }
}

#[test]
fn ogg_end_that_declares_more_or_less_is_a_length_mismatch() {
    // More than there is, and less than the page before.
    for by in [50_000, -100_000] {
        let mut pages = pages_of("long.ogg");
        let last = pages.len() - 1;
        move_granule(&mut pages[last], by);
        let found = decode_pages("x.ogg", &pages);
        let stated = decoded("long.ogg").format.declared_frames.expect("a length");
        assert_eq!(found.kinds(), [WarningKind::LengthMismatch], "{:?}", found.warnings);
        assert_eq!(declared(&pages), stated.checked_add_signed(by));
    }
}

#[test]
fn ogg_vorbis_is_trimmed_at_its_start_where_the_first_granule_says_so() {
    let (mut pages, whole) = (pages_of("long.ogg"), decoded("long.ogg"));
    for at in audio_pages(&pages) {
        move_granule(&mut pages[at], -200);
    }
    let found = decode_pages("x.ogg", &pages);
    assert!(found.bytes == whole.bytes[4 * 200..], "{} frames", found.frames());
    assert_eq!(found.kinds(), []);
    assert_eq!(declared(&pages), Some(whole.frames() as u64 - 200));

    // If all of the audio is counted in the second page, the first only counts wrongly.
    let mut pages = pages_of("long.ogg");
    let first = audio_pages(&pages)[0];
    move_granule(&mut pages[first], -200);
    assert_eq!(decode_pages("long.ogg", &pages), whole);
}

#[test]
fn ogg_opus_and_flac_with_a_low_first_granule_keep_their_start_and_say_so() {
    for name in ["stereo.opus", "mono.opus", "flac.ogg"] {
        let mut pages = pages_of(name);
        // Of a single page, the granule is the length.
        let last = pages.len() - 1;
        change(&mut pages[last], |page| page[FLAGS] &= !ENDS);
        let whole = decode_pages(name, &pages);
        for at in audio_pages(&pages) {
            move_granule(&mut pages[at], -100);
        }
        let found = decode_pages(name, &pages);
        assert_eq!(found.bytes, whole.bytes, "{name}");
    }
}

#[test]
fn ogg_that_was_joined_late_is_complete() {
    for name in ["long.ogg", "vorbis.ogg"] {
        let pages = pages_of(name);
        let audio = audio_pages(&pages);
        // Of fewer pages, the first without the one before it is the last.
        let later = [&pages[..audio[0]], &pages[audio[1]..]].concat();
        let found = decode_pages(name, &later);
        assert!(found.frames() > 0 && found.frames() < decoded(name).frames(), "{name}");
        if audio.len() > 2 {
            assert_eq!(found.kinds(), [], "{name}: {:?}", found.warnings);
            assert_eq!(declared(&later), Some(found.frames() as u64), "{name}");
        }
    }
}

#[test]
fn ogg_pages_that_are_missing_by_their_numbers_are_told() {
    let pages = pages_of("long.ogg");
    let audio = audio_pages(&pages);
    let cut = [&pages[..audio[2]], &pages[audio[4]..]].concat();
    let found = decode_pages("x.ogg", &cut);
    let damage = found.the_warning(WarningKind::DecodeErrors);
    assert!(damage.message.contains("2 pages are missing"), "{}", damage.message);
    assert_eq!(damage.frame, u64::try_from(granule(&pages[audio[1]])).ok());
    assert!(found.kinds().contains(&WarningKind::LengthMismatch));
}

#[test]
fn chained_ogg_files_of_one_format_are_one_recording() {
    for name in ["vorbis.ogg", "stereo.opus", "mono.opus", "surround.opus", "flac.ogg"] {
        let (pages, whole) = (pages_of(name), decoded(name));
        let mut other = pages.clone();
        set_serial(&mut other, 99);
        // With serial numbers of their own, and with the same for both.
        for second in [other, pages.clone()] {
            let chain = [&pages[..], &second].concat();
            let found = decode_pages(name, &chain);
            assert!(found.bytes == [&*whole.bytes, &whole.bytes].concat(), "{name}");
            assert_eq!(found.kinds(), [], "{name}: {:?}", found.warnings);
            assert_eq!(declared(&chain), Some(2 * whole.frames() as u64), "{name}");
        }
    }
}

#[test]
fn ogg_chain_that_changes_its_format_ends_there() {
    let (vorbis, opus, flac) =
        (pages_of("vorbis.ogg"), pages_of("stereo.opus"), pages_of("flac.ogg"));
    let mut slower = vorbis.clone();
    change(&mut slower[0], |page| {
        let rate = 28 + 12;
        page[rate..rate + 4].copy_from_slice(&22_050_u32.to_le_bytes());
    });
    let mut deeper = flac.clone();
    change(&mut deeper[0], |page| {
        // A depth of 5 bits, less one, over two bytes: 15 becomes 23.
        let depth = 28 + 17 + 12;
        page[depth] |= 1;
        page[depth + 1] = 7 << 4 | page[depth + 1] & 15;
    });
    for (name, second, says) in [
        ("mono.opus", &opus, "2 channels"),
        ("vorbis.ogg", &slower, "22050 Hz"),
        ("vorbis.ogg", &opus, "opus"),
        ("stereo.opus", &vorbis, "vorbis"),
        ("flac.ogg", &deeper, "24 bits"),
    ] {
        let whole = decoded(name);
        let first = pages_of(name);
        let found = decode_pages(name, &[&first[..], second].concat());
        assert_eq!(found.bytes, whole.bytes, "{name}");
        assert_eq!(found.kinds(), [WarningKind::FormatChange], "{name}: {:?}", found.warnings);
        let change = found.the_warning(WarningKind::FormatChange);
        assert!(change.message.contains(says), "{}", change.message);
        assert_eq!(change.frame, Some(whole.frames() as u64), "{name}");
        assert_eq!(change.byte, Some(first.concat().len() as u64), "{name}");
    }
}

#[test]
fn ogg_chain_applies_the_gain_and_the_pre_skip_of_each_link() {
    let (mut pages, whole) = (pages_of("stereo.opus"), decoded("stereo.opus"));
    let first = pages.clone();
    // The pre-skip is 312; a gain of 6 dB in 1/256 dB.
    change(&mut pages[0], |page| {
        page[28 + 10..28 + 12].copy_from_slice(&(312_u16 + 88).to_le_bytes());
        page[28 + 16..28 + 18].copy_from_slice(&(6_u16 * 256).to_le_bytes());
    });
    let found = decode_pages("x.opus", &[&first[..], &pages].concat());
    let frames = found.frames() - whole.frames();
    assert_eq!(frames, whole.frames() - 88);
    assert_eq!(found.kinds(), []);
    let sample = |bytes: &[u8], at: usize| {
        f32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().expect("four bytes"))
    };
    for at in [4000, 9001] {
        let [plain, louder] =
            [sample(&whole.bytes, at), sample(&found.bytes, 2 * whole.frames() + at - 2 * 88)];
        assert!((louder - plain * 1.995_262).abs() < 1e-3, "{at}: {louder}, not twice {plain}");
    }
}

#[test]
fn ogg_link_whose_beginning_is_damaged_is_told() {
    let first = pages_of("vorbis.ogg");
    let mut second = first.clone();
    set_serial(&mut second, 99);
    second[0][40] ^= 1;
    let found = decode_pages("x.ogg", &[&first[..], &second].concat());
    assert_eq!(found.bytes, decoded("vorbis.ogg").bytes);
    assert_eq!(found.kinds(), [WarningKind::DecodeErrors], "{:?}", found.warnings);
}

#[test]
fn ogg_that_begins_in_the_middle_of_a_stream_goes_on_with_the_next() {
    let pages = pages_of("long.ogg");
    let mut next = pages.clone();
    set_serial(&mut next, 99);
    let found = decode_pages("x.ogg", &[&pages[5..], &next].concat());
    assert_eq!(found.bytes, decoded("long.ogg").bytes);
    let damage = found.the_warning(WarningKind::DecodeErrors);
    assert_eq!((damage.frame, damage.byte), (Some(0), Some(0)));
}

#[test]
fn first_audio_stream_of_ogg_is_measured_and_others_are_told() {
    let (mut vorbis, mut opus) = (pages_of("vorbis.ogg"), pages_of("stereo.opus"));
    set_serial(&mut vorbis, 1);
    set_serial(&mut opus, 2);
    for (name, first, second) in [("vorbis.ogg", &vorbis, &opus), ("stereo.opus", &opus, &vorbis)] {
        let together =
            [&first[..1], &second[..1], &first[1..3], &second[1..], &first[3..]].concat();
        let found = decode_pages(name, &together);
        assert_eq!(found.bytes, decoded(name).bytes, "{name}");
        assert_eq!(found.kinds(), [WarningKind::OtherTracks], "{name}: {:?}", found.warnings);
    }
}

/// A page that begins and ends a stream of one packet.
fn single_page(packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(BEGINS);
    page.extend([0; 8 + 4 + 4 + 4]);
    page.extend([1, u8::try_from(packet.len()).expect("a short packet")]);
    page.extend(packet);
    change(&mut page, |page| page[SERIAL] = 77);
    page
}

#[test]
fn streams_of_ogg_that_are_not_decoded_are_named() {
    if !is_without_ffmpeg("decode::ogg::streams_of_ogg_that_are_not_decoded_are_named") {
        return;
    }
    let unsupported = DecodeErrorKind::UnsupportedFormat;
    let speex = [&b"Speex   1.2.1"[..], &[0; 67]].concat();
    error_of_bytes("x.spx", &single_page(&speex), unsupported, "Speex");
    let theora = [&b"\x80theora\x03\x02\x01"[..], &[0; 32]].concat();
    error_of_bytes(
        "x.ogv",
        &single_page(&theora),
        DecodeErrorKind::NoAudio,
        "Theora video and no audio",
    );
    error_of_bytes("x.ogg", &single_page(b"something else"), unsupported, "Ogg");
    // Beside audio they are no hindrance.
    for (packet, kinds) in [(speex, &[WarningKind::OtherTracks][..]), (theora, &[])] {
        let bytes = [single_page(&packet), bytes_of("vorbis.ogg")].concat();
        let found = decode_bytes("x.ogg", &bytes).expect("audio");
        assert_eq!(found.bytes, decoded("vorbis.ogg").bytes);
        assert_eq!(found.kinds(), kinds, "{:?}", found.warnings);
    }
    // As the next link of a chain, audio is a change of format.
    let chain = [bytes_of("vorbis.ogg"), single_page(b"Speex   1.2.1")].concat();
    let found = decode_bytes("x.ogg", &chain).expect("audio");
    assert_eq!(found.bytes, decoded("vorbis.ogg").bytes);
    assert_eq!(found.kinds(), [WarningKind::FormatChange], "{:?}", found.warnings);
}

#[test]
fn ogg_of_which_nothing_is_left_says_so() {
    let mut pages = pages_of("stereo.opus");
    let last = pages.len() - 1;
    change(&mut pages[last], |page| page[GRANULE..GRANULE + 8].copy_from_slice(&[0; 8]));
    let found = decode_pages("x.opus", &pages);
    let kinds = [WarningKind::LengthMismatch, WarningKind::NoFrames];
    assert_eq!(found.kinds(), kinds, "{:?}", found.warnings);
    assert_eq!(found.frames(), 0);
}

#[test]
fn flac_in_ogg_comes_to_its_checksum() {
    let matches = |pages: &[Vec<u8>]| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.oga");
        fs::write(&path, pages.concat()).expect("a temporary file");
        let mut source = Source::open(&path).expect("audio");
        while source.next_block(&mut Vec::new()) {}
        source.health().checksum_matches
    };
    let mut pages = pages_of("flac.ogg");
    assert_eq!(matches(&pages), None);
    // What `ffmpeg -i flac.ogg -f s16le - | md5sum` says, and the number of frames.
    let sum = [
        0xd6, 0x90, 0x30, 0x17, 0xf4, 0x0c, 0x7b, 0xf4, 0x62, 0x5a, 0x3b, 0x78, 0x36, 0x82, 0x8e,
        0xf4,
    ];
    let (total, md5) = (28 + 17 + 14, 28 + 17 + 18);
    change(&mut pages[0], |page| {
        page[total..md5].copy_from_slice(&6000_u32.to_be_bytes());
        page[md5..md5 + 16].copy_from_slice(&sum);
    });
    assert_eq!(matches(&pages), Some(true));
    // That of a chain is compared with its first link.
    assert_eq!(matches(&[&pages[..], &pages].concat()), Some(true));
    change(&mut pages[0], |page| page[md5] ^= 1);
    assert_eq!(matches(&pages), Some(false));
}

#[test]
fn ogg_sequence_numbers_may_begin_anywhere() {
    let mut pages = pages_of("vorbis.ogg");
    for (page, number) in pages.iter_mut().zip([u32::MAX - 1, u32::MAX]) {
        change(page, |page| page[SEQUENCE..SEQUENCE + 4].copy_from_slice(&number.to_le_bytes()));
    }
    for (number, page) in pages.iter_mut().skip(2).enumerate() {
        let number = u32::try_from(number).expect("few pages");
        change(page, |page| page[SEQUENCE..SEQUENCE + 4].copy_from_slice(&number.to_le_bytes()));
    }
    assert_eq!(decode_pages("vorbis.ogg", &pages), decoded("vorbis.ogg"));
}
