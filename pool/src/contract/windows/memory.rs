//! Memory: what the machine has left of it.

#![expect(unsafe_code, reason = "the system's functions are called by pointers")]

use std::io;

use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

use super::checked;

/// Bytes of memory that programs can still have without others being swapped out.
pub fn memory_available() -> io::Result<u64> {
    let size = u32::try_from(size_of::<MEMORYSTATUSEX>()).map_err(io::Error::other)?;
    let mut found = MEMORYSTATUSEX { dwLength: size, ..MEMORYSTATUSEX::default() };
    // SAFETY: the pointer is to a place of our own, of the size that is named in it.
    checked(unsafe { GlobalMemoryStatusEx(&raw mut found) })?;
    Ok(found.ullAvailPhys)
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_memory_is_left() {
        assert!(super::memory_available().unwrap() > 1 << 20);
    }
}
