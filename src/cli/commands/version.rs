//! `audiopool version`: what this program is, and which ffmpeg it would use.

use std::io::{self, Write};

use audiopool::BUILD_ID;
use audiopool::decode::installed_ffmpeg;
use audiopool::report::{escaped, write_json};
use serde::Serialize;

use crate::cli::options::list::ListFormat;

/// The program, for another program.
#[derive(Serialize)]
struct ThisProgram {
    version: &'static str,
    /// Reports of the same build have the same figures; stored partials are read by it alone.
    build: &'static str,
    /// `x86_64-linux` and the like.
    target: String,
    ffmpeg: Option<Ffmpeg>,
}

/// The ffmpeg that decodes what audiopool does not decode itself.
#[derive(Serialize)]
struct Ffmpeg {
    program: String,
    version: Option<String>,
    /// Why it is of no use, if it is of none.
    error: Option<String>,
}

impl ThisProgram {
    fn find() -> Self {
        let ffmpeg = installed_ffmpeg().map(|(program, version)| Ffmpeg {
            program: program.display().to_string(),
            error: version.as_ref().err().cloned(),
            version: version.ok().map(|text| text.trim_start_matches("version ").to_owned()),
        });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            build: BUILD_ID,
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            ffmpeg,
        }
    }
}

/// Writes it.
pub(crate) fn write(format: ListFormat, out: &mut dyn Write) -> io::Result<()> {
    let found = ThisProgram::find();
    if format == ListFormat::Json {
        return write_json(&found, out);
    }
    let ThisProgram { version, build, target, ffmpeg } = &found;
    writeln!(out, "audiopool {version}, build {build}, {target}")?;
    match ffmpeg {
        None => writeln!(
            out,
            "no ffmpeg: formats that `audiopool formats` lists as `via ffmpeg` are not decoded"
        ),
        Some(Ffmpeg { program, version, error }) => {
            let told = version.as_deref().or(error.as_deref()).unwrap_or("unknown");
            writeln!(out, "ffmpeg {}: {}", escaped(told), escaped(program))
        }
    }
}
