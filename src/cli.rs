//! The command line: what the user typed becomes a run, and its outcome an exit code.
//!
//! ```text
//!   argv ─▶ args (as typed) ─▶ request (as meant) ─▶ analyze ─▶ exit
//! ```
//!
//! The only place, with `report`, that speaks: results on standard output, everything else on
//! standard error. Nothing here touches audio or processes.

mod analyze;
mod args;
mod awaited;
mod catalogue;
mod doctor;
mod exit;
mod fault;
mod hurry;
mod log;
mod manual;
mod merge;
mod mistakes;
mod output;
mod pages;
mod reference;
mod replay;
mod request;
mod selftest;
mod serve;
mod spooled;
mod targets;
mod version;

use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::{Args, Command};
use exit::Exit;
use fault::Fault;

/// The program: reads the arguments, does what they ask and says how it ended.
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
    match args.command {
        Command::Analyze(typed) => analyze::run(&request::Request::of(*typed, args.talk)?),
        Command::Merge(typed) => merge::run(*typed, args.talk),
        Command::Replay(typed) => replay::run(*typed, args.talk),
        Command::Formats(asked) => speak(|out| catalogue::formats(asked.format, out)),
        Command::Metrics(asked) => speak(|out| catalogue::metrics(asked.format, out)),
        Command::Doctor(asked) => doctor::run(asked),
        Command::Selftest(asked) => selftest::run(asked),
        Command::Serve(asked) => serve::run(asked, args.talk),
        Command::Explain { metrics } => speak(|out| catalogue::explain(&metrics.0, out)),
        Command::Version(asked) => speak(|out| version::write(asked.format, out)),
        Command::Completions { shell } => speak(|out| {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "audiopool", &mut script);
            out.write_all(&script)
        }),
        Command::Man => speak(manual::write),
        Command::Reference { table } => speak(|out| reference::write(table, out)),
    }
}

/// Writes to standard output.
fn speak(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Exit, Fault> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => Err(Fault::unwritten("standard output", &error)),
    }
}

/// What clap has to say: help and version asked for, or what is wrong with the arguments.
fn answer(error: &clap::Error) -> Exit {
    let printed = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match printed {
            Ok(()) => Exit::Ok,
            Err(error) => Fault::unwritten("standard output", &error).exit,
        },
        _ => {
            mistakes::help_with(error, &mut io::stderr());
            Exit::Usage
        }
    }
}
