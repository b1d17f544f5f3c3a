//! Peak: how much memory a pool, or a run on two of them, takes up at most. The only place where
//! that is worked out: `--stats` prints it, and a test holds it against what was measured.
//!
//! ```text
//!   (1 + decoders + workers) × PROCESS        programs, stacks, what an allocator keeps
//! + decoders × threads × DECODING             packets and blocks in work
//! + decoders × 3 × chunk                      rings, counted once, however many map them
//! + decoders × waveform                       what is drawn of files in work
//! + tasks × TASK + records × RECORD           what waits for its turn
//! ```
//!
//! The length of a file and the number of files are not in it. An ffmpeg that a decoder starts
//! comes on top, and so do arguments and answers of a caller's own tasks, which the caller holds anyhow, and
//! what a record that waits holds beyond its 4 KiB: findings, regions, timelines, an album's share.

use crate::slots::Transport;

use super::geometry::Sizes;

/// Of each process, whatever it does: its program as far as it was touched, and its stacks.
const PROCESS: u64 = 24 << 20;

/// Of each thread that decodes: a batch of packets of 1 MiB, what becomes of it, and the codec.
const DECODING: u64 = 6 << 20;

/// Of a task with a small argument, from `submit` to the end of its future.
const TASK: u64 = 1 << 10;

/// Of a record that waits for an older one.
const RECORD: u64 = 4 << 10;

/// What a run is made of, as far as memory goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeakMemory {
    /// Processes that decode, each with a ring.
    pub decoders: usize,
    /// Threads of each of them.
    pub threads: usize,
    /// Processes that measure, or run other tasks.
    pub workers: usize,
    /// Bytes of the largest chunk.
    pub chunk_bytes: u64,
    /// Bytes of the largest waveform.
    pub waveform_bytes: u64,
    /// Tasks that are submitted and not yet ended, at most.
    pub tasks: u64,
    /// Records that wait for an older one, at most.
    pub records: u64,
}

impl PeakMemory {
    /// The most that all its processes together have in memory at a time, in bytes: shared memory
    /// is counted once, with the transport that this system has.
    pub fn bytes(&self) -> u64 {
        self.bytes_with(Transport::native())
    }

    fn bytes_with(&self, transport: Transport) -> u64 {
        let (decoders, workers) = (self.decoders as u64, self.workers as u64);
        let ring = Sizes::of(transport, true, true).child;
        let in_memory = match transport {
            // What was filled, and no chunk is larger than a slot.
            Transport::Memfd => self.chunk_bytes.min(ring.slot_bytes) * u64::from(ring.slots),
            // All of it, and the slot of each worker.
            Transport::Portable => {
                ring.bytes() + ring.slot_bytes * workers.div_ceil(decoders.max(1))
            }
        };
        PROCESS * (1 + decoders + workers)
            + DECODING * decoders * self.threads as u64
            + (in_memory + self.waveform_bytes) * decoders
            + TASK * self.tasks
            + RECORD * self.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: PeakMemory = PeakMemory {
        decoders: 2,
        threads: 2,
        workers: 2,
        chunk_bytes: 5 << 20,
        waveform_bytes: 0,
        tasks: 0,
        records: 4096,
    };

    #[test]
    fn the_parts_add_up() {
        let mib = |peak: PeakMemory| peak.bytes_with(Transport::Memfd) >> 20;
        assert_eq!(mib(RUN), 5 * 24 + 4 * 6 + 2 * 3 * 5 + 16);
        assert_eq!(mib(PeakMemory { waveform_bytes: 7 << 20, ..RUN }), mib(RUN) + 2 * 7);
        assert_eq!(mib(PeakMemory { workers: 2, tasks: 20_480, ..PeakMemory::default() }), 72 + 20);
    }

    #[test]
    fn no_chunk_is_larger_than_a_slot() {
        let huge = PeakMemory { chunk_bytes: u64::MAX, ..RUN }.bytes_with(Transport::Memfd);
        let whole = PeakMemory { chunk_bytes: 64 << 20, ..RUN }.bytes_with(Transport::Memfd);
        assert_eq!(huge, whole);
    }

    #[test]
    fn a_portable_ring_takes_up_all_it_has() {
        let small = PeakMemory { chunk_bytes: 1, ..RUN }.bytes_with(Transport::Portable);
        assert_eq!(small >> 20, 5 * 24 + 4 * 6 + 2 * 4 * 16 + 16);
    }
}
