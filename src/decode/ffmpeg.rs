//! Ffmpeg: formats that this program does not decode, through an installed one that does.
//!
//! A child process reads the file and writes PCM to a pipe. It is asked twice: what the first
//! audio stream is, so that its own sample format can be kept, then for the audio. It gets no
//! terminal, may open nothing but files, and cannot mistake the path for an option or a protocol.
//!
//! `AUDIOPOOL_FFMPEG` names the program; empty, there is none. Otherwise it is looked up in
//! `PATH`.

use std::env;
use std::ffi::OsString;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use audiopool_worker::lifeline;
use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use super::Audio;
use super::container::riff;
use super::container::samples::Header;
use super::findings::Findings;
use crate::record::WarningKind;

/// Bytes read from the pipe at a time.
const BLOCK: usize = 256 * 1024;
/// Bytes of what ffmpeg says that are kept, from the end.
const KEPT: usize = 2048;
/// Bytes of its description of a file that are read.
const DESCRIPTION: u64 = 256 * 1024;
/// Bytes that the header of its output may have.
const MAX_HEADER: usize = 4096;

/// The program, if there is one.
pub(super) fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("AUDIOPOOL_FFMPEG") {
        return (!named.is_empty()).then(|| named.into());
    }
    let name = format!("ffmpeg{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
}

/// What ffmpeg says of the first audio stream of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) codec: String,
    pub(super) sample_rate: u32,
    format: SampleFormat,
}

impl Description {
    /// Finds it in what ffmpeg prints about a file.
    fn read(text: &str) -> Option<Self> {
        let (_, stream) = text
            .lines()
            .filter(|line| line.contains("Stream #0:"))
            .find_map(|line| line.split_once(": Audio: "))?;
        let mut fields = stream.split(", ");
        let codec = fields.next()?.split(' ').next()?.to_owned();
        let mut sample_rate = None;
        let mut format = None;
        for field in fields {
            if let Some(hertz) = field.strip_suffix(" Hz") {
                sample_rate = hertz.parse().ok();
            }
            let is_24 = field.contains("(24 bit)") || field.contains("(20 bit)");
            format = format.or(match field.split(' ').next()? {
                "u8" | "u8p" => Some(SampleFormat::U8),
                "s16" | "s16p" => Some(SampleFormat::S16),
                "s32" | "s32p" if is_24 => Some(SampleFormat::S24),
                "s32" | "s32p" | "s64" | "s64p" => Some(SampleFormat::S32),
                "flt" | "fltp" => Some(SampleFormat::F32),
                "dbl" | "dblp" => Some(SampleFormat::F64),
                _ => None,
            });
        }
        Some(Self { codec, sample_rate: sample_rate?, format: format? })
    }

    /// Whether float samples are a lossy codec's, and not stored as such.
    fn is_lossy(&self) -> bool {
        let kept = ["pcm_", "dsd_", "wavpack", "dst"];
        self.format == SampleFormat::F32 && !kept.iter().any(|name| self.codec.starts_with(name))
    }
}

/// Asks what is in a file. The error is what ffmpeg says is wrong.
pub(super) fn describe(program: &Path, path: &Path) -> Result<Description, String> {
    let mut command = command(program, path)?;
    let mut child = Running::spawn(command.stdout(Stdio::null()))?;
    let mut text = Vec::new();
    if let Some(errors) = child.0.stderr.take() {
        // What cannot be read is missing from the text, and that is an error below.
        drop(errors.take(DESCRIPTION).read_to_end(&mut text));
    }
    let text = String::from_utf8_lossy(&text);
    Description::read(&text).ok_or_else(|| {
        let last = text.lines().rfind(|line| !line.contains("output file must be specified"));
        let last = last.map(|line| line.trim_start_matches("[error] "));
        let said = last.map_or("it says nothing", |line| without_path(line, path));
        format!("ffmpeg finds no audio in it: {said}")
    })
}

/// Begins to decode the stream that was described.
pub(super) fn decode(
    program: &Path,
    path: &Path,
    description: &Description,
) -> Result<(PcmFormat, Decoding), String> {
    let codec = match description.format {
        SampleFormat::U8 => "pcm_u8",
        SampleFormat::S16 => "pcm_s16le",
        SampleFormat::S24 => "pcm_s24le",
        SampleFormat::S32 => "pcm_s32le",
        SampleFormat::F32 => "pcm_f32le",
        SampleFormat::F64 => "pcm_f64le",
    };
    let mut command = command(program, path)?;
    command
        .args(["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1"])
        .args(["-fflags", "+bitexact", "-flags:a", "+bitexact"])
        .args(["-c:a", codec, "-f", "wav", "pipe:1"])
        .stdout(Stdio::piped());
    let mut child = Running::spawn(&mut command)?;
    let (Some(mut output), Some(errors)) = (child.0.stdout.take(), child.0.stderr.take()) else {
        return Err("ffmpeg was started without pipes".to_owned());
    };
    let errors = std::thread::Builder::new()
        .name("ffmpeg-errors".to_owned())
        .spawn(move || tail_of(errors))
        .map_err(|error| format!("no thread for what ffmpeg says: {error}"))?;
    let path = path.to_owned();
    let mut decoding = Decoding { pcm: None, child, output: None, errors: Some(errors), path };
    match read_header(&mut output) {
        Ok(pcm) => {
            let pcm = PcmFormat { lossy: description.is_lossy(), ..pcm };
            decoding.pcm = Some(pcm);
            decoding.output = Some(output);
            Ok((pcm, decoding))
        }
        Err(error) => {
            drop(output);
            let (_, said) = decoding.end();
            Err(format!("ffmpeg cannot decode it: {}", said.last.unwrap_or(error)))
        }
    }
}

