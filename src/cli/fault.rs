//! Faults: why the program ends early, told as one chain and, where there is one, a way out.

use std::error::Error;
use std::io::{self, Write};

use audiopool::pool::Leftover;
use audiopool::report::escaped;

use super::exit::Exit;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What the shell is told.
    pub(crate) exit: Exit,
    /// What the user is told, cause after cause; nothing if there is no one to listen.
    message: Option<String>,
    /// What would help.
    help: Option<String>,
}

impl Fault {
    /// The command line is wrong in a way that clap cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: Some(message.into()), help: None }
            .with_help("`audiopool analyze --help` lists every option")
    }

    /// Something of which only its error is known.
    pub(crate) fn of(exit: Exit, error: &dyn Error) -> Self {
        Self { exit, message: Some(chain(error)), help: None }
    }

    /// Writing to `place` failed. If its reader has gone away, nobody is told.
    pub(crate) fn unwritten(place: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::BrokenPipe, message: None, help: None };
        }
        let message = Some(format!("cannot write {place}: {error}"));
        let help = (error.kind() == io::ErrorKind::StorageFull)
            .then(|| "make room or choose another place with `--output`".to_owned());
        Self { exit: Exit::Unwritten, message, help }
    }

    /// What is kept beside the report could not be written, and so the run has ended.
    pub(crate) fn unsaved(what: &str, flag: &str, error: &io::Error) -> Self {
        let message = format!("cannot {what} in the place of `--{flag}`: {error}");
        Self { exit: Exit::Unwritten, message: Some(message), help: None }.with_help(
            "make room or choose another place; the report holds what was measured until then",
        )
    }

    /// The run has ended, and something of it is still there: a bug of ours.
    pub(crate) fn left_behind(left: &Leftover) -> Self {
        let message = Some(format!("internal error, something is left behind: {left}"));
        Self { exit: Exit::Conservation, message, help: None }
            .with_help("the report is complete; the log tells more (`-v`)")
    }

    /// The same told with another code.
    pub(crate) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same with a way out.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Tells it on standard error.
    pub(crate) fn tell(&self) {
        let Some(message) = &self.message else { return };
        let mut lines = vec![format!("error: {}", escaped(message))];
        lines.extend(self.help.as_ref().map(|help| format!("help: {}", escaped(help))));
        // With standard error gone there is nowhere left to complain.
        let _gone = writeln!(io::stderr(), "{}", lines.join("\n"));
    }
}

/// An error and its causes, `what: why: why`; a cause that its effect repeats is said once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use audiopool::pipeline::RunError;

    use super::*;

    #[test]
    fn causes_follow_their_effects() {
        let error = RunError::Output(io::Error::other("the disk is on fire"));
        assert_eq!(chain(&error), "cannot write the report: the disk is on fire");
    }
}
