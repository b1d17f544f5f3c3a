//! Convert: a decoder's planes become interleaved little-endian bytes, exactly.
//!
//! Symphonia widens every integer to the left edge of its own sample type; taking the upper bits
//! off again loses nothing. Its own conversions are not used: those from float truncate.

use audiopool_worker::pcm::SampleFormat;
use symphonia::core::audio::{Audio, AudioBuffer, GenericAudioBufferRef};

/// The format in which a decoder's buffer is delivered. `bits` is the depth of the source where it
/// is known: 20 bits from a 32-bit buffer fit into 24.
pub(in crate::decode) fn format_of(
    buffer: &GenericAudioBufferRef<'_>,
    bits: Option<u32>,
) -> SampleFormat {
    match buffer {
        GenericAudioBufferRef::U8(_) | GenericAudioBufferRef::S8(_) => SampleFormat::U8,
        GenericAudioBufferRef::U16(_) | GenericAudioBufferRef::S16(_) => SampleFormat::S16,
        GenericAudioBufferRef::U24(_) | GenericAudioBufferRef::S24(_) => SampleFormat::S24,
        GenericAudioBufferRef::U32(_) | GenericAudioBufferRef::S32(_) => match bits {
            Some(1..=16) => SampleFormat::S16,
            Some(17..=24) => SampleFormat::S24,
            _ => SampleFormat::S32,
        },
        GenericAudioBufferRef::F32(_) => SampleFormat::F32,
        GenericAudioBufferRef::F64(_) => SampleFormat::F64,
    }
}

/// Appends the frames of `buffer` to `bytes` in `format`, which [`format_of`] said for this
/// decoder; `false` if this buffer cannot be delivered in it.
pub(in crate::decode) fn append(
    buffer: &GenericAudioBufferRef<'_>,
    format: SampleFormat,
    bytes: &mut Vec<u8>,
) -> bool {
    use GenericAudioBufferRef as Ref;

    const FLIP_32: u32 = 1 << 31;
    match (buffer, format) {
        (Ref::U8(planes), SampleFormat::U8) => interleave(planes, bytes, |x| [x]),
        (Ref::S8(planes), SampleFormat::U8) => {
            interleave(planes, bytes, |x| [x.cast_unsigned() ^ 0x80]);
        }
        (Ref::S16(planes), SampleFormat::S16) => interleave(planes, bytes, i16::to_le_bytes),
        (Ref::U16(planes), SampleFormat::S16) => {
            interleave(planes, bytes, |x| (x ^ 0x8000).to_le_bytes());
        }
        (Ref::S24(planes), SampleFormat::S24) => {
            interleave(planes, bytes, |x| low_24(x.inner().to_le_bytes()));
        }
        (Ref::U24(planes), SampleFormat::S24) => {
            interleave(planes, bytes, |x| low_24((x.inner() ^ 0x80_0000).to_le_bytes()));
        }
        (Ref::S32(planes), SampleFormat::S16) => {
            interleave(planes, bytes, |x| high_16(x.to_le_bytes()));
        }
        (Ref::S32(planes), SampleFormat::S24) => {
            interleave(planes, bytes, |x| high_24(x.to_le_bytes()));
        }
        (Ref::S32(planes), SampleFormat::S32) => interleave(planes, bytes, i32::to_le_bytes),
        (Ref::U32(planes), SampleFormat::S16) => {
            interleave(planes, bytes, |x| high_16((x ^ FLIP_32).to_le_bytes()));
        }
        (Ref::U32(planes), SampleFormat::S24) => {
            interleave(planes, bytes, |x| high_24((x ^ FLIP_32).to_le_bytes()));
        }
        (Ref::U32(planes), SampleFormat::S32) => {
            interleave(planes, bytes, |x| (x ^ FLIP_32).to_le_bytes());
        }
        (Ref::F32(planes), SampleFormat::F32) => interleave(planes, bytes, f32::to_le_bytes),
        (Ref::F64(planes), SampleFormat::F64) => interleave(planes, bytes, f64::to_le_bytes),
        _ => return false,
    }
    true
}

const fn high_16([_, _, low, high]: [u8; 4]) -> [u8; 2] {
    [low, high]
}

const fn high_24([_, low, middle, high]: [u8; 4]) -> [u8; 3] {
    [low, middle, high]
}

const fn low_24([low, middle, high, _]: [u8; 4]) -> [u8; 3] {
    [low, middle, high]
}

