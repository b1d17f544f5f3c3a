//! The decode room, from outside: what is in a file, and what is said of one that is not right.
//!
//! The oracle is ffmpeg, by the figures that `scripts/make-trap-fixtures` recorded.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use audiopool::decode::{DecodeError, DecodeErrorKind, EXTENSIONS, Source, SourceFormat, formats};
use audiopool::record::{Warning, WarningKind};
use audiopool_worker::pcm::SampleFormat;

/// All of a file.
#[derive(Debug, PartialEq)]
struct Decoded {
    format: SourceFormat,
    bytes: Vec<u8>,
    warnings: Vec<Warning>,
}

impl Decoded {
    fn frames(&self) -> usize {
        self.bytes.len() / self.format.pcm.frame_width()
    }

    fn kinds(&self) -> Vec<WarningKind> {
        self.warnings.iter().map(|warning| warning.kind).collect()
    }

    #[track_caller]
    fn the_warning(&self, kind: WarningKind) -> &Warning {
        let found: Vec<_> = self.warnings.iter().filter(|warning| warning.kind == kind).collect();
        let [warning] = *found else { panic!("no {kind:?} in {:?}", self.warnings) };
        warning
    }
}

fn traps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traps")
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(traps().join(name)).expect("a fixture")
}

fn decode_on(path: &Path, threads: usize) -> Result<Decoded, DecodeError> {
    let threads = NonZeroUsize::new(threads).expect("at least one");
    let mut source = Source::open_with(path, threads)?;
    let mut bytes = Vec::new();
    while source.next_block(&mut bytes) {}
    let (format, warnings) = (source.format().clone(), source.warnings().to_vec());
    assert_eq!(bytes.len() % format.pcm.frame_width(), 0, "whole frames: {}", path.display());
    Ok(Decoded { format, bytes, warnings })
}

fn decode(path: &Path) -> Result<Decoded, DecodeError> {
    decode_on(path, 1)
}

#[track_caller]
fn decoded(name: &str) -> Decoded {
    decode(&traps().join(name)).expect("a fixture that decodes")
}

/// Writes a file of its own and decodes it.
fn decode_bytes(name: &str, bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    decode(&path)
}

#[track_caller]
fn error_of(path: &Path, kind: DecodeErrorKind, says: &str) {
    let error = decode(path).expect_err("not to be decoded");
    assert_eq!(error.kind, kind, "{}", error.message);
    assert!(error.message.contains(says), "{:?} is not in {:?}", says, error.message);
    let said_twice = path.to_str().expect("a path in UTF-8");
    assert!(!error.message.contains(said_twice), "the caller names the path: {}", error.message);
}

#[track_caller]
fn error_of_bytes(name: &str, bytes: &[u8], kind: DecodeErrorKind, says: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    error_of(&path, kind, says);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn ffmpeg_is_installed() -> bool {
    Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success())
}

/// One line of the recorded figures.
struct Figures {
    name: String,
    sample_rate: u32,
    channels: u16,
    sample_format: String,
    frames: usize,
    crc32: Option<u32>,
    peak: f64,
    rms: f64,
}

fn figures() -> Vec<Figures> {
    let table = fs::read_to_string(traps().join("figures.tsv")).expect("recorded figures");
    table
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, rate, channels, format, frames, crc32, peak, rms] = fields[..] else {
                panic!("eight fields: {line}")
            };
            Figures {
                name: name.to_owned(),
                sample_rate: rate.parse().expect("a rate"),
                channels: channels.parse().expect("channels"),
                sample_format: format.to_owned(),
                frames: frames.parse().expect("frames"),
                crc32: u32::from_str_radix(crc32, 16).ok(),
                peak: peak.parse().expect("a peak"),
                rms: rms.parse().expect("an RMS"),
            }
        })
        .collect()
}

/// Whether only an installed ffmpeg decodes the file of this name.
fn needs_ffmpeg(name: &str) -> bool {
    let extension = name.rsplit('.').next().expect("an extension");
    ["wv", "tta", "au", "w64", "ac3", "wma"].contains(&extension) || name == "ac3.mp4"
}

