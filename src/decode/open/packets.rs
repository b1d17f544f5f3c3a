//! Opening a file of packets: the first packet that decodes tells the format.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::signature::Signature;
use crate::decode::codec::decoder::PacketDecoder;
use crate::decode::codec::flac::StreamInfo;
use crate::decode::codec::packet::{Packet, Setup};
use crate::decode::container::{Packets, Subject};
use crate::decode::engine::batches::Batches;
use crate::decode::engine::parallel::Coded;
use crate::decode::refusal::{Refusal, check_limits, refusal_of};
use crate::decode::{DecodedBy, Opened, SourceFormat};
use crate::record::WarningKind;

/// Packets that may fail to decode before a file is given up.
const MAX_BAD_PACKETS: usize = 64;

/// Reads packets until one decodes, which tells the format; they are decoded again later.
pub(super) fn open_packets(
    packets: Packets,
    subject: &Subject,
    threads: NonZeroUsize,
    findings: &mut Findings,
) -> Result<Opened, Refusal> {
    let row = subject.row;
    let Packets { codec, setup, mut demux, declared_frames, trim, complete } = packets;
    let mut engine = PacketDecoder::new(&setup).map_err(|error| refusal_of(row.name, &error))?;
    let mut ahead: VecDeque<Packet> = VecDeque::new();
    let mut wrong = None;
    let found = loop {
        let Some(packet) = demux.next(findings) else { break None };
        let probed = engine.probe(&packet);
        ahead.push_back(packet);
        match probed {
            Ok(Some(pcm)) => break Some(pcm),
            Ok(None) => {}
            Err(what) => wrong = wrong.or(Some(what)),
        }
        if ahead.len() == MAX_BAD_PACKETS {
            break None;
        }
    };
    let pcm = match (found, wrong) {
        (Some(pcm), _) => PcmFormat { lossy: setup.is_lossy(), ..pcm },
        // A file that holds no packet at all is what its header says.
        (None, None) if ahead.is_empty() => empty(&setup).ok_or_else(|| {
            Refusal::Corrupt(format!("this is {} without any audio in it", row.name))
        })?,
        (None, wrong) => {
            let what = wrong.unwrap_or_else(|| "no packet decodes to audio".to_owned());
            return Err(Refusal::Corrupt(format!(
                "this is {}, but nothing in it can be decoded ({what})",
                row.name
            )));
        }
    };
    check_limits(pcm).map_err(Refusal::Final)?;
    let format = SourceFormat {
        container: row.container().to_owned(),
        codec,
        decoder: DecodedBy::BuiltIn,
        pcm,
        declared_frames,
    };
    let signature = engine.flac().and_then(|(info, bits)| {
        compare_header(info, pcm, bits, findings);
        Signature::new(info.md5, bits, info.total)
    });
    let batches = Batches::new(demux, ahead, pcm);
    let audio = Box::new(Coded::new(batches, pcm, setup.start, threads));
    Ok(complete(Opened { format, trim, signature, audio }))
}

/// Tells where the first frame of a FLAC stream is not what the stream information says.
fn compare_header(info: &StreamInfo, pcm: PcmFormat, bits: u8, findings: &mut Findings) {
    let told = |rate, channels, bits| format!("{rate} Hz, {channels} channels, {bits} bits");
    let of_header = told(info.sample_rate, u16::from(info.channels), info.bits);
    let of_frame = told(pcm.sample_rate, pcm.channels, bits);
    if of_header != of_frame {
        let message = format!("the header says {of_header}, the audio is {of_frame}");
        findings.note(WarningKind::HeaderMismatch, None, None, message);
    }
}

/// The format of a file without a single packet, as its header has it.
fn empty(setup: &Setup) -> Option<PcmFormat> {
    let params = &setup.params;
    let channels = params.channels.as_ref()?.count();
    let sample_format = match params.bits_per_sample {
        _ if setup.is_lossy() => SampleFormat::F32,
        Some(17..=24) => SampleFormat::S24,
        Some(25..) => SampleFormat::S32,
        _ => SampleFormat::S16,
    };
    let channels = u16::try_from(channels).ok().filter(|&channels| channels > 0)?;
    let pcm = PcmFormat::new(sample_format, params.sample_rate?, channels);
    Some(PcmFormat { lossy: setup.is_lossy(), ..pcm })
}
