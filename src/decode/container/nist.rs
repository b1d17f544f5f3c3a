//! NIST SPHERE: a header of text, and the samples; the format of speech corpora.
//!
//! ```text
//! NIST_1A
//!    1024
//! channel_count -i 1
//! sample_coding -s3 pcm
//! end_head
//! ```
//!
//! Source: the documentation of NIST's SPHERE 2.6.

use std::fs::File;
use std::io::{Read, Seek};
use std::str;

use audiopool_worker::pcm::ChannelLayout;

use super::bytes::{Endian, seek_read};
use super::format::{Decoding, FormatRow, Kind};
use super::samples::{Header, Meaning, Samples};
use super::{Container, Contents, Subject, samples};
use crate::decode::accounting::extent::{Claim, judge};
use crate::decode::accounting::findings::Findings;
use crate::decode::refusal::Refusal;
use crate::record::WarningKind;

/// Bytes of a header that is believed; they come in multiples of 1024.
const MAX_HEADER: u64 = 1 << 20;

/// NIST SPHERE.
pub(super) struct Nist;

impl Container for Nist {
    const FORMAT: FormatRow = FormatRow {
        name: "NIST SPHERE",
        codecs: "PCM 8 to 32 bit, A-law, mu-law",
        extensions: &["sph", "nist"],
        decoding: Decoding::BuiltInOrFfmpeg,
        kind: Kind::NIST,
        markers: &[b"NIST_1A"],
        ffmpeg: &["nistsphere"],
    };

    fn open(
        mut file: File,
        subject: &mut Subject,
        findings: &mut Findings,
    ) -> Result<Contents, Refusal> {
        let header = read(&mut file, subject.start, subject.length, findings);
        samples::contents(file, subject, header)
    }
}

/// Reads the header of the NIST file that begins at byte `start`. The error says what is wrong.
fn read(
    file: &mut (impl Read + Seek),
    start: u64,
    file_length: u64,
    findings: &mut Findings,
) -> Result<Header, String> {
    let mut first = [0; 16];
    seek_read(file, start, &mut first)?;
    let length = str::from_utf8(&first[8..]).ok().and_then(|text| text.trim().parse().ok());
    let length: u64 = length
        .filter(|length| (16..=MAX_HEADER).contains(length))
        .ok_or("the second line does not tell its length")?;
    let mut text = Vec::new();
    seek_read(file, start + 16, &mut [])?;
    file.take(length - 16)
        .read_to_end(&mut text)
        .map_err(|error| format!("reading failed: {error}"))?;
    let fields = Fields::read(&text)?;
    let meaning = match fields.meaning()? {
        Ok(meaning) => meaning,
        Err(codec) => return Ok(Header::Other(codec)),
    };
    let start = start + length;
    let frame = meaning.stored_frame(fields.channels);
    let stated = fields.frames;
    let claim = Claim {
        start,
        bytes: stated.map(|frames| frames.saturating_mul(frame)),
        container_end: None,
        frame,
    };
    let extent = judge(file, file_length, claim, |_, _| None, findings);
    if stated.is_none() {
        let message =
            "the header does not say how long the audio is; all that follows was analysed";
        findings.note(WarningKind::LengthMismatch, None, Some(start), message);
    }
    Ok(Header::Samples(Samples {
        meaning,
        sample_rate: fields.sample_rate,
        channels: fields.channels,
        layout: ChannelLayout::UNSTATED,
        start,
        extent,
        stated_frames: None,
    }))
}

/// The fields that are used.
#[derive(Debug, Default)]
struct Fields {
    channels: u16,
    sample_rate: u32,
    frames: Option<u64>,
    width: Option<u64>,
    coding: String,
    byte_order: String,
    is_planar: bool,
}

impl Fields {
    fn read(text: &[u8]) -> Result<Self, String> {
        let mut fields = Self { channels: 1, ..Self::default() };
        let mut rate = None;
        let lines = text.split(|&byte| byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
        for line in lines.map(str::trim).take_while(|&line| line != "end_head") {
            let mut words = line.splitn(3, ' ');
            let (Some(name), Some(_), Some(value)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let value = value.trim();
            let number = || value.parse::<u64>().ok();
            match name {
                "channel_count" => {
                    let count = number().ok_or("its number of channels is no number")?;
                    fields.channels = u16::try_from(count).unwrap_or(u16::MAX);
                }
                "sample_rate" => rate = value.parse::<f64>().ok(),
                "sample_count" => fields.frames = number(),
                "sample_n_bytes" => fields.width = number(),
                "sample_coding" => fields.coding = value.to_ascii_lowercase(),
                "sample_byte_format" => value.clone_into(&mut fields.byte_order),
                "channels_interleaved" => {
                    fields.is_planar = value.eq_ignore_ascii_case("false");
                }
                _ => {}
            }
        }
        let rate = rate.ok_or("it does not tell its sample rate")?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float saturates, and what it comes to is compared with limits"
        )]
        {
            fields.sample_rate = rate.round() as u32;
        }
        Ok(fields)
    }

    /// What the samples mean; inside, the name of the codec, if it is none that is decoded here.
    fn meaning(&self) -> Result<Result<Meaning, String>, String> {
        if self.coding.contains("shorten") || self.coding.contains("wavpack") {
            return Ok(Err(format!("the compression \"{}\"", self.coding)));
        }
        if self.is_planar && self.channels > 1 {
            return Ok(Err("channels one after the other".into()));
        }
        let is_little = match self.byte_order.as_str() {
            "01" | "0123" | "012" => true,
            "10" | "3210" | "210" => false,
            // Of one byte, there is no order.
            "" | "1" | "0" if self.width.is_none_or(|width| width == 1) => true,
            _ if self.coding == "ulaw" || self.coding == "alaw" || self.coding == "mu-law" => true,
            other => return Err(format!("there is no byte order \"{other}\"")),
        };
        let endian = if is_little { Endian::Little } else { Endian::Big };
        Ok(match (self.coding.as_str(), self.width) {
            ("ulaw" | "mu-law", _) => Ok(Meaning::mulaw()),
            ("alaw", _) => Ok(Meaning::alaw()),
            ("pcm" | "", Some(width)) => Meaning::linear(false, width, endian)
                .ok_or_else(|| format!("samples of {width} bytes")),
            ("pcm" | "", None) => return Err("it does not tell the width of a sample".into()),
            (other, _) => Err(format!("the coding \"{other}\"")),
        })
    }
}
