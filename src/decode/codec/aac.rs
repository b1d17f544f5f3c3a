//! AAC: what a stream is, and its decoder.
//!
//! HE-AAC codes the lower half of the band, at half the rate, as ordinary AAC; data beside it (SBR)
//! say how to make the upper half, and more of them (PS) how to make two channels of one. A file
//! may state this in its configuration, or leave it to the decoder to find SBR data in the frames:
//!
//! ```text
//!  AudioSpecificConfig            frames
//!  type 5 or 29, or behind        fill element with SBR data
//!  the core 0x2b7: explicit       in the first of them: implicit
//! ```
//!
//! [`examine`] looks at both, since the time stamps of a container count in the rate that comes out
//! of the decoder. ISO 14496-3 §1.6.2.1, §1.6.5 and §4.6.18.

use audiopool_worker::pcm::{ChannelLayout, PcmFormat, SampleFormat};
use rusty_aac::config::{self, StreamConfig};
use rusty_aac::latm::LatmReader;
use rusty_aac::{AacDecoder, BitReader, DecodedAudio};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

/// Packets that are decoded to look for SBR data that no configuration states.
pub(in crate::decode) const EXAMINED: usize = 24;

/// Loudspeakers of the channel configurations 1 to 7 as bits of a WAV channel mask, in whose order
/// the decoder delivers them.
const MASKS: [u32; 7] = [0x4, 0x3, 0x7, 0x107, 0x37, 0x3f, 0x63f];

/// What comes out of the decoder: `params` with the sample rate and the channels of the decoded
/// audio. `first` are the first packets of the stream, up to [`EXAMINED`] of them.
///
/// `params` need the `AudioSpecificConfig` as `extra_data`, or the rate and channels of the core.
pub(in crate::decode) fn examine<'a>(
    params: &AudioCodecParameters,
    first: impl IntoIterator<Item = &'a [u8]>,
) -> Result<AudioCodecParameters, String> {
    let config = config_of(params)?;
    let mut decoder = AacDecoder::with_stream_config(config.clone());
    let mut found = None;
    for packet in first.into_iter().take(EXAMINED) {
        // What cannot be decoded is told when it is decoded for good.
        if let Ok(audio) = decoder.decode(packet, None) {
            let is_doubled = audio.sample_rate > config.sample_rate;
            found = Some((audio.sample_rate, audio.channels));
            if is_doubled {
                break;
            }
        }
    }
    let stated = if config.sbr { config.ext_sample_rate } else { config.sample_rate };
    let (rate, channels) =
        found.unwrap_or_else(|| (stated, u16::try_from(config.channels()).unwrap_or(u16::MAX)));
    let mut examined = params.clone();
    if params.extra_data.as_deref().is_none_or(<[u8]>::is_empty) {
        let bytes = config_bytes(config.object_type, config.sample_rate, config.channel_config);
        examined.with_extra_data(bytes);
    }
    examined.with_sample_rate(rate);
    if channels > 0 {
        examined.with_channels(Channels::Discrete(channels));
    }
    Ok(examined)
}

/// The configuration of a stream: the stated one, with SBR if its rate turned out to be doubled.
fn config_of(params: &AudioCodecParameters) -> Result<StreamConfig, String> {
    let mut config = match params.extra_data.as_deref() {
        Some(&[first, second]) => {
            // Without a channel configuration, the first frame describes its channels itself.
            let rate = rusty_aac::sample_rate_for_index((first & 7) << 1 | second >> 7);
            match config::parse(&[first, second]) {
                Err(_) if second & 0x78 == 0 && rate > 0 => StreamConfig::lc(first >> 3, rate, 0),
                config => config.map_err(|error| error.to_string())?,
            }
        }
        Some(bytes) if !bytes.is_empty() => {
            config::parse(bytes).map_err(|error| error.to_string())?
        }
        _ => {
            let channels = params.channels.as_ref().map_or(0, Channels::count);
            let layout = match channels {
                1..=6 => u8::try_from(channels).unwrap_or(0),
                8 => 7,
                _ => 0,
            };
            let rate = params.sample_rate.ok_or("the sample rate of the AAC is not stated")?;
            StreamConfig::lc(config::aot::AAC_LC, rate, layout)
        }
    };
    if let Some(rate) = params.sample_rate
        && Some(rate) == config.sample_rate.checked_mul(2)
        && !config.sbr
    {
        config.sbr = true;
        config.ext_sample_rate = rate;
    }
    Ok(config)
}

