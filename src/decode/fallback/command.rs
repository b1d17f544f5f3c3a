//! Command: where ffmpeg and ffprobe are, and how they are started.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use procpool::lifeline;

/// Bytes, and microseconds of audio, that are read until the streams of a file are known: more than
/// ffmpeg's defaults, since a recorded transport stream may begin with seconds of video alone.
const PROBE: [&str; 4] = ["-probesize", "20000000", "-analyzeduration", "20000000"];

/// Variables by which a user has ffmpeg write files or colours; nothing else may change its answer.
const UNWANTED: [&str; 3] = ["FFREPORT", "AV_LOG_FORCE_COLOR", "AV_LOG_FORCE_256COLOR"];

/// The ffmpeg program, if there is one.
pub(in crate::decode) fn program() -> Option<PathBuf> {
    if !cfg!(feature = "ffmpeg") {
        return None;
    }
    let Some(named) = env::var_os("AUDIOPOOL_FFMPEG") else {
        return in_path(OsStr::new(&format!("ffmpeg{}", env::consts::EXE_SUFFIX)));
    };
    if named.is_empty() {
        return None;
    }
    let named = PathBuf::from(named);
    // A bare name is looked up, as a shell does it.
    let is_bare = named.parent().is_some_and(|folder| folder.as_os_str().is_empty());
    let found = if is_bare && !named.exists() { in_path(named.as_os_str()) } else { None };
    Some(found.unwrap_or(named))
}

fn in_path(name: &OsStr) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The ffprobe program that belongs to an ffmpeg program: beside it, or beside what it links to.
pub(in crate::decode) fn probe_program(ffmpeg: &Path) -> Option<PathBuf> {
    let beside = |program: &Path| {
        let name = program.file_name()?.to_str()?;
        let name = name.contains("ffmpeg").then(|| name.replacen("ffmpeg", "ffprobe", 1))?;
        Some(program.with_file_name(name)).filter(|probe| probe.is_file())
    };
    beside(ffmpeg).or_else(|| beside(&ffmpeg.canonicalize().ok()?))
}

/// Every program that the decoding of a file may start.
pub(in crate::decode) fn needed() -> Vec<PathBuf> {
    let Some(ffmpeg) = program() else { return Vec::new() };
    let probe = probe_program(&ffmpeg);
    std::iter::once(ffmpeg).chain(probe).collect()
}

/// What every call of either program has before its input.
const QUIET: [&str; 3] = ["-hide_banner", "-loglevel", "level+warning"];

/// The ffmpeg program, to be given options of the input.
pub(super) fn ffmpeg(program: &Path) -> Command {
    let mut command = command(program);
    command.args(["-nostdin", "-nostats"]).args(QUIET);
    command
}

/// The ffprobe program, likewise.
pub(super) fn ffprobe(program: &Path) -> Command {
    let mut command = command(program);
    command.args(QUIET);
    command
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    let mut is_child = false;
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AUDIOPOOL_CHILD") {
            is_child = true;
            command.env_remove(name);
        }
    }
    for name in UNWANTED {
        command.env_remove(name);
    }
    // A decoder is killed with its group, and ffmpeg is to be in it; if there is no supervisor left
    // to kill the group, the kernel does: the thread that decodes waits for the end of ffmpeg. In any
    // other process the group may be the terminal's: a Ctrl-C meant for this program would end
    // ffmpeg in the middle of the audio.
    if is_child {
        lifeline::extend(&mut command);
    } else {
        set_apart(&mut command);
    }
    command.stdin(Stdio::null());
    command
}

/// The file as the input, whatever its name; no protocol but `file` is allowed.
pub(super) fn input(command: &mut Command, path: &Path) -> Result<(), String> {
    let absolute = std::path::absolute(path).map_err(|error| format!("no such path: {error}"))?;
    let mut input = OsString::from("file:");
    input.push(absolute);
    command.args(PROBE).args(["-protocol_whitelist", "file", "-i"]).arg(input);
    Ok(())
}

/// Has it run in a group of its own.
#[cfg(unix)]
fn set_apart(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Has it run on a console of its own, which is not shown.
#[cfg(windows)]
fn set_apart(command: &mut Command) {
    let flags = procpool::windows::NO_WINDOW;
    std::os::windows::process::CommandExt::creation_flags(command, flags);
}

/// A child that is killed and reaped when it is no longer wanted.
#[derive(Debug)]
pub(in crate::decode) struct Running(Child);

impl Running {
    pub(in crate::decode) fn spawn(command: &mut Command) -> Result<Self, String> {
        let program = command.get_program().to_owned();
        command
            .spawn()
            .map(Self)
            .map_err(|error| format!("{} cannot be started: {error}", program.to_string_lossy()))
    }

    /// What it writes to its standard output, once.
    pub(in crate::decode) fn output(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// What it writes to its standard error, once.
    pub(super) fn errors(&mut self) -> Option<ChildStderr> {
        self.0.stderr.take()
    }

    /// Waits until it ends by itself; its exit code, if it has one.
    pub(super) fn wait(&mut self) -> Option<i32> {
        self.0.wait().ok().and_then(|status| status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and was waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn ffprobe_is_looked_for_beside_ffmpeg_under_the_matching_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "").expect("a file");
            path
        };
        let [plain, windows, seven] = ["ffmpeg", "ffmpeg.exe", "ffmpeg-7"].map(file);
        assert_eq!(probe_program(&plain), None);
        for name in ["ffprobe", "ffprobe.exe", "ffprobe-7"] {
            file(name);
        }
        let name = |ffmpeg: &Path| {
            let found = probe_program(ffmpeg)?;
            found.file_name().and_then(OsStr::to_str).map(str::to_owned)
        };
        assert_eq!(name(&plain).as_deref(), Some("ffprobe"));
        assert_eq!(name(&windows).as_deref(), Some("ffprobe.exe"));
        assert_eq!(name(&seven).as_deref(), Some("ffprobe-7"));
        assert_eq!(name(&file("decoder")), None);
    }
}
