//! Refusal: why a file is not decoded by this program, and whether another program could.

use std::io;

use audiopool_worker::pcm::PcmFormat;
use symphonia::core::errors::Error;

use super::{DecodeError, DecodeErrorKind};
use crate::decode::codec::decoder::said;

/// The highest sample rate that is believed: twice that of the fastest converters.
const MAX_SAMPLE_RATE: u32 = 1_536_000;
/// The most channels that are believed.
const MAX_CHANNELS: u16 = 64;

/// Why a file of a known container is not decoded by this program.
pub(super) enum Refusal {
    /// No other decoder could.
    Final(DecodeError),
    /// Another decoder may be able to. The text says what is wrong.
    Unsupported(String),
    /// It seems broken; another decoder may be less particular.
    Corrupt(String),
}

impl Refusal {
    /// Of a container whose tracks are known, and none of them is audio.
    pub(super) fn no_audio(format: &str) -> Self {
        let message = format!("this is {format}, but none of its tracks is audio");
        Self::Final(DecodeError::new(DecodeErrorKind::NoAudio, message))
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        Self::Final(of_io(error))
    }
}

pub(super) fn refusal_of(format: &str, error: &Error) -> Refusal {
    let what = said(error);
    // Only MPEG audio is searched for; all else was recognised by its first bytes.
    let is_not_found = what.contains("no suitable format reader");
    match error {
        Error::Unsupported(_) if is_not_found => Refusal::Corrupt(format!(
            "this should be {format}, but no intact beginning of it is to be found"
        )),
        // An index or a header that should be there: the file is damaged or cut short.
        Error::Unsupported(_) if what.contains("missing") => {
            Refusal::Corrupt(format!("this is {format}, but damaged or cut short ({what})"))
        }
        Error::Unsupported(_) => Refusal::Unsupported(format!(
            "this is {format} of a kind that audiopool does not decode itself ({what})"
        )),
        Error::LimitError(_) => Refusal::Final(DecodeError::new(
            DecodeErrorKind::LimitExceeded,
            format!("this is {format}, beyond what is reasonable: {what}"),
        )),
        _ => Refusal::Corrupt(format!("this is {format}, but it cannot be read ({what})")),
    }
}

pub(super) fn check_limits(pcm: PcmFormat) -> Result<(), DecodeError> {
    let exceeded = |message| Err(DecodeError::new(DecodeErrorKind::LimitExceeded, message));
    if pcm.sample_rate == 0 || pcm.sample_rate > MAX_SAMPLE_RATE {
        return exceeded(format!(
            "a sample rate of {} Hz; between 1 and {MAX_SAMPLE_RATE} Hz can be analysed, so the \
             header is probably damaged",
            pcm.sample_rate
        ));
    }
    if pcm.channels == 0 || pcm.channels > MAX_CHANNELS {
        return exceeded(format!(
            "{} channels; between 1 and {MAX_CHANNELS} can be analysed, so the header is probably \
             damaged",
            pcm.channels
        ));
    }
    Ok(())
}

/// What an error of the operating system means for a file that could not be opened or read.
pub(super) fn of_io(error: &io::Error) -> DecodeError {
    match error.kind() {
        io::ErrorKind::NotFound => {
            DecodeError::new(DecodeErrorKind::NotFound, "no such file; is the path right?")
        }
        io::ErrorKind::PermissionDenied => DecodeError::new(
            DecodeErrorKind::PermissionDenied,
            "permission denied; the file or a folder above it may not be read by this user",
        ),
        io::ErrorKind::NotADirectory => DecodeError::new(
            DecodeErrorKind::NotFound,
            "no such file; a part of the path is a file where a folder should be",
        ),
        _ => DecodeError::new(DecodeErrorKind::Io, format!("reading failed: {error}")),
    }
}
