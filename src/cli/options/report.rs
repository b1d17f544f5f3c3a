//! Where the report goes, in which format, and which files end a run with exit code 1.

use std::path::{Path, PathBuf};

use audiopool::record::Summary;
use audiopool::report::Format;
use audiopool::settings::AnalysisSettings;
use clap::builder::PossibleValue;
use clap::{ValueEnum, ValueHint};

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;

/// The report of a run.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportOptions {
    #[command(flatten)]
    format: FormatArg,

    /// Write the report to FILE, which appears when it is complete; `-` is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Report", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Also exit with code 1 if a file has a warning, or a warning of damage
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Report")]
    pub(crate) fail_on: Option<FailOn>,
}

impl ReportOptions {
    /// The file that the report goes to; `None` is standard output.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Refuses a file that cannot be written.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.file().map_or(Ok(()), check_output)
    }

    /// The format of the report. Warns if the ending of `--output` promises another, and of what the
    /// format has no place for.
    pub(crate) fn format(&self, analysis: &AnalysisSettings) -> Format {
        self.format.warn_of_ending(self.file());
        let format = self.format.for_output(self.file());
        warn_of_the_table(format, analysis);
        format
    }
}

/// The format of a report, as typed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormatArg {
    /// Format of the report; by default chosen by the extension of `--output`, otherwise text
    #[arg(long = "format", value_enum, value_name = "FORMAT", help_heading = "Report")]
    typed: Option<FormatName>,
}

/// The name of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FormatName(Format);

impl ValueEnum for FormatName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [FormatName; Format::ALL.len()] = {
            let mut all = [FormatName(Format::Text); Format::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = FormatName(Format::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, about) = self.0.name();
        Some(PossibleValue::new(name).help(about))
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

impl FormatArg {
    /// The format of a report that goes to `output`.
    fn for_output(self, output: Option<&Path>) -> Format {
        let by_ending = output.and_then(of_ending);
        self.typed.map(|FormatName(format)| format).or(by_ending).unwrap_or_default()
    }

    /// Warns if the ending of `output` promises another format than is written.
    fn warn_of_ending(self, output: Option<&Path>) {
        if let (Some(typed), Some(output)) = (self.typed, output)
            && let Some(implied) = of_ending(output).filter(|&found| found != typed.0)
        {
            tracing::warn!(
                "`--output {}` is written as {}, as `--format` says, and not as {}",
                output.display(),
                typed.0.name().0,
                implied.name().0
            );
        }
    }
}

/// The format that the extension of a file name stands for, in upper or lower case.
fn of_ending(path: &Path) -> Option<Format> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    Format::ALL.into_iter().find(|format| format.extensions().contains(&&*ending))
}

impl FailOn {
    /// How many files of a run match.
    pub(crate) const fn count(self, summary: &Summary) -> u64 {
        match self {
            Self::Warning => summary.warned,
            Self::Damage => summary.damaged,
        }
    }

    /// Some files of the run are what `--fail-on` names.
    pub(crate) fn fault(self, summary: &Summary, place: &str) -> Fault {
        let (count, inputs) = (self.count(summary), summary.inputs);
        let what = match self {
            Self::Warning => "with a warning (`--fail-on warning`)",
            Self::Damage => "damaged (`--fail-on damage`)",
        };
        let are = if inputs == 1 { "input is" } else { "inputs are" };
        let message = format!("{count} of {inputs} {are} {what}; the report says why ({place})");
        Fault::concluded(Exit::FilesFailed, message)
    }
}

/// A directory cannot be written, and one that does not exist cannot take a file.
fn check_output(output: &Path) -> Result<(), Fault> {
    let shown = output.display();
    if output.as_os_str().is_empty() || output.is_dir() {
        return Err(Fault::usage(format!("`--output {shown}` is a directory, not a file")));
    }
    match output.parent() {
        Some(parent) if parent != Path::new("") && !parent.is_dir() => Err(Fault::usage(format!(
            "`--output {shown}`: there is no directory `{}`",
            parent.display()
        ))),
        _ => Ok(()),
    }
}

/// Warns of results that CSV has no columns for.
fn warn_of_the_table(format: Format, analysis: &AnalysisSettings) {
    if format == Format::Csv && analysis.timelines {
        tracing::warn!("CSV has no place for timelines; `--format json` and `ndjson` have");
    }
    if format == Format::Csv && analysis.albums.is_some() {
        tracing::warn!("CSV has no place for albums; every other `--format` has");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_the_output_chooses_the_format_unless_one_is_typed() {
        let of = |typed, output: &str| FormatArg { typed }.for_output(Some(Path::new(output)));
        assert_eq!(of(None, "a.csv"), Format::Csv);
        assert_eq!(of(None, "a.JSONL"), Format::Ndjson);
        assert_eq!(of(None, "a.json"), Format::Json);
        assert_eq!(of(None, "a.report"), Format::Text);
        assert_eq!(of(Some(FormatName(Format::Json)), "a.csv"), Format::Json);
        assert_eq!(FormatArg { typed: None }.for_output(None), Format::Text);
    }
}
