//! Exit codes: one table for the program, its help, its manual and its users' scripts.

use std::process::ExitCode;

use audiopool::interrupt::Reason;
use audiopool::pipeline::RunError;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Every file was analysed.
    Ok = 0,
    /// Some files failed or match `--fail-on`; the report is complete.
    FilesFailed = 1,
    /// The command line is wrong, or an output that it names cannot be opened.
    Usage = 2,
    /// Workers or decoders could not be started.
    Boot = 3,
    /// Processes kept dying and the pool gave up.
    GaveUp = 4,
    /// An input has no record, or a process outlived the run: a bug in audiopool.
    Conservation = 5,
    /// The report, partials or peaks could not be written.
    Unwritten = 7,
    /// SIGHUP.
    Hangup = 129,
    /// SIGINT.
    Interrupted = 130,
    /// The reader of standard output closed it; the code of SIGPIPE.
    BrokenPipe = 141,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// Every code, in the order of the table.
    pub(crate) const ALL: [Self; 11] = [
        Self::Ok,
        Self::FilesFailed,
        Self::Usage,
        Self::Boot,
        Self::GaveUp,
        Self::Conservation,
        Self::Unwritten,
        Self::Hangup,
        Self::Interrupted,
        Self::BrokenPipe,
        Self::Terminated,
    ];

    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// Half a sentence for the table.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "every file was analysed",
            Self::FilesFailed => "some files failed or match `--fail-on`; the report is complete",
            Self::Usage => "the command line is wrong, or an output that it names cannot be opened",
            Self::Boot => "workers or decoders could not be started",
            Self::GaveUp => {
                "worker processes kept dying and the pool gave up; finished results are written"
            }
            Self::Conservation => {
                "internal error: an input has no record, or a process outlived the run"
            }
            Self::Unwritten => "writing the report, partials or peaks failed during the run",
            Self::Hangup => "stopped by SIGHUP; finished results are written",
            Self::Interrupted => "stopped by SIGINT (Ctrl-C); finished results are written",
            Self::BrokenPipe => "the reader of standard output closed it",
            Self::Terminated => "stopped by SIGTERM; finished results are written",
        }
    }

    /// The table for `--help`.
    pub(crate) fn table() -> String {
        let rows = Self::ALL.map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<Reason> for Exit {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Hangup => Self::Hangup,
            Reason::Interrupt => Self::Interrupted,
            Reason::Terminate => Self::Terminated,
        }
    }
}

impl From<&RunError> for Exit {
    fn from(error: &RunError) -> Self {
        match error {
            RunError::Boot(_) => Self::Boot,
            RunError::GaveUp(_) => Self::GaveUp,
            RunError::Conservation(_) => Self::Conservation,
            RunError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Self::BrokenPipe
            }
            RunError::Output(_) | RunError::StorePartials(_) | RunError::WritePeaks(_) => {
                Self::Unwritten
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_and_in_order() {
        let codes = Exit::ALL.map(Exit::code);
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 7, 129, 130, 141, 143]);
    }
}
