//! Which files a run measures.

use std::path::{Path, PathBuf};

use audiopool::plan::{List, ListSource, Plan, Separator};
use clap::ValueHint;

/// Inputs as typed.
#[derive(Debug, clap::Args)]
pub(crate) struct InputOptions {
    /// Files, and directories to search for audio files; `-` reads one audio file from standard input
    #[arg(value_name = "PATH", required_unless_present = "files_from", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    /// Read further paths from FILE, one on each line, without comments; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "Input", value_hint = ValueHint::FilePath)]
    files_from: Option<PathBuf>,

    /// Paths in `--files-from` are separated by NUL bytes, as `find -print0` writes them
    #[arg(short = '0', long = "null", requires = "files_from", help_heading = "Input")]
    nul: bool,

    /// Name of standard input (`-`) in the report; its extension helps to recognise the format
    #[arg(long, value_name = "NAME", default_value = "-", help_heading = "Input")]
    pub(crate) stdin_name: PathBuf,
}

impl InputOptions {
    /// The inputs of the run, and the name of standard input in the report.
    pub(crate) fn plan(self) -> (Plan, PathBuf) {
        let Self { paths, files_from, nul, stdin_name } = self;
        let list = files_from.map(|from| list(from, nul));
        (Plan { paths, list, standard_input: None }, stdin_name)
    }
}

fn list(from: PathBuf, nul: bool) -> List {
    let separator = if nul { Separator::Nul } else { Separator::Newline };
    let source = if from == Path::new("-") { ListSource::Stdin } else { ListSource::File(from) };
    List { source, separator }
}
