//! Attached: an attachment on its way to a task.

use std::borrow::Cow;
use std::sync::Arc;

use super::fault::TaskError;
use super::ring::{Claim, Lease};
use crate::attachment::{Description, encode_description};
use crate::codec::{self, CodecError};
use crate::protocol::AttachmentRef;
use crate::slots::SlotError;

/// An attachment on its way to a task: bytes in shared memory or in this process, and what they
/// mean.
#[derive(Debug)]
pub struct Attached<D> {
    description: D,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// In a slot that a child has filled.
    Leased(Lease),
    /// In the memory of this process.
    Owned(Arc<[u8]>),
}

impl<D: Description> Attached<D> {
    /// Bytes in the memory of this process.
    pub fn owned(bytes: Arc<[u8]>, description: D) -> Self {
        Self { description, source: Source::Owned(bytes) }
    }

    pub(super) fn leased((at, lease): (AttachmentRef, Lease)) -> Result<Self, CodecError> {
        let description = codec::decode(&at.description)?;
        Ok(Self { description, source: Source::Leased(lease) })
    }

    /// What the bytes mean.
    pub fn description(&self) -> &D {
        &self.description
    }

    /// How many bytes there are.
    pub fn byte_count(&self) -> u64 {
        match &self.source {
            Source::Leased(lease) => lease.at().len,
            Source::Owned(bytes) => bytes.len() as u64,
        }
    }

    /// The bytes themselves; those in shared memory are copied.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, SlotError> {
        match &self.source {
            Source::Leased(lease) => lease.read().map(Cow::Owned),
            Source::Owned(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// Where a child finds it, once there is a slot for bytes of this process.
    pub(super) fn lend(
        self,
        claim: &Claim<'_>,
        leases: &mut Vec<Lease>,
    ) -> Result<AttachmentRef, TaskError> {
        let description = encode_description(&self.description).map_err(TaskError::Fault)?;
        let lease = match self.source {
            Source::Leased(lease) => lease,
            Source::Owned(bytes) => claim.put(&bytes)?,
        };
        let at = lease.at();
        leases.push(lease);
        Ok(AttachmentRef { at, description })
    }
}
