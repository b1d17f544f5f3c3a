//! Log: what ffmpeg prints for people while it decodes. It goes to our log; of it, a record depends
//! only on whether there were errors.

use std::io::Read;
use std::thread::JoinHandle;

use tracing::info;

/// Bytes of a line that are kept.
const KEPT: usize = 512;
/// Lines of one file that are logged.
const LOGGED: usize = 20;
/// How ffmpeg's filters refuse a frame of another format, rate or layout than the first.
const CHANGED: &str = "Changing audio frame properties on the fly is not supported";

/// What was in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// There were errors that may concern the audio.
    pub(super) errors: bool,
    /// The audio changes its format on the way.
    pub(super) changed: bool,
    /// The first lines.
    lines: Vec<String>,
}

impl Said {
    /// Puts the lines into the log of the calling thread, which knows whose file it is.
    pub(super) fn told(self) -> Self {
        for line in &self.lines {
            info!("ffmpeg: {line}");
        }
        self
    }
}

/// Does [`read`] on a thread, so that a full pipe does not stop ffmpeg.
pub(super) fn read_on_a_thread(
    pipe: impl Read + Send + 'static,
    others: &[String],
    track: &str,
) -> Result<JoinHandle<Said>, String> {
    let (others, track) = (others.to_vec(), track.to_owned());
    std::thread::Builder::new()
        .name("ffmpeg-log".to_owned())
        .spawn(move || read(pipe, &others, &track))
        .map_err(|error| format!("no thread for what ffmpeg says: {error}"))
}

/// Reads to the end what ffmpeg prints. Errors of the decoders named in `others`, which are those of
/// other streams than `track` (`0:1`), do not count.
fn read(mut pipe: impl Read, others: &[String], track: &str) -> Said {
    let stream = track.strip_prefix("0:").map(|index| format!("(stream = {index},"));
    let mut log = Log { others, stream, said: Said::default() };
    let mut text = Vec::new();
    let mut block = [0; 4096];
    loop {
        let read = pipe.read(&mut block).unwrap_or(0);
        for &byte in &block[..read] {
            if byte == b'\n' || byte == b'\r' {
                log.line(&text);
                text.clear();
            } else if text.len() < KEPT {
                text.push(byte);
            }
        }
        if read == 0 {
            log.line(&text);
            return log.said;
        }
    }
}

struct Log<'a> {
    others: &'a [String],
    /// How a demuxer names the stream.
    stream: Option<String>,
    said: Said,
}

impl Log<'_> {
    fn line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if self.said.lines.len() < LOGGED {
            self.said.lines.push(line.to_owned());
        }
        let is_error = ["[error]", "[fatal]", "[panic]"].iter().any(|level| line.contains(level));
        self.said.errors |= is_error && !self.others.iter().any(|name| is_of(line, name));
        // A demuxer warns of a packet that it leaves out, which is no error of ffmpeg's.
        self.said.errors |= line.contains("[warning] Packet corrupt")
            && self.stream.as_deref().is_some_and(|stream| line.contains(stream));
        self.said.changed |= line.starts_with("[graph_") && line.contains(CHANGED);
    }
}

/// Whether a line is of the part of ffmpeg that has this name: `[h264 @ 0x55] [error] …`.
fn is_of(line: &str, name: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|rest| rest.strip_prefix(name))
        .is_some_and(|rest| rest.starts_with(" @"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_audio_are_noticed_and_those_of_other_streams_are_not() {
        let others = ["h264".to_owned()];
        let said = |text: &str| read(text.as_bytes(), &others, "0:1");
        assert!(said("[ac3 @ 0x1] [error] frame CRC mismatch\n").errors);
        assert!(said("[warning] hello\r[error] late").errors);
        assert!(!said("[h264 @ 0x1] [error] non-existing PPS 0 referenced\n\n").errors);
        assert!(
            said("[mpegts @ 0x1] [warning] Packet corrupt (stream = 1, dts = 2), dropping it.")
                .errors
        );
        assert!(!said("[mpegts @ 0x1] [warning] Packet corrupt (stream = 0, dts = 2).").errors);
        assert!(!said("[ac3 @ 0x1] [warning] Estimating duration\n").errors);
        assert_eq!(said(""), Said::default());
        assert_eq!(said(" a \n\rb").lines, ["a", "b"]);
        assert_eq!(said(&"line\n".repeat(1000)).lines.len(), LOGGED);
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let endless = std::io::repeat(b'x').take(50_000_000);
        let said = read(endless, &[], "0:0");
        assert_eq!((said.errors, said.lines), (false, vec!["x".repeat(KEPT)]));
    }

    #[test]
    fn a_change_of_format_is_told_apart() {
        let line =
            format!("[graph_0_in_0_0 @ 0x1] [error] {CHANGED}.\n[error] Error while filtering\n");
        let said = read(line.as_bytes(), &[], "0:0");
        assert!(said.errors && said.changed);
    }
}