/// Weaves the planes together, sample by sample, each as the bytes that `to_bytes` makes of it.
fn interleave<S, const WIDTH: usize>(
    buffer: &AudioBuffer<S>,
    bytes: &mut Vec<u8>,
    to_bytes: impl Fn(S) -> [u8; WIDTH],
) where
    S: symphonia::core::audio::sample::Sample,
{
    let channels = buffer.num_planes();
    let from = bytes.len();
    bytes.resize(from + buffer.frames() * channels * WIDTH, 0);
    let samples = bytes[from..].as_chunks_mut::<WIDTH>().0;
    match (channels, buffer.plane(0), buffer.plane(1)) {
        (1, Some(only), _) => {
            for (out, &sample) in samples.iter_mut().zip(only) {
                *out = to_bytes(sample);
            }
        }
        (2, Some(left), Some(right)) => {
            for ([out_left, out_right], (&left, &right)) in
                samples.as_chunks_mut::<2>().0.iter_mut().zip(left.iter().zip(right))
            {
                *out_left = to_bytes(left);
                *out_right = to_bytes(right);
            }
        }
        _ => {
            for (channel, plane) in buffer.iter_planes().enumerate() {
                for (out, &sample) in samples.iter_mut().skip(channel).step_by(channels).zip(plane)
                {
                    *out = to_bytes(sample);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::audio::{
        AsGenericAudioBufferRef, AudioMut, AudioSpec, Channels, Position,
    };

    use super::*;

    fn planes<S: symphonia::core::audio::sample::Sample>(channels: &[&[S]]) -> AudioBuffer<S> {
        let positions = [Position::FRONT_LEFT, Position::FRONT_RIGHT, Position::FRONT_CENTER]
            [..channels.len()]
            .iter()
            .fold(Position::empty(), |all, &one| all | one);
        let spec = AudioSpec::new(8000, Channels::Positioned(positions));
        let mut buffer = AudioBuffer::new(spec, channels[0].len());
        buffer.render_uninit(Some(channels[0].len()));
        for (index, samples) in channels.iter().enumerate() {
            buffer.plane_mut(index).expect("a plane for each channel").copy_from_slice(samples);
        }
        buffer
    }

    fn bytes_in<S>(buffer: &AudioBuffer<S>, format: SampleFormat) -> Vec<u8>
    where
        S: symphonia::core::audio::sample::Sample,
        AudioBuffer<S>: AsGenericAudioBufferRef,
    {
        let mut bytes = vec![0xaa];
        assert!(append(&buffer.as_generic_audio_buffer_ref(), format, &mut bytes));
        assert_eq!(bytes.remove(0), 0xaa, "what was there stays");
        bytes
    }

    #[test]
    fn the_upper_bits_of_a_wide_sample_are_the_source_s() {
        let buffer = planes::<i32>(&[&[0x1234_5600, -0x100]]);
        assert_eq!(bytes_in(&buffer, SampleFormat::S24), [0x56, 0x34, 0x12, 0xff, 0xff, 0xff]);
        let buffer = planes::<i32>(&[&[0x1234_0000, i32::MIN]]);
        assert_eq!(bytes_in(&buffer, SampleFormat::S16), [0x34, 0x12, 0x00, 0x80]);
    }

    #[test]
    fn one_two_and_three_channels_are_woven_alike() {
        assert_eq!(bytes_in(&planes::<u8>(&[&[1, 2]]), SampleFormat::U8), [1, 2]);
        assert_eq!(bytes_in(&planes::<u8>(&[&[1, 2], &[3, 4]]), SampleFormat::U8), [1, 3, 2, 4]);
        assert_eq!(
            bytes_in(&planes::<u8>(&[&[1, 2], &[3, 4], &[5, 6]]), SampleFormat::U8),
            [1, 3, 5, 2, 4, 6]
        );
    }

    #[test]
    fn offset_binary_and_two_s_complement() {
        assert_eq!(bytes_in(&planes::<i8>(&[&[-128, 0, 127]]), SampleFormat::U8), [0, 128, 255]);
        let buffer = planes::<u16>(&[&[0, 0x8000, 0xffff]]);
        assert_eq!(bytes_in(&buffer, SampleFormat::S16), [0, 0x80, 0, 0, 0xff, 0x7f]);
    }

    #[test]
    fn a_buffer_of_another_kind_is_refused() {
        let buffer = planes::<f32>(&[&[0.5]]);
        let mut bytes = Vec::new();
        assert!(!append(&buffer.as_generic_audio_buffer_ref(), SampleFormat::S16, &mut bytes));
        assert!(bytes.is_empty());
    }
}
