//! The packets of a Core Audio file, cut as its packet table says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use super::PacketTable;
use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::tags;
use crate::decode::codec::packet::{Packet, Setup};
use crate::decode::engine::Demux;
use crate::record::WarningKind;

/// Bytes of the packet table that are read at a time.
const READ: u64 = 64 * 1024;
/// Bytes of a packet that are believed.
const MOST: u64 = 16 << 20;
/// Frames of a packet where nothing says: a guess that only sizes batches.
const USUAL_FRAMES: u64 = 1024;

/// The sizes of packets.
#[derive(Debug)]
pub(super) struct Table {
    /// Bytes and frames that all packets have; 0, where they differ.
    bytes: u64,
    frames: u64,
    /// Packets that are still to come, if they are counted.
    left: Option<u64>,
    /// What is still to be read of the entries, and what has been.
    entries: Range<u64>,
    buffer: Vec<u8>,
    at: usize,
}

impl Table {
    pub(super) fn new(table: Option<&PacketTable>, bytes: u32, frames: u32) -> Self {
        Self {
            bytes: bytes.into(),
            frames: frames.into(),
            left: table.map(|table| table.packets).filter(|&packets| packets > 0),
            entries: table.map_or(0..0, |table| table.entries.clone()),
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// Bytes and frames of the next packet; `None` behind the last.
    fn next(&mut self, file: &mut File) -> io::Result<Option<(u64, u64)>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        self.left = self.left.map(|left| left - 1);
        let bytes = if self.bytes == 0 { self.number(file)? } else { Some(self.bytes) };
        let frames = if self.frames == 0 { self.number(file)? } else { Some(self.frames) };
        Ok(bytes.zip(frames))
    }

    /// The next number of the entries, seven bits to a byte.
    fn number(&mut self, file: &mut File) -> io::Result<Option<u64>> {
        let mut number: u64 = 0;
        loop {
            if self.at == self.buffer.len() {
                let end = self.entries.end.min(self.entries.start.saturating_add(READ));
                self.buffer.clear();
                self.at = 0;
                file.seek(SeekFrom::Start(self.entries.start))?;
                let wanted = end.saturating_sub(self.entries.start);
                file.take(wanted).read_to_end(&mut self.buffer)?;
                self.entries.start += self.buffer.len() as u64;
            }
            let Some(&byte) = self.buffer.get(self.at) else { return Ok(None) };
            self.at += 1;
            number = number.saturating_mul(128) | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(Some(number));
            }
        }
    }
}

/// Cuts a file into packets.
#[derive(Debug)]
pub(super) struct CafPackets {
    file: File,
    table: Table,
    /// The audio that is still to come.
    data: Range<u64>,
    file_length: u64,
    declared: Option<u64>,
    setup: Arc<Setup>,
    /// Where a packet begins that is not all there.
    cut: Option<u64>,
    ended: bool,
}

impl CafPackets {
    pub(super) fn new(
        file: File,
        data: Range<u64>,
        file_length: u64,
        table: Table,
        declared: Option<u64>,
        setup: Arc<Setup>,
    ) -> Self {
        Self { file, table, data, file_length, declared, setup, cut: None, ended: false }
    }

    /// The file, to be read from another place.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    fn read(&mut self, findings: &mut Findings) -> io::Result<Option<Packet>> {
        let Some((bytes, frames)) = self.table.next(&mut self.file)? else { return Ok(None) };
        let start = self.data.start;
        let end = start.saturating_add(bytes);
        if bytes > MOST {
            let message = format!("the packet table has a packet of {bytes} bytes");
            findings.note(WarningKind::Truncated, None, Some(start), message);
            return Ok(None);
        }
        if end > self.data.end.min(self.file_length) {
            self.cut = (start < self.data.end || end > self.file_length).then_some(start);
            return Ok(None);
        }
        self.data.start = end;
        let mut data = vec![0; usize::try_from(bytes).unwrap_or(0)];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut data)?;
        Ok(Some(Packet {
            data: data.into(),
            frames: if frames == 0 { USUAL_FRAMES } else { frames },
            trim_start: 0,
            trim_end: 0,
            byte: Some(start),
            bytes,
            lost: None,
            setup: self.setup.clone(),
        }))
    }
}

impl Demux for CafPackets {
    fn next(&mut self, findings: &mut Findings) -> Option<Packet> {
        if self.ended {
            return None;
        }
        match self.read(findings) {
            Ok(Some(packet)) => Some(packet),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(error) => {
                self.ended = true;
                let message = format!("reading failed in the middle of the file: {error}");
                findings.note(WarningKind::Truncated, None, Some(self.data.start), message);
                None
            }
        }
    }

    fn finish(&mut self, frames: u64, findings: &mut Findings) {
        if findings.has(WarningKind::FormatChange) {
            return;
        }
        findings.account_for_all_bytes();
        if let Some(byte) = self.cut {
            let message = "the file ends before the last of the packets that it declares";
            findings.note(WarningKind::Truncated, Some(frames), Some(byte), message);
            let there = self.file_length.saturating_sub(byte);
            findings.cut(frames, byte, there);
        }
        let end = self.data.end.min(self.file_length);
        if self.cut.is_none() && self.data.start < end {
            let rest = tags::foreign(&mut self.file, self.data.start..end);
            findings.trail(rest.start, rest.end - rest.start);
        }
        if let Some(declared) = self.declared.filter(|&declared| declared != frames)
            && !findings.has(WarningKind::Truncated)
        {
            let message =
                format!("the packet table declares {declared} frames, there are {frames}");
            findings.note(WarningKind::LengthMismatch, Some(frames), None, message);
        }
    }
}