/// The `AudioSpecificConfig` that says only this.
pub(in crate::decode) fn config_bytes(object_type: u8, rate: u32, layout: u8) -> Box<[u8]> {
    let index = rusty_aac::sf_index_for_rate(rate).unwrap_or(0xf);
    let mut bits = u64::from(object_type & 0x1f) << 4 | u64::from(index);
    let mut count = 9_usize;
    if index == 0xf {
        bits = bits << 24 | u64::from(rate & 0xff_ffff);
        count += 24;
    }
    // The layout, and three flags that are not set.
    bits = (bits << 4 | u64::from(layout & 0xf)) << 3;
    count += 7;
    let bytes = (bits << (64 - count)).to_be_bytes();
    bytes[..count.div_ceil(8)].into()
}

/// A decoder of AAC: Main, LC, SSR without gain control, LTP, LD, ELD, and HE-AAC of versions 1 and 2.
pub(in crate::decode) struct Decoder {
    decoder: AacDecoder,
    layout: u8,
}

impl Decoder {
    pub(in crate::decode) fn new(params: &AudioCodecParameters) -> Result<Self, String> {
        let config = config_of(params)?;
        let layout = if config.pce.is_some() { 0 } else { config.channel_config };
        // The decoder refuses what it cannot decode only with the first packet.
        rusty_aac::decode::Decoder::with_stream_config(config.clone())
            .map_err(|error| error.to_string())?;
        Ok(Self { decoder: AacDecoder::with_stream_config(config), layout })
    }

    /// Decodes a packet, with an ADTS header or without; the error says what is wrong with it.
    pub(in crate::decode) fn decode(&mut self, packet: &[u8]) -> Result<Audio, String> {
        let audio = self.decoder.decode(packet, None).map_err(|error| error.to_string())?;
        Ok(Audio { audio, layout: self.layout })
    }
}

/// Takes the access unit out of each frame of LOAS, ISO 14496-3 §1.7.3.
#[derive(Debug, Default)]
pub(in crate::decode) struct Latm {
    reader: LatmReader,
    /// Whether a frame holds several access units.
    has_several: bool,
}

impl Latm {
    /// The access unit in a frame; `None` if it is damaged, or of a kind that is not read here.
    pub(in crate::decode) fn unwrap(&mut self, frame: &[u8]) -> Option<Box<[u8]>> {
        if self.has_several || Self::has_several(frame)? {
            self.has_several = true;
            return None;
        }
        self.reader.parse(frame).ok().map(|frame| frame.au.into())
    }

    /// Whether a frame states that it and its like hold several access units.
    fn has_several(frame: &[u8]) -> Option<bool> {
        let mut bits = BitReader::new(frame.get(3..)?);
        let is_like_before = bits.read_bool().ok()?;
        if is_like_before {
            return Some(false);
        }
        if bits.read_bool().ok()? {
            // Version 1: a reserved flag, and a number of one to four bytes.
            bits.skip(1).ok()?;
            let bytes = 1 + bits.read_bits(2).ok()? as usize;
            bits.skip(8 * bytes).ok()?;
        }
        bits.skip(1).ok()?;
        Some(bits.read_bits(6).ok()? > 0)
    }

