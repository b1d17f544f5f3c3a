//! Fallback: what is handed to ffmpeg, and what is made of what comes back.
//!
//! The first half runs programs that answer as ffmpeg and ffprobe do, so that it needs neither; the
//! second half makes its files with an installed ffmpeg and compares with what that decodes.

#[cfg(unix)]
use serde_json::Value;

use super::*;
#[cfg(unix)]
use crate::program::audiopool;

/// Sixteen frames of 16-bit mono at 8 kHz, as ffmpeg writes them into a pipe.
#[cfg(unix)]
const WAV: &str = r"printf 'RIFF\377\377\377\377WAVEfmt \020\000\000\000\001\000\001\000\100\037\000\000\200\076\000\000\002\000\020\000data\377\377\377\377abcdefghijklmnopabcdefghijklmnop'";

/// What ffprobe says of one AC-3 track.
#[cfg(unix)]
const AC3: &str = r#"{"streams":[{"index":0,"codec_name":"ac3","codec_type":"audio","sample_fmt":"s16"}],
    "format":{"format_name":"ac3","probe_score":51}}"#;

/// Programs that stand for ffmpeg and ffprobe, and a file for them.
#[cfg(unix)]
struct Programs {
    folder: tempfile::TempDir,
}

#[cfg(unix)]
impl Programs {
    /// An `ffmpeg` that does so, and an `ffprobe` that answers so, if there is one.
    fn new(ffmpeg: &str, ffprobe: Option<&str>) -> Self {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().expect("a temporary folder");
        let probe = ffprobe.map(|json| format!("cat <<'END'\n{json}\nEND"));
        for (name, does) in [("ffmpeg", Some(ffmpeg.to_owned())), ("ffprobe", probe)] {
            let Some(does) = does else { continue };
            let program = folder.path().join(name);
            fs::write(&program, format!("#!/bin/sh\n{does}\n")).expect("a script");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        Self { folder }
    }

    /// The record of a file with this content, and what was logged.
    fn record(&self, name: &str, content: &[u8]) -> (Value, String) {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        let output = audiopool()
            .args(["analyze", "--format", "ndjson", "--workers", "1", "-v"])
            .arg(&path)
            .env("AUDIOPOOL_FFMPEG", self.folder.path().join("ffmpeg"))
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        (serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("{text}{log}")), log)
    }
}

#[cfg(unix)]
const SYNC: &[u8] = &[0x0b, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xe0];

#[cfg(unix)]
#[test]
fn ac3_is_decoded_without_compression_and_the_default_track_is_chosen() {
    let tracks = r#"{"streams":[
        {"index":0,"codec_name":"h264","codec_type":"video","disposition":{"default":1}},
        {"index":1,"codec_name":"ac3","codec_type":"audio","sample_fmt":"fltp"},
        {"index":2,"codec_name":"eac3","codec_type":"audio","sample_fmt":"s16","disposition":{"default":1}}],
        "format":{"format_name":"ac3","probe_score":51}}"#;
    let programs = Programs::new(&format!("echo \"told $*\" >&2\n{WAV}"), Some(tracks));
    let (record, log) = programs.record("a.ac3", SYNC);
    assert_eq!(record["status"], "ok", "{record}");
    assert_eq!(record["format"]["decoder"], "ffmpeg");
    assert_eq!(record["format"]["codec"], "eac3");
    assert_eq!(record["format"]["sample_format"], "s16");
    assert_eq!(record["format"]["frames"], 16);
    assert_eq!(record["warnings"][0]["kind"], "other_tracks");
    for part in ["-drc_scale 0 ", "-map 0:2 ", "-protocol_whitelist file ", "-err_detect crccheck"]
    {
        assert!(log.contains(part), "{part} is not in {log}");
    }
}

#[cfg(unix)]
#[test]
fn a_decoder_that_lacks_an_option_decodes_without_it() {
    let script = format!("case \"$*\" in *drc_scale*) exit 1;; esac\n{WAV}");
    let (record, _) = Programs::new(&script, Some(AC3)).record("a.ac3", SYNC);
    assert_eq!((&record["status"], &record["format"]["frames"]), (&"ok".into(), &16.into()));
    assert_eq!(record["warnings"], serde_json::json!([]));
}

#[cfg(unix)]
#[test]
fn what_ffmpeg_prints_goes_to_the_log_and_into_no_record() {
    let script = format!("{WAV}\necho \"[ac3 @ 0x$$] [error] bad frame $$\" >&2\nexit 69");
    let programs = Programs::new(&script, Some(AC3));
    let (record, log) = programs.record("a.ac3", SYNC);
    assert!(log.contains("bad frame"), "{log}");
    assert_eq!(record["warnings"][0]["kind"], "decode_errors");
    assert!(!record.to_string().contains("bad frame"), "{record}");
    assert_eq!(programs.record("a.ac3", SYNC).0, record, "the same at each run");
}

