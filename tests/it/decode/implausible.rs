//! Implausible: what no file should decode to, and what is said of one that does.

use super::*;

#[test]
fn floats_far_above_full_scale_are_told_with_their_place() {
    let sound = bytes_of("f32.wav");
    let data = sound.windows(4).position(|four| four == b"data").expect("a data chunk") + 8;
    for (value, is_told) in [(9.5_f32, false), (-32_768.0, true), (f32::INFINITY, true)] {
        let mut bytes = sound.clone();
        bytes[data + 4 * 700..][..4].copy_from_slice(&value.to_le_bytes());
        let found = decode_bytes("x.wav", &bytes).expect("a file that decodes");
        if is_told {
            assert_eq!(found.the_warning(WarningKind::ImplausibleLevel).frame, Some(700));
        } else {
            assert_eq!(found.warnings, []);
        }
    }
}

#[test]
fn the_same_is_told_of_samples_that_are_read_in_place() {
    let mut bytes = bytes_of("f64.wav");
    let data = bytes.windows(4).position(|four| four == b"data").expect("a data chunk") + 8;
    bytes[data + 8 * 20..][..8].copy_from_slice(&100_f64.to_le_bytes());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.wav");
    fs::write(&path, bytes).expect("a temporary file");
    let mut source = Source::open(&path).expect("a file that decodes");
    let mut block = vec![0; source.left_in_place().expect("samples as they lie")];
    while source.fill(&mut block).more {}
    let told: Vec<_> = source.warnings().iter().map(|one| (one.kind, one.frame)).collect();
    assert_eq!(told, [(WarningKind::ImplausibleLevel, Some(20))]);
}

#[test]
fn a_format_that_only_the_name_tells_is_a_warning() {
    if !ffmpeg_is_installed() {
        println!("not run: there is no ffmpeg here");
        return;
    }
    let bytes = [b"\x01\x02\x03".to_vec(), bytes_of("ac3.ac3")].concat();
    let found = decode_bytes("x.ac3", &bytes).expect("ffmpeg finds it");
    assert!(found.the_warning(WarningKind::GuessedFormat).message.contains("AC-3"));
    assert!(!decoded("ac3.ac3").kinds().contains(&WarningKind::GuessedFormat));
}
