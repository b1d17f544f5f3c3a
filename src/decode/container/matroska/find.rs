//! Find: the next intact element behind a damaged stretch.
//!
//! A cluster is recognised by its id of four bytes and the child that begins it, a block by its
//! track and by the element behind it.

use std::io;

use memchr::memchr3;

use super::block;
use super::ebml::{Next, Reader, header_of};
use super::ids;

/// Bytes that tell whether an element may begin.
const LOOK: usize = 32;
/// Bytes that are looked through at a time, at first and at most.
const FIRST_SPAN: usize = 512;
const LAST_SPAN: usize = 64 * 1024;
/// Blocks of a file that may turn out to be none; beyond, only clusters are looked for.
const MAX_CHECKS: u32 = 1 << 16;

/// Looks for elements.
#[derive(Debug)]
pub(super) struct Finder {
    /// Numbers of the tracks.
    tracks: Vec<u64>,
    checks: u32,
}

impl Finder {
    pub(super) const fn new(tracks: Vec<u64>) -> Self {
        Self { tracks, checks: 0 }
    }

    /// The next cluster, or block of the cluster that ends at `end`, from byte `from` on.
    pub(super) fn next(
        &mut self,
        reader: &mut Reader,
        from: u64,
        end: u64,
    ) -> io::Result<Option<u64>> {
        let (mut at, mut span) = (from, FIRST_SPAN);
        loop {
            reader.seek(at);
            let bytes = reader.ahead(span + LOOK)?;
            let is_last = bytes.len() < span + LOOK;
            let reach = if is_last { bytes.len() } else { span };
            let mut blocks = Vec::new();
            let mut cluster = None;
            let mut offset = 0;
            while let Some(found) =
                memchr3(0x1f, 0xa3, 0xa0, bytes.get(offset..reach).unwrap_or_default())
            {
                offset += found;
                let candidate = &bytes[offset..];
                if is_cluster(candidate) {
                    cluster = Some(at + offset as u64);
                    break;
                }
                if self.may_be_block(candidate) {
                    blocks.push(at + offset as u64);
                }
                offset += 1;
            }
            for block in blocks {
                if self.checks < MAX_CHECKS && block < end {
                    self.checks += 1;
                    if is_followed(reader, block, end)? {
                        return Ok(Some(block));
                    }
                }
            }
            if cluster.is_some() || is_last {
                return Ok(cluster);
            }
            at += span as u64;
            span = (span * 2).min(LAST_SPAN);
        }
    }

    /// Whether a block of one of the tracks may begin here.
    fn may_be_block(&self, bytes: &[u8]) -> bool {
        let Ok((id, Some(size), length)) = header_of(bytes) else { return false };
        let mut content = &bytes[length..];
        if id == ids::BLOCK_GROUP {
            let Ok((ids::BLOCK, Some(of_block), length)) = header_of(content) else { return false };
            if of_block > size {
                return false;
            }
            content = &content[length..];
        } else if id != ids::SIMPLE_BLOCK {
            return false;
        }
        size > 4 && block::track_of(content).is_some_and(|track| self.tracks.contains(&track))
    }
}

/// Whether a cluster begins here.
fn is_cluster(bytes: &[u8]) -> bool {
    let Ok((ids::CLUSTER, _, length)) = header_of(bytes) else { return false };
    header_of(&bytes[length..]).is_ok_and(|(id, _, _)| ids::is_of_cluster(id) || ids::is_global(id))
}

/// Whether another element of the file, or the end, is behind the element at byte `at`.
fn is_followed(reader: &mut Reader, at: u64, end: u64) -> io::Result<bool> {
    reader.seek(at);
    let Next::Element(element) = reader.header()? else { return Ok(false) };
    let Some(behind) = element.end().filter(|&behind| behind <= end) else { return Ok(false) };
    if behind == end {
        return Ok(true);
    }
    reader.seek(behind);
    Ok(match reader.header()? {
        Next::Element(next) => {
            ids::is_of_cluster(next.id) || ids::is_of_segment(next.id) || ids::is_global(next.id)
        }
        Next::End => true,
        Next::Cut | Next::Invalid => false,
    })
}
