//! Installed: whether there are an ffmpeg and an ffprobe, and which.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::command::{Running, probe_program, program};

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of its answer that are read.
const ANSWER: u64 = 4096;

/// A program, and its version or why it is of no use.
pub type Installed = (PathBuf, Result<String, String>);

/// The ffmpeg program that would be used, and its version or why it is of no use.
pub fn installed_ffmpeg() -> Option<Installed> {
    Some(examined(program()?))
}

/// The ffprobe program beside it, likewise.
pub fn installed_ffprobe() -> Option<Installed> {
    Some(examined(probe_program(&program()?)?))
}

fn examined(program: PathBuf) -> Installed {
    let mut command = Command::new(&program);
    command.arg("-version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let version = Running::spawn(&mut command).and_then(version);
    let named = |reason| format!("{}: {reason}", program.display());
    let version = version.map_err(named);
    (program, version)
}

/// What it answers within the time that it has; it is ended in any case.
fn version(mut running: Running) -> Result<String, String> {
    let output = running.output().ok_or("its answer cannot be read")?;
    let (sender, answer) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(ANSWER).read_to_end(&mut text);
        // The receiver is gone only if the time is up.
        drop(sender.send(read.map(|_| text)));
    });
    let text = answer.recv_timeout(PATIENCE);
    drop(running);
    let text = text.map_err(|_| "it does not tell its version")?.map_err(|e| e.to_string())?;
    drop(reader.join());
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("ffmpeg version ")
        .or_else(|| line.strip_prefix("ffprobe version "))
        .and_then(|rest| rest.split(' ').next())
        .map(|version| format!("version {version}"))
        .ok_or_else(|| "it does not answer as ffmpeg does".to_owned())
}
