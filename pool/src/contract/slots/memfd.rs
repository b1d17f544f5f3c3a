//! Slots on Linux: one sealed memfd for each ring, handed over as an inherited descriptor.
//!
//! - Sealed against shrinking and growing: no process can take the memory from a reader (SIGBUS).
//! - Written with `pwrite`, or through a mapping of memory that was reserved before: so memory that
//!   runs out is an error and not a signal.
//! - A reader gets a descriptor that was opened for reading only, and maps it so: the kernel
//!   refuses to make such a mapping writable.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::slice;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use memmap2::{Mmap, MmapMut, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::page::{PAGE_BYTES, PAGE_WORDS};
use super::{Memory, Page, Reader, Share, Writer};

/// A file in memory that keeps its size. It takes up as much memory as has been written.
#[derive(Debug)]
struct SealedFile(File);

impl SealedFile {
    fn new(bytes: u64) -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = File::from(memfd_create(c"audiopool", flags)?);
        file.set_len(bytes)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(Self(file))
    }
}

impl Memory for SealedFile {
    fn share(&self, writable: bool) -> io::Result<Share> {
        let file = if writable {
            self.0.try_clone()?
        } else {
            File::open(format!("/proc/self/fd/{}", self.0.as_raw_fd()))?
        };
        Ok(Share::Descriptor(file.into()))
    }

    fn writer(&self) -> io::Result<Box<dyn Writer>> {
        Ok(Box::new(Filled::new(self.0.try_clone()?)?))
    }

    fn page(&self) -> io::Result<Box<dyn Page>> {
        map_page(&self.0)
    }

    fn copy_out(&self, place: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, place)
    }
}

/// A memfd to be filled.
#[derive(Debug)]
struct Filled {
    file: File,
    window: Mutex<Window>,
}

/// All of it, mapped for writing.
#[derive(Debug)]
struct Window {
    map: MmapMut,
    /// Which pages have memory.
    reserved: Vec<bool>,
}

impl Filled {
    fn new(file: File) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "mapping memory is the purpose of this module")]
        // SAFETY: the file is a memfd sealed against shrinking (`SealedFile::new`), so the mapping
        // stays valid as long as it exists. There is no other way to the bytes at this address,
        // since the mapping is owned here and locked. Other processes only read, and only in slots
        // that they have been told to read; those are not written (the supervisor grants a slot
        // again only after its readers have answered). They are plain bytes, and a breach shows in
        // the checksum.
        let map = unsafe { MmapOptions::new().map_mut(&file)? };
        let reserved = vec![false; map.len().div_ceil(PAGE_BYTES)];
        Ok(Self { file, window: Mutex::new(Window { map, reserved }) })
    }
}

impl Window {
    /// The bytes `range`, which have memory then: the system gives it to what is written, even to
    /// what is written back as it is.
    fn reserve(&mut self, file: &File, range: Range<usize>) -> io::Result<&mut [u8]> {
        let length = self.map.len();
        if range.is_empty() || range.end > length {
            return Err(io::ErrorKind::WriteZero.into());
        }
        for page in range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES) {
            if !self.reserved[page] {
                let start = page * PAGE_BYTES;
                let mut bytes = [0; PAGE_BYTES];
                let bytes = &mut bytes[..PAGE_BYTES.min(length - start)];
                file.read_exact_at(bytes, start as u64)?;
                file.write_all_at(bytes, start as u64)?;
                self.reserved[page] = true;
            }
        }
        Ok(&mut self.map[range])
    }
}

impl Writer for Filled {
    fn write(&self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, place)
    }

    fn fill(&self, place: u64, bytes: usize, fill: &mut dyn FnMut(&mut [u8])) -> io::Result<()> {
        let start = usize::try_from(place).map_err(io::Error::other)?;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        fill(window.reserve(&self.file, start..start.saturating_add(bytes))?);
        Ok(())
    }
}

impl Reader for Mmap {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// The memory of a new ring.
pub(super) fn lay_out(bytes: u64) -> io::Result<Box<dyn Memory>> {
    Ok(Box::new(SealedFile::new(bytes)?))
}

/// Takes over an inherited memfd to fill it.
pub(super) fn writer(descriptor: u32) -> io::Result<Box<dyn Writer>> {
    let file = OpenOptions::new().read(true).write(true).open(inherited(descriptor))?;
    Ok(Box::new(Filled::new(file)?))
}

/// Maps an inherited memfd for reading.
pub(super) fn reader(descriptor: u32, bytes: u64) -> io::Result<Box<dyn Reader>> {
    let file = File::open(inherited(descriptor))?;
    let len = usize::try_from(bytes).map_err(io::Error::other)?;
    #[expect(unsafe_code, reason = "mapping memory is the purpose of this module")]
    // SAFETY: the file is a memfd sealed against shrinking (`SealedFile::new`), so the mapping
    // stays valid as long as it exists. Its contents are plain bytes; the one process that can
    // write them does so only in slots that no child has been told to read (the supervisor grants a
    // slot again only after its readers have answered), and a breach shows in the checksum.
    let map = unsafe { MmapOptions::new().len(len).map(&file)? };
    Ok(Box::new(map))
}

/// Takes over an inherited memfd of one page, to write its words.
pub(super) fn page(descriptor: u32) -> io::Result<Box<dyn Page>> {
    map_page(&OpenOptions::new().read(true).write(true).open(inherited(descriptor))?)
}

fn map_page(file: &File) -> io::Result<Box<dyn Page>> {
    if file.metadata()?.len() < PAGE_BYTES as u64 {
        return Err(io::Error::other("a page that is shorter than a page"));
    }
    Ok(Box::new(MmapOptions::new().len(PAGE_BYTES).map_raw(file)?))
}

impl Page for MmapRaw {
    fn words(&self) -> &[AtomicU64] {
        #[expect(unsafe_code, reason = "mapping memory is the purpose of this module")]
        // SAFETY: the mapping is as long as the words and begins on a page's border (`map_page`),
        // and its memfd is sealed against shrinking (`SealedFile::new`), so it stays valid as long
        // as `self`. Any bits are a word, and every process with the memory reads and writes it through
        // atomics alone (`Page`).
        unsafe {
            slice::from_raw_parts(self.as_mut_ptr().cast_const().cast(), PAGE_WORDS)
        }
    }
}

fn inherited(descriptor: u32) -> String {
    format!("/proc/self/fd/{descriptor}")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn shared(file: &SealedFile, writable: bool) -> File {
        let Share::Descriptor(descriptor) = file.share(writable).unwrap() else {
            panic!("a memfd is handed over as a descriptor");
        };
        descriptor.into()
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let file = SealedFile::new(1 << 20).unwrap();
        let writer = Filled::new(shared(&file, true)).unwrap();
        // A file that is not open for writing can be given no memory.
        let Filled { window, .. } = writer;
        let refused = Filled { file: shared(&file, false), window };
        let fill = &mut |_: &mut [u8]| panic!("there is no memory");
        assert!(refused.fill(0, 1, fill).is_err());
        assert!(refused.fill(1 << 20, 1, fill).is_err());
    }

    #[test]
    fn a_reader_can_neither_write_nor_resize() {
        let file = SealedFile::new(1 << 20).unwrap();
        let reader = shared(&file, false);
        assert!(reader.write_all_at(&[1], 0).is_err());
        assert!(reader.set_len(0).is_err());
        let writer = shared(&file, true);
        assert_eq!(writer.set_len(0).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(writer.set_len(1 << 30).unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
}
