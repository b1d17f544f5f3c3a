//! Batches: from coded packets to PCM, one batch at a time.
//!
//! A demuxer delivers packets; they are gathered into batches, and each batch is decoded by itself:
//!
//! ```text
//! packets   ┊0 1 2 3 4 5┊6 7 8 9 …┊
//! batch 0   ╞═══════════╡
//! batch 1           ╞═══╪═════════╡       preroll: decoded, not delivered
//! ```
//!
//! The codec decides how a batch begins ([`Start`]): with a new decoder where packets are independent;
//! a few packets earlier where the state of a decoder depends on so many packets; or with the decoder
//! of the batch before. The packets alone decide where batches are cut, so every number of threads
//! gives the same bytes, also for damaged files.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use audiopool_worker::pcm::PcmFormat;
use symphonia::core::errors::Error;

use super::Demux;
use crate::decode::accounting::findings::Findings;
use crate::decode::codec::decoder::{DecodeFault, PacketDecoder};
use crate::decode::codec::mpa;
use crate::decode::codec::packet::{Lost, Packet, Setup, Start};

/// Decoded bytes at which a batch is full.
const BATCH_BYTES: u64 = 1 << 20;
/// Packets at which a batch is full, whatever they decode to.
const BATCH_PACKETS: usize = 2048;
/// Packets kept for the preroll of the next batch; more than the rule of MP3 can ask for.
const HISTORY: usize = 64;

impl Packet {
    /// What was lost right before it, which is `at` bytes of decoded audio.
    fn fault(&self, at: usize) -> Option<Fault> {
        let Lost { byte, bytes, what } = self.lost.clone()?;
        Some(Fault { at, byte, bytes, what: what.into() })
    }
}

/// Packets that are decoded together.
#[derive(Debug)]
pub(in crate::decode) struct Batch {
    preroll: Vec<Arc<Packet>>,
    packets: Vec<Arc<Packet>>,
}

/// The audio of a batch.
#[derive(Debug, Default)]
pub(in crate::decode) struct Decoded {
    /// Whole frames in the format of the source.
    pub(in crate::decode) bytes: Vec<u8>,
    /// Stretches that could not be decoded, in order.
    pub(in crate::decode) faults: Vec<Fault>,
    /// Whether the format changed at the end of `bytes`: nothing behind it may be used.
    pub(in crate::decode) changed: Option<String>,
}

/// A stretch that could not be decoded.
#[derive(Debug)]
pub(in crate::decode) struct Fault {
    /// Bytes of the batch decoded before it.
    pub(in crate::decode) at: usize,
    /// Byte of the file, and how many, if known.
    pub(in crate::decode) byte: Option<u64>,
    pub(in crate::decode) bytes: Option<u64>,
    pub(in crate::decode) what: String,
}

/// Gathers the packets of a demuxer into batches.
#[derive(Debug)]
pub(in crate::decode) struct Batches {
    pub(in crate::decode) demux: Box<dyn Demux>,
    frame_width: u64,
    /// Packets read when the file was opened, to learn its format.
    ahead: VecDeque<Packet>,
    history: VecDeque<Arc<Packet>>,
    ended: bool,
}

impl Batches {
    pub(in crate::decode) fn new(
        demux: Box<dyn Demux>,
        ahead: VecDeque<Packet>,
        pcm: PcmFormat,
    ) -> Self {
        let frame_width = pcm.frame_width() as u64;
        Self { demux, frame_width, ahead, history: VecDeque::with_capacity(HISTORY), ended: false }
    }

    /// The next batch; `None` when there are no more packets.
    pub(in crate::decode) fn next(&mut self, findings: &mut Findings) -> Option<Batch> {
        let mut packets: Vec<Arc<Packet>> = Vec::new();
        let mut bytes = 0;
        while !self.ended && bytes < BATCH_BYTES && packets.len() < BATCH_PACKETS {
            let Some(packet) = self.ahead.pop_front().or_else(|| self.demux.next(findings)) else {
                self.ended = true;
                break;
            };
            if packets.first().is_some_and(|first| !Arc::ptr_eq(&first.setup, &packet.setup)) {
                self.ahead.push_front(packet);
                break;
            }
            bytes += packet.frames.saturating_mul(self.frame_width);
            packets.push(Arc::new(packet));
        }
        let first = packets.first()?;
        if self.history.back().is_some_and(|last| !Arc::ptr_eq(&last.setup, &first.setup)) {
            self.history.clear();
        }
        let reach = match first.setup.start {
            Start::Afresh | Start::Continued => 0,
            Start::OneBefore => 1,
            Start::BitReservoir => {
                mpa::preroll(self.history.iter().rev().map(|packet| &*packet.data))
            }
        };
        let skipped = self.history.len().saturating_sub(reach);
        let preroll = self.history.iter().skip(skipped).cloned().collect();
        let kept = packets.len().min(HISTORY);
        let dropped = (self.history.len() + kept).saturating_sub(HISTORY);
        self.history.drain(..dropped);
        self.history.extend(packets[packets.len() - kept..].iter().cloned());
        Some(Batch { preroll, packets })
    }
}

/// Decodes batches into one format.
pub(in crate::decode) struct BatchDecoder {
    pcm: PcmFormat,
    current: Option<(Arc<Setup>, PacketDecoder)>,
}

impl fmt::Debug for BatchDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchDecoder").field("pcm", &self.pcm).finish_non_exhaustive()
    }
}

impl BatchDecoder {
    pub(in crate::decode) const fn new(pcm: PcmFormat) -> Self {
        Self { pcm, current: None }
    }

