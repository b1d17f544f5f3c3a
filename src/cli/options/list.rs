//! The format of a list, for a person or for a program.

use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(crate) struct ListOptions {
    /// Format of the list
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// The formats of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For reading
    #[default]
    Text,
    /// For programs
    Json,
}
