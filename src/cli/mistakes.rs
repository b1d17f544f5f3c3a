//! Mistakes: hints about a wrong command line that clap does not give.

use std::env;
use std::io::Write;
use std::path::Path;

use audiopool::plan::is_audio_name;
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Writes what would help behind an error of clap's, if there is something.
pub(super) fn help_with(error: &clap::Error, program: &Command, out: &mut dyn Write) {
    let help = match error.kind() {
        ErrorKind::InvalidSubcommand => forgotten_subcommand(error),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => set_by_environment(error, program),
        _ => None,
    };
    if let Some(help) = help {
        // With standard error gone there is no place left for a message.
        let _gone = writeln!(out, "\nhelp: {help}");
    }
}

/// `audiopool a.wav`: a file in the place of a subcommand.
fn forgotten_subcommand(error: &clap::Error) -> Option<String> {
    let ContextValue::String(typed) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    let path = Path::new(typed);
    let is_input = path.exists() || path.components().count() > 1 || is_audio_name(path);
    is_input.then(|| format!("to measure it: `audiopool analyze {typed}`"))
}

/// A value that was not typed but is that of an environment variable, whose name clap leaves out.
fn set_by_environment(error: &clap::Error, program: &Command) -> Option<String> {
    let ContextValue::String(argument) = error.get(ContextKind::InvalidArg)? else { return None };
    let ContextValue::String(value) = error.get(ContextKind::InvalidValue)? else { return None };
    let flag = argument.split([' ', '=', '[']).next()?;
    let typed = env::args_os().skip(1).any(|typed| {
        let typed = typed.to_string_lossy();
        typed == flag || typed.starts_with(&format!("{flag}=")) || typed == value.as_str()
    });
    if typed {
        return None;
    }
    let variable = variable_of(program, flag.trim_start_matches('-'))?;
    let is_its_value = env::var_os(&variable).is_some_and(|set| set.to_string_lossy() == *value);
    is_its_value.then(|| {
        format!("the value is that of the environment variable {variable}; unset or correct it")
    })
}

/// The environment variable of a flag of any subcommand.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let own = command.get_arguments().find(|argument| argument.get_long() == Some(flag));
    let own = own.and_then(|argument| argument.get_env()).map(|env| env.to_string_lossy().into());
    own.or_else(|| command.get_subcommands().find_map(|command| variable_of(command, flag)))
}
