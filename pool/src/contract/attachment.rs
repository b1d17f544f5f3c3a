//! Attachment: bytes that travel beside a task or an item in shared memory, with a small typed
//! description.
//!
//! The bytes are never encoded or copied into a message; the description is, so it is small and
//! bounded. A task without attachments has `()` for its description.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::protocol::{MAX_DESCRIPTION, WorkerFault};

/// What the bytes of an attachment mean.
pub trait Description: Serialize + DeserializeOwned {
    /// Whether this can describe so many bytes. A child that sends an attachment that its
    /// description does not admit is taken to be sick.
    fn admits(&self, bytes: u64) -> bool {
        let _ = bytes;
        true
    }
}

impl Description for () {}

/// An attachment as a task sees it.
#[derive(Clone, Copy)]
pub struct Attachment<'a, D> {
    /// What the bytes mean.
    pub description: D,
    /// The bytes themselves.
    pub bytes: &'a [u8],
}

impl<D: fmt::Debug> fmt::Debug for Attachment<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("description", &self.description)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// An attachment whose description is still encoded.
#[derive(Clone, Copy, Debug)]
pub struct RawAttachment<'a> {
    /// The description, encoded.
    pub description: &'a [u8],
    /// The bytes.
    pub bytes: &'a [u8],
}

impl<'a> RawAttachment<'a> {
    /// Decodes the description.
    pub fn typed<D: Description>(self) -> Result<Attachment<'a, D>, WorkerFault> {
        let description = codec::decode(self.description)
            .map_err(|error| WorkerFault::Codec { message: error.to_string() })?;
        Ok(Attachment { description, bytes: self.bytes })
    }
}

/// Encodes a description; one that is too large is an error.
pub(crate) fn encode_description<D: Description>(description: &D) -> Result<Vec<u8>, WorkerFault> {
    let encoded = codec::encode(description)
        .map_err(|error| WorkerFault::Codec { message: error.to_string() })?;
    match encoded.len() {
        ..=MAX_DESCRIPTION => Ok(encoded),
        len => Err(WorkerFault::Codec {
            message: format!(
                "the description of an attachment has {len} bytes, and may have {MAX_DESCRIPTION}"
            ),
        }),
    }
}

/// Whether an encoded description can be decoded, and admits so many bytes.
pub(crate) fn is_described<D: Description>(description: &[u8], bytes: u64) -> bool {
    description.len() <= MAX_DESCRIPTION
        && codec::decode::<D>(description).is_ok_and(|description| description.admits(bytes))
}
