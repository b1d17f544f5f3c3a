//! Matroska and `WebM`. RFC 9559.
//!
//! One walk through the file tells everything: tracks and which of them is to be played, packets
//! with their place in the file, the padding beside each block, what is damaged, and whether the
//! file is complete.
//!
//! ```text
//! EBML │ Segment ─┬─ Tracks
//!                 ├─ Cluster ─┬─ SimpleBlock
//!                 │           └─ BlockGroup ─┬─ Block
//!                 │                          └─ DiscardPadding
//!                 └─ Cluster …
//! ```
//!
//! A live stream states no sizes: such a segment ends where the file does, and such a cluster where
//! another element of the segment begins. The duration in the file is that of its longest track,
//! rounded to a millisecond; it is not a number of frames and declares none.

mod block;
mod codec;
mod demux;
mod ebml;
mod encoding;
mod find;
mod head;
mod ids;
mod track;

use std::fs::File;

use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use self::codec::Coded;
use self::demux::Matroska;
use self::ebml::Reader;
use self::encoding::Sealed;
use self::head::Head;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::name_of_codec;
use crate::decode::open::Candidate;
use crate::decode::probe::formats::FormatRow;
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind, Opened};
use crate::record::WarningKind;

impl Candidate<'_> {
    /// Opens a Matroska or `WebM` file.
    pub(in crate::decode) fn open_matroska(
        &self,
        file: File,
        row: &FormatRow,
        findings: &mut Findings,
    ) -> Result<Opened, Refusal> {
        let mut reader = Reader::new(file, self.head.start, self.file_length);
        let head = Head::read(&mut reader).map_err(|what| {
            Refusal::Corrupt(format!("this is {}, but it cannot be read: {what}", row.name))
        })?;
        let refused =
            |what: &str| Refusal::Unsupported(format!("this is {}, but {what}", row.name));
        let Some((track, count)) = head.tracks.audio() else {
            return Err(Refusal::no_audio(row));
        };
        match &track.encodings {
            Err(Sealed::Encrypted) => {
                let message = format!(
                    "this is {}, but its audio track is encrypted; decrypt the file first",
                    row.name
                );
                let kind = DecodeErrorKind::UnsupportedFormat;
                return Err(Refusal::Final(DecodeError::new(kind, message)));
            }
            Err(Sealed::Packed(by)) => {
                let what =
                    format!("its audio track is packed by {by}, which audiopool cannot undo");
                return Err(refused(&what));
            }
            Ok(_) => {}
        }
        let mut coded = Coded::of(track).map_err(|what| refused(&what))?;
        if coded.params.codec == CODEC_ID_AAC {
            let mut demux = Matroska::new(reader, &head, track, coded.clone());
            coded = coded.examined(&demux.first_packets()).map_err(Refusal::Unsupported)?;
            reader = demux.into_reader();
        }
        if count > 1 {
            let message = format!("{} further audio tracks were not analysed", count - 1);
            findings.note(WarningKind::OtherTracks, None, None, message);
        }
        let delay = if coded.delivers_delay() { coded.frames_in(track.delay, &[]) } else { 0 };
        let trim = if delay > 0 { Trim::keep(delay..u64::MAX) } else { Trim::NONE };
        let codec = name_of_codec(coded.params.codec);
        let demux = Matroska::new(reader, &head, track, coded);
        let setup = demux.setup().clone();
        let opened = self.open_coded(row, codec, None, trim, &setup, Box::new(demux), findings)?;
        let mut format = opened.format;
        if head.is_webm {
            "webm".clone_into(&mut format.container);
        }
        Ok(Opened { format, ..opened })
    }
}
