//! Open: which decoder opens a file.
//!
//! ```text
//! regular file ─▶ magic ─┬─ built in ─▶ opened
//!                        │      └ refused ─▶ ffmpeg ─▶ opened, or an error that says both
//!                        ├─ known, not built in ─▶ ffmpeg
//!                        ├─ not known ─▶ ffmpeg, if that is certain of the content
//!                        └─ no audio ─▶ an error that names it
//! ```

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;

use super::accounting::findings::Findings;
use super::container::format::{FormatRow, Kind};
use super::container::{Contents, Subject, reader_of};
use super::fallback;
use super::probe::formats::{row_of, row_of_extension};
use super::probe::magic::{self, Content, Head};
use super::probe::regular;
use super::refusal::{Refusal, check_limits, of_io};
use super::{DecodeError, DecodeErrorKind, Opened, SourceFormat};
use crate::record::WarningKind;

mod packets;
mod samples;

/// Opens a file, and returns its length as well: see the module.
pub(super) fn open(
    path: &Path,
    threads: NonZeroUsize,
    findings: &mut Findings,
) -> Result<(Opened, u64), DecodeError> {
    let (mut file, length) = regular::open(path)?;
    let head = magic::read_head(&mut file).map_err(|error| of_io(&error))?;
    let named = path.extension().and_then(|name| name.to_str()).and_then(row_of_extension);
    let row = match (head.content, named) {
        (Content::Audio(kind), _) => row_of(kind),
        (Content::Other(what), _) => return Err(unknown(format!("this is {what}, not audio"))),
        (Content::Text, _) => return Err(unknown("this is text, not audio")),
        // The name alone decides where a format may begin with any bytes.
        (Content::Unknown, Some(row)) if may_begin_anyhow(row) => row,
        // An installed ffmpeg may recognise the content with certainty.
        (Content::Unknown, _) => row_of(Kind::OTHER),
    };
    let mut subject = Subject { row, start: head.start, length };
    let mut attempt = Findings::default();
    let opened = match open_built_in(file, &head, &mut subject, threads, &mut attempt) {
        Ok(opened) => {
            *findings = attempt;
            opened
        }
        Err(refusal) => fallback::open(path, &head, &subject, refusal, findings)?,
    };
    let row = subject.row;
    check_limits(opened.format.pcm)?;
    let is_fitting = |named: &&FormatRow| is_fitting_name(named, row, &opened.format);
    if let Some(named) = &named {
        findings.compare_extension(is_fitting(named));
    }
    if let Some(named) = named.filter(|named| !is_fitting(named)) {
        let message = format!(
            "the name ends like {}, the content is {} ({})",
            named.name,
            if row.kind() == Kind::OTHER { &opened.format.container } else { row.name },
            opened.format.codec
        );
        findings.note(WarningKind::WrongExtension, None, None, message);
    }
    Ok((opened, length))
}

fn unknown(message: impl Into<String>) -> DecodeError {
    DecodeError::new(DecodeErrorKind::UnknownFormat, message)
}

/// Whether files of a format have no marker at the start, or may have junk before it.
fn may_begin_anyhow(row: &FormatRow) -> bool {
    matches!(
        row.kind(),
        Kind::MPEG_AUDIO | Kind::ADTS | Kind::LOAS | Kind::AC3 | Kind::DTS | Kind::MPEG_SYSTEM
    )
}

/// Whether a file of the format `row` may be named like one of `named`.
fn is_fitting_name(named: &FormatRow, row: &FormatRow, format: &SourceFormat) -> bool {
    named.kind() == row.kind()
        // Extensions that stand for the family.
        || (named.kind() == Kind::WAV && matches!(format.codec.as_str(), "mp3" | "ac3" | "dts"))
        // Speech corpora use this extension.
        || (named.kind() == Kind::WAV && row.kind() == Kind::NIST)
        || matches!(
            (named.kind(), row.kind()),
            (Kind::MP4 | Kind::MATROSKA, Kind::MPEG_SYSTEM)
                | (Kind::ADTS, Kind::LOAS)
                | (Kind::LOAS, Kind::ADTS)
        )
}

/// Opens a file with the reader of its container, which owns the file from then on.
fn open_built_in(
    file: File,
    head: &Head,
    subject: &mut Subject,
    threads: NonZeroUsize,
    findings: &mut Findings,
) -> Result<Opened, Refusal> {
    let Some(reader) = reader_of(subject.row.kind()) else {
        return Err(Refusal::Unsupported(match subject.row.kind() {
            Kind::OTHER => "no known audio format begins like this; is the file damaged, \
                            encrypted or raw samples without a header?"
                .to_owned(),
            Kind::RIFF => format!(
                "this is a RIFF file of the kind \"{}\", which audiopool does not decode itself",
                head.bytes.get(8..12).unwrap_or_default().escape_ascii()
            ),
            _ => {
                format!("this is {}, which audiopool does not decode itself", subject.row.name)
            }
        }));
    };
    match (reader.open)(file, subject, findings)? {
        Contents::Samples(file, samples) => samples::open_samples(file, subject, samples, findings),
        Contents::Packets(packets) => packets::open_packets(packets, subject, threads, findings),
    }
}
