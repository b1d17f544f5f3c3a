//! The command line: what the user typed becomes a run, and its outcome an exit code.
//!
//! ```text
//!   argv ─▶ args, of commands and options (as typed) ─▶ request (as meant) ─▶ run ─▶ exit
//! ```
//!
//! Only this module and `report` write to the terminal: results to standard output, everything else to
//! standard error. It handles no audio and no processes.

mod args;
mod commands;
mod exit;
mod fault;
mod log;
mod mistakes;
mod options;
mod writing;

use std::io;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::{Args, Command};
use audiopool::record;
use audiopool::report::write_json;
use commands::catalogue;
use exit::Exit;
use fault::Fault;
use writing::output::speak;

/// The program: reads the arguments, runs the command and returns the exit code.
pub(crate) fn main() -> Exit {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return answer(&error),
    };
    match run(args) {
        Ok(exit) => exit,
        Err(fault) => {
            fault.tell();
            fault.exit
        }
    }
}

fn run(args: Args) -> Result<Exit, Fault> {
    let verbosity = args.verbosity;
    match args.command {
        Command::Analyze(typed) => commands::analyze::run(*typed, verbosity),
        Command::Merge(typed) => commands::merge::run(*typed, verbosity),
        Command::Replay(typed) => commands::replay::run(*typed, verbosity),
        Command::Formats(asked) => speak(|out| catalogue::formats(asked.format, out)),
        Command::Metrics(asked) => speak(|out| catalogue::metrics(asked.format, out)),
        Command::Doctor(asked) => commands::doctor::run(asked),
        Command::Selftest(asked) => commands::selftest::run(asked),
        #[cfg(feature = "web")]
        Command::Serve(asked) => commands::serve::run(asked, verbosity),
        Command::Explain(asked) => speak(|out| catalogue::explain(&asked.metrics.0, out)),
        Command::Version(asked) => speak(|out| commands::version::write(asked.format, out)),
        Command::Completions(asked) => {
            speak(|out| commands::completions::write(&asked, Args::command(), out))
        }
        Command::Reference(asked) => {
            speak(|out| commands::reference::write(&asked, Args::command(), out))
        }
        Command::Man => speak(|out| commands::manual::write(Args::command(), out)),
        Command::Schema => speak(|out| write_json(&record::schema(), out)),
    }
}

/// Prints the help or version that was asked for, or what is wrong with the arguments.
fn answer(error: &clap::Error) -> Exit {
    let printed = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match printed {
            Ok(()) => Exit::Ok,
            Err(error) => Fault::unwritten("standard output", &error).exit,
        },
        _ => {
            mistakes::help_with(error, &Args::command(), &mut io::stderr());
            Exit::Usage
        }
    }
}
