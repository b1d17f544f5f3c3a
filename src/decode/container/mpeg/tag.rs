//! Tags of MP3 that say how much of the decoded audio is the recording.
//!
//! - The first frame may hold no audio but a tag: how many frames follow, and how many samples at
//!   either end are the encoder's. It is named `Xing`, `Info` or `VBRI`.
//! - iTunes writes the same into a comment of the `ID3v2` tag, named `iTunSMPB`.

use std::io::{Read, Seek, SeekFrom};

use crate::decode::accounting::trim::Trim;
use crate::decode::codec::mpa::FrameHeader;

/// Frames by which a decoder lags behind an encoder: what players add to the delay in the tag.
const DECODER_DELAY: u64 = 528 + 1;
/// Frames of an `ID3v2` tag that are looked at.
const MOST_FIELDS: usize = 4096;
/// Bytes that a comment may have.
const MOST_COMMENT: u64 = 4096;

/// What a tag says of the length of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Decoded frames of the whole file, before trimming.
    total: Option<u64>,
    /// Decoded frames at the start and the end that are no part of the recording.
    cut: Option<(u64, u64)>,
}

impl Tag {
    /// The tag that a frame consists of, if it does.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let header = FrameHeader::read(frame)?;
        if header.format.layer != 3 {
            return None;
        }
        if frame.get(36..40) == Some(b"VBRI") {
            let packets = frame.get(50..54)?.try_into().ok().map(u32::from_be_bytes)?;
            let total = u64::from(packets) * header.format.frames();
            return Some(Self { total: Some(total), cut: None });
        }
        // Some encoders count the CRC of the header, and some do not.
        let at = 4 + header.side_info();
        let mut tag = [at, at + 2].into_iter().find_map(|at| {
            frame.get(at..).filter(|tag| tag.starts_with(b"Xing") || tag.starts_with(b"Info"))
        })?;
        let flags = u32::from_be_bytes(tag.get(4..8)?.try_into().ok()?);
        tag = &tag[8..];
        let mut total = None;
        for (flag, length) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            if flags & flag != 0 {
                let field = tag.get(..length)?;
                if flag == 1 {
                    let packets = u32::from_be_bytes(field.try_into().ok()?);
                    total = Some(u64::from(packets) * header.format.frames());
                }
                tag = &tag[length..];
            }
        }
        let is_lame = tag.get(..4).is_some_and(|name| matches!(name, b"LAME" | b"Lavf" | b"Lavc"));
        let cut = tag.get(21..24).filter(|_| is_lame).map(|three| {
            let both = u64::from(three[0]) << 16 | u64::from(three[1]) << 8 | u64::from(three[2]);
            ((both >> 12) + DECODER_DELAY, (both & 0xfff).saturating_sub(DECODER_DELAY))
        });
        Some(Self { total, cut })
    }

    /// With what iTunes says, unless an encoder has said it in the frame, or counts other frames.
    pub(super) fn or_itunes(this: Option<Self>, itunes: Option<ITunes>) -> Option<Self> {
        let Some(itunes) = itunes else { return this };
        match this {
            Some(Self { cut: Some(_), .. }) => this,
            Some(Self { total: Some(total), .. }) if total != itunes.total() => this,
            _ => Some(Self { total: Some(itunes.total()), cut: Some((itunes.start, itunes.end)) }),
        }
    }

    /// Frames of the recording that the tag declares.
    pub(super) fn declared(self) -> Option<u64> {
        let (start, end) = self.cut.unwrap_or((0, 0));
        Some(self.total?.saturating_sub(start + end))
    }

    /// What is to be cut off. Data appended behind the counted frames stays.
    pub(super) fn trim(self) -> Trim {
        let Some((start, end)) = self.cut else { return Trim::NONE };
        let trim = Trim::keep(start..u64::MAX);
        match self.total {
            Some(total) => trim.without(total - end.min(total)..total),
            None => trim,
        }
    }
}

/// The comment of iTunes: frames before, behind and in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ITunes {
    start: u64,
    end: u64,
    recording: u64,
}

