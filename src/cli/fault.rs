//! Faults: why the program ends early, with the chain of causes and what would help.

use std::error::Error;
use std::io::{self, Write};

use audiopool::interrupt::Reason;
use audiopool::pool::Leftover;
use audiopool::record::Summary;
use audiopool::report::escaped;

use super::exit::Exit;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What the shell is told.
    pub(crate) exit: Exit,
    /// What the user is told, cause after cause.
    message: String,
    /// What would help.
    help: Option<String>,
}

impl Fault {
    /// The command line is wrong in a way that clap cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), help: None }
            .with_help("`audiopool analyze --help` lists every option")
    }

    /// A fault that only has an error.
    pub(crate) fn of(exit: Exit, error: &dyn Error) -> Self {
        Self { exit, message: chain(error), help: None }
    }

    /// A fault that the output has already described.
    pub(crate) fn concluded(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None }
    }

    /// The run is over, and some of its inputs have failed.
    pub(crate) fn files_failed(summary: &Summary, place: &str) -> Self {
        let Summary { inputs, failed, .. } = summary;
        let are = if *inputs == 1 { "input has" } else { "inputs have" };
        let message = format!("{failed} of {inputs} {are} failed; the report says why ({place})");
        Self { exit: Exit::FilesFailed, message, help: None }
    }

    /// A signal has ended the run.
    pub(crate) fn stopped(reason: Reason, summary: &Summary) -> Self {
        let Summary { inputs, ok, .. } = summary;
        let are = if *inputs == 1 { "input was" } else { "inputs were" };
        let message = format!("stopped by {reason}; {ok} of {inputs} {are} measured");
        Self { exit: reason.into(), message, help: None }
    }

    /// `--output` cannot be written.
    pub(crate) fn unopened(place: &str, error: &io::Error) -> Self {
        Self::unwritten(&format!("`--output {place}`"), error)
            .with_exit(Exit::Usage)
            .unless_replaced(error)
    }

    /// Adds how a file of the user's comes to be named as a target.
    pub(crate) fn unless_replaced(self, error: &io::Error) -> Self {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return self;
        }
        self.with_help(
            "name a new file or an earlier report; in `-o *.wav` the shell has put the first file \
             that matches behind `-o`",
        )
    }

    /// Writing to `place` failed.
    pub(crate) fn unwritten(place: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            let message = format!("the reader of {place} closed it");
            return Self { exit: Exit::BrokenPipe, message, help: None };
        }
        let message = format!("cannot write {place}: {error}");
        let help = (error.kind() == io::ErrorKind::StorageFull)
            .then(|| "make room or choose another place with `--output`".to_owned());
        Self { exit: Exit::Unwritten, message, help }
    }

    /// What is kept beside the report could not be written, and so the run has ended.
    pub(crate) fn unsaved(what: &str, flag: &str, error: &io::Error) -> Self {
        let message = format!("cannot {what} in the place of `--{flag}`: {error}");
        Self { exit: Exit::Unwritten, message, help: None }.with_help(
            "make room or choose another place; the report holds what was measured until then",
        )
    }

    /// The run has ended, and a process or file of it is still there: a bug in audiopool.
    pub(crate) fn left_behind(left: &Leftover) -> Self {
        let message = format!("internal error, left behind at the end of the run: {left}");
        Self { exit: Exit::Conservation, message, help: None }
            .with_help("the report is complete; the log tells more (`-v`)")
    }

    /// The same fault with another exit code.
    pub(crate) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same fault with a hint.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same fault with a further hint.
    pub(crate) fn and_help(self, more: Option<String>) -> Self {
        let help: Vec<_> = self.help.into_iter().chain(more).collect();
        Self { help: (!help.is_empty()).then(|| help.join("; ")), ..self }
    }

    /// Prints it to standard error.
    pub(crate) fn tell(&self) {
        let mut lines = vec![format!("error: {}", escaped(&self.message))];
        lines.extend(self.help.as_ref().map(|help| format!("help: {}", escaped(help))));
        // With standard error gone there is no place left for a message.
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
