//! Opening samples that lie in a file in one piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use crate::decode::accounting::findings::Findings;
use crate::decode::accounting::trim::Trim;
use crate::decode::codec::disguise;
use crate::decode::container::Subject;
use crate::decode::container::samples::{Coding, Samples};
use crate::decode::engine::blocks::Blocks;
use crate::decode::engine::raw::{Layout, Raw};
use crate::decode::refusal::{Refusal, check_limits};
use crate::decode::{DecodedBy, Opened, SourceFormat};
use crate::record::WarningKind;

/// Opens samples, or blocks of samples, that lie in a file one behind the other.
pub(super) fn open_samples(
    mut file: File,
    subject: &Subject,
    samples: Samples,
    findings: &mut Findings,
) -> Result<Opened, Refusal> {
    let pcm = samples.pcm();
    let Samples { meaning, start, extent, stated_frames, .. } = samples;
    check_limits(pcm).map_err(Refusal::Final)?;
    let format = |declared_frames| SourceFormat {
        container: subject.row.container().to_owned(),
        codec: meaning.codec.to_owned(),
        decoder: DecodedBy::BuiltIn,
        pcm,
        declared_frames,
    };
    let opened = |declared_frames, trim, audio| Opened {
        format: format(declared_frames),
        trim,
        signature: None,
        audio,
    };
    match meaning.coding {
        Coding::Plain(order) => {
            if let Some(what) = disguised(&mut file, pcm, start) {
                return Err(Refusal::Unsupported(format!(
                    "this is {} whose samples are {what}, which audiopool does not decode \
                     itself",
                    subject.row.name
                )));
            }
            let layout = Layout { pcm, order, start, declared: extent.bytes() };
            let width = layout.stored_frame() as u64;
            let raw = Raw::new(file, subject.length, layout, findings)
                .map_err(|error| Refusal::of_io(&error))?;
            let declared = stated_frames.or(extent.declared.map(|bytes| bytes / width));
            Ok(opened(declared, Trim::NONE, Box::new(raw)))
        }
        Coding::Adpcm(blocks) => {
            let present = subject.length.saturating_sub(start);
            let bytes = extent.bytes().unwrap_or(present).min(present);
            let there = Blocks::frames_in(&blocks, bytes);
            if let Some(declared) = extent.declared.filter(|&declared| declared > present) {
                let message = format!(
                    "the file ends {} bytes before the end of the audio that its header \
                     declares",
                    declared - present
                );
                let end = Some(subject.length);
                findings.note(WarningKind::Truncated, Some(there), end, message);
            }
            let block = blocks.frames as u64;
            let trim = match stated_frames {
                // The last block is filled up.
                Some(stated) if stated <= there && there - stated < block => Trim::keep(0..stated),
                Some(stated) if !findings.has(WarningKind::Truncated) => {
                    let message = format!("the header declares {stated} frames, there are {there}");
                    findings.note(WarningKind::LengthMismatch, Some(there), None, message);
                    Trim::NONE
                }
                _ => Trim::NONE,
            };
            let audio =
                Blocks::new(file, blocks, start, bytes).map_err(|error| Refusal::of_io(&error))?;
            Ok(opened(stated_frames, trim, Box::new(audio)))
        }
    }
}

/// The codec of data that is only labelled as samples of 16 bits in two channels.
fn disguised(file: &mut File, pcm: PcmFormat, start: u64) -> Option<&'static str> {
    if pcm.sample_format != SampleFormat::S16 || pcm.channels != 2 {
        return None;
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start)).ok()?;
    file.take(disguise::SEARCHED).read_to_end(&mut bytes).ok()?;
    disguise::of(&bytes)
}
