//! `audiopool completions`: a completion script for a shell.

use std::io::{self, Write};

use clap::Command;
use clap_complete::Shell;

/// The arguments of `audiopool completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Writes the script.
pub(crate) fn write(
    asked: &Completions,
    mut program: Command,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut program, "audiopool", &mut script);
    out.write_all(&script)
}