    /// Decodes a batch, appending to `decoded.bytes`.
    pub(in crate::decode) fn decode(&mut self, batch: &Batch, decoded: &mut Decoded) {
        let Some(first) = batch.packets.first() else { return };
        let pcm = self.pcm;
        let engine = match self.engine_for(&first.setup) {
            Ok(engine) => engine,
            Err(error) => {
                let at = decoded.bytes.len();
                decoded.faults.extend(batch.packets.iter().filter_map(|packet| packet.fault(at)));
                let what = format!("no decoder for this part of the file: {error}");
                let bytes = Some(batch.packets.iter().map(|packet| packet.bytes).sum());
                decoded.faults.push(Fault { at, byte: first.byte, bytes, what });
                return;
            }
        };
        for packet in &batch.preroll {
            engine.warm(packet);
        }
        for packet in &batch.packets {
            let at = decoded.bytes.len();
            decoded.faults.extend(packet.fault(at));
            match engine.decode(packet, pcm, &mut decoded.bytes) {
                Ok(()) => {}
                Err(DecodeFault::Damaged(what)) => {
                    decoded.bytes.truncate(at);
                    let (byte, bytes) = (packet.byte, Some(packet.bytes));
                    decoded.faults.push(Fault { at, byte, bytes, what });
                }
                Err(DecodeFault::Changed(to)) => {
                    decoded.changed = Some(to);
                    return;
                }
            }
        }
    }

    /// The decoder for `setup`, in the state in which a batch begins.
    fn engine_for(&mut self, setup: &Arc<Setup>) -> Result<&mut PacketDecoder, Error> {
        let fits = self.current.as_ref().is_some_and(|(current, _)| Arc::ptr_eq(current, setup));
        let engine = match self.current.take() {
            Some((_, mut engine)) if fits => {
                if setup.start != Start::Continued {
                    engine.reset();
                }
                engine
            }
            _ => PacketDecoder::new(setup)?,
        };
        Ok(&mut self.current.insert((setup.clone(), engine)).1)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use audiopool_worker::pcm::SampleFormat;
    use symphonia::core::codecs::audio::AudioCodecParameters;

    use super::*;
    use crate::decode::container::mpeg;
    use crate::decode::container::ogg::Ogg;

    /// The packets of a fixture of Ogg.
    fn packets(name: &str) -> (Box<dyn Demux>, Arc<Setup>) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traps").join(name);
        let file = File::open(path).expect("a fixture");
        let length = file.metadata().expect("its length").len();
        let opened = Ogg::of_first_packet(file, length, 0, &mut Findings::default());
        let Ok((ogg, setup)) = opened else { panic!("{name} is intact") };
        (Box::new(ogg), setup)
    }

    /// The frames of a fixture of MPEG audio.
    fn frames(name: &str) -> (Box<dyn Demux>, Arc<Setup>) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traps").join(name);
        let file = File::open(path).expect("a fixture");
        let length = file.metadata().expect("its length").len();
        let (walk, setup) = mpeg::layer_3(file, length).expect("frames");
        (Box::new(walk), setup)
    }

    /// Batches that begin with a preroll decode to what one decoder makes of the whole.
    #[track_caller]
    fn check(name: &str, open: impl Fn(&str) -> (Box<dyn Demux>, Arc<Setup>), expected: Start) {
        let pcm = PcmFormat { lossy: true, ..PcmFormat::new(SampleFormat::F32, 16_000, 1) };
        let mut findings = Findings::default();
        let (mut packets, setup) = open(name);
        assert_eq!(setup.start, expected);
        let mut engine = PacketDecoder::new(&setup).expect("a decoder");
        let mut whole = Vec::new();
        while let Some(packet) = packets.next(&mut findings) {
            assert!(engine.decode(&packet, pcm, &mut whole).is_ok());
        }

        let (packets, _) = open(name);
        let mut batches = Batches::new(packets, VecDeque::new(), pcm);
        // Many small ones: a batch is full after some 20 packets.
        batches.frame_width *= 50;
        let (mut decoder, mut decoded) = (BatchDecoder::new(pcm), Decoded::default());
        let mut count = 0;
        while let Some(batch) = batches.next(&mut findings) {
            decoder.decode(&batch, &mut decoded);
            count += 1;
        }
        assert!(count > 20, "{count} batches");
        assert!(decoded.faults.is_empty(), "{:?}", decoded.faults);
        assert!(decoded.bytes == whole, "{name}");
    }

    #[test]
    fn lost_bytes_are_reported_for_packets_without_a_decoder() {
        let setup = Arc::new(Setup::new(AudioCodecParameters::default()));
        let lost = Lost { byte: Some(40), bytes: Some(60), what: "junk".into() };
        let packet = |byte, lost| {
            let (data, setup) = (vec![1; 8].into(), setup.clone());
            let (trim_start, trim_end) = (0, 0);
            let (byte, bytes) = (Some(byte), 8);
            Arc::new(Packet { data, frames: 4, trim_start, trim_end, byte, bytes, lost, setup })
        };
        let packets = vec![packet(32, None), packet(100, Some(lost))];
        let pcm = PcmFormat::new(SampleFormat::S16, 8000, 1);
        let mut decoded = Decoded::default();
        BatchDecoder::new(pcm).decode(&Batch { preroll: Vec::new(), packets }, &mut decoded);
        let told = decoded.faults.iter().map(|fault| (fault.byte, fault.bytes));
        assert_eq!(told.collect::<Vec<_>>(), [(Some(40), Some(60)), (Some(32), Some(16))]);
        assert!(decoded.bytes.is_empty());
    }

    #[test]
    fn batches_of_layer_3_decode_to_the_same_bytes_as_the_whole_file() {
        check("long.mp3", frames, Start::BitReservoir);
    }

    #[test]
    fn batches_of_vorbis_decode_to_the_same_bytes_as_the_whole_file() {
        check("long.ogg", packets, Start::OneBefore);
    }
}