impl ITunes {
    const fn total(self) -> u64 {
        self.start + self.end + self.recording
    }

    /// Looks for the comment in the `ID3v2` tags before byte `end` of a file.
    pub(super) fn find(file: &mut (impl Read + Seek), end: u64) -> Option<Self> {
        let mut at = 0;
        let mut fields = 0;
        let mut tag_end = 0;
        let mut version = 0;
        while at < end && fields < MOST_FIELDS {
            fields += 1;
            if at >= tag_end {
                let [b'I', b'D', b'3', kind @ 2..=4, _, flags, size @ ..] = read::<10>(file, at)?
                else {
                    return None;
                };
                // The fields of a tag that is scrambled or extended are not looked for.
                let footer = if flags & 0x10 == 0 { 0 } else { 10 };
                tag_end = at + 10 + syncsafe(size) + footer;
                version = kind;
                at = if flags & 0xc0 == 0 { at + 10 } else { tag_end };
                continue;
            }
            let (name, size, header) = if version == 2 {
                let [n0, n1, n2, s0, s1, s2] = read::<6>(file, at)?;
                ([n0, n1, n2, b' '], u32::from_be_bytes([0, s0, s1, s2]).into(), 6)
            } else {
                let [n0, n1, n2, n3, size @ .., _, _] = read::<10>(file, at)?;
                let size =
                    if version == 4 { syncsafe(size) } else { u32::from_be_bytes(size).into() };
                ([n0, n1, n2, n3], size, 10)
            };
            if name[0] == 0 || size == 0 {
                // Padding up to the end of the tag.
                at = tag_end;
                continue;
            }
            let is_comment = matches!(&name, b"COM " | b"TXX " | b"COMM" | b"TXXX");
            if is_comment && size <= MOST_COMMENT {
                let mut field = Vec::new();
                file.seek(SeekFrom::Start(at + header)).ok()?;
                file.take(size).read_to_end(&mut field).ok()?;
                if let Some(found) = Self::read(&field) {
                    return Some(found);
                }
            }
            at += header + size;
        }
        None
    }

    /// Reads the content of a comment: hexadecimal numbers behind the name, in Latin or UTF-16.
    fn read(field: &[u8]) -> Option<Self> {
        const NAME: &[u8] = b"iTunSMPB";
        let text: Vec<u8> = field.iter().copied().filter(u8::is_ascii).filter(|&b| b > 0).collect();
        let at = text.windows(NAME.len()).position(|name| name == NAME)? + NAME.len();
        let mut numbers = std::str::from_utf8(&text[at..])
            .ok()?
            .split_ascii_whitespace()
            .map(|number| u64::from_str_radix(number, 16).ok().filter(|&n| n < 1 << 40));
        let (_, start) = (numbers.next()??, numbers.next()??);
        let (end, recording) = (numbers.next()??, numbers.next()??);
        (recording > 0 && start <= 16_384).then_some(Self { start, end, recording })
    }
}

fn syncsafe(size: [u8; 4]) -> u64 {
    size.iter().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))
}

