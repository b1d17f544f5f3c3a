//! Replay command: the command that repeats one task of one file, for the record of its failure.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use crate::settings::{
    AnalysisSettings, CHILD_MEMORY_MIB, MIN_SILENCE_MS, RunSettings, SILENCE_THRESHOLD_DB, TIMEOUT,
    WorkerProgram,
};

/// What the commands of one run have in common.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplayCommand {
    options: String,
}

impl ReplayCommand {
    /// Names every setting that is not as it is by itself.
    pub(super) fn new(run: &RunSettings, analysis: &AnalysisSettings) -> Self {
        let usual = AnalysisSettings::default();
        let mut options = String::new();
        let mut add = |name: &str, value: &OsStr| {
            write!(options, " --{name} {}", quoted(value)).expect("writing into a string");
        };
        if analysis.metrics.len() != usual.metrics.len() {
            let keys: Vec<_> = analysis.metrics.iter().map(|metric| metric.key).collect();
            add("metrics", keys.join(",").as_ref());
        }
        if analysis.silence_threshold_db.to_bits() != usual.silence_threshold_db.to_bits() {
            add(SILENCE_THRESHOLD_DB.name, analysis.silence_threshold_db.to_string().as_ref());
        }
        if analysis.min_silence_ms != usual.min_silence_ms {
            add(MIN_SILENCE_MS.name, analysis.min_silence_ms.to_string().as_ref());
        }
        if let Some(timeout) = run.timeout {
            add(TIMEOUT.name, timeout.as_secs_f64().to_string().as_ref());
        }
        let usual = RunSettings::default();
        if run.sandbox != usual.sandbox {
            add("sandbox", run.sandbox.name().as_ref());
        }
        if run.child_memory_mib != usual.child_memory_mib {
            add(CHILD_MEMORY_MIB.name, run.child_memory_mib.to_string().as_ref());
        }
        if let WorkerProgram::At(program) = &run.worker_program {
            add("worker-program", program.as_os_str());
        }
        Self { options }
    }

    /// The command that decodes the file and analyses those frames of it; without frames, decodes
    /// it only.
    pub(super) fn command(&self, path: &Path, frames: Option<&Range<u64>>) -> String {
        let range = frames.map_or_else(String::new, |frames| {
            format!(" --frames {}..{}", frames.start, frames.end)
        });
        // A name that begins with a dash would be taken for an option.
        let dash = path.as_os_str().as_encoded_bytes().starts_with(b"-");
        let mut named = OsString::from(if dash { "./" } else { "" });
        named.push(path);
        format!("audiopool replay{}{range} {}", self.options, quoted(&named))
    }
}

/// A word as a shell reads it; of what cannot be written on one line of text, its bytes.
fn quoted(word: &OsStr) -> String {
    let bytes = word.as_encoded_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(byte);
    match word.to_str() {
        Some(text) if !bytes.is_empty() && bytes.iter().all(plain) => text.to_owned(),
        Some(text) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut escaped = String::from("$'");
            for byte in bytes {
                if plain(byte) {
                    escaped.push(char::from(*byte));
                } else {
                    write!(escaped, "\\x{byte:02x}").expect("writing into a string");
                }
            }
            escaped + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::parse_metrics;
    use procpool::Sandbox;

    #[test]
    fn only_what_is_unusual_is_named() {
        let usual = ReplayCommand::new(&RunSettings::default(), &AnalysisSettings::default());
        assert_eq!(usual.command(Path::new("a b/c.wav"), None), "audiopool replay 'a b/c.wav'");
        let run = RunSettings {
            timeout: Some(Duration::from_millis(1500)),
            sandbox: Sandbox::Strict,
            child_memory_mib: 512,
            worker_program: WorkerProgram::At("./my worker".into()),
            ..RunSettings::default()
        };
        let analysis = AnalysisSettings {
            silence_threshold_db: -42.5,
            min_silence_ms: 70,
            metrics: parse_metrics("max_dbfs,min_dbfs").unwrap(),
            ..AnalysisSettings::default()
        };
        assert_eq!(
            ReplayCommand::new(&run, &analysis).command(Path::new("-c.wav"), Some(&(8000..24_000))),
            "audiopool replay --metrics max_dbfs,min_dbfs --silence-threshold-db -42.5 \
             --min-silence-ms 70 --timeout 1.5 --sandbox strict --child-memory-mib 512 \
             --worker-program './my worker' --frames 8000..24000 \
             ./-c.wav"
        );
    }

    #[test]
    fn a_name_cannot_become_another_command() {
        assert_eq!(quoted(OsStr::new("")), "''");
        assert_eq!(quoted(OsStr::new("it's; rm *")), r"'it'\''s; rm *'");
        assert_eq!(quoted(OsStr::new("größe")), "'größe'");
        assert_eq!(quoted(OsStr::new("a\nb")), r"$'a\x0ab'");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_shell_reads_what_was_meant() {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};

        for bytes in [&b"it's; $(rm) `x` \"y\" \\ *"[..], b"", b"a\n\x1b[2Jb", b"caf\xe9 '"] {
            let script = format!("printf %s {}", quoted(OsStr::from_bytes(bytes)));
            let ran = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            let read = OsString::from_vec(ran.stdout);
            assert_eq!(read, OsStr::from_bytes(bytes), "{script}");
        }
    }
}
