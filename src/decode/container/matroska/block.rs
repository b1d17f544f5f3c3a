//! Blocks: the frames of one track at one time. RFC 9559 §10 and §11.
//!
//! ```text
//! track │ time │ flags │ count, sizes │ frame │ frame │ …
//!                └ lacing: none, Xiph, fixed, EBML
//! ```

use std::iter;
use std::ops::Range;

use super::ebml::number_of;

/// The track to which a block belongs: `data` is its beginning.
pub(super) fn track_of(data: &[u8]) -> Option<u64> {
    number_of(data).ok()?.0
}

/// Where in a block its frames are; the error says what is wrong with it.
pub(super) fn frames_of(data: &[u8]) -> Result<Vec<Range<usize>>, &'static str> {
    let (_, length) = number_of(data).map_err(|_| "a block has no track")?;
    let Some(&[_, _, flags]) = data.get(length..length + 3) else {
        return Err("a block has no header");
    };
    let start = length + 3;
    let lacing = flags >> 1 & 3;
    if lacing == 0 {
        return Ok(iter::once(start..data.len()).collect());
    }
    let Some(&count) = data.get(start) else { return Err("a laced block has no frames") };
    let count = usize::from(count) + 1;
    let mut laces = Laces { data, at: start + 1 };
    let sizes = match lacing {
        1 => laces.xiph(count),
        2 => laces.fixed(count),
        _ => laces.ebml(count),
    };
    let frames = sizes.and_then(|sizes| laces.frames(&sizes));
    frames.ok_or("the sizes of the frames in a laced block are damaged")
}

/// Reads the sizes of frames.
struct Laces<'a> {
    data: &'a [u8],
    at: usize,
}

impl Laces<'_> {
    /// Sizes of all frames but the last, each as a sum of bytes of which all but the last are 255.
    fn xiph(&mut self, count: usize) -> Option<Vec<usize>> {
        let mut sizes = Vec::with_capacity(count);
        for _ in 1..count {
            let mut size: usize = 0;
            loop {
                let byte = *self.data.get(self.at)?;
                self.at += 1;
                size = size.checked_add(byte.into())?;
                if byte < 255 {
                    break;
                }
            }
            sizes.push(size);
        }
        Some(sizes)
    }

    /// All frames have the same size.
    fn fixed(&mut self, count: usize) -> Option<Vec<usize>> {
        let length = self.data.len() - self.at;
        length.is_multiple_of(count).then(|| vec![length / count; count - 1])
    }

    /// The size of the first frame, and the difference of each other but the last.
    fn ebml(&mut self, count: usize) -> Option<Vec<usize>> {
        if count == 1 {
            return Some(Vec::new());
        }
        let (first, length) = self.number()?;
        let mut size = i64::try_from(first).ok()?;
        self.at += length;
        let mut sizes = vec![usize::try_from(size).ok()?];
        for _ in 2..count {
            let (coded, length) = self.number()?;
            self.at += length;
            let bias = (1_i64 << (7 * length - 1)) - 1;
            size = size.checked_add(i64::try_from(coded).ok()? - bias)?;
            sizes.push(usize::try_from(size).ok()?);
        }
        Some(sizes)
    }

    /// A number all of whose bits may be ones.
    fn number(&self) -> Option<(u64, usize)> {
        let (value, length) = number_of(self.data.get(self.at..)?).ok()?;
        Some((value.unwrap_or((1 << (7 * length)) - 1), length))
    }

    /// Where the frames are: the last takes what the others leave.
    fn frames(&self, sizes: &[usize]) -> Option<Vec<Range<usize>>> {
        let mut at = self.at;
        let mut frames = Vec::with_capacity(sizes.len() + 1);
        for &size in sizes {
            let end = at.checked_add(size).filter(|&end| end <= self.data.len())?;
            frames.push(at..end);
            at = end;
        }
        frames.push(at..self.data.len());
        Some(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(flags: u8, rest: &[u8]) -> Result<Vec<usize>, &'static str> {
        let block = [&[0x81, 0, 0, flags], rest].concat();
        let frames = frames_of(&block)?;
        assert_eq!(frames.last().expect("one at least").end, block.len());
        Ok(frames.into_iter().map(|frame| frame.len()).collect())
    }

    #[test]
    fn every_lacing_is_read() {
        assert_eq!(lengths(0x80, &[1, 2, 3]), Ok(vec![3]));
        // RFC 9559 §10.3: frames of 800, 500 and 1000 bytes.
        let xiph = [&[2, 255, 255, 255, 35, 255, 245][..], &[0; 2300]].concat();
        assert_eq!(lengths(0x02, &xiph), Ok(vec![800, 500, 1000]));
        let ebml = [&[2, 0x43, 0x20, 0x5e, 0xd3][..], &[0; 2300]].concat();
        assert_eq!(lengths(0x06, &ebml), Ok(vec![800, 500, 1000]));
        assert_eq!(lengths(0x04, &[2, 1, 1, 2, 2, 3, 3]), Ok(vec![2, 2, 2]));
        assert_eq!(lengths(0x06, &[0, 9, 9]), Ok(vec![2]));
    }

    #[test]
    fn damaged_sizes_are_an_error() {
        assert!(lengths(0x02, &[1, 9, 0]).is_err());
        assert!(lengths(0x02, &[3, 255, 255]).is_err());
        assert!(lengths(0x04, &[2, 1, 1]).is_err());
        assert!(lengths(0x06, &[2, 0x84, 0x80, 0, 0, 0, 0]).is_err());
        assert!(lengths(0x06, &[]).is_err());
        assert!(frames_of(&[0x81, 0]).is_err());
        assert!(frames_of(&[]).is_err());
    }
}
