//! Words: what a kind of failure or warning means, and what helps, for readers who see it for the
//! first time.
//!
//! A message describes one file; these texts describe the kind. The page shows both, and
//! `docs/src/records.md` lists them.

use serde::Serialize;

use super::DecodeErrorKind as Decode;
use super::{FailureKind, WarningKind};

/// A kind, in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// What it is.
    pub title: &'static str,
    /// What helps, or that nothing needs to be done.
    pub help: &'static str,
}

/// Every kind of failure.
pub const FAILURES: [FailureKind; 19] = [
    FailureKind::Decode(Decode::NotFound),
    FailureKind::Decode(Decode::PermissionDenied),
    FailureKind::Decode(Decode::NotAFile),
    FailureKind::Decode(Decode::Io),
    FailureKind::Decode(Decode::Empty),
    FailureKind::Decode(Decode::NoAudio),
    FailureKind::InvalidPath,
    FailureKind::Decode(Decode::UnknownFormat),
    FailureKind::Decode(Decode::UnsupportedFormat),
    FailureKind::Decode(Decode::Corrupt),
    FailureKind::Decode(Decode::LimitExceeded),
    FailureKind::Crashed,
    FailureKind::TimedOut,
    FailureKind::OutOfMemory,
    FailureKind::Protocol,
    FailureKind::WorkerPanic,
    FailureKind::InvalidPartials,
    FailureKind::Cancelled,
    FailureKind::NotRun,
];

/// Every kind of warning.
pub const WARNINGS: [WarningKind; 13] = [
    WarningKind::Truncated,
    WarningKind::TrailingData,
    WarningKind::DecodeErrors,
    WarningKind::FormatChange,
    WarningKind::WrongExtension,
    WarningKind::LengthMismatch,
    WarningKind::OtherTracks,
    WarningKind::EditList,
    WarningKind::ChecksumMismatch,
    WarningKind::HeaderMismatch,
    WarningKind::NoFrames,
    WarningKind::ImplausibleLevel,
    WarningKind::GuessedFormat,
];

impl FailureKind {
    /// The same in plain words.
    pub fn words(self) -> Words {
        match self {
            Self::InvalidPartials => words(
                "Its stored partials cannot be used",
                "Measure the file again with `--save-partials`.",
            ),
            Self::InvalidPath => words("This is not a valid path", "Correct the line of the list."),
            Self::Crashed => words(
                "Its process died at every attempt",
                "The file may be damaged. Save it again with an audio editor, or convert it to FLAC \
                 or WAV.",
            ),
            Self::TimedOut => words(
                "It took too long at every attempt",
                "Measure it again while fewer files are in work. If it fails again, the file may be \
                 damaged: convert it to FLAC or WAV.",
            ),
            Self::OutOfMemory => words(
                "There was not enough memory",
                "Use fewer worker processes, or measure fewer files at a time.",
            ),
            Self::Protocol | Self::WorkerPanic => words(
                "An internal error of audiopool",
                "Measure it again. If it fails again, please report the bug with this message.",
            ),
            Self::Cancelled => words("It was cancelled", "Measure it again."),
            Self::NotRun => words("The run ended before it was started", "Measure it again."),
            Self::Decode(kind) => decoding(kind),
        }
    }
}

