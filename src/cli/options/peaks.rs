//! The flags of `--peaks`: where waveforms go, and how they are written.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use audiopool::plan::Plan;
use audiopool::settings::{Bits, Peaks, PeaksFormat, PeaksPlace};
use clap::{ValueEnum, ValueHint};

use crate::cli::fault::Fault;

#[derive(Debug, clap::Args)]
pub(crate) struct PeaksArgs {
    /// Write the waveform to FILE in audiowaveform's format `.dat` or `.json`; for several inputs,
    /// to one file each in `DIR/`, a new or empty directory
    #[arg(long, value_name = "FILE", help_heading = "Peaks", value_hint = ValueHint::AnyPath)]
    peaks: Option<PathBuf>,

    /// Format of the files in `--peaks DIR/` [default: dat]
    #[arg(long, value_enum, value_name = "FORMAT", requires = "peaks", help_heading = "Peaks")]
    peaks_format: Option<Ending>,

    /// Frames for each pair of minimum and maximum, as audiowaveform's `--zoom` [16 to 2147483647]
    #[arg(long, value_name = "N", default_value_t = 256, requires = "peaks", help_heading = "Peaks",
        value_parser = clap::value_parser!(u32).range(16..=0x7FFF_FFFF), allow_hyphen_values = true)]
    peaks_zoom: u32,

    /// Bits of each value, as audiowaveform's `--bits`
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "BITS",
        requires = "peaks",
        help_heading = "Peaks"
    )]
    peaks_bits: Width,

    /// Write the waveform of each channel instead of their mean, as audiowaveform's
    /// `--split-channels`
    #[arg(long, requires = "peaks", help_heading = "Peaks")]
    peaks_split_channels: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ending {
    /// Binary
    Dat,
    /// JSON
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Width {
    /// −128 to 127
    #[value(name = "8")]
    Eight,
    /// −32768 to 32767
    #[default]
    #[value(name = "16")]
    Sixteen,
}

impl PeaksArgs {
    /// The settings, for the inputs of this plan and a report that goes to `output`.
    pub(crate) fn meant(self, plan: &Plan, output: Option<&Path>) -> Result<Option<Peaks>, Fault> {
        let Some(path) = self.peaks else { return Ok(None) };
        let shown = path.display().to_string();
        let is_separated = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
        let (place, format) = if is_separated || path.is_dir() {
            (PeaksPlace::Directory(path), self.peaks_format.unwrap_or(Ending::Dat))
        } else {
            let Some(format) = of_the_name(&path) else {
                return Err(Fault::usage(format!(
                    "`--peaks {shown}` ends in neither `.dat` nor `.json`"
                ))
                .with_help(format!(
                    "these are audiowaveform's formats; a directory ends in a slash: `--peaks {shown}/`"
                )));
            };
            if self.peaks_format.is_some_and(|asked| asked != format) {
                let help = "the ending of a file says its format; leave out `--peaks-format`";
                let message =
                    format!("`--peaks {shown}` is of another format than `--peaks-format`");
                return Err(Fault::usage(message).with_help(help));
            }
            check_file(&path, plan, output)?;
            (PeaksPlace::File(path), format)
        };
        Ok(Some(Peaks {
            place,
            format: match format {
                Ending::Dat => PeaksFormat::Dat,
                Ending::Json => PeaksFormat::Json,
            },
            bits: match self.peaks_bits {
                Width::Eight => Bits::Eight,
                Width::Sixteen => Bits::Sixteen,
            },
            samples_per_pixel: NonZeroU32::new(self.peaks_zoom).unwrap_or(NonZeroU32::MIN),
            split_channels: self.peaks_split_channels,
        }))
    }
}

fn of_the_name(path: &Path) -> Option<Ending> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match &*ending {
        "dat" => Some(Ending::Dat),
        "json" => Some(Ending::Json),
        _ => None,
    }
}

/// Checks that there is one input, and that the file is not the report. `writing::targets` checks that
/// it is not the input.
fn check_file(path: &Path, plan: &Plan, output: Option<&Path>) -> Result<(), Fault> {
    let shown = path.display();
    let [input] = &plan.paths[..] else { return Err(several(path)) };
    if plan.list.is_some() || input.is_dir() {
        return Err(several(path));
    }
    // Either may be new, but not the place where it lies.
    let whole = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let lies = parent.unwrap_or(Path::new(".")).canonicalize();
        path.canonicalize().or_else(|_| Ok(lies?.join(path.file_name().unwrap_or_default())))
    };
    let is_it = |other: &Path| match (whole(other), whole(path)) {
        (Ok::<_, std::io::Error>(other), Ok(path)) => other == path,
        _ => other == path,
    };
    if output.is_some_and(is_it) {
        return Err(Fault::usage(format!("`--peaks {shown}` is the file of `--output`, too")));
    }
    Ok(())
}

fn several(path: &Path) -> Fault {
    let directory = path.with_extension("");
    Fault::usage(format!("`--peaks {}` is one file, for one input", path.display())).with_help(
        format!(
            "a directory takes a file of each of several: `--peaks {}/`, with `--peaks-format json` \
             for JSON",
            directory.display()
        ),
    )
}
