//! Open: which of our ways leads into a file.
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

use audiopool_worker::pcm::PcmFormat;

use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::container::flac::Flac;
use crate::decode::probe::formats::{FormatRow, row_of, row_of_extension};
use crate::decode::probe::magic::{self, Content, Head, Kind};
use crate::decode::probe::regular;
use crate::decode::refusal::{Refusal, check_limits, of_io};
use crate::decode::{DecodeError, DecodeErrorKind, Opened, SourceFormat, container};

mod packets;
use crate::record::WarningKind;

/// A file on its way to being opened.
pub(in crate::decode) struct Candidate<'a> {
    pub(in crate::decode) path: &'a Path,
    pub(in crate::decode) file: File,
    pub(in crate::decode) file_length: u64,
    pub(in crate::decode) head: Head,
    pub(in crate::decode) threads: NonZeroUsize,
}

/// Opens a file, and tells its length: see the module.
pub(in crate::decode) fn open(
    path: &Path,
    threads: NonZeroUsize,
    findings: &mut Findings,
) -> Result<(Opened, u64), DecodeError> {
    let (mut file, file_length) = regular::open(path)?;
    let head = magic::read_head(&mut file).map_err(|error| of_io(&error))?;
    let named = path.extension().and_then(|name| name.to_str()).and_then(row_of_extension);
    let row = match (head.content, named) {
        (Content::Audio(kind), _) => row_of(kind),
        (Content::Other(what), _) => return Err(unknown(format!("this is {what}, not audio"))),
        (Content::Text, _) => return Err(unknown("this is text, not audio")),
        // The name alone may do where the bytes are allowed to begin anyhow.
        (Content::Unknown, Some(row)) if may_begin_anyhow(row) => row,
        // An installed ffmpeg may know it, by its content and with certainty.
        (Content::Unknown, _) => row_of(Kind::Other),
    };
    let candidate = Candidate { path, file, file_length, head, threads };
    let row = candidate.row_of_frames(row);
    let opened = candidate.open_as(row, findings)?;
    let pcm = opened.format.pcm;
    check_limits(pcm)?;
    let is_fitting = |named: &&FormatRow| is_fitting_name(named, row, &opened.format);
    if let Some(named) = &named {
        findings.compare_extension(is_fitting(named));
    }
    if let Some(named) = named.filter(|named| !is_fitting(named)) {
        let message = format!(
            "the name ends like {}, the content is {} ({})",
            named.name,
            if row.kind() == Kind::Other { &opened.format.container } else { row.name },
            opened.format.codec
        );
        findings.note(WarningKind::WrongExtension, None, None, message);
    }
    Ok((opened, file_length))
}

fn unknown(message: impl Into<String>) -> DecodeError {
    DecodeError::new(DecodeErrorKind::UnknownFormat, message)
}

/// Formats without a magic of their own at the start, or with junk before it.
fn may_begin_anyhow(row: &FormatRow) -> bool {
    matches!(
        row.kind(),
        Kind::MpegAudio | Kind::Adts | Kind::Loas | Kind::Ac3 | Kind::Dts | Kind::MpegSystem
    )
}

/// Whether a file of the format `row` may be named like one of `named`.
fn is_fitting_name(named: &FormatRow, row: &FormatRow, format: &SourceFormat) -> bool {
    named.kind() == row.kind()
        // Extensions that stand for the family.
        || (named.kind() == Kind::Wav && matches!(format.codec.as_str(), "mp3" | "ac3" | "dts"))
        // Speech corpora call them so.
        || (named.kind() == Kind::Wav && row.kind() == Kind::Nist)
        || matches!(
            (named.kind(), row.kind()),
            (Kind::Mp4 | Kind::Matroska, Kind::MpegSystem)
                | (Kind::Adts, Kind::Loas)
                | (Kind::Loas, Kind::Adts)
        )
}

impl Candidate<'_> {
    fn open_as(self, row: &FormatRow, findings: &mut Findings) -> Result<Opened, DecodeError> {
        let mut attempt = Findings::default();
        let refusal = match self.open_built_in(row, &mut attempt) {
            Ok(opened) => {
                *findings = attempt;
                return Ok(opened);
            }
            Err(refusal) => refusal,
        };
        self.open_fallback(row, refusal, findings)
    }

    fn open_built_in(&self, row: &FormatRow, findings: &mut Findings) -> Result<Opened, Refusal> {
        let mut file = self.file.try_clone().map_err(|error| Refusal::of_io(&error))?;
        let (start, length) = (self.head.start, self.file_length);
        let header = match row.kind() {
            Kind::Wav => container::riff::read(&mut file, start, length, findings),
            Kind::Wave64 => container::wave64::read(&mut file, start, length, findings),
            Kind::Aiff => container::aiff::read(&mut file, start, length, findings),
            Kind::Au => container::au::read(&mut file, start, length, findings),
            Kind::Nist => container::nist::read(&mut file, start, length, findings),
            _ => return self.open_packets(file, row, findings),
        };
        self.open_header(file, row, header, findings)
    }

    fn open_packets(
        &self,
        file: File,
        row: &FormatRow,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        match row.kind() {
            Kind::Flac => self.open_flac(file, row, findings),
            Kind::MpegAudio | Kind::Adts | Kind::Loas => self.open_frames(file, row, findings),
            Kind::Matroska => self.open_matroska(file, row, findings),
            Kind::Mp4 => self.open_mp4(file, row, findings),
            Kind::Ogg => self.open_ogg(file, row, findings),
            Kind::Caf => self.open_caf(file, row, findings),
            Kind::Other => Err(Refusal::Unsupported(
                "no known audio format begins like this; is the file damaged, encrypted or raw \
                 samples without a header?"
                    .to_owned(),
            )),
            Kind::Riff => Err(Refusal::Unsupported(format!(
                "this is a RIFF file of the kind \"{}\", which audiopool does not decode itself",
                self.head.bytes.get(8..12).unwrap_or_default().escape_ascii()
            ))),
            _ => Err(Refusal::Unsupported(format!(
                "this is {}, which audiopool does not decode itself",
                row.name
            ))),
        }
    }

    fn open_flac(
        &self,
        file: File,
        row: &FormatRow,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let flac = Flac::open(file, self.head.start, findings)
            .map_err(|what| Refusal::Corrupt(format!("the FLAC header is broken: {what}")))?;
        let setup = flac.setup().clone();
        let (declared, layout) = (flac.declared_frames(), flac.layout());
        let codec = "flac".to_owned();
        let opened =
            self.open_coded(row, codec, declared, Trim::NONE, &setup, Box::new(flac), findings)?;
        let pcm = PcmFormat { layout, ..opened.format.pcm };
        Ok(Opened { format: SourceFormat { pcm, ..opened.format }, ..opened })
    }
}