#[test]
fn every_fixture_holds_what_ffmpeg_finds_in_it() {
    let with_ffmpeg = ffmpeg_is_installed();
    for expected in figures() {
        let name = &expected.name;
        if needs_ffmpeg(name) && !with_ffmpeg {
            println!("{name} was not decoded: there is no ffmpeg here");
            continue;
        }
        let found = decoded(name);
        let pcm = found.format.pcm;
        assert_eq!(pcm.sample_rate, expected.sample_rate, "{name}");
        assert_eq!(pcm.channels, expected.channels, "{name}");
        assert_eq!(found.frames(), expected.frames, "{name}");
        assert_eq!(pcm.lossy, expected.crc32.is_none(), "{name}");
        // ffmpeg delivers the 24 bits of this one in 32.
        let is_widened = name == "24.wv";
        if !is_widened {
            assert_eq!(pcm.sample_format.name(), expected.sample_format, "{name}");
        }
        match expected.crc32 {
            Some(crc) if !is_widened => assert_eq!(crc32(&found.bytes), crc, "{name}"),
            Some(_) => {}
            None => check_levels(&found.bytes, &expected),
        }
        let allowed: &[WarningKind] =
            if name == "two-tracks.mkv" { &[WarningKind::OtherTracks] } else { &[] };
        assert_eq!(found.kinds(), allowed, "{name}: {:?}", found.warnings);
    }
}

/// Peak and RMS of float samples, which no two decoders round alike.
fn check_levels(bytes: &[u8], expected: &Figures) {
    let samples =
        bytes.as_chunks::<4>().0.iter().map(|&sample| f64::from(f32::from_le_bytes(sample)));
    let peak = samples.clone().fold(0.0, |peak: f64, sample| peak.max(sample.abs()));
    let count = u32::try_from(samples.len()).expect("a short file");
    let rms = (samples.map(|sample| sample * sample).sum::<f64>() / f64::from(count)).sqrt();
    // ffmpeg's own decoder of surround Opus differs from the reference by more.
    let tolerance = if expected.name.contains("opus") { 2e-3 } else { 2e-5 };
    let name = &expected.name;
    assert!((peak - expected.peak).abs() < 10.0 * tolerance, "{name}: {peak} {}", expected.peak);
    assert!((rms - expected.rms).abs() < tolerance, "{name}: {rms} {}", expected.rms);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes_and_warnings() {
    if !is_without_ffmpeg("decode::any_number_of_threads_gives_the_same_bytes_and_warnings") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for Figures { name, .. } in figures().iter().filter(|one| !needs_ffmpeg(&one.name)) {
        let whole = bytes_of(name);
        let mut cut = whole.clone();
        cut.truncate(whole.len() * 2 / 3);
        let mut damaged = whole.clone();
        for place in (1..10).map(|tenth| whole.len() * tenth / 10) {
            damaged[place] ^= 0x55;
        }
        for (case, bytes) in [("whole", whole), ("cut", cut), ("damaged", damaged)] {
            let path = folder.path().join(format!("{case}-{name}"));
            fs::write(&path, bytes).expect("a temporary file");
            let alone = decode_on(&path, 1);
            for threads in [2, 3] {
                assert_eq!(decode_on(&path, threads), alone, "{case} {name}, {threads} threads");
            }
        }
    }
}

#[test]
fn what_is_noticed_ahead_is_told_in_its_place() {
    // Damage in the first batch, and another format behind the last: whoever demuxes ahead of the
    // decoders sees the second before the first.
    let mut bytes = bytes_of("long.mp3");
    let frames = bytes.windows(2).enumerate().filter(|(_, two)| *two == [0xff, 0xf3]);
    let damaged = frames.map(|(at, _)| at).nth(9).expect("a tenth frame");
    bytes[damaged + 4..damaged + 21].fill(0xff);
    for _ in 0..4 {
        bytes.extend(bytes_of("lsf.mp3"));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("changing.mp3");
    fs::write(&path, bytes).expect("a temporary file");
    let alone = decode_on(&path, 1).expect("audio");
    assert_eq!(alone.kinds(), [WarningKind::DecodeErrors, WarningKind::FormatChange]);
    for threads in [2, 3, 8] {
        assert_eq!(decode_on(&path, threads).as_ref(), Ok(&alone), "{threads} threads");
    }
}

#[test]
fn blocks_are_appended_and_the_end_stays_the_end() {
    let mut source = Source::open(&traps().join("long.flac")).expect("a fixture");
    let mut bytes = b"before".to_vec();
    let mut blocks = 0;
    let mut length = bytes.len();
    while source.next_block(&mut bytes) {
        assert!(bytes.len() > length, "a block holds something");
        length = bytes.len();
        blocks += 1;
    }
    assert!(blocks > 2, "{blocks} blocks");
    assert!(bytes.starts_with(b"before"));
    assert!(!source.next_block(&mut bytes));
    assert_eq!(bytes.len(), length);
}

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
fn chained_ogg_files_are_one_recording() {
    let bytes = bytes_of("vorbis.ogg");
    let mut second = bytes.clone();
    // Another serial number, and so another checksum, for each page.
    let pages: Vec<usize> =
        (0..second.len() - 4).filter(|&at| second[at..].starts_with(b"OggS")).collect();
    for (index, &page) in pages.iter().enumerate() {
        let end = pages.get(index + 1).copied().unwrap_or(second.len());
        second[page + 14] ^= 0x5a;
        second[page + 22..page + 26].fill(0);
        let crc = second[page..end].iter().fold(0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                crc << 1 ^ (0x04c1_1db7 & (crc >> 31).wrapping_neg())
            })
        });
        second[page + 22..page + 26].copy_from_slice(&crc.to_le_bytes());
    }
    let found = decode_bytes("x.ogg", &[&*bytes, &second].concat()).expect("audio");
    let once = decoded("vorbis.ogg").bytes;
    assert_eq!(found.bytes, [&*once, &once].concat());
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
    error_of_bytes("x.wv", b"wvpk nothing more", DecodeErrorKind::UnsupportedFormat, "WavPack");
}

