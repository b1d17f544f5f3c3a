//! Head: what a file says before its audio.

use super::ebml::{Element, Next, Reader, elements};
use super::ids;
use super::track::Tracks;

/// Elements that are gone through in search of the tracks.
const MAX_ELEMENTS: usize = 1 << 20;
/// The most bytes that a description of the tracks may have.
const MAX_TRACKS: u64 = 64 << 20;

/// The beginning of a file, up to its first cluster.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) is_webm: bool,
    pub(super) tracks: Tracks,
    /// The byte behind the segment, if its size is known.
    pub(super) segment_end: Option<u64>,
    /// Where the first cluster begins, or what is there instead.
    pub(super) audio: u64,
}

impl Head {
    /// Reads it from the start of a file; the error says what is wrong.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, String> {
        let ebml = next(reader)?;
        if ebml.id != ids::EBML {
            return Err("it does not begin with EBML".to_owned());
        }
        let content = small(reader, &ebml)?;
        let doc_type = elements(&content).find(|(id, _)| *id == ids::DOC_TYPE);
        let is_webm = doc_type.is_some_and(|(_, name)| name.starts_with(b"webm"));
        let segment = loop {
            let element = next(reader)?;
            if element.id == ids::SEGMENT {
                break element;
            }
            skip(reader, &element)?;
        };
        reader.seek(segment.content);
        let mut audio = None;
        for _ in 0..MAX_ELEMENTS {
            let element = next(reader)?;
            if element.id == ids::CLUSTER {
                audio = audio.or(Some(element.start));
            }
            if element.id == ids::TRACKS {
                let tracks = Tracks::read(&small(reader, &element)?);
                let audio = audio.unwrap_or_else(|| reader.position());
                reader.seek(audio);
                return Ok(Self { is_webm, tracks, segment_end: segment.end(), audio });
            }
            skip(reader, &element)?;
        }
        Err("it has no tracks".to_owned())
    }
}

fn next(reader: &mut Reader) -> Result<Element, String> {
    match reader.header() {
        Ok(Next::Element(element)) => Ok(element),
        Ok(Next::End | Next::Cut) => Err("the file ends before its tracks".to_owned()),
        Ok(Next::Invalid) => Err(format!("no element begins at byte {}", reader.position())),
        Err(error) => Err(format!("reading failed: {error}")),
    }
}

fn skip(reader: &mut Reader, element: &Element) -> Result<(), String> {
    match element.end() {
        Some(end) if end <= reader.end() => {
            reader.seek(end);
            Ok(())
        }
        Some(_) => Err("the file ends before its tracks".to_owned()),
        None => Err(format!("the size of the element at byte {} is unknown", element.start)),
    }
}

/// The content of an element that is read as a whole.
fn small(reader: &mut Reader, element: &Element) -> Result<Vec<u8>, String> {
    match element.size {
        Some(size)
            if size <= MAX_TRACKS && element.content.saturating_add(size) <= reader.end() =>
        {
            reader.content(element).map_err(|error| format!("reading failed: {error}"))
        }
        _ => Err(format!("the size of the element at byte {} is damaged", element.start)),
    }
}
