//! Plausibility: checks of what was decoded, the same for every decoder.
//!
//! A decoder that takes a file for something else fails silently: it delivers nothing, another
//! number of frames than the file declares, or noise far above full scale. Each is a warning.

use audiopool_worker::pcm::{PcmFormat, SampleFormat};

use super::findings::Findings;
use crate::decode::SourceFormat;
use crate::record::WarningKind;

/// The amplitude that no audio reaches: 20 dB above full scale.
const TOO_LOUD: f32 = 10.0;
/// The most bytes of a file that may hold nothing but headers and tags.
const MOST_HEADERS: u64 = 16 * 1024;

/// Notes the first frame of a block that is louder than audio can be. `frame` is the position of
/// the first frame of the block.
pub(in crate::decode) fn check_level(
    bytes: &[u8],
    pcm: PcmFormat,
    frame: u64,
    findings: &mut Findings,
) {
    let is_float = matches!(pcm.sample_format, SampleFormat::F32 | SampleFormat::F64);
    if !is_float || findings.has(WarningKind::ImplausibleLevel) {
        return;
    }
    let loud = if pcm.sample_format == SampleFormat::F32 {
        let samples = bytes.as_chunks::<4>().0;
        samples.iter().position(|&sample| f32::from_le_bytes(sample).abs() > TOO_LOUD)
    } else {
        let samples = bytes.as_chunks::<8>().0;
        samples.iter().position(|&sample| f64::from_le_bytes(sample).abs() > TOO_LOUD.into())
    };
    let Some(sample) = loud else { return };
    let at = frame + (sample / usize::from(pcm.channels).max(1)) as u64;
    let message = "samples are more than 20 dB above full scale: the file is damaged, its floats are \
                   scaled as integers, or it was decoded as what it is not";
    findings.note(WarningKind::ImplausibleLevel, Some(at), None, message);
}

/// Compares the frames of a whole file with what the file declares, and with its size.
pub(in crate::decode) fn check_length(
    format: &SourceFormat,
    frames: u64,
    file_bytes: u64,
    findings: &mut Findings,
) {
    let is_explained = [
        WarningKind::Truncated,
        WarningKind::DecodeErrors,
        WarningKind::FormatChange,
        WarningKind::LengthMismatch,
    ]
    .into_iter()
    .any(|kind| findings.has(kind));
    let declared = format.declared_frames.filter(|&declared| declared != frames);
    if let Some(declared) = declared.filter(|_| !is_explained) {
        let message = format!("the file declares {declared} frames, there are {frames}");
        findings.note(WarningKind::LengthMismatch, Some(frames), None, message);
    }
    if frames == 0 && (declared.is_some() || file_bytes > MOST_HEADERS) {
        no_frames(findings, &format!("no audio was found in {file_bytes} bytes"));
    }
}

/// Notes that no audio came out of a file, unless damage explains that.
pub(in crate::decode) fn no_frames(findings: &mut Findings, what: &str) {
    let explains = [WarningKind::Truncated, WarningKind::DecodeErrors];
    if explains.into_iter().any(|kind| findings.has(kind)) {
        return;
    }
    findings.note(WarningKind::NoFrames, None, None, what);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where samples are told to be too loud.
    fn level(format: SampleFormat, samples: &[f64]) -> Option<u64> {
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|&sample| {
                #[expect(clippy::cast_possible_truncation, reason = "the samples are small")]
                let single = sample as f32;
                match format {
                    SampleFormat::F32 => single.to_le_bytes().to_vec(),
                    _ => sample.to_le_bytes().to_vec(),
                }
            })
            .collect();
        let mut findings = Findings::default();
        check_level(&bytes, PcmFormat::new(format, 8000, 2), 100, &mut findings);
        let warning = findings.warnings().first()?;
        assert_eq!(warning.kind, WarningKind::ImplausibleLevel);
        warning.frame
    }

    #[test]
    fn samples_20_db_above_full_scale_are_implausible() {
        for format in [SampleFormat::F32, SampleFormat::F64] {
            assert_eq!(level(format, &[0.0, 1.5, -9.9, 10.0]), None);
            assert_eq!(level(format, &[0.0, 0.0, 0.0, -10.1]), Some(101));
            assert_eq!(level(format, &[f64::INFINITY, 0.0]), Some(100));
        }
        assert_eq!(level(SampleFormat::S32, &[1e9, 1e9]), None);
    }

    #[test]
    fn lengths_that_nothing_explains_are_told() {
        let pcm = PcmFormat::new(SampleFormat::S16, 8000, 1);
        let check = |declared, frames, bytes, before: Option<WarningKind>| {
            let mut findings = Findings::default();
            if let Some(kind) = before {
                findings.note(kind, None, None, "before");
            }
            let (container, codec) = ("x".to_owned(), "y".to_owned());
            let format = SourceFormat {
                container,
                codec,
                decoder: crate::decode::DecodedBy::BuiltIn,
                pcm,
                declared_frames: declared,
            };
            check_length(&format, frames, bytes, &mut findings);
            findings.warnings().iter().map(|warning| warning.kind).collect::<Vec<_>>()
        };
        let (mismatch, none) = (WarningKind::LengthMismatch, WarningKind::NoFrames);
        assert_eq!(check(None, 5, 1 << 20, None), []);
        assert_eq!(check(Some(5), 5, 1 << 20, None), []);
        assert_eq!(check(Some(5), 6, 1 << 20, None), [mismatch]);
        assert_eq!(check(Some(5), 4, 1 << 20, Some(WarningKind::Truncated)).len(), 1);
        assert_eq!(check(None, 0, 44, None), []);
        assert_eq!(check(Some(0), 0, 44, None), []);
        assert_eq!(check(None, 0, 1 << 20, None), [none]);
        assert_eq!(check(Some(9), 0, 44, None), [mismatch, none]);
    }
}