/// Runs the test `name` of this program again, as if no ffmpeg were installed; `true` there.
fn is_without_ffmpeg(name: &str) -> bool {
    if std::env::var_os("AUDIOPOOL_FFMPEG").is_some_and(|value| value.is_empty()) {
        return true;
    }
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this)
        .args([name, "--exact", "--nocapture"])
        .env("AUDIOPOOL_FFMPEG", "")
        .output()
        .expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    false
}

#[test]
fn without_ffmpeg_a_format_is_named_and_help_offered() {
    if !is_without_ffmpeg("decode::without_ffmpeg_a_format_is_named_and_help_offered") {
        return;
    }
    let unsupported = DecodeErrorKind::UnsupportedFormat;
    for (name, says) in [
        ("wavpack.wv", "WavPack"),
        ("tta.tta", "True Audio"),
        ("ac3.ac3", "AC-3"),
        ("wma.wma", "Windows Media"),
        ("wave64.w64", "Wave64"),
        ("sun.au", "Sun/NeXT"),
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
    if !is_without_ffmpeg("decode::no_cut_and_no_flipped_bit_makes_it_panic_or_hang") {
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

#[test]
fn the_table_of_formats_lists_what_the_fixtures_need() {
    for extension in ["wav", "mp3", "flac", "ogg", "opus", "m4a", "webm", "aiff", "wv", "wma"] {
        assert!(EXTENSIONS.contains(&extension), "{extension}");
    }
    assert!(!EXTENSIONS.contains(&"txt"));
    let wavpack = formats().iter().find(|row| row.name == "WavPack").expect("a row");
    assert_eq!(wavpack.decoding.name(), "via ffmpeg");
    assert!(formats().iter().all(|row| !row.codecs.is_empty()));
}

#[test]
fn the_shared_corpus_decodes_to_what_it_declares() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/flac");
    let Ok(files) = fs::read_dir(&corpus) else {
        println!("not run: no {}", corpus.display());
        return;
    };
    for path in files.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.extension().is_none_or(|extension| extension != "flac") {
            continue;
        }
        let found = decode(&path).expect("a FLAC file");
        assert_eq!(found.warnings, [], "{}", path.display());
        assert_eq!(Some(found.frames() as u64), found.format.declared_frames, "{}", path.display());
    }
}
