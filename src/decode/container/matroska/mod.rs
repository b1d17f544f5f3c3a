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
pub(super) use self::demux::Matroska;
use self::ebml::Reader;
use self::encoding::Sealed;
use self::head::Head;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::name_of_codec;
use crate::decode::container::format::{Decoding, FormatRow, Kind};
use crate::decode::container::{Container, Contents, Packets, Subject};
use crate::decode::refusal::Refusal;
use crate::decode::{DecodeError, DecodeErrorKind, Opened};
use crate::record::WarningKind;

impl Container for Matroska {
    const FORMAT: FormatRow = FormatRow {
        name: "Matroska, WebM",
        codecs: "Vorbis, Opus, FLAC, AAC, HE-AAC, ALAC, MP3, PCM",
        extensions: &["mka", "mkv", "mk3d", "webm", "weba"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::MATROSKA,
        markers: &[b"\x1a\x45\xdf\xa3"],
        ffmpeg: &["matroska"],
    };

    fn open(
        file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let row = subject.row;
        let mut reader = Reader::new(file, subject.start, subject.length);
        let head = Head::read(&mut reader).map_err(|what| {
            Refusal::Corrupt(format!("this is {}, but it cannot be read: {what}", row.name))
        })?;
        let refused =
            |what: &str| Refusal::Unsupported(format!("this is {}, but {what}", row.name));
        let Some((track, count)) = head.tracks.audio() else {
            return Err(Refusal::no_audio(row.name));
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
            let mut demux = Self::new(reader, &head, track, coded.clone());
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
        let demux = Self::new(reader, &head, track, coded);
        let packets = Packets::new(codec, demux.setup().clone(), demux);
        let is_webm = head.is_webm;
        let complete = Box::new(move |mut opened: Opened| {
            if is_webm {
                "webm".clone_into(&mut opened.format.container);
            }
            opened
        });
        Ok(Contents::Packets(Packets { trim, complete, ..packets }))
    }
}
