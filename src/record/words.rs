//! Words: what a kind of failure or warning means to whoever has never met it, and what would help.
//!
//! A message says what is the matter with one file; these say what such a matter is. The page shows
//! both.

use serde::Serialize;

use super::DecodeErrorKind as Decode;
use super::{FailureKind, WarningKind};

/// A kind, in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// What it is.
    pub title: &'static str,
    /// What would help, or whether anything is to be done at all.
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
                "Measure the file again, and store its partials anew.",
            ),
            Self::InvalidPath => words("This is no path", "Correct the line of the list."),
            Self::Crashed => words(
                "The process that worked on it died, each time",
                "The file may be damaged. Save it anew with an audio editor, or convert it to FLAC \
                 or WAV.",
            ),
            Self::TimedOut => words(
                "It took too long, each time",
                "Measure it again while less is in work. If it stays so, the file may be damaged: \
                 convert it to FLAC or WAV.",
            ),
            Self::OutOfMemory => words(
                "There was not enough memory",
                "Set fewer worker processes, or measure fewer files at a time.",
            ),
            Self::Protocol | Self::WorkerPanic => words(
                "audiopool made a mistake",
                "Measure it again. If it stays so, that is a bug of ours, and the message belongs \
                 into its report.",
            ),
            Self::Cancelled => words("It was cancelled", "Measure it again if you want it."),
            Self::NotRun => words("It did not have its turn", "Measure it again."),
            Self::Decode(kind) => decoding(kind),
        }
    }
}

fn decoding(kind: Decode) -> Words {
    match kind {
        Decode::NotFound => words("There is no such file", "Look whether it was moved or renamed."),
        Decode::PermissionDenied => words(
            "It may not be read",
            "Give audiopool the right to read it, or measure a copy of it.",
        ),
        Decode::NotAFile => words("This is no file", "Choose a file, or a folder of files."),
        Decode::Io => words(
            "The system could not read it",
            "Look whether its disk or network works, and copy the file elsewhere.",
        ),
        Decode::Empty => {
            words("The file is empty", "A download or a copy was broken off: get it once more.")
        }
        Decode::NoAudio => words(
            "There is no audio in it",
            "Choose a file with sound in it, or a folder with such files.",
        ),
        Decode::UnknownFormat => words(
            "This is no audio that is known here",
            "Choose an audio file, or convert it to FLAC or WAV.",
        ),
        Decode::UnsupportedFormat => words(
            "This needs a decoder that is not here",
            "Install ffmpeg where audiopool runs, or convert the file to FLAC or WAV.",
        ),
        Decode::Corrupt => words(
            "The file is broken from its start",
            "Get it once more from where it came from; if a player still opens it, save it anew \
             with an audio editor.",
        ),
        Decode::LimitExceeded => words(
            "It is beyond what can be measured",
            "Its header may be damaged: get it once more. If it is as it says, convert it to a \
             lower rate or to fewer channels.",
        ),
    }
}

impl WarningKind {
    /// The same in plain words.
    pub fn words(self) -> Words {
        match self {
            Self::Truncated => words(
                "Its end is missing",
                "The figures are of what is there. A download or a copy was broken off: get it \
                 once more.",
            ),
            Self::TrailingData => words(
                "Something else follows the audio",
                "The figures are not touched by it. Saved anew with an audio editor, it is gone.",
            ),
            Self::DecodeErrors => words(
                "Parts of it are damaged",
                "The figures leave these out. Get it once more from where it came from.",
            ),
            Self::FormatChange => words(
                "It changes its format on the way",
                "The figures end there. Split the file at that place, and measure the parts.",
            ),
            Self::WrongExtension => words(
                "Its name says another format",
                "The figures are not touched by it. Rename the file: some players go by the name.",
            ),
            Self::LengthMismatch => words(
                "It is not as long as it says",
                "The figures are of what is there. Players may show a wrong length; saved anew, it \
                 is right.",
            ),
            Self::OtherTracks => words(
                "It has further audio tracks",
                "The figures are of the one that is played by default. Extract the others to measure \
                 them.",
            ),
            Self::NoFrames => words(
                "Nothing in it can be heard",
                "The file was decoded to no audio at all. If it should have sound, get it once more \
                 from where it came from.",
            ),
            Self::ImplausibleLevel => words(
                "It is louder than audio can be",
                "Do not trust these figures. The file is damaged, or its samples are scaled wrongly: \
                 export it once more.",
            ),
            Self::GuessedFormat => words(
                "Only its name says what it is",
                "Listen to the file before you trust these figures: its content is not recognised.",
            ),
            Self::EditList => words(
                "Its edits were not followed in full",
                "The figures are of the media in the order of the file. Export it in one piece to \
                 measure what is played.",
            ),
            Self::ChecksumMismatch => words(
                "Its audio is not what was encoded",
                "The figures are of what is there. Get the file once more from where it came from.",
            ),
            Self::HeaderMismatch => words(
                "Its header describes other audio",
                "The figures are of the audio as it is. Saved anew with an audio editor, the \
                 header is right.",
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