/// The options that both questions share, with the file as input.
fn command(program: &Path, path: &Path) -> Result<Command, String> {
    let absolute = std::path::absolute(path).map_err(|error| format!("no such path: {error}"))?;
    let mut input = OsString::from("file:");
    input.push(absolute);
    let mut command = Command::new(program);
    command
        .args(["-nostdin", "-hide_banner", "-loglevel", "level+info", "-nostats"])
        .args(["-protocol_whitelist", "file", "-i"])
        .arg(input)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut is_child = false;
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_CHILD") {
            is_child = true;
            command.env_remove(name);
        }
    }
    // A decoder is killed with its group, and ffmpeg is to be in it; if nobody is left to kill the
    // group, the kernel does: the thread that decodes waits for the end of ffmpeg. In any other
    // process the group may be the terminal's: a Ctrl-C meant for us would end ffmpeg in the middle
    // of the audio.
    if is_child {
        lifeline::extend(&mut command);
    } else {
        set_apart(&mut command);
    }
    Ok(command)
}

/// Has it run in a group of its own.
#[cfg(unix)]
fn set_apart(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Has it run on a console of its own, that nobody sees.
#[cfg(windows)]
fn set_apart(command: &mut Command) {
    let flags = audiopool_worker::windows::NO_WINDOW;
    std::os::windows::process::CommandExt::creation_flags(command, flags);
}

/// Reads the header of a WAV file from a pipe, up to its audio and no further.
fn read_header(output: &mut impl Read) -> Result<PcmFormat, String> {
    let broken = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "no audio came out".to_owned(),
        _ => format!("its output cannot be read: {error}"),
    };
    let mut header = vec![0; 12];
    output.read_exact(&mut header).map_err(broken)?;
    while header.len() < MAX_HEADER {
        let at = header.len();
        header.resize(at + 8, 0);
        output.read_exact(&mut header[at..]).map_err(broken)?;
        let size = header.last_chunk().map_or(0, |&size| u32::from_le_bytes(size));
        if &header[at..at + 4] == b"data" {
            let length = u64::MAX;
            let wav = riff::read(&mut Cursor::new(header), 0, length, &mut Findings::default());
            return match wav? {
                Header::Samples(samples) => Ok(samples.pcm()),
                Header::Other(codec) | Header::Unreliable(codec) => {
                    Err(format!("its output holds {codec}"))
                }
            };
        }
        let body = usize::try_from(size).unwrap_or(usize::MAX).min(MAX_HEADER);
        let at = header.len();
        header.resize(at + body + body % 2, 0);
        output.read_exact(&mut header[at..]).map_err(broken)?;
    }
    Err("its output has no end of header".to_owned())
}

/// A child that is killed and reaped when it is no longer wanted.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Running {
    pub(super) fn spawn(command: &mut Command) -> Result<Self, String> {
        let program = command.get_program().to_owned();
        command
            .spawn()
            .map(Self)
            .map_err(|error| format!("{} cannot be started: {error}", program.to_string_lossy()))
    }

    /// What it writes to its standard output, once.
    pub(super) fn output(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and was waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What ffmpeg said while it decoded.
#[derive(Debug, Default)]
struct Said {
    /// Lines that report an error.
    errors: u64,
    /// The first and the last of them.
    first: Option<String>,
    last: Option<String>,
}

/// Reads to the end what ffmpeg says, keeping its errors only.
fn tail_of(mut pipe: impl Read) -> Said {
    let mut said = Said::default();
    let mut text = Vec::new();
    let mut block = [0; 4096];
    loop {
        let read = pipe.read(&mut block).unwrap_or(0);
        text.extend_from_slice(&block[..read]);
        while let Some(end) = text.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
            said.note(&text[..end]);
            text.drain(..=end);
        }
        if read == 0 {
            said.note(&text);
            return said;
        }
        // A line without an end.
        let excess = text.len().saturating_sub(KEPT);
        text.drain(..excess);
    }
}

impl Said {
    fn note(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let Some((_, what)) =
            ["[error] ", "[fatal] "].iter().find_map(|level| line.split_once(level))
        else {
            return;
        };
        let what: String = what.trim().chars().take(KEPT).collect();
        self.errors += 1;
        if self.first.is_none() {
            self.first = Some(what.clone());
        }
        self.last = Some(what);
    }
}

