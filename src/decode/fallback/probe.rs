//! Probe: what is in a file, as ffprobe says it in JSON, without tags.
//!
//! Without an ffprobe beside ffmpeg, the header of ffmpeg's `framehash` output says it. That knows
//! neither how sure ffmpeg is of the format, nor which track is flagged as the default one, nor the
//! sample format of a lossless codec, whose samples are then taken as 64-bit floats, which hold all
//! of them.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use audiopool_worker::pcm::SampleFormat;
use serde::Deserialize;

use super::command::{self, Running, probe_program};
use super::log;

/// Bytes of an answer that are read: some hundred for each stream.
const ANSWER: u64 = 4 << 20;
/// What is asked of ffprobe. No tag is among it.
const ENTRIES: &str = "format=format_name,probe_score:\
    stream=index,codec_name,codec_type,sample_fmt,sample_rate,bits_per_raw_sample,time_base,duration_ts:\
    stream_disposition=default:stream_tags=:stream_side_data=:program=:program_stream=:error";

/// Demuxers whose duration is a number of frames that the file states.
const STATED: &[&str] = &["wv", "tta", "ape", "tak", "w64", "dsf"];

/// Codecs that keep every bit of samples whose width cannot be known without ffprobe.
const LOSSLESS: &[&str] = &[
    "wavpack",
    "tta",
    "ape",
    "tak",
    "alac",
    "flac",
    "shorten",
    "truehd",
    "mlp",
    "ralf",
    "wmalossless",
    "mp4als",
    "s302m",
    "dts",
    "pcm_bluray",
    "pcm_dvd",
    "pcm_s64le",
    "pcm_s64be",
];

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    /// The first name of the demuxer, and how sure ffmpeg is of it, if that is known.
    pub(super) demuxer: String,
    pub(super) score: Option<u32>,
    /// The audio track to decode, if there is one.
    pub(super) track: Option<Track>,
    /// How many audio tracks there are.
    pub(super) tracks: usize,
    /// Codecs of the streams that are not audio.
    pub(super) others: Vec<String>,
}

/// An audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    /// As ffmpeg's `-map` takes it.
    pub(super) specifier: String,
    pub(super) codec: String,
    /// What its samples are, if its decoder is there.
    pub(super) format: Option<SampleFormat>,
    /// Frames that the file states.
    pub(super) declared: Option<u64>,
}

/// Why there is no description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undescribed {
    /// The file is nothing that the program can open.
    Unreadable,
    /// The program could not be asked; why.
    Unasked(String),
}

/// Asks what is in a file.
pub(super) fn describe(ffmpeg: &Path, path: &Path) -> Result<Description, Undescribed> {
    match probe_program(ffmpeg) {
        Some(probe) => with_ffprobe(&probe, path),
        None => with_ffmpeg(ffmpeg, path),
    }
}

/// Whether this ffmpeg has a part of this kind (`decoder`, `demuxer`) and name.
pub(super) fn has(ffmpeg: &Path, kind: &str, name: &str) -> bool {
    let mut command = command::ffmpeg(ffmpeg);
    command.args(["-loglevel", "quiet", "-h"]).arg(format!("{kind}={name}"));
    command.stderr(Stdio::null());
    // Its help has a heading in capitals for a part that is there, else it is one line that says so.
    answer(&mut command).is_ok_and(|text| {
        let heading = if kind == "decoder" { &b"Decoder "[..] } else { &b"Demuxer "[..] };
        text.split(|&byte| byte == b'\n').any(|line| line.starts_with(heading))
    })
}

fn with_ffprobe(probe: &Path, path: &Path) -> Result<Description, Undescribed> {
    let mut command = command::ffprobe(probe);
    command.args(["-show_error", "-show_entries", ENTRIES, "-of", "json=c=1"]);
    command::input(&mut command, path).map_err(Undescribed::Unasked)?;
    command.stderr(Stdio::piped());
    let text = answer(&mut command).map_err(Undescribed::Unasked)?;
    read_json(&text)
}

fn with_ffmpeg(ffmpeg: &Path, path: &Path) -> Result<Description, Undescribed> {
    let mut command = command::ffmpeg(ffmpeg);
    command::input(&mut command, path).map_err(Undescribed::Unasked)?;
    command.args(["-map", "0:a?", "-map", "0:v?", "-c", "copy", "-frames", "1", "-t", "0"]);
    command.args(["-fflags", "+bitexact", "-f", "framehash", "pipe:1"]);
    command.stderr(Stdio::piped());
    let text = answer(&mut command).map_err(Undescribed::Unasked)?;
    read_framehash(&text)
}

/// All that a command writes to its standard output, up to a bound.
fn answer(command: &mut Command) -> Result<Vec<u8>, String> {
    let mut child = Running::spawn(command.stdout(Stdio::piped()))?;
    let log = child.errors().map(|errors| log::read_on_a_thread(errors, &[], "")).transpose()?;
    let mut text = Vec::new();
    if let Some(output) = child.output() {
        let read = output.take(ANSWER).read_to_end(&mut text);
        read.map_err(|error| format!("its answer cannot be read: {error}"))?;
    }
    // If there was more to read, it waits in vain for a reader.
    drop(child);
    if let Some(said) = log.and_then(|thread| thread.join().ok()) {
        said.told();
    }
    Ok(text)
}

