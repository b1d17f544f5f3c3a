//! Codecs: what the decoders make of files on which the usual ones go wrong.

use super::*;

/// Where the fields of the STREAMINFO block of a FLAC file begin.
const STREAM_INFO: usize = 8;

/// `16.flac` with other bytes in its STREAMINFO block.
fn flac_with(at: usize, bytes: &[u8]) -> Decoded {
    let mut file = bytes_of("16.flac");
    file[STREAM_INFO + at..][..bytes.len()].copy_from_slice(bytes);
    decode_bytes("header.flac", &file).expect("frames that are intact")
}

#[test]
fn flac_frames_overrule_a_wrong_header_and_a_warning_says_so() {
    let whole = decoded("16.flac");
    // 20 bits of sample rate, 3 of channels − 1, 5 of depth − 1, and 36 of frames.
    let packed = |rate: u64, channels: u64, bits: u64| {
        let fields = (rate << 44) + ((channels - 1) << 41) + ((bits - 1) << 36);
        (fields + 11025).to_be_bytes()
    };
    let wrong = [
        (packed(48_000, 2, 16), "48000 Hz, 2 channels, 16 bits"),
        (packed(44_100, 1, 16), "44100 Hz, 1 channels, 16 bits"),
        (packed(44_100, 6, 16), "44100 Hz, 6 channels, 16 bits"),
        (packed(44_100, 2, 24), "44100 Hz, 2 channels, 24 bits"),
    ];
    for (fields, says) in wrong {
        let found = flac_with(10, &fields);
        assert_eq!(found.kinds(), [WarningKind::HeaderMismatch], "{says}: {:?}", found.warnings);
        let message = &found.warnings[0].message;
        assert!(message.contains(says), "{message}");
        assert!(message.contains("44100 Hz, 2 channels, 16 bits"), "{message}");
        assert_eq!((found.format, found.bytes), (whole.format.clone(), whole.bytes.clone()));
    }
}

#[test]
fn flac_blocks_longer_than_the_header_says_are_decoded_and_a_warning_says_so() {
    let found = flac_with(0, &[0, 16, 0, 16]);
    assert_eq!(found.kinds(), [WarningKind::HeaderMismatch]);
    assert!(found.warnings[0].message.contains("at most 16 frames"), "{:?}", found.warnings);
    assert_eq!(found.bytes, decoded("16.flac").bytes);
}

#[test]
fn flac_with_another_checksum_is_a_warning_of_every_run() {
    let whole = decoded("16.flac");
    let found = flac_with(18, &[0x55; 16]);
    assert_eq!(found.kinds(), [WarningKind::ChecksumMismatch]);
    assert_eq!(found.bytes, whole.bytes);
    // Zeros: the encoder did not know it.
    assert_eq!(flac_with(18, &[0; 16]).kinds(), []);
    // In MP4, the block is that of the file.
    let mut file = bytes_of("flac.mp4");
    let at = file.windows(4).position(|four| four == b"dfLa").expect("a box") + 12 + 18;
    assert_eq!(decode_bytes("flac.mp4", &file).expect("intact").kinds(), []);
    file[at] ^= 1;
    let found = decode_bytes("flac.mp4", &file).expect("intact");
    assert_eq!(found.kinds(), [WarningKind::ChecksumMismatch]);
}

#[test]
fn damage_that_was_found_explains_another_checksum() {
    let mut file = bytes_of("16.flac");
    let middle = file.len() / 2;
    file[middle] ^= 0x55;
    let found = decode_bytes("damaged.flac", &file).expect("the other frames");
    assert_eq!(found.kinds(), [WarningKind::DecodeErrors, WarningKind::LengthMismatch]);
    let cut = &bytes_of("16.flac")[..middle];
    let found = decode_bytes("cut.flac", cut).expect("the first frames");
    assert_eq!(found.kinds(), [WarningKind::Truncated]);
}

#[test]
fn header_gain_of_opus_goes_beyond_full_scale() {
    let mut file = bytes_of("opus.mp4");
    let plain = decode_bytes("plain.mp4", &file).expect("intact");
    // Behind the name of the box: version, channels, pre-skip, rate; then the gain in 1/256 dB.
    let gain = file.windows(4).position(|four| four == b"dOps").expect("a box") + 4 + 8;
    file[gain..gain + 2].copy_from_slice(&(12 * 256_i16).to_be_bytes());
    let louder = decode_bytes("louder.mp4", &file).expect("intact");
    let samples = |decoded: &Decoded| -> Vec<f32> {
        let bytes = decoded.bytes.as_chunks::<4>().0;
        bytes.iter().map(|&sample| f32::from_le_bytes(sample)).collect()
    };
    let (plain, louder) = (samples(&plain), samples(&louder));
    assert!(louder.iter().any(|sample| sample.abs() > 1.5));
    assert_eq!(plain.len(), louder.len());
    for (plain, louder) in plain.iter().zip(louder) {
        assert!((plain * 3.981_071_7 - louder).abs() < 1e-5, "{plain} {louder}");
    }
}