fn decoding(kind: Decode) -> Words {
    match kind {
        Decode::NotFound => {
            words("There is no such file", "Check whether it was moved or renamed.")
        }
        Decode::PermissionDenied => words(
            "No permission to read it",
            "Give audiopool permission to read it, or measure a copy.",
        ),
        Decode::NotAFile => words("This is not a file", "Choose a file, or a folder of files."),
        Decode::Io => words(
            "The system failed to read it",
            "Check its disk or network, and copy the file elsewhere.",
        ),
        Decode::Empty => {
            words("The file is empty", "A download or copy was interrupted: get the file again.")
        }
        Decode::NoAudio => words(
            "It contains no audio",
            "Choose a file that contains sound, or a folder with such files.",
        ),
        Decode::UnknownFormat => {
            words("Not a known audio format", "Choose an audio file, or convert it to FLAC or WAV.")
        }
        Decode::UnsupportedFormat => words(
            "It needs a decoder that is not installed",
            "Install ffmpeg where audiopool runs, or convert the file to FLAC or WAV.",
        ),
        Decode::Corrupt => words(
            "The file is damaged at its start",
            "Get it again from its source; if a player still opens it, save it again with an audio \
             editor.",
        ),
        Decode::LimitExceeded => words(
            "It exceeds the limits of audiopool",
            "Its header may be damaged: get the file again. If the header is right, convert the file \
             to a lower rate or to fewer channels.",
        ),
    }
}

impl WarningKind {
    /// The same in plain words.
    pub fn words(self) -> Words {
        match self {
            Self::Truncated => words(
                "Its end is missing",
                "The figures describe the audio that is present. A download or copy was interrupted: \
                 get the file again.",
            ),
            Self::TrailingData => words(
                "Other data follows the audio",
                "The figures are not affected. Saving the file with an audio editor removes the data.",
            ),
            Self::DecodeErrors => words(
                "Parts of it are damaged",
                "The figures leave out these parts. Get the file again from its source.",
            ),
            Self::FormatChange => words(
                "Its format changes in the middle",
                "The figures end at that place. Split the file there, and measure the parts.",
            ),
            Self::WrongExtension => words(
                "Its name says another format",
                "The figures are not affected. Rename the file: some players rely on the name.",
            ),
            Self::LengthMismatch => words(
                "Its length differs from its header",
                "The figures describe the audio that is present. Players may show a wrong length; \
                 saving the file again corrects it.",
            ),
            Self::OtherTracks => words(
                "It has further audio tracks",
                "The figures describe the default track. Extract the others to measure them.",
            ),
            Self::NoFrames => words(
                "Decoding gave no audio",
                "The file is more than a header, but no frame came out of it. If it should contain \
                 sound, get it again from its source.",
            ),
            Self::ImplausibleLevel => words(
                "Its level is implausibly high",
                "Do not trust these figures: samples are more than 20 dB above full scale. The file \
                 is damaged, or its samples are scaled wrongly; export it again.",
            ),
            Self::GuessedFormat => words(
                "Its format was guessed from its name",
                "Listen to the file before you trust these figures: its content was not recognised.",
            ),
            Self::EditList => words(
                "Its edit list was not followed completely",
                "The list repeats, reorders or slows audio, or adds silence. The figures describe the \
                 audio in the order of the file; export it in one piece to measure what is played.",
            ),
            Self::ChecksumMismatch => words(
                "Its audio differs from its checksum",
                "The figures describe the audio that is present. Get the file again from its source.",
            ),
            Self::HeaderMismatch => words(
                "Its header describes another format",
                "The figures describe the audio itself. Saving the file with an audio editor corrects \
                 the header.",
            ),
        }
    }
}

const fn words(title: &'static str, help: &'static str) -> Words {
    Words { title, help }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_stands_once_among_all() {
        let failures: BTreeSet<_> = FAILURES.iter().map(ToString::to_string).collect();
        assert_eq!(failures.len(), FAILURES.len());
        assert!(WARNINGS.iter().enumerate().all(|(at, kind)| !WARNINGS[..at].contains(kind)));
    }

    #[test]
    fn titles_are_short_and_help_is_whole_sentences() {
        let failures = FAILURES.iter().map(|kind| kind.words());
        for Words { title, help } in failures.chain(WARNINGS.iter().map(|kind| kind.words())) {
            assert!(title.len() <= 48 && !title.ends_with('.'), "{title}");
            assert!(help.ends_with('.') && !help.contains("  "), "{help}");
        }
    }
}