#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    format_name: String,
    probe_score: Option<u32>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    #[serde(default)]
    codec_name: String,
    #[serde(default)]
    codec_type: String,
    sample_fmt: Option<String>,
    sample_rate: Option<String>,
    bits_per_raw_sample: Option<String>,
    time_base: Option<String>,
    duration_ts: Option<u64>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    default: u8,
}

fn read_json(text: &[u8]) -> Result<Description, Undescribed> {
    let probed: Probed = serde_json::from_slice(text).map_err(|_| Undescribed::Unreadable)?;
    let format = probed.format.ok_or(Undescribed::Unreadable)?;
    let demuxer = format.format_name.split(',').next().unwrap_or_default().to_owned();
    let (audio, others): (Vec<_>, Vec<_>) =
        probed.streams.into_iter().partition(|stream| stream.codec_type == "audio");
    let chosen = audio.iter().find(|stream| stream.disposition.default == 1).or(audio.first());
    let is_stated = STATED.contains(&&*demuxer);
    Ok(Description {
        track: chosen.map(|stream| stream.track(is_stated)),
        tracks: audio.len(),
        others: others.into_iter().map(|stream| stream.codec_name).collect(),
        score: format.probe_score,
        demuxer,
    })
}

impl Stream {
    fn track(&self, is_stated: bool) -> Track {
        let sample_rate: Option<u32> =
            self.sample_rate.as_deref().and_then(|rate| rate.parse().ok());
        let bits = self.bits_per_raw_sample.as_deref().and_then(|bits| bits.parse().ok());
        // Only a time base of one frame counts frames.
        let counts = sample_rate
            .is_some_and(|rate| self.time_base.as_deref() == Some(&*format!("1/{rate}")));
        Track {
            specifier: format!("0:{}", self.index),
            codec: self.codec_name.clone(),
            format: self.sample_fmt.as_deref().and_then(|name| sample_format(name, bits)),
            declared: self.duration_ts.filter(|_| is_stated && counts),
        }
    }
}

/// The sample format for one of ffmpeg's; 24 and 20 bits stand in the upper bits of 32 there.
fn sample_format(name: &str, bits: Option<u32>) -> Option<SampleFormat> {
    Some(match name.strip_suffix('p').unwrap_or(name) {
        "u8" => SampleFormat::U8,
        "s16" => SampleFormat::S16,
        "s32" if matches!(bits, Some(17..=24)) => SampleFormat::S24,
        "s32" => SampleFormat::S32,
        "flt" => SampleFormat::F32,
        "s64" | "dbl" => SampleFormat::F64,
        _ => return None,
    })
}

fn read_framehash(text: &[u8]) -> Result<Description, Undescribed> {
    let text = String::from_utf8_lossy(text);
    let mut streams: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        // `#codec_id 0: ac3`; the header ends with the first line of another kind.
        let Some(line) = line.strip_prefix('#') else { break };
        let Some(((name, index), value)) =
            line.split_once(": ").and_then(|(key, value)| Some((key.split_once(' ')?, value)))
        else {
            continue;
        };
        let Some(index) = index.parse::<usize>().ok().filter(|&index| index < 1024) else {
            continue;
        };
        if streams.len() <= index {
            streams.resize(index + 1, Default::default());
        }
        match name {
            "media_type" => value.clone_into(&mut streams[index].0),
            "codec_id" => value.clone_into(&mut streams[index].1),
            _ => {}
        }
    }
    if streams.is_empty() {
        return Err(Undescribed::Unreadable);
    }
    let (audio, others): (Vec<_>, Vec<_>) =
        streams.into_iter().partition(|(kind, _)| kind == "audio");
    let track = audio.first().map(|(_, codec)| Track {
        specifier: "0:a:0".to_owned(),
        codec: codec.clone(),
        format: Some(format_of_codec(codec)),
        declared: None,
    });
    let others = others.into_iter().map(|(_, codec)| codec).collect();
    Ok(Description { demuxer: String::new(), score: None, track, tracks: audio.len(), others })
}

