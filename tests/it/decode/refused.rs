//! Refused: what cannot be decoded, and what is said of it.

use super::*;

#[test]
fn without_ffmpeg_a_format_is_named_and_help_offered() {
    if !is_without_ffmpeg("decode::refused::without_ffmpeg_a_format_is_named_and_help_offered") {
        return;
    }
    let unsupported = DecodeErrorKind::UnsupportedFormat;
    for (name, says) in [
        ("wavpack.wv", "WavPack"),
        ("tta.tta", "True Audio"),
        ("ac3.ac3", "AC-3"),
        ("wma.wma", "Windows Media"),
        ("ac3.mp4", "MP4"),
    ] {
        error_of(&traps().join(name), unsupported, says);
        error_of(&traps().join(name), unsupported, "install the ffmpeg program");
    }
    // What is built in needs no help.
    assert_eq!(decoded("stereo.opus").frames(), 9600);
    assert_eq!(decoded("old-variable.flac").bytes, decoded("16.flac").bytes);
}

#[test]
fn a_file_whose_tracks_are_video_has_no_audio() {
    let patched = |name: &str, from: &[u8], to: &[u8]| {
        let mut bytes = bytes_of(name);
        let at = bytes.windows(from.len()).position(|part| part == from).expect("its kind");
        bytes[at..][..to.len()].copy_from_slice(to);
        bytes
    };
    // The handler of the track, and the type of the track.
    let mp4 = patched("16.m4a", b"soun", b"vide");
    let webm = patched("opus.webm", &[0x83, 0x81, 2], &[0x83, 0x81, 1]);
    for (name, bytes) in [("x.mp4", mp4), ("x.webm", webm)] {
        error_of_bytes(name, &bytes, DecodeErrorKind::NoAudio, "none of its tracks is audio");
    }
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    error_of(&folder.path().join("none.wav"), DecodeErrorKind::NotFound, "no such file");
    error_of(&folder.path().join("none/x.wav"), DecodeErrorKind::NotFound, "no such file");
    error_of(folder.path(), DecodeErrorKind::NotAFile, "directory");
    error_of_bytes("empty.wav", b"", DecodeErrorKind::Empty, "empty");
}

#[cfg(unix)]
#[test]
fn pipes_sockets_and_devices_are_not_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pipe = folder.path().join("pipe.wav");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a named pipe");
    error_of(&pipe, DecodeErrorKind::NotAFile, "named pipe");
    let socket = folder.path().join("socket.wav");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    error_of(&socket, DecodeErrorKind::NotAFile, "socket");
    error_of(Path::new("/dev/null"), DecodeErrorKind::NotAFile, "device");
    let link = folder.path().join("loop.wav");
    std::os::unix::fs::symlink(&link, &link).expect("a link to itself");
    assert_eq!(decode(&link).expect_err("a loop").kind, DecodeErrorKind::Io);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_not_called_missing() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("secret.wav");
    fs::write(&path, bytes_of("s16.wav")).expect("a temporary file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::File::open(&path).is_ok() {
        println!("not run: this user may read everything");
        return;
    }
    error_of(&path, DecodeErrorKind::PermissionDenied, "permission denied");
}

#[test]
fn what_is_no_audio_is_called_by_its_name() {
    use DecodeErrorKind::UnknownFormat;

    error_of_bytes("notes.wav", "Grüße\nfrom a text file\n".as_bytes(), UnknownFormat, "text");
    error_of_bytes("cover.mp3", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", UnknownFormat, "PNG");
    error_of_bytes("song.mid", b"MThd\0\0\0\x06\0\x01\0\x02\x01\xe0", UnknownFormat, "MIDI");
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(70_000)
    .collect();
    error_of_bytes("noise.wav", &noise, UnknownFormat, "no known audio format");
    error_of_bytes("noise", &noise, UnknownFormat, "no known audio format");
    let error = decode_bytes("noise.mp3", &noise).expect_err("noise");
    assert!(matches!(error.kind, UnknownFormat | DecodeErrorKind::Corrupt), "{error:?}");
}

#[test]
fn sizes_beyond_reason_are_refused() {
    let wav = |rate: u32, channels: u16| {
        let mut bytes = bytes_of("s16.wav");
        bytes[22..24].copy_from_slice(&channels.to_le_bytes());
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        bytes
    };
    let limit = DecodeErrorKind::LimitExceeded;
    error_of_bytes("x.wav", &wav(0, 1), limit, "sample rate of 0 Hz");
    error_of_bytes("x.wav", &wav(u32::MAX, 1), limit, "sample rate");
    error_of_bytes("x.wav", &wav(44_100, 0), limit, "0 channels");
    error_of_bytes("x.wav", &wav(44_100, 65), limit, "65 channels");
    error_of_bytes("x.wav", &wav(44_100, u16::MAX), limit, "65535 channels");
    assert!(decode_bytes("x.wav", &wav(1_536_000, 64)).is_ok());
}

#[test]
fn broken_headers_are_called_broken() {
    let corrupt = DecodeErrorKind::Corrupt;
    error_of_bytes("x.wav", b"RIFF\0\0\0\0WAVE", corrupt, "WAV header");
    error_of_bytes("x.flac", b"fLaC\x80\0\0\x02ab", corrupt, "STREAMINFO");
    error_of_bytes("x.flac", b"fLaC", corrupt, "metadata");
    error_of_bytes("x.ogg", b"OggS\0\x02 and no more", corrupt, "Ogg");
    error_of_bytes("x.mp3", &[0xff, 0xfb, 0x90, 0x64], corrupt, "MPEG audio");
}

#[test]
fn no_cut_and_no_flipped_bit_makes_it_panic_or_hang() {
    if !is_without_ffmpeg("decode::refused::no_cut_and_no_flipped_bit_makes_it_panic_or_hang") {
        return;
    }
    let names =
        ["16.flac", "16.m4a", "aac.m4a", "cbr.mp3", "vorbis.ogg", "stereo.opus", "opus.webm"];
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in names.into_iter().chain(["s24be.aiff", "alac.caf", "adts.aac", "rf64.wav"]) {
        let whole = bytes_of(name);
        let path = folder.path().join(name);
        for case in 0..48 {
            let mut bytes = whole.clone();
            if case % 3 == 0 {
                bytes.truncate(bytes.len() * case / 48);
            } else {
                // Headers first, then all over the file.
                let reach = if case < 24 { bytes.len().min(200) } else { bytes.len() };
                let place = case * 7919 % reach;
                bytes[place] ^= 1 << (case % 8);
            }
            fs::write(&path, &bytes).expect("a temporary file");
            match decode(&path) {
                Ok(found) => assert!(found.warnings.len() < 8, "{name} {case}: bounded"),
                Err(error) => assert!(!error.message.is_empty(), "{name} {case}"),
            }
        }
    }
}
