//! Arguments as typed: the commands, and the flags that all of them have.

use clap::{Parser, Subcommand};

use super::commands::analyze::Analyze;
use super::commands::catalogue::Explain;
use super::commands::completions::Completions;
use super::commands::doctor::DoctorArgs;
use super::commands::merge::Merge;
use super::commands::reference::Reference;
use super::commands::replay::Replay;
use super::commands::selftest::SelftestArgs;
#[cfg(feature = "web")]
use super::commands::serve::Serve;
use super::exit::Exit;
use super::options::list::ListOptions;
use super::options::messages::Verbosity;

/// Measures audio files on a pool of crash-isolated worker processes.
#[derive(Debug, Parser)]
#[command(
    name = "audiopool",
    version,
    after_help = Exit::table(),
    args_override_self = true,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure audio files and report the figures
    #[command(after_help = Exit::table())]
    Analyze(Box<Analyze>),
    /// Make a report from stored partials, without the audio
    #[command(after_help = Exit::table())]
    Merge(Box<Merge>),
    /// Repeat one task of a failed file, and report how it ends
    #[command(after_help = Exit::table())]
    Replay(Box<Replay>),
    /// Serve a page and an HTTP API for measuring files
    #[cfg(feature = "web")]
    #[command(
        after_help = "Ends on Ctrl-C or SIGTERM with exit code 0. Exits with 2 if it cannot listen at the address."
    )]
    Serve(Serve),
    /// List the formats that can be decoded
    Formats(ListOptions),
    /// List the metrics that can be computed, with unit and definition
    Metrics(ListOptions),
    /// Describe metrics: definition, source, range, and how to read them
    Explain(Explain),
    /// Check whether audiopool can work on this machine, and say what to do if it cannot
    #[command(after_help = "Exits with 0, or with 1 if there is a problem.")]
    Doctor(DoctorArgs),
    /// Run tasks with faults, and check that no result is lost, doubled or changed
    #[command(
        after_help = "Exits with 0 if every check passes, 5 if one fails, 3 if workers cannot be started."
    )]
    Selftest(SelftestArgs),
    /// Print version, build and the ffmpeg that would be used
    Version(ListOptions),
    /// Write a completion script for a shell to standard output
    Completions(Completions),
    /// Write the manual page to standard output
    Man,
    /// Write the JSON Schema of a record to standard output
    Schema,
    /// Write a table of the documentation, as Markdown
    #[command(hide = true)]
    Reference(Reference),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