/// A sample format that holds what a codec decodes to.
fn format_of_codec(codec: &str) -> SampleFormat {
    match codec {
        _ if LOSSLESS.contains(&codec) => SampleFormat::F64,
        "pcm_u8" | "pcm_s8" | "pcm_s8_planar" => SampleFormat::U8,
        "pcm_alaw" | "pcm_mulaw" => SampleFormat::S16,
        _ if codec.starts_with("adpcm_") || codec.starts_with("pcm_s16") => SampleFormat::S16,
        _ if codec.starts_with("pcm_s24") || codec.starts_with("pcm_u24") => SampleFormat::S24,
        _ if codec.starts_with("pcm_s32") || codec.starts_with("pcm_u32") => SampleFormat::S32,
        _ if codec.starts_with("pcm_f64") => SampleFormat::F64,
        _ => SampleFormat::F32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(streams: &str) -> Description {
        let text = format!(
            r#"{{"programs":[],"streams":[{streams}],
                "format":{{"format_name":"matroska,webm","probe_score":100}}}}"#
        );
        read_json(text.as_bytes()).expect("a description")
    }

    #[track_caller]
    fn check(stream: &str, expected: Option<SampleFormat>) {
        let stream = format!(r#"{{"index":3,"codec_type":"audio","codec_name":"x",{stream}}}"#);
        let track = json(&stream).track.expect("a track");
        assert_eq!((track.format, &*track.specifier), (expected, "0:3"), "{stream}");
    }

    #[test]
    fn sample_format_of_the_stream_is_kept() {
        check(r#""sample_fmt":"fltp","sample_rate":"48000""#, Some(SampleFormat::F32));
        check(r#""sample_fmt":"s16p""#, Some(SampleFormat::S16));
        check(r#""sample_fmt":"s32p","bits_per_raw_sample":"24""#, Some(SampleFormat::S24));
        check(r#""sample_fmt":"s32","bits_per_raw_sample":"20""#, Some(SampleFormat::S24));
        check(r#""sample_fmt":"s32","bits_per_raw_sample":"32""#, Some(SampleFormat::S32));
        check(r#""sample_fmt":"s32p""#, Some(SampleFormat::S32));
        check(r#""sample_fmt":"u8""#, Some(SampleFormat::U8));
        check(r#""sample_fmt":"s64""#, Some(SampleFormat::F64));
        check(r#""sample_rate":"44100""#, None);
    }

    #[test]
    fn default_track_is_chosen_and_all_audio_tracks_are_counted() {
        let audio = |index: u32, default: u8| {
            format!(
                r#"{{"index":{index},"codec_name":"ac3","codec_type":"audio","sample_fmt":"fltp",
                    "disposition":{{"default":{default}}}}}"#
            )
        };
        let video =
            r#"{"index":0,"codec_name":"h264","codec_type":"video","disposition":{"default":1}}"#;
        let found = json(&[video.to_owned(), audio(1, 0), audio(2, 0), audio(3, 1)].join(","));
        assert_eq!(found.track.as_ref().map(|track| &*track.specifier), Some("0:3"));
        assert_eq!((found.tracks, found.others.as_slice()), (3, &["h264".to_owned()][..]));
        assert_eq!((&*found.demuxer, found.score), ("matroska", Some(100)));
        let found = json(&[audio(1, 0), audio(2, 0)].join(","));
        assert_eq!(found.track.map(|track| track.specifier).as_deref(), Some("0:1"));
        assert_eq!(json(video).track, None);
    }

    #[test]
    fn only_a_stated_number_of_frames_is_declared() {
        let with = |demuxer: &str, base: &str| {
            let text = format!(
                r#"{{"streams":[{{"index":0,"codec_name":"x","codec_type":"audio","sample_fmt":"s16",
                    "sample_rate":"48000","time_base":"{base}","duration_ts":96000}}],
                    "format":{{"format_name":"{demuxer}","probe_score":100}}}}"#
            );
            read_json(text.as_bytes()).expect("a description").track.expect("a track").declared
        };
        assert_eq!(with("wv", "1/48000"), Some(96_000));
        assert_eq!(with("ac3", "1/48000"), None);
        assert_eq!(with("wv", "1/90000"), None);
    }

    #[test]
    fn an_error_or_an_answer_that_is_cut_is_no_description() {
        let error = br#"{"error":{"code":-1094995529,"string":"Invalid data found"}}"#;
        assert_eq!(read_json(error), Err(Undescribed::Unreadable));
        assert_eq!(read_json(br#"{"streams":[{"index":0,"#), Err(Undescribed::Unreadable));
        assert_eq!(read_json(b""), Err(Undescribed::Unreadable));
    }

    #[test]
    fn header_of_framehash_names_streams_and_codecs() {
        let text =
            b"#format: frame checksums\n#version: 2\n#hash: SHA256\n#extradata 1: 46, 0a1b\n\
            #media_type 0: audio\n#codec_id 0: wavpack\n#sample_rate 0: 48000\n\
            #channel_layout_name 0: stereo\n#media_type 1: video\n#codec_id 1: h264\n\
            #stream#, dts, pts, duration, size, hash\n0, 0, 0, 1, 2, ff\n#codec_id 0: pcm_u8\n";
        let found = read_framehash(text).expect("a description");
        let track = found.track.expect("a track");
        assert_eq!(track.codec, "wavpack");
        assert_eq!((track.format, &*track.specifier), (Some(SampleFormat::F64), "0:a:0"));
        assert_eq!((found.tracks, found.others), (1, vec!["h264".to_owned()]));
        assert_eq!(read_framehash(b""), Err(Undescribed::Unreadable));
    }
}
