//! Containers: the same samples in every header that holds them, finished and unfinished.

use super::*;

/// The samples of `s16.wav`: little-endian, 22050 Hz, mono.
fn samples() -> Vec<u8> {
    decoded("s16.wav").bytes
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.as_chunks::<2>().0.iter().flat_map(|&[low, high]| [high, low]).collect()
}

fn size_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a small file")
}

/// A WAV file with these sizes in its header.
fn wav(riff_size: u32, data_size: u32, audio: &[u8]) -> Vec<u8> {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(riff_size.to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data");
    bytes.extend(data_size.to_le_bytes());
    bytes.extend(audio);
    bytes
}

fn rifx(audio: &[u8]) -> Vec<u8> {
    let mut bytes = b"RIFX".to_vec();
    bytes.extend((36 + size_of(audio)).to_be_bytes());
    bytes.extend(b"WAVEfmt \0\0\0\x10\0\x01\0\x01\0\0\x56\x22\0\0\xac\x44\0\x02\0\x10data");
    bytes.extend(size_of(audio).to_be_bytes());
    bytes.extend(audio);
    bytes
}

fn au(size: u32, audio: &[u8]) -> Vec<u8> {
    let mut bytes = b".snd\0\0\0\x18".to_vec();
    bytes.extend(size.to_be_bytes());
    bytes.extend(b"\0\0\0\x03\0\0\x56\x22\0\0\0\x01");
    bytes.extend(audio);
    bytes
}

fn aiff(frames: u32, sound_size: u32, audio: &[u8]) -> Vec<u8> {
    let mut bytes = b"FORM\0\0\0\0AIFFCOMM\0\0\0\x12\0\x01".to_vec();
    bytes.extend(frames.to_be_bytes());
    bytes.extend(b"\0\x10\x40\x0d\xac\x44\0\0\0\0\0\0SSND");
    bytes.extend(sound_size.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(audio);
    bytes
}

fn caf(size: i64, audio: &[u8]) -> Vec<u8> {
    let mut bytes = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
    bytes.extend(22_050_f64.to_be_bytes());
    bytes.extend(b"lpcm\0\0\0\0\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0\x10data");
    bytes.extend(size.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(audio);
    bytes
}

fn nist(fields: &str, audio: &[u8]) -> Vec<u8> {
    let mut text = format!("NIST_1A\n   1024\n{fields}end_head\n");
    text.push_str(&" ".repeat(1024 - text.len()));
    [text.as_bytes(), audio].concat()
}

const NIST_PCM: &str = "channel_count -i 1\nsample_rate -i 22050\nsample_n_bytes -i 2\n\
    sample_coding -s3 pcm\n";

fn wave64(size: u64, audio: &[u8]) -> Vec<u8> {
    const BASE: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";
    let mut bytes = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0".to_vec();
    bytes.extend([0; 8]);
    bytes.extend([b"wave", BASE, b"fmt ", BASE, b"\x28\0\0\0\0\0\0\0"].concat());
    bytes.extend(b"\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0");
    bytes.extend([b"data", BASE, &size.to_le_bytes()].concat());
    bytes.extend(audio);
    bytes
}

#[test]
fn every_container_holds_the_same_samples() {
    let audio = samples();
    let (length, frames) = (size_of(&audio), size_of(&audio) / 2);
    let little = format!("{NIST_PCM}sample_byte_format -s2 01\nsample_count -i {frames}\n");
    let big = format!("{NIST_PCM}sample_byte_format -s2 10\nsample_count -i {frames}\n");
    for (name, bytes) in [
        ("x.wav", wav(36 + length, length, &audio)),
        ("x.wav", rifx(&reversed(&audio))),
        ("x.au", au(length, &reversed(&audio))),
        ("x.aiff", aiff(frames, 8 + length, &reversed(&audio))),
        ("x.caf", caf(4 + i64::from(length), &reversed(&audio))),
        ("x.sph", nist(&little, &audio)),
        ("x.wav", nist(&big, &reversed(&audio))),
        ("x.w64", wave64(24 + u64::from(length), &audio)),
    ] {
        let found = decode_bytes(name, &bytes).expect(name);
        assert_eq!(found.kinds(), [], "{name}: {:?}", found.warnings);
        assert!(found.bytes == audio, "{name}");
        assert_eq!(found.format.declared_frames, Some(frames.into()), "{name}");
    }
}

#[test]
fn a_recording_whose_header_was_never_completed_is_measured_and_told() {
    let audio = samples();
    let (length, frames) = (size_of(&audio), size_of(&audio) / 2);
    let turned = reversed(&audio);
    let unsaid = format!("{NIST_PCM}sample_byte_format -s2 01\n");
    for (name, bytes) in [
        ("riff size of the header.wav", wav(36, 0, &audio)),
        ("no size.wav", wav(0, 0, &audio)),
        ("riff size of the file.wav", wav(36 + length, 0, &audio)),
        ("size of the first part.wav", wav(36, 400, &audio)),
        ("size of the first part.wav", wav(36 + length, 400, &audio)),
        ("no size.au", au(0, &turned)),
        ("no frames.aiff", aiff(0, 8 + length, &turned)),
        ("no sound.aiff", aiff(0, 8, &turned)),
        ("no size.aiff", aiff(0, 0, &turned)),
        ("no size.caf", caf(0, &turned)),
        ("no size.w64", wave64(0, &audio)),
        ("no count.sph", nist(&unsaid, &audio)),
    ] {
        let found = decode_bytes(name, &bytes).expect(name);
        assert_eq!(found.kinds(), [WarningKind::LengthMismatch], "{name}: {:?}", found.warnings);
        assert!(found.bytes == audio, "{name}: {} frames of {frames}", found.frames());
    }
}

#[test]
fn a_length_that_is_said_to_be_unknown_is_the_rest_without_a_warning() {
    let audio = samples();
    let turned = reversed(&audio);
    for (name, bytes) in [
        ("x.wav", wav(u32::MAX, u32::MAX, &audio)),
        ("x.au", au(u32::MAX, &turned)),
        ("x.caf", caf(-1, &turned)),
    ] {
        let found = decode_bytes(name, &bytes).expect(name);
        assert_eq!(found.kinds(), [], "{name}: {:?}", found.warnings);
        assert!(found.bytes == audio, "{name}");
        assert_eq!(found.format.declared_frames, None, "{name}");
    }
}

#[test]
fn a_header_alone_is_a_recording_of_nothing_in_every_container() {
    let empty = format!("{NIST_PCM}sample_byte_format -s2 01\nsample_count -i 0\n");
    for (name, bytes) in [
        ("x.wav", wav(36, 0, &[])),
        ("x.wav", rifx(&[])),
        ("x.wav", wav(54, 0, b"LIST\x0a\0\0\0INFOISFT\0\0")),
        ("x.au", au(0, &[])),
        ("x.aiff", aiff(0, 8, &[])),
        ("x.caf", caf(4, &[])),
        ("x.w64", wave64(24, &[])),
        ("x.sph", nist(&empty, &[])),
    ] {
        let found = decode_bytes(name, &bytes).expect(name);
        assert_eq!((found.frames(), found.kinds()), (0, vec![]), "{name}: {:?}", found.warnings);
        assert_eq!(found.format.declared_frames, Some(0), "{name}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_told_in_every_container() {
    let audio = samples();
    let (length, frames) = (size_of(&audio), size_of(&audio) / 2);
    let fields = format!("{NIST_PCM}sample_byte_format -s2 01\nsample_count -i {frames}\n");
    for (name, bytes) in [
        ("x.wav", rifx(&reversed(&audio))),
        ("x.au", au(length, &reversed(&audio))),
        ("x.aiff", aiff(frames, 8 + length, &reversed(&audio))),
        ("x.caf", caf(4 + i64::from(length), &reversed(&audio))),
        ("x.w64", wave64(24 + u64::from(length), &audio)),
        ("x.sph", nist(&fields, &audio)),
    ] {
        let found = decode_bytes(name, &bytes[..bytes.len() - 1001]).expect(name);
        assert_eq!(found.kinds(), [WarningKind::Truncated], "{name}: {:?}", found.warnings);
        assert!(found.bytes == audio[..audio.len() - 1002], "{name}");
    }
}

#[test]
fn adpcm_ends_where_its_header_says() {
    let audio = [0_u8; 512];
    let ima = |frames: u32| {
        let mut bytes =
            b"RIFF\x2c\x02\0\0WAVEfmt \x14\0\0\0\x11\0\x01\0\x40\x1f\0\0\0\x10\0\0".to_vec();
        bytes.extend(b"\0\x01\x04\0\x02\0\xf9\x01fact\x04\0\0\0");
        bytes.extend(frames.to_le_bytes());
        bytes.extend(b"data\0\x02\0\0");
        bytes.extend(audio);
        bytes
    };
    // Two blocks of 505 frames, the second filled up.
    let found = decode_bytes("x.wav", &ima(1000)).expect("ADPCM");
    assert_eq!((found.frames(), found.kinds()), (1000, vec![]));
    assert_eq!(found.format.declared_frames, Some(1000));
    let found = decode_bytes("x.wav", &ima(300)).expect("ADPCM");
    assert_eq!((found.frames(), found.kinds()), (1010, vec![WarningKind::LengthMismatch]));
}

#[test]
fn coded_audio_in_place_of_samples_is_no_noise() {
    if !is_without_ffmpeg("decode::containers::coded_audio_in_place_of_samples_is_no_noise") {
        return;
    }
    let unsupported = DecodeErrorKind::UnsupportedFormat;
    let mut audio = vec![0x55; 8192];
    for at in [0, 2048, 4096] {
        audio[at..at + 4].copy_from_slice(b"\xfe\x7f\x01\x80");
    }
    let mut bytes = wav(36 + 8192, 8192, &audio);
    bytes[22] = 2;
    bytes[32] = 4;
    error_of_bytes("x.wav", &bytes, unsupported, "DTS");
}

#[test]
fn what_is_not_decoded_is_named() {
    if !is_without_ffmpeg("decode::containers::what_is_not_decoded_is_named") {
        return;
    }
    let unsupported = DecodeErrorKind::UnsupportedFormat;
    let tagged = |tag: u8, bits: u8| {
        let mut bytes = wav(136, 100, &[0; 100]);
        bytes[20] = tag;
        bytes[34] = bits;
        bytes
    };
    error_of_bytes("x.wav", &tagged(0x31, 0), unsupported, "GSM");
    error_of_bytes("x.wav", &tagged(1, 64), unsupported, "integers of 64 bits");
    let shorten = format!("{NIST_PCM}sample_coding -s26 pcm,embedded-shorten-v2.00\n");
    error_of_bytes("x.sph", &nist(&shorten, &[0; 100]), unsupported, "shorten");
    error_of_bytes("x.qcp", b"RIFF\0\0\0\0QLCMfmt ", unsupported, "QCP");
    error_of_bytes("x.dat", b"RIFF\0\0\0\0ABCDfmt ", unsupported, "\"ABCD\"");
    let unknown = DecodeErrorKind::UnknownFormat;
    error_of_bytes("x.sf2", b"RIFF\0\0\0\0sfbkLIST", unknown, "SoundFont");
}