#[cfg(unix)]
#[test]
fn exit_status_and_a_change_of_format_are_told_apart() {
    for (ends, kind) in [
        ("exit 69", "decode_errors"),
        ("exit 1", "truncated"),
        ("kill -9 $$", "truncated"),
        (
            "echo '[graph_0_in_0_0 @ 0x1] [error] Changing audio frame properties on the fly is \
             not supported.' >&2; exit 1",
            "format_change",
        ),
    ] {
        let programs = Programs::new(&format!("{WAV}\n{ends}"), Some(AC3));
        let (record, _) = programs.record("a.ac3", SYNC);
        assert_eq!(record["format"]["frames"], 16, "{ends}: {record}");
        assert_eq!(record["warnings"][0]["kind"], kind, "{ends}");
        assert_eq!(record["warnings"].as_array().map(Vec::len), Some(1), "{record}");
    }
}

#[cfg(unix)]
#[test]
fn errors_have_their_kinds() {
    let video = r#"{"streams":[{"index":0,"codec_name":"h264","codec_type":"video"}],
        "format":{"format_name":"ac3","probe_score":100}}"#;
    let undecodable = r#"{"streams":[{"index":0,"codec_name":"ac4","codec_type":"audio"}],
        "format":{"format_name":"ac3","probe_score":100}}"#;
    let invalid = r#"{"error":{"code":-1094995529,"string":"Invalid data"}}"#;
    let has_all = "case \"$*\" in *' -h '*) echo 'Demuxer ac3 [raw AC-3]:'; exit;; esac\nexit 1";
    for (ffmpeg, ffprobe, kind, says) in [
        ("exit 1", video, "no_audio", "h264"),
        ("exit 1", undecodable, "unsupported_format", "`ac4`"),
        (has_all, invalid, "corrupt", "damaged"),
        ("exit 1", invalid, "unsupported_format", "neither does the installed ffmpeg"),
        ("exit 1", AC3, "corrupt", "nothing in it can be decoded"),
        ("exit 0", AC3, "corrupt", "nothing in it can be decoded"),
    ] {
        let (record, _) = Programs::new(ffmpeg, Some(ffprobe)).record("a.ac3", SYNC);
        let error = &record["error"];
        assert_eq!(error["kind"], kind, "{error}");
        assert!(error["message"].as_str().is_some_and(|told| told.contains(says)), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn content_without_a_known_beginning_is_decoded_only_if_ffmpeg_is_certain() {
    let with = |demuxer: &str, score: u32| {
        let json = AC3.replace(
            "\"ac3\",\"probe_score\":51",
            &format!("\"{demuxer}\",\"probe_score\":{score}"),
        );
        Programs::new(WAV, Some(&json)).record("a.bit", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa1]).0
    };
    let known = with("nut", 100);
    assert_eq!((&known["status"], &known["format"]["container"]), (&"ok".into(), &"nut".into()));
    assert_eq!(with("g729", 50)["error"]["kind"], "unknown_format");
    assert_eq!(with("hls", 100)["error"]["kind"], "unknown_format");
}

#[cfg(unix)]
#[test]
fn without_ffprobe_the_header_of_a_pipe_tells_the_track() {
    let header =
        "#media_type 0: audio\\n#codec_id 0: wavpack\\n#media_type 1: audio\\n#codec_id 1: ac3\\n";
    let script = format!(
        "case \"$*\" in *framehash*) printf '{header}'; exit;; esac\necho \"told $*\" >&2\n{WAV}"
    );
    let (record, log) = Programs::new(&script, None).record("a.wv", b"wvpk\0\0\0\0");
    assert_eq!(record["format"]["codec"], "wavpack", "{record}{log}");
    assert_eq!(record["format"]["sample_format"], "f64", "it holds every sample");
    assert_eq!(record["warnings"][0]["kind"], "other_tracks");
    assert!(log.contains("-map 0:a:0 "), "{log}");
    // Nothing tells how sure it is of what is not known here.
    let (record, _) = Programs::new(&script, None).record("a.x", &[1, 2, 3, 4, 5, 6, 7, 8, 0xa1]);
    assert_eq!(record["error"]["kind"], "unknown_format");
}

/// What an installed ffmpeg makes of a fixture.
fn made_by_ffmpeg(folder: &Path, fixture: &str, arguments: &[&str], name: &str) -> PathBuf {
    let path = folder.join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-y", "-loglevel", "error", "-i"])
        .arg(traps().join(fixture))
        .args(arguments)
        .arg(&path)
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

#[test]
fn what_ffmpeg_opens_is_decoded_to_what_it_decodes() {
    if !ffmpeg_is_installed() {
        println!("not run: there is no ffmpeg here");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let m2ts: &[&str] = &["-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1"];
    for (name, arguments, container, raw) in [
        ("a.m2ts", m2ts, "mpeg", "f32le"),
        ("a.ts", &["-c:a", "mp2"], "mpeg", "f32le"),
        ("a.avi", &["-c:a", "mp2"], "avi", "f32le"),
        ("a.vob", &["-c:a", "ac3"], "mpeg", "f32le"),
        ("a.nut", &["-c:a", "pcm_s24le"], "nut", "s24le"),
        ("a.thd", &["-c:a", "truehd", "-strict", "-2", "-ar", "44100"], "truehd", "s24le"),
        ("a.flv", &["-c:a", "nellymoser", "-ar", "22050", "-ac", "1"], "flv", "f32le"),
        ("a.wmv", &["-c:a", "wmav2", "-ar", "44100", "-f", "asf"], "asf", "f32le"),
        ("a.eac3", &["-c:a", "eac3", "-ar", "44100"], "ac3", "f32le"),
        ("a.wv", &["-c:a", "wavpack", "-sample_fmt", "fltp"], "wavpack", "f32le"),
    ] {
        let path = made_by_ffmpeg(folder.path(), "s16.wav", arguments, name);
        let found = decode(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.format.container, container, "{name}");
        assert_eq!(found.format.decoder, DecodedBy::Ffmpeg, "{name}");
        assert_eq!(found.warnings, [], "{name}");
        let drc: &[&str] =
            if found.format.codec.ends_with("ac3") { &["-drc_scale", "0"] } else { &[] };
        let float: &[&str] = if found.format.codec == "mp2" { &["-c:a", "mp2float"] } else { &[] };
        let direct = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error"])
            .args([drc, float].concat())
            .arg("-i")
            .arg(&path)
            .args(["-f", raw, "-c:a", &format!("pcm_{raw}"), "pipe:1"])
            .output()
            .expect("ffmpeg runs");
        assert!(found.bytes == direct.stdout, "{name}: {} bytes", direct.stdout.len());
        // Cut and damaged files give the same at each run.
        let bytes = fs::read(&path).expect("it was made");
        let mut damaged = bytes.clone();
        let middle = bytes.len() / 2;
        damaged[middle..middle + 30].iter_mut().for_each(|byte| *byte = !*byte);
        for bytes in [&damaged[..], &bytes[..bytes.len() * 3 / 4]] {
            let decoded = || decode_bytes(name, bytes).map_err(|error| error.to_string());
            assert_eq!(decoded(), decoded(), "{name}");
        }
    }
}

#[test]
fn default_track_is_measured_and_the_others_are_told() {
    if !ffmpeg_is_installed() {
        println!("not run: there is no ffmpeg here");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = [
        "-map",
        "0:a",
        "-map",
        "0:a",
        "-map",
        "0:a",
        "-c:a",
        "ac3",
        "-ar",
        "44100",
        "-ac:a:1",
        "1",
        "-disposition:a:0",
        "0",
        "-disposition:a:1",
        "default",
    ];
    let path = made_by_ffmpeg(folder.path(), "s16.wav", &arguments, "three.mkv");
    let found = decode(&path).expect("audio");
    assert_eq!((found.format.pcm.channels, &*found.format.codec), (1, "ac3"));
    let others = found.the_warning(WarningKind::OtherTracks);
    assert!(others.message.starts_with("2 further"), "{}", others.message);
}

#[test]
fn damage_that_a_checksum_shows_is_told() {
    if !ffmpeg_is_installed() {
        println!("not run: there is no ffmpeg here");
        return;
    }
    for name in ["wavpack.wv", "tta.tta", "ac3.ac3"] {
        let mut bytes = bytes_of(name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let found = decode_bytes(name, &bytes).expect("most of it");
        assert!(found.kinds().contains(&WarningKind::DecodeErrors), "{name}: {:?}", found.warnings);
    }
    let wma = bytes_of("wma.wma");
    let found = decode_bytes("cut.wma", &wma[..wma.len() * 2 / 3]).expect("what is there");
    assert!(found.kinds().contains(&WarningKind::Truncated), "{:?}", found.warnings);
    for (name, beginning) in
        [("x.ape", &b"MAC \x96\x0f"[..]), ("x.wma", &wma[..16]), ("x.tta", b"TTA1")]
    {
        let bytes = [beginning, &[0x55; 300]].concat();
        error_of_bytes(name, &bytes, DecodeErrorKind::Corrupt, "damaged");
    }
}
