//! Files: what is to be decoded is none, or declares impossible sizes. It costs itself alone,
//! and no process.

use crate::scene::{Expected, Scene};

/// Name, content, kind of the error, and what is said of it.
type Bad = (&'static str, Vec<u8>, &'static str, &'static str);

/// Something that follows a header.
fn tail() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(16 << 10).collect()
}

/// A WAV file whose header says that.
fn wav(format_bytes: u32, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let (tail, width) = (tail(), channels.saturating_mul(bits / 8));
    let length = u32::try_from(tail.len()).expect("it is short");
    let mut file = b"RIFF".to_vec();
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(format_bytes.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.wrapping_mul(width.into()).to_le_bytes());
    file.extend(width.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(tail);
    file
}

fn begins(header: &[u8]) -> Vec<u8> {
    [header, &tail()].concat()
}

/// One of each way in which a file can be wrong.
fn bad_files() -> Vec<Bad> {
    let endless_ogg = [&b"OggS\0\x02"[..], &[0xFF; 20], &[0xFF], &[0xFF; 255]].concat();
    let no_blocks = [&b"fLaC\x80\0\0\x22"[..], &[0; 34]].concat();
    vec![
        ("6-empty.wav", Vec::new(), "empty", "the file is empty (0 bytes)"),
        ("6-short.wav", wav(16, 1, 8000, 16)[..30].to_vec(), "corrupt", "ends within its header"),
        (
            "6-text.wav",
            b"no audio at all, but a name that says so\n".repeat(9),
            "unknown_format",
            "this is text",
        ),
        ("7-no-bits.wav", wav(16, 1, 8000, 0), "corrupt", "bits per sample"),
        ("7-no-channels.wav", wav(16, 0, 8000, 16), "limit_exceeded", "0 channels"),
        ("7-no-rate.wav", wav(16, 1, 0, 16), "limit_exceeded", "a sample rate of 0 Hz"),
        ("7-zeros.flac", begins(&no_blocks), "limit_exceeded", "a sample rate of 0 Hz"),
        ("8-channels.wav", wav(16, u16::MAX, 8000, 8), "limit_exceeded", "65535 channels"),
        ("8-format.wav", wav(u32::MAX, 1, 8000, 16), "corrupt", "the WAV header is broken"),
        ("8-rate.wav", wav(16, 1, u32::MAX, 16), "limit_exceeded", "4294967295 Hz"),
        (
            "9-box.m4a",
            begins(b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xffM4A "),
            "corrupt",
            "this is MP4",
        ),
        (
            "9-chunk.aiff",
            begins(b"FORM\xff\xff\xff\xffAIFFCOMM\xff\xff\xff\xff"),
            "corrupt",
            "the AIFF header is broken: samples of",
        ),
        (
            "9-chunk.caf",
            begins(b"caff\0\x01\0\0desc\x7f\xff\xff\xff\xff\xff\xff\xff"),
            "corrupt",
            "Core Audio",
        ),
        (
            "9-element.mkv",
            begins(b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff"),
            "corrupt",
            "Matroska",
        ),
        ("9-metadata.flac", begins(b"fLaC\x7f\xff\xff\xff"), "corrupt", "within its metadata"),
        ("9-page.ogg", begins(&endless_ogg), "corrupt", "this is Ogg, but"),
    ]
}

#[test]
fn f40_files_that_are_no_audio_cost_themselves_and_no_process() {
    // With and without the decoder of last resort.
    for ffmpeg in [None, Some("/nonexistent")] {
        let scene = Scene::calm();
        let bad = bad_files();
        let mut expected = Expected::exit(1);
        for (name, content, kind, said) in &bad {
            std::fs::write(scene.path("songs").join(name), content).expect("a new file");
            expected = expected.hurt(&format!("songs/{name}"), kind, 0, said);
        }
        let scene = match ffmpeg {
            Some(path) => scene.env("AUDIOPOOL_FFMPEG", path),
            None => scene,
        };
        let ended = scene.run();
        ended.assert_nothing_lost(&expected);
        for word in [" died ", "tried again", "panicked"] {
            assert!(!ended.log().contains(word), "`{word}`\n{ended}");
        }
        let mut started: Vec<_> = ended.children.iter().map(|(name, _)| name).collect();
        let processes = started.len();
        started.dedup();
        assert_eq!(started.len(), processes, "a process was replaced\n{ended}");
    }
}
