//! What is written to the terminal beside the report.

use std::env;
use std::io::IsTerminal;

use clap::{ArgAction, ValueEnum};

/// Options for messages.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Verbosity {
    /// Log to standard error; twice for more, three times to include libraries.
    /// `AUDIOPOOL_LOG` takes finer filters
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Messages")]
    pub(crate) verbose: u8,

    /// No progress bar, and only errors in the log
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub(crate) quiet: bool,

    /// Colour in the text report; `auto` checks the terminal and `NO_COLOR`
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        global = true,
        help_heading = "Messages"
    )]
    pub(crate) color: ColorWhen,
}

/// When there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Verbosity {
    /// Whether the report is coloured, if it goes to standard output. `NO_COLOR`, set and not empty,
    /// means no colour unless `--color` asks for it: see <https://no-color.org>.
    pub(crate) fn is_colour_allowed(self) -> bool {
        match self.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
                !refused && !dumb && std::io::stdout().is_terminal()
            }
        }
    }
}
