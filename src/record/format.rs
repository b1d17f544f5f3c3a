//! `FileFormat`: what a report says of a file's format; lengths are counted, never declared.

use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{DecodedBy, SourceFormat};

/// What a file is, as a report says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FileFormat {
    /// Container, in lower case.
    pub container: String,
    /// Codec, in lower case.
    pub codec: String,
    /// Which program decoded it: `built_in` or `ffmpeg`.
    pub decoder: DecodedBy,
    /// Frames per second.
    #[schemars(range(min = 1))]
    pub sample_rate: u32,
    /// Samples per frame.
    #[schemars(range(min = 1))]
    pub channels: u16,
    /// How a decoded sample is stored: `u8`, `s16`, `s24`, `s32`, `f32`, `f64`.
    #[schemars(schema_with = "sample_formats")]
    pub sample_format: SampleFormat,
    /// Bytes of a decoded sample.
    #[schemars(range(min = 1, max = 8))]
    pub sample_width: usize,
    /// Frames that were decoded; `None` when the end was not reached.
    pub frames: Option<u64>,
    /// `frames` over the sample rate.
    #[schemars(range(min = 0))]
    pub duration_seconds: Option<f64>,
}

impl FileFormat {
    /// Puts together what the decoder said and the frames that were counted.
    pub fn of(source: &SourceFormat, frames: Option<u64>) -> Self {
        let (container, codec) = (source.container.clone(), source.codec.clone());
        Self::from_parts(container, codec, source.decoder, source.pcm, frames)
    }

    /// The same of what was kept.
    pub(crate) fn from_parts(
        container: String,
        codec: String,
        decoder: DecodedBy,
        pcm: PcmFormat,
        frames: Option<u64>,
    ) -> Self {
        Self {
            container,
            codec,
            decoder,
            sample_rate: pcm.sample_rate,
            channels: pcm.channels,
            sample_format: pcm.sample_format,
            sample_width: pcm.sample_format.sample_width(),
            frames,
            duration_seconds: frames.map(|frames| seconds(frames, pcm.sample_rate)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 frames, 6000 years at 48 kHz")]
fn seconds(frames: u64, sample_rate: u32) -> f64 {
    frames as f64 / f64::from(sample_rate.max(1))
}

fn sample_formats(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["u8", "s16", "s24", "s32", "f32", "f64"]})
}
