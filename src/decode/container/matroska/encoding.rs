//! Content encodings: how the data of blocks is packed. RFC 9559 §5.1.4.1.31.
//!
//! Packed by zlib or stripped of bytes that all begin with, they are unpacked here. What is packed
//! by bzip2 or LZO is refused with its name, and an encrypted track, too.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::ebml::{elements, unsigned};
use super::ids;

/// The most bytes that a block is unpacked to.
const MOST: usize = 64 << 20;

/// One way in which data is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    order: u64,
    is_of_blocks: bool,
    is_of_private: bool,
    packing: Packing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Packing {
    Zlib,
    /// All begin with these bytes, which were left out.
    Stripped(Vec<u8>),
}

/// What keeps data from being unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// Nothing can read it without a key.
    Encrypted,
    /// It is packed by a method of this name.
    Packed(&'static str),
}

/// Reads the content of the element `ContentEncodings`; in the order in which data is unpacked.
pub(super) fn read(content: &[u8]) -> Result<Vec<Encoding>, Sealed> {
    let entries = elements(content).filter(|(id, _)| *id == ids::CONTENT_ENCODING);
    let mut found = entries.map(|(_, entry)| read_one(entry)).collect::<Result<Vec<_>, _>>()?;
    found.sort_by_key(|encoding| std::cmp::Reverse(encoding.order));
    Ok(found)
}

fn read_one(entry: &[u8]) -> Result<Encoding, Sealed> {
    let (mut order, mut scope, mut kind, mut algorithm) = (0, 1, 0, 0);
    let mut settings = &[][..];
    for (id, content) in elements(entry) {
        let number = || unsigned(content).unwrap_or(u64::MAX);
        match id {
            ids::ENCODING_ORDER => order = number(),
            ids::ENCODING_SCOPE => scope = number(),
            ids::ENCODING_TYPE => kind = number(),
            ids::COMPRESSION => {
                for (id, content) in elements(content) {
                    match id {
                        ids::COMPRESSION_ALGORITHM => {
                            algorithm = unsigned(content).unwrap_or(u64::MAX);
                        }
                        ids::COMPRESSION_SETTINGS => settings = content,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let packing = match (kind, algorithm) {
        (0, 0) => Packing::Zlib,
        (0, 1) => return Err(Sealed::Packed("bzip2")),
        (0, 2) => return Err(Sealed::Packed("LZO")),
        (0, 3) => Packing::Stripped(settings.to_vec()),
        (1, _) => return Err(Sealed::Encrypted),
        _ => return Err(Sealed::Packed("an unknown method")),
    };
    Ok(Encoding { order, is_of_blocks: scope & 1 != 0, is_of_private: scope & 2 != 0, packing })
}

/// Unpacks a frame of a block; `None` if it is damaged or unpacks to too much.
pub(super) fn unpack(encodings: &[Encoding], data: &[u8]) -> Option<Vec<u8>> {
    unpack_by(encodings.iter().filter(|encoding| encoding.is_of_blocks), data)
}

/// Unpacks the private data of a codec.
pub(super) fn unpack_private(encodings: &[Encoding], data: &[u8]) -> Option<Vec<u8>> {
    unpack_by(encodings.iter().filter(|encoding| encoding.is_of_private), data)
}

fn unpack_by<'a>(
    mut encodings: impl Iterator<Item = &'a Encoding>,
    data: &[u8],
) -> Option<Vec<u8>> {
    encodings.try_fold(data.to_vec(), |data, encoding| match &encoding.packing {
        Packing::Zlib => decompress_to_vec_zlib_with_limit(&data, MOST).ok(),
        Packing::Stripped(start) => Some([start, &data[..]].concat()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
        let size = 0x80 | u8::try_from(content.len()).expect("a short element");
        [id, &[size], content].concat()
    }

    fn compression(order: u8, algorithm: u8, settings: &[u8]) -> Vec<u8> {
        let settings = element(&[0x42, 0x55], settings);
        let of = element(&[0x50, 0x34], &[element(&[0x42, 0x54], &[algorithm]), settings].concat());
        element(&[0x62, 0x40], &[element(&[0x50, 0x31], &[order]), of].concat())
    }

    #[test]
    fn what_was_done_last_is_undone_first() {
        // "xyz" in a stored block of zlib, whose first two bytes were stripped.
        let packed = [0x01, 3, 0, 0xfc, 0xff, b'x', b'y', b'z', 0x02, 0xd7, 0x01, 0x6c];
        let content = [compression(0, 0, &[]), compression(1, 3, &[0x78, 0x01])].concat();
        let encodings = read(&content).expect("both are known");
        assert_eq!(unpack(&encodings, &packed).as_deref(), Some(&b"xyz"[..]));
        assert_eq!(unpack(&encodings, &packed[..9]), None);
        assert_eq!(unpack_private(&encodings, &packed).as_deref(), Some(&packed[..]));
    }

    #[test]
    fn nothing_unpacks_to_more_than_the_limit() {
        let zeros = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; MOST + 1], 9);
        let encodings = read(&compression(0, 0, &[])).expect("zlib is known");
        assert_eq!(unpack(&encodings, &zeros), None);
    }

    #[test]
    fn what_cannot_be_unpacked_is_named() {
        assert_eq!(read(&compression(0, 1, &[])), Err(Sealed::Packed("bzip2")));
        assert_eq!(read(&compression(0, 2, &[])), Err(Sealed::Packed("LZO")));
        let encrypted = element(&[0x62, 0x40], &element(&[0x50, 0x33], &[1]));
        assert_eq!(read(&encrypted), Err(Sealed::Encrypted));
    }
}
