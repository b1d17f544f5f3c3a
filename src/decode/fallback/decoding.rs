//! Decoding: audio from a running ffmpeg, as a WAV file of unknown length in a pipe.

use std::io::Read;
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use std::thread::JoinHandle;

use audiopool_worker::pcm::{ChannelLayout, PcmFormat, SampleFormat};

use super::command::{self, Running};
use super::log::{self, Said};
use super::options;
use super::probe::Track;
use crate::decode::accounting::findings::Findings;
use crate::decode::engine::Audio;
use crate::record::WarningKind;

/// Bytes read from the pipe at a time.
const BLOCK: usize = 256 * 1024;
/// Bytes that the header of its output may have.
const MAX_HEADER: usize = 4096;
/// With `-max_error_rate 0`, the exit code after an error in a decoder that went on.
const ERRORS: i32 = 69;

/// How ffmpeg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the end of the audio; perhaps with errors on the way.
    Whole { errors: bool },
    /// Where the format of the audio changes.
    Changed,
    /// Before the end of the audio.
    Broken,
}

/// Audio from a running ffmpeg.
#[derive(Debug)]
pub(super) struct Decoding {
    pcm: PcmFormat,
    child: Running,
    output: Option<ChildStdout>,
    log: Option<JoinHandle<Said>>,
    /// The beginning, which was read to know that there is one.
    ahead: Vec<u8>,
    declared: Option<u64>,
}

/// What came of starting.
pub(super) enum Started {
    /// There is audio, or none in a file that is whole.
    Audio(Decoding),
    /// There is none; whether ffmpeg failed, and did not merely find nothing.
    Nothing { failed: bool },
}

impl Decoding {
    /// Begins to decode a track, and waits for its first samples.
    pub(super) fn start(
        program: &Path,
        path: &Path,
        track: &Track,
        others: &[String],
    ) -> Result<Started, String> {
        let chosen = options::of_codec(&track.codec);
        let started = Self::start_with(program, path, track, others, chosen)?;
        // An ffmpeg whose decoder does not know an option ends before the first sample.
        match started {
            Started::Nothing { failed: true } if !chosen.is_empty() => {
                Self::start_with(program, path, track, others, &[])
            }
            started => Ok(started),
        }
    }

