//! Slots on Linux: one sealed memfd for each ring, handed over as an inherited descriptor.
//!
//! - Sealed against shrinking and growing: nobody can pull the memory from under a reader (SIGBUS).
//! - Written with `pwrite`, so that memory running out is an error and not a signal.
//! - A reader gets a descriptor that was opened for reading only, and maps it so: the kernel
//!   refuses to make such a mapping writable.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::slice;
use std::sync::atomic::AtomicU64;

use memmap2::{Mmap, MmapOptions, MmapRaw};
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
        Ok(Box::new(self.0.try_clone()?))
    }

    fn page(&self) -> io::Result<Box<dyn Page>> {
        map_page(&self.0)
    }

    fn copy_out(&self, place: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, place)
    }
}

impl Writer for File {
    fn write(&self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, place)
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
    Ok(Box::new(OpenOptions::new().write(true).open(inherited(descriptor))?))
}

/// Maps an inherited memfd for reading.
pub(super) fn reader(descriptor: u32, bytes: u64) -> io::Result<Box<dyn Reader>> {
    let file = File::open(inherited(descriptor))?;
    let len = usize::try_from(bytes).map_err(io::Error::other)?;
    #[expect(unsafe_code, reason = "mapping memory is the purpose of this module")]
    // SAFETY: the file is a memfd sealed against shrinking (`SealedFile::new`), so the mapping
    // stays valid as long as it exists. Its contents are plain bytes; the one process that can
    // write them does so only in slots that nobody has been told to read (the supervisor grants a
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
        // as `self`. Any bits are a word, and whoever has the memory reads and writes it through
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