/// What ffmpeg says of a file, without the path, which our caller prints.
fn without_path<'a>(line: &'a str, path: &Path) -> &'a str {
    let absolute = std::path::absolute(path).unwrap_or_default();
    let name = absolute.to_string_lossy();
    match line.split_once(&*name).filter(|_| !name.is_empty()) {
        Some((_, rest)) => rest.trim_start_matches([':', ' ', '\'']),
        None => line.trim(),
    }
}

/// Audio from a running ffmpeg.
#[derive(Debug)]
pub(super) struct Decoding {
    pcm: Option<PcmFormat>,
    child: Running,
    output: Option<ChildStdout>,
    errors: Option<JoinHandle<Said>>,
    path: PathBuf,
}

impl Decoding {
    /// Waits until it has ended by itself; whether it is content, and what it said.
    fn end(&mut self) -> (bool, Said) {
        drop(self.output.take());
        let said = self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        (self.child.0.wait().is_ok_and(|status| status.success()), said)
    }
}

impl Audio for Decoding {
    fn read(&mut self, bytes: &mut Vec<u8>, frame: u64, findings: &mut Findings) -> bool {
        let (Some(output), Some(pcm)) = (&mut self.output, self.pcm) else { return false };
        let width = pcm.frame_width();
        let wanted = (BLOCK - BLOCK % width).max(width) as u64;
        let from = bytes.len();
        if let Err(error) = output.take(wanted).read_to_end(bytes) {
            let message = format!("what ffmpeg decoded cannot be read any further: {error}");
            findings.note(WarningKind::Truncated, Some(frame), None, message);
        }
        let read = bytes.len() - from;
        bytes.truncate(bytes.len() - read % width);
        read as u64 == wanted
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        let (is_content, said) = self.end();
        findings.leave_errors_uncounted();
        let first = said.first.as_deref().map(|line| without_path(line, &self.path));
        if !is_content {
            let message = format!(
                "ffmpeg stopped before the end: {}",
                first.unwrap_or("it does not say why")
            );
            findings.note(WarningKind::Truncated, Some(frames), None, message);
        } else if let Some(first) = first {
            let message = format!("ffmpeg reports {} errors; the first: {first}", said.errors);
            findings.note(WarningKind::DecodeErrors, None, None, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, codec: &str, sample_rate: u32, format: SampleFormat, lossy: bool) {
        let text = format!("Input #0, x, from 'y':\n[info]   Duration: 1\n  Stream #0:1{line}\n");
        let found = Description::read(&text).expect("a description");
        assert_eq!(found, Description { codec: codec.to_owned(), sample_rate, format });
        assert_eq!(found.is_lossy(), lossy, "{codec}");
    }

    #[test]
    fn the_stream_s_own_format_is_kept() {
        use SampleFormat::{F32, S16, S24, S32, U8};

        check(": Audio: ac3, 48000 Hz, 5.1(side), fltp, 448 kb/s", "ac3", 48000, F32, true);
        check(
            "(und): Audio: aac (HE-AAC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp (default)",
            "aac",
            44100,
            F32,
            true,
        );
        check(
            "[0x1]: Audio: wavpack, 44100 Hz, mono, s16p, 600 kb/s",
            "wavpack",
            44100,
            S16,
            false,
        );
        check(": Audio: wavpack, 44100 Hz, mono, fltp", "wavpack", 44100, F32, false);
        check(
            ": Audio: ape (APE  / 0x20), 44100 Hz, stereo, s32p (24 bit)",
            "ape",
            44100,
            S24,
            false,
        );
        check(": Audio: tak, 96000 Hz, 2 channels, s32p", "tak", 96000, S32, false);
        check(": Audio: pcm_u8, 8000 Hz, 1 channels, u8, 64 kb/s", "pcm_u8", 8000, U8, false);
    }

    #[test]
    fn no_audio_is_no_description() {
        assert_eq!(Description::read("  Stream #0:0: Video: h264, yuv420p, 640x480, 25 fps"), None);
        assert_eq!(Description::read("x.bin: Invalid data found when processing input"), None);
    }

    #[test]
    fn the_first_error_is_kept_and_lines_are_counted() {
        let said =
            tail_of("[info] hello\n[ac3 @ 0x1] [error] frame sync error\r[error] late".as_bytes());
        assert_eq!(said.errors, 2);
        assert_eq!(said.first.as_deref(), Some("frame sync error"));
        assert_eq!(said.last.as_deref(), Some("late"));
    }

    #[test]
    fn the_path_is_not_said_twice() {
        let path = std::path::absolute("/music/a.wv").unwrap();
        let line = format!("file:{}: Invalid data found", path.display());
        assert_eq!(without_path(&line, &path), "Invalid data found");
        assert_eq!(without_path("no path here", &path), "no path here");
    }
}
