//! Choices: what a flag may be that is one of a few words.

use audiopool::settings::{Grouping, Sandbox};
use clap::ValueEnum;

/// What is an album.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlbumScope {
    /// All files
    All,
    /// Those of a directory
    Directory,
}

impl From<AlbumScope> for Grouping {
    fn from(scope: AlbumScope) -> Self {
        match scope {
            AlbumScope::All => Self::All,
            AlbumScope::Directory => Self::Directory,
        }
    }
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For a person
    #[default]
    Text,
    /// One document: settings, files, summary
    Json,
    /// One JSON object a line, each as soon as its file is done
    Ndjson,
    /// One row a file under a stable header
    Csv,
}

/// The formats of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatalogueFormat {
    /// For a person
    #[default]
    Text,
    /// For a program
    Json,
}

/// When children do the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationWhen {
    /// Whatever the file
    #[default]
    Always,
    /// Not at all: a broken file can end the whole run
    Never,
}

/// How far children are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxLevel {
    /// Not at all
    Off,
    /// As far as this system can
    #[default]
    BestEffort,
    /// In every way, or the run does not start
    Strict,
}

impl From<SandboxLevel> for Sandbox {
    fn from(level: SandboxLevel) -> Self {
        match level {
            SandboxLevel::Off => Self::Off,
            SandboxLevel::BestEffort => Self::BestEffort,
            SandboxLevel::Strict => Self::Strict,
        }
    }
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
