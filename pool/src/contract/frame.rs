//! Frame: one message on its way, with what it takes to refuse what is none.
//!
//! ```text
//!   magic "AUPL" │ version u16 │ generation u32 │ length u32 │ CRC-32 of the body │ body
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, CodecError};
use crate::protocol::PROTOCOL_VERSION;

/// The largest frame. Far below one packet of any transport, so that a frame is never split.
pub const MAX_FRAME: usize = 64 << 10;

const MAGIC: [u8; 4] = *b"AUPL";
const HEADER: usize = 18;

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Too short, too long, or not ours.
    #[error("malformed frame: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// Another version of the protocol.
    #[error("protocol version {found}, but this program speaks {PROTOCOL_VERSION}")]
    Version {
        /// The version in the frame.
        found: u16,
    },
    /// A sound frame with a body that is no such message.
    #[error(transparent)]
    Body(#[from] CodecError),
}

/// Wraps a message: magic, version, generation, length, CRC-32 of the body, body.
pub fn encode_frame<T: Serialize>(generation: u32, message: &T) -> Result<Vec<u8>, FrameError> {
    let body = codec::encode(message)?;
    if body.len() > MAX_FRAME - HEADER {
        return Err(FrameError::Malformed { reason: "message larger than a frame" });
    }
    let mut frame = Vec::with_capacity(HEADER + body.len());
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    frame.extend_from_slice(&generation.to_le_bytes());
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// Unwraps a message and the generation of its sender.
pub fn decode_frame<T: DeserializeOwned>(frame: &[u8]) -> Result<(u32, T), FrameError> {
    let malformed = |reason| Err(FrameError::Malformed { reason });
    if frame.len() > MAX_FRAME {
        return malformed("longer than allowed");
    }
    let Some((header, body)) = frame.split_at_checked(HEADER) else {
        return malformed("shorter than its header");
    };
    if header[..4] != MAGIC {
        return malformed("wrong magic bytes");
    }
    let u32_at = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
    let version = u16::from_le_bytes([header[4], header[5]]);
    if version != PROTOCOL_VERSION {
        return Err(FrameError::Version { found: version });
    }
    if usize::try_from(u32_at(10)) != Ok(body.len()) {
        return malformed("declared length differs");
    }
    if crc32fast::hash(body) != u32_at(14) {
        return malformed("checksum differs");
    }
    Ok((u32_at(6), codec::decode(body)?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::confine::Confinement;
    use crate::protocol::{Attempt, FromChild, TaskId, WorkerFault};

    fn ready() -> Vec<u8> {
        encode_frame(7, &FromChild::Ready(Confinement::OFF)).unwrap()
    }

    #[test]
    fn a_frame_comes_back() {
        let (generation, message): (u32, FromChild) = decode_frame(&ready()).unwrap();
        assert_eq!((generation, message), (7, FromChild::Ready(Confinement::OFF)));
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        for at in 0..ready().len() {
            let mut frame = ready();
            frame[at] ^= 0x10;
            let result = decode_frame::<FromChild>(&frame);
            // The generation is not covered by the checksum: the receiver compares it.
            let noticed = result.is_err() || (6..10).contains(&at);
            assert!(noticed, "byte {at}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut frame = ready();
        frame[4] = 9;
        let error = decode_frame::<FromChild>(&frame).unwrap_err();
        assert!(matches!(error, FrameError::Version { found: 9 }), "{error}");
    }

    #[test]
    fn a_long_complaint_fits_into_a_message() {
        let outcome = Err(WorkerFault::Failed { message: "é".repeat(MAX_FRAME) }.shortened());
        let (task, attempt, busy) = (TaskId(1), Attempt(1), Duration::ZERO);
        assert!(encode_frame(1, &FromChild::Reply { task, attempt, outcome, busy }).is_ok());
    }

    #[test]
    fn a_message_larger_than_a_frame_is_not_sent() {
        let item = FromChild::Item {
            task: TaskId(1),
            attempt: Attempt(1),
            index: 0,
            item: vec![0; MAX_FRAME],
            attachment: None,
        };
        assert!(encode_frame(1, &item).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes: Vec<u8>) {
            let mut framed = ready();
            framed.truncate(HEADER);
            framed.extend_from_slice(&bytes);
            prop_assert!(decode_frame::<FromChild>(&bytes).is_err());
            drop(decode_frame::<FromChild>(&framed));
        }
    }
}