    /// The parameters of the stream; `None` if they are not known, or if it is not AAC in frames of
    /// 1024.
    pub(in crate::decode) fn parameters(&self) -> Option<AudioCodecParameters> {
        let config = self.reader.stream_config().filter(|_| !self.has_several)?;
        let is_plain = config.frame_length == 1024 && config.pce.is_none() && !config.is_er();
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_extra_data(config_bytes(
            config.object_type,
            config.sample_rate,
            config.channel_config,
        ));
        is_plain.then_some(params)
    }
}

/// What a packet decodes to.
pub(in crate::decode) struct Audio {
    audio: DecodedAudio,
    layout: u8,
}

impl Audio {
    /// The format of the samples; `None` if there are none.
    pub(in crate::decode) fn pcm(&self) -> Option<PcmFormat> {
        let DecodedAudio { sample_rate, channels, samples, .. } = &self.audio;
        if samples.is_empty() || *channels == 0 {
            return None;
        }
        // One channel with parametric stereo is two.
        let layout = if (self.layout, *channels) == (1, 2) { 2 } else { self.layout };
        let mask = usize::from(layout).checked_sub(1).and_then(|at| MASKS.get(at));
        let mask = mask.filter(|mask| mask.count_ones() == u32::from(*channels));
        let layout =
            mask.map_or(ChannelLayout::UNSTATED, |mask| ChannelLayout::from_mask(*mask, *channels));
        Some(PcmFormat { layout, ..PcmFormat::new(SampleFormat::F32, *sample_rate, *channels) })
    }

    /// Interleaved samples.
    pub(in crate::decode) fn samples(&self) -> &[f32] {
        &self.audio.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &[u8], rate: u32, channels: u16) {
        let mut params = AudioCodecParameters::new();
        params.with_extra_data(config.into());
        let examined = examine(&params, []).expect("a configuration");
        assert_eq!(examined.sample_rate, Some(rate), "{config:02x?}");
        let found = examined.channels.as_ref().map(Channels::count);
        assert_eq!(found, (channels > 0).then_some(channels.into()), "{config:02x?}");
    }

    #[test]
    fn a_configuration_that_states_sbr_tells_the_doubled_rate() {
        check(&[0x13, 0x90], 22_050, 2);
        check(&[0x2b, 0x92, 0x08, 0x00], 44_100, 2);
        check(&[0x13, 0x90, 0x56, 0xe5, 0xa0], 44_100, 2);
        // The same with the flag that there is none.
        check(&[0x13, 0x90, 0x56, 0xe5, 0x00], 22_050, 2);
        // SBR above a core of 48 kHz, and parametric stereo.
        check(&[0x29, 0x90, 0x08, 0x00], 96_000, 2);
        check(&[0xeb, 0x8a, 0x08, 0x00], 44_100, 1);
    }

    #[test]
    fn what_is_known_of_a_stream_becomes_its_configuration() {
        assert_eq!(*config_bytes(2, 44_100, 2), [0x12, 0x10]);
        let odd = config_bytes(2, 40_000, 1);
        check(&odd, 40_000, 1);
        assert_eq!(odd.len(), 5);
        // Channels that only the first frame describes.
        check(&config_bytes(2, 48_000, 0), 48_000, 0);
        let mut params = AudioCodecParameters::new();
        assert!(examine(&params, []).is_err(), "nothing is known");
        params.with_sample_rate(32_000).with_channels(Channels::Discrete(6));
        let examined = examine(&params, []).expect("rate and channels");
        assert_eq!(examined.extra_data.as_deref(), Some(&[0x12, 0xb0][..]));
    }

    #[test]
    fn a_kind_of_aac_without_a_decoder_is_refused_before_the_first_packet() {
        let mut params = AudioCodecParameters::new();
        // xHE-AAC, object type 42.
        params.with_extra_data([0xf9, 0x46, 0x40, 0x22, 0x2c, 0xc0, 0x0c].into());
        assert!(examine(&params, []).is_err());
        assert!(Decoder::new(&params).is_err());
    }
}
