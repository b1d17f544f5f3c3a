//! Vorbis of more than two channels: `lewton` behind the interface of our other decoders.
//!
//! Symphonia undoes the coupling of channels in the order in which it was done, and Vorbis I §4.3.5
//! asks for the reverse; with one step, as in stereo, that is the same. Its decoder is the faster
//! one, so it stays for one and two channels.

use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use lewton::audio::{PreviousWindowRight, read_audio_packet_generic};
use lewton::header::{IdentHeader, SetupHeader, read_header_ident, read_header_setup};

use super::FROM_VORBIS_ORDER;

/// Bytes of the identification header, Vorbis I §4.2.2.
const IDENT_LENGTH: usize = 30;

/// Decodes the packets of one stream.
pub(in crate::decode) struct Decoder {
    ident: IdentHeader,
    setup: SetupHeader,
    before: PreviousWindowRight,
    samples: Vec<f32>,
}

impl Decoder {
    /// Whether a stream whose headers are `extra_data` has more than two channels.
    pub(in crate::decode) fn is_for(extra_data: &[u8]) -> bool {
        extra_data.starts_with(b"\x01vorbis") && extra_data.get(11).is_some_and(|&count| count > 2)
    }

    /// A decoder for the stream whose identification and setup headers are `extra_data`, one behind
    /// the other; `None` if they are broken.
    pub(in crate::decode) fn new(extra_data: &[u8]) -> Option<Self> {
        let (ident, setup) = extra_data.split_at_checked(IDENT_LENGTH)?;
        let ident = read_header_ident(ident).ok()?;
        let sizes = (ident.blocksize_0, ident.blocksize_1);
        let setup = read_header_setup(setup, ident.audio_channels, sizes).ok()?;
        Some(Self { ident, setup, before: PreviousWindowRight::new(), samples: Vec::new() })
    }

    pub(in crate::decode) fn reset(&mut self) {
        self.before = PreviousWindowRight::new();
    }

    /// What all packets decode to.
    pub(in crate::decode) fn pcm(&self) -> PcmFormat {
        let channels = u16::from(self.ident.audio_channels);
        PcmFormat::new(SampleFormat::F32, self.ident.audio_sample_rate, channels)
    }

    /// Decodes a packet to interleaved samples in the order of WAV; the first yields none.
    pub(in crate::decode) fn decode(&mut self, packet: &[u8]) -> Result<&[f32], &'static str> {
        self.samples.clear();
        let planes: Vec<Vec<f32>> =
            read_audio_packet_generic(&self.ident, &self.setup, packet, &mut self.before)
                .map_err(|_| "a packet of Vorbis is damaged")?;
        let channels = planes.len();
        let frames = planes.first().map_or(0, Vec::len);
        self.samples.resize(channels * frames, 0.0);
        let order = channels.checked_sub(1).and_then(|index| FROM_VORBIS_ORDER.get(index));
        for channel in 0..channels {
            let from = order.map_or(channel, |order| usize::from(order[channel]));
            let out = self.samples.iter_mut().skip(channel).step_by(channels);
            for (out, &sample) in out.zip(&planes[from]) {
                *out = sample;
            }
        }
        if self.samples.iter().all(|sample| sample.is_finite()) {
            Ok(&self.samples)
        } else {
            Err("a packet of Vorbis has samples without end")
        }
    }
}