    fn start_with(
        program: &Path,
        path: &Path,
        track: &Track,
        others: &[String],
        chosen: &[&str],
    ) -> Result<Started, String> {
        let stated = track.format.filter(|_| !options::is_float(&track.codec));
        let format = stated.unwrap_or(SampleFormat::F32);
        let codec = match format {
            SampleFormat::U8 => "pcm_u8",
            SampleFormat::S16 => "pcm_s16le",
            SampleFormat::S24 => "pcm_s24le",
            SampleFormat::S32 => "pcm_s32le",
            SampleFormat::F32 => "pcm_f32le",
            SampleFormat::F64 => "pcm_f64le",
        };
        let mut command = command::ffmpeg(program);
        // Decoding goes on behind an error, and the exit code says that there was one.
        command.args(["-max_error_rate", "0"]).args(options::ALWAYS).args(chosen);
        // Audio of another rate or layout ends it, and is not converted to that of the first frame.
        command.args(["-reinit_filter", "0"]);
        command::input(&mut command, path)?;
        command
            .args(["-map", &track.specifier, "-vn", "-sn", "-dn", "-map_metadata", "-1"])
            .args(["-fflags", "+bitexact", "-flags:a", "+bitexact"])
            .args(["-c:a", codec, "-f", "wav", "pipe:1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Running::spawn(&mut command)?;
        let (Some(mut output), Some(errors)) = (child.output(), child.errors()) else {
            return Err("ffmpeg was started without pipes".to_owned());
        };
        let log = log::read_on_a_thread(errors, others, &track.specifier)?;
        let pcm = read_header(&mut output, format);
        let is_lossy = is_lossy(&track.codec, format);
        let mut decoding = Self {
            pcm: PcmFormat { lossy: is_lossy, ..pcm.unwrap_or(PcmFormat::new(format, 0, 1)) },
            child,
            output: Some(output),
            log: Some(log),
            ahead: Vec::new(),
            declared: track.declared,
        };
        if pcm.is_some() && decoding.fill_ahead() {
            return Ok(Started::Audio(decoding));
        }
        let end = decoding.end();
        // PCM without a sample, or a header that states none, is a recording of nothing.
        let may_be_empty = track.declared == Some(0) || track.codec.starts_with("pcm_");
        Ok(if pcm.is_some() && may_be_empty && end == (End::Whole { errors: false }) {
            Started::Audio(decoding)
        } else {
            Started::Nothing { failed: end == End::Broken }
        })
    }

    /// What the samples mean.
    pub(super) fn pcm(&self) -> PcmFormat {
        self.pcm
    }

    /// Reads the first frame; whether there is one.
    fn fill_ahead(&mut self) -> bool {
        let Some(output) = &mut self.output else { return false };
        let width = self.pcm.frame_width();
        // What cannot be read is missing, and how ffmpeg ended says so.
        drop(output.take(width as u64).read_to_end(&mut self.ahead));
        self.ahead.len() == width
    }

    /// Waits until it has ended by itself.
    fn end(&mut self) -> End {
        drop(self.output.take());
        let said = self.log.take().and_then(|thread| thread.join().ok()).unwrap_or_default().told();
        match self.child.wait() {
            _ if said.changed => End::Changed,
            Some(0) => End::Whole { errors: said.errors },
            Some(ERRORS) => End::Whole { errors: true },
            _ => End::Broken,
        }
    }
}

/// Whether float samples are a lossy codec's, and not stored as such.
fn is_lossy(codec: &str, format: SampleFormat) -> bool {
    let kept = ["pcm_", "dsd_", "wavpack", "dst"];
    format == SampleFormat::F32 && !kept.iter().any(|name| codec.starts_with(name))
}

/// Reads the header of a WAV file from a pipe, up to its audio and no further: rate, channels and
/// layout. The samples are those that were asked for. Nothing, if there is no such header.
fn read_header(output: &mut impl Read, format: SampleFormat) -> Option<PcmFormat> {
    let mut riff = [0; 12];
    output.read_exact(&mut riff).ok()?;
    let mut pcm = None;
    let mut left = MAX_HEADER;
    while riff.starts_with(b"RIFF") {
        let mut head = [0; 8];
        output.read_exact(&mut head).ok()?;
        let [a, b, c, d, size @ ..] = head;
        if [a, b, c, d] == *b"data" {
            return pcm;
        }
        let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
        left = left.checked_sub(size)?;
        let mut body = vec![0; size + size % 2];
        output.read_exact(&mut body).ok()?;
        if [a, b, c, d] == *b"fmt " {
            pcm = Some(read_format(&body, format)?);
        }
    }
    None
}

/// What a `fmt ` chunk says: `WAVEFORMATEX`, or `WAVEFORMATEXTENSIBLE` with a mask of loudspeakers.
fn read_format(body: &[u8], format: SampleFormat) -> Option<PcmFormat> {
    let (&[t0, t1, c0, c1, r0, r1, r2, r3], _) = body.split_first_chunk()?;
    let channels = u16::from_le_bytes([c0, c1]);
    let pcm = PcmFormat::new(format, u32::from_le_bytes([r0, r1, r2, r3]), channels);
    let is_extensible = u16::from_le_bytes([t0, t1]) == 0xfffe;
    let mask = body.get(20..24).and_then(<[u8]>::first_chunk).filter(|_| is_extensible);
    let mask = mask.map_or(0, |&mask| u32::from_le_bytes(mask));
    Some(PcmFormat { layout: ChannelLayout::from_mask(mask, channels), ..pcm })
        .filter(|pcm| pcm.channels > 0)
}

impl Audio for Decoding {
    fn read(&mut self, bytes: &mut Vec<u8>, frame: u64, findings: &mut Findings) -> bool {
        bytes.append(&mut self.ahead);
        let Some(output) = &mut self.output else { return false };
        let width = self.pcm.frame_width();
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
        findings.leave_errors_uncounted();
        // It has ended already where it delivered nothing.
        let end = if self.log.is_some() { self.end() } else { End::Whole { errors: false } };
        match end {
            End::Whole { errors: false } => {}
            End::Whole { errors: true } => {
                let message = "ffmpeg reported errors while it decoded";
                findings.note(WarningKind::DecodeErrors, None, None, message);
            }
            End::Changed => {
                let message = "the sample rate, the channels or the sample format change; what \
                               follows was not analysed";
                findings.note(WarningKind::FormatChange, Some(frames), None, message);
            }
            End::Broken => {
                let message = "ffmpeg stopped before the end of the audio";
                findings.note(WarningKind::Truncated, Some(frames), None, message);
            }
        }
        let Some(declared) = self.declared.filter(|&declared| declared != frames) else { return };
        let is_short = frames < declared && matches!(end, End::Whole { errors: false });
        let kind = if is_short { WarningKind::Truncated } else { WarningKind::LengthMismatch };
        let message = format!("the file states {declared} frames, {frames} were decoded");
        findings.note(kind, Some(frames), None, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_samples_are_lossy_unless_they_are_stored_as_such() {
        assert!(is_lossy("ac3", SampleFormat::F32));
        assert!(is_lossy("wmav2", SampleFormat::F32));
        assert!(!is_lossy("wavpack", SampleFormat::F32));
        assert!(!is_lossy("pcm_f32be", SampleFormat::F32));
        assert!(!is_lossy("tta", SampleFormat::S24));
    }

    #[test]
    fn output_that_is_no_wav_file_has_no_header() {
        let read = |mut bytes: &[u8]| read_header(&mut bytes, SampleFormat::S16);
        assert_eq!(read(b"it is no audio"), None);
        assert_eq!(read(b""), None);
        assert_eq!(read(b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff"), None);
        assert_eq!(read_header(&mut std::io::repeat(b'R'), SampleFormat::S16), None);
    }

    #[test]
    fn header_states_rate_channels_and_loudspeakers() {
        let mut fmt = [0; 40];
        fmt[..8].copy_from_slice(&[0xfe, 0xff, 4, 0, 0x80, 0xbb, 0, 0]);
        fmt[20] = 0x0f;
        let header = [b"RIFF\xff\xff\xff\xffWAVEfmt \x28\0\0\0", &fmt[..], b"data\xff\xff\xff\xff"];
        let mut output = &[header.concat(), vec![1, 2, 3]].concat()[..];
        let pcm = read_header(&mut output, SampleFormat::S24).expect("a header");
        let expected = PcmFormat::new(SampleFormat::S24, 48_000, 4);
        assert_eq!(pcm, PcmFormat { layout: ChannelLayout::from_mask(0x0f, 4), ..expected });
        assert_eq!(output, [1, 2, 3], "it stands where the samples begin");
    }
}