fn read<const LENGTH: usize>(file: &mut (impl Read + Seek), at: u64) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A frame of MPEG-1 layer III, 44.1 kHz, stereo, with room for a tag.
    fn tagged(name: [u8; 4], packets: u32, delay: u32, padding: u32) -> Vec<u8> {
        let mut frame = vec![0; 36];
        frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x04]);
        frame.extend(name);
        frame.extend(1_u32.to_be_bytes());
        frame.extend(packets.to_be_bytes());
        frame.extend(b"LAME3.100");
        frame.extend([0; 12]);
        frame.extend(&(delay << 12 | padding).to_be_bytes()[1..]);
        frame
    }

    #[test]
    fn a_lame_tag_cuts_both_ends() {
        let tag = Tag::read(&tagged(*b"Info", 10, 576, 1000)).expect("a tag");
        assert_eq!(tag.declared(), Some(11520 - 1576));
        assert_eq!(
            tag.trim(),
            Trim::keep(576 + 529..u64::MAX).without(11520 - (1000 - 529)..11520)
        );
        let mut with_crc = tagged(*b"Xing", 10, 576, 1000);
        with_crc[1] = 0xfa;
        assert_eq!(Tag::read(&with_crc), Some(tag));
        with_crc.splice(4..4, [1, 2]);
        assert_eq!(Tag::read(&with_crc), Some(tag));
    }

    #[test]
    fn without_a_tag_nothing_is_known() {
        assert_eq!(Tag::read(&tagged(*b"none", 10, 576, 1000)), None);
        assert_eq!(Tag::read(b"no frame"), None);
        assert_eq!(Tag::read(&tagged(*b"Info", 10, 576, 1000)[..30]), None);
    }

    fn id3(version: u8, fields: &[u8]) -> Vec<u8> {
        let size = u32::try_from(fields.len()).expect("a small tag");
        let size = [size >> 21, size >> 14, size >> 7, size].map(|byte| (byte & 0x7f) as u8);
        [&b"ID3"[..], &[version, 0, 0], &size, fields].concat()
    }

    fn comment(name: &[u8], text: &[u8]) -> Vec<u8> {
        let size = u32::try_from(text.len()).expect("a small field").to_be_bytes();
        match name.len() {
            3 => [name, &size[1..], text].concat(),
            _ => [name, &size, &[0, 0], text].concat(),
        }
    }

    #[test]
    fn the_comment_of_itunes_is_found_in_any_version_of_id3() {
        let text = b"\0engiTunSMPB\0 00000000 00000210 0000086A 0000000000002286 00000000";
        let found = Some(ITunes { start: 528, end: 2154, recording: 8838 });
        let wide: Vec<u8> = b"\x01eng\xff\xfe"
            .iter()
            .copied()
            .chain(text[4..12].iter().flat_map(|&byte| [byte, 0]))
            .chain([0, 0, 0xff, 0xfe])
            .chain(text[13..].iter().flat_map(|&byte| [byte, 0]))
            .collect();
        let title = [comment(b"TIT2", b"\0Title"), comment(b"COMM", b"\0eng\0hello")].concat();
        for tag in [
            id3(2, &comment(b"COM", text)),
            id3(3, &[&title[..], &comment(b"COMM", text)].concat()),
            id3(4, &comment(b"COMM", text)),
            id3(3, &comment(b"COMM", &wide)),
            [id3(4, &[0; 20]), id3(4, &comment(b"TXXX", text))].concat(),
        ] {
            let end = tag.len() as u64;
            assert_eq!(ITunes::find(&mut Cursor::new(&tag), end), found, "{tag:02x?}");
            assert_eq!(ITunes::find(&mut Cursor::new(&tag[..tag.len() / 3]), end), None);
        }
        let broken = id3(3, &comment(b"COMM", b"\0engiTunSMPB\0 0 210 x"));
        assert_eq!(ITunes::find(&mut Cursor::new(&broken), broken.len() as u64), None);
    }

    #[test]
    fn itunes_counts_where_no_encoder_has() {
        let itunes = Some(ITunes { start: 528, end: 2154, recording: 8838 });
        let tag = Tag::or_itunes(None, itunes).expect("a tag");
        assert_eq!(tag.declared(), Some(8838));
        assert_eq!(tag.trim(), Trim::keep(528..u64::MAX).without(11520 - 2154..11520));
        let lame = Tag::read(&tagged(*b"Info", 10, 576, 1000));
        assert_eq!(Tag::or_itunes(lame, itunes), lame);
        let of_other_frames = Some(Tag { total: Some(9 * 1152), cut: None });
        assert_eq!(Tag::or_itunes(of_other_frames, itunes), of_other_frames);
        assert_eq!(Tag::or_itunes(Some(Tag { total: Some(11520), cut: None }), itunes), Some(tag));
        assert_eq!(Tag::or_itunes(None, None), None);
    }
}
