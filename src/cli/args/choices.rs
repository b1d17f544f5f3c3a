//! Choices: what a flag may be that is one of a few words.

use std::path::Path;

use audiopool::record::Summary;
use audiopool::settings::{Grouping, Sandbox};
use clap::ValueEnum;

/// What is an album.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlbumScope {
    /// All files together
    All,
    /// The files of each directory
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
    /// For reading
    #[default]
    Text,
    /// One document with settings, files and summary
    Json,
    /// One JSON object on each line, as soon as its file is finished
    Ndjson,
    /// One row for each file, with a stable header
    Csv,
}

/// The format of a report, as typed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormatArg {
    /// Format of the report; by default chosen by the extension of `--output`, otherwise text
    #[arg(long = "format", value_enum, value_name = "FORMAT", help_heading = "Report")]
    typed: Option<ReportFormat>,
}

impl FormatArg {
    /// The format of a report that goes to `output`.
    pub(crate) fn for_output(self, output: Option<&Path>) -> ReportFormat {
        let by_ending = output.and_then(ReportFormat::of_ending);
        self.typed.or(by_ending).unwrap_or_default()
    }

    /// Warns if the ending of `output` promises another format than is written.
    pub(crate) fn warn_of_ending(self, output: Option<&Path>) {
        if let (Some(typed), Some(output)) = (self.typed, output)
            && let Some(implied) = ReportFormat::of_ending(output).filter(|&found| found != typed)
        {
            tracing::warn!(
                "`--output {}` is written as {}, as `--format` says, and not as {}",
                output.display(),
                typed.name(),
                implied.name()
            );
        }
    }
}

impl ReportFormat {
    /// The format that the ending of a file name stands for, in upper or lower case.
    fn of_ending(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Self::Text,
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "csv" => Self::Csv,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

/// What ends a run with exit code 1, beside files that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Any warning
    Warning,
    /// A warning that audio is missing or damaged
    Damage,
}

impl FailOn {
    /// How many files of a run are a reason.
    pub(crate) const fn count(self, summary: &Summary) -> u64 {
        match self {
            Self::Warning => summary.warned,
            Self::Damage => summary.damaged,
        }
    }
}

/// The formats of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatalogueFormat {
    /// For reading
    #[default]
    Text,
    /// For programs
    Json,
}

/// When children do the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationWhen {
    /// For every file
    #[default]
    Always,
    /// All work in this process: a broken file can end the whole run
    Never,
}

/// How far children are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxLevel {
    /// Not at all
    Off,
    /// As far as this system supports it
    #[default]
    BestEffort,
    /// Completely, or the run does not start
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_the_output_chooses_the_format_unless_one_is_typed() {
        let of = |typed, output: &str| FormatArg { typed }.for_output(Some(Path::new(output)));
        assert_eq!(of(None, "a.csv"), ReportFormat::Csv);
        assert_eq!(of(None, "a.JSONL"), ReportFormat::Ndjson);
        assert_eq!(of(None, "a.json"), ReportFormat::Json);
        assert_eq!(of(None, "a.report"), ReportFormat::Text);
        assert_eq!(of(Some(ReportFormat::Json), "a.csv"), ReportFormat::Json);
        assert_eq!(FormatArg { typed: None }.for_output(None), ReportFormat::Text);
    }
}
