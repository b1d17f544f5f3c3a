//! Open: what comes of handing a file to ffmpeg, and what is said where nothing comes of it.

use std::path::Path;

use super::decoding::{Decoding, Started};
use super::probe::{self, Description, Undescribed};
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::container::Subject;
use crate::decode::container::format::{FormatRow, Kind};
use crate::decode::fallback::{demuxers, stated};
use crate::decode::probe::magic::{Content, Head};
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind, DecodedBy, Opened, SourceFormat};
use crate::record::WarningKind;

/// Opens with ffmpeg what was refused by our own decoders.
pub(in crate::decode) fn open(
    path: &Path,
    head: &Head,
    subject: &Subject,
    refusal: Refusal,
    findings: &mut Findings,
) -> Result<Opened, DecodeError> {
    let row = subject.row;
    let (kind, what) = match refusal {
        Refusal::Unsupported(what) => (DecodeErrorKind::UnsupportedFormat, what),
        Refusal::Corrupt(what) => (DecodeErrorKind::Corrupt, what),
        Refusal::Final(error) => return Err(error),
    };
    let refused = |kind, message: String| Err(DecodeError::new(kind, message));
    let Some(program) = super::program() else {
        let help = match kind {
            DecodeErrorKind::Corrupt => "an installed ffmpeg program may be able to read it",
            _ if row.kind() == Kind::OTHER => {
                return refused(DecodeErrorKind::UnknownFormat, what);
            }
            _ => "install the ffmpeg program, which can decode many more formats",
        };
        return refused(kind, format!("{what}; {help}"));
    };
    let description = match probe::describe(&program, path) {
        Ok(description) => description,
        Err(Undescribed::Unasked(why)) => return refused(kind, format!("{what}; {why}")),
        Err(Undescribed::Unreadable) => return Err(unreadable(&program, row, kind, what)),
    };
    let Description { demuxer, score, track, tracks, others } = description;
    let is_recognised = matches!(head.content, Content::Audio(_));
    let is_believed = demuxers::is_believed(&demuxer, score, row, is_recognised);
    // Without ffprobe the demuxer has no name: only a recognised format is believed.
    let is_taken = is_believed || demuxer.is_empty() && is_recognised;
    if !is_taken {
        return Err(unreadable(&program, row, kind, what));
    }
    let Some(track) = track else { return Err(no_audio(row, &demuxer, &others)) };
    let codec = match &*track.codec {
        "" | "none" | "unknown" => "an unknown codec".to_owned(),
        codec => format!("the codec `{codec}`"),
    };
    let is_damaged = kind == DecodeErrorKind::Corrupt;
    if track.format.is_none() && !probe::has(&program, "decoder", &track.codec) {
        if is_damaged {
            return refused(kind, format!("{what}; ffmpeg cannot read it either"));
        }
        let message = format!(
            "this is {} with audio of {codec}, for which neither audiopool nor the installed \
             ffmpeg has a decoder",
            named(row, &demuxer),
        );
        return refused(DecodeErrorKind::UnsupportedFormat, message);
    }
    let audio = match Decoding::start(&program, path, &track, &others) {
        Ok(Started::Audio(audio)) => audio,
        Ok(Started::Nothing { .. }) if is_damaged => {
            return refused(kind, format!("{what}; ffmpeg cannot decode it either"));
        }
        Ok(Started::Nothing { .. }) => {
            let message = format!(
                "this is {} with audio of {codec}, but it is damaged: nothing in it can be \
                 decoded",
                named(row, &demuxer),
            );
            return refused(DecodeErrorKind::Corrupt, message);
        }
        Err(why) => return refused(kind, format!("{what}; {why}")),
    };
    if head.content == Content::Unknown && row.kind() != Kind::OTHER {
        let message = format!(
            "only the name of the file says that it is {}; it was decoded as that",
            row.name
        );
        findings.note(WarningKind::GuessedFormat, None, None, message);
    }
    if tracks > 1 {
        let message = format!("{} further audio tracks were not analysed", tracks - 1);
        findings.note(WarningKind::OtherTracks, None, None, message);
    }
    let stated = stated::length(row.kind(), &head.bytes);
    let length = subject.length.saturating_sub(subject.start);
    if let Some(stated) = stated.filter(|&stated| stated > length) {
        let message = format!("the file states {stated} bytes, {length} are there");
        findings.note(WarningKind::Truncated, None, Some(subject.length), message);
    }
    let format = SourceFormat {
        container: container(row, &demuxer),
        codec: track.codec.clone(),
        decoder: DecodedBy::Ffmpeg,
        pcm: audio.pcm(),
        declared_frames: track.declared,
    };
    Ok(Opened { format, trim: Trim::NONE, signature: None, audio: Box::new(audio) })
}

/// A file that ffmpeg cannot read, or reads as something that it certainly is not.
fn unreadable(program: &Path, row: &FormatRow, kind: DecodeErrorKind, what: String) -> DecodeError {
    let is_known = || row.ffmpeg.iter().any(|name| probe::has(program, "demuxer", name));
    match kind {
        _ if row.kind() == Kind::OTHER => DecodeError::new(DecodeErrorKind::UnknownFormat, what),
        DecodeErrorKind::UnsupportedFormat if is_known() => DecodeError::new(
            DecodeErrorKind::Corrupt,
            format!("this is {}, but it is damaged: ffmpeg cannot read it either", row.name),
        ),
        DecodeErrorKind::UnsupportedFormat => {
            DecodeError::new(kind, format!("{what}, and neither does the installed ffmpeg"))
        }
        kind => DecodeError::new(kind, format!("{what}; ffmpeg cannot read it either")),
    }
}

fn no_audio(row: &FormatRow, demuxer: &str, others: &[String]) -> DecodeError {
    let mut codecs: Vec<&str> = others.iter().map(String::as_str).collect();
    codecs.retain(|codec| !codec.is_empty());
    codecs.dedup();
    codecs.truncate(4);
    let holds = if codecs.is_empty() {
        "no stream at all".to_owned()
    } else {
        format!("other streams alone: {}", codecs.join(", "))
    };
    let message = format!("this is {} without audio; it holds {holds}", named(row, demuxer));
    DecodeError::new(DecodeErrorKind::NoAudio, message)
}

/// What a format is called: by its row, or as ffmpeg calls it.
fn named(row: &FormatRow, demuxer: &str) -> String {
    if row.kind() == Kind::OTHER { format!("`{demuxer}`") } else { row.name.to_owned() }
}

/// The container in the record: as ffmpeg calls it where no row of ours names it.
fn container(row: &FormatRow, demuxer: &str) -> String {
    let is_known = demuxer.is_empty() || row.ffmpeg.contains(&demuxer);
    if is_known { row.container().to_owned() } else { demuxer.to_owned() }
}
