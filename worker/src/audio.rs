//! Audio as the attachment of a task: the bytes are samples, the description says which.

use procpool::{Attached, Attachment, Description};
use serde::{Deserialize, Serialize};

use crate::analyze::FrameSpan;
use crate::pcm::{Pcm, PcmFormat};

/// What the bytes of attached audio mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioDescription {
    /// The format of the samples.
    pub format: PcmFormat,
    /// Position in the file of the first frame.
    pub first_frame: u64,
}

impl Description for AudioDescription {
    /// Whole frames only.
    fn admits(&self, bytes: u64) -> bool {
        bytes.is_multiple_of(self.format.frame_width() as u64)
    }
}

/// Audio on its way to a task.
pub type Audio = Attached<AudioDescription>;

/// Audio in the memory of this process, ready to be submitted.
pub fn attached(pcm: Pcm<'_>) -> Audio {
    let description = AudioDescription { format: pcm.format(), first_frame: pcm.first_frame() };
    Audio::owned(pcm.bytes().into(), description)
}

impl<'a> From<Attachment<'a, AudioDescription>> for Pcm<'a> {
    fn from(attachment: Attachment<'a, AudioDescription>) -> Self {
        let AudioDescription { format, first_frame } = attachment.description;
        Self::new(format, first_frame, attachment.bytes)
    }
}

impl From<&Audio> for FrameSpan {
    fn from(audio: &Audio) -> Self {
        let AudioDescription { format, first_frame } = *audio.description();
        let frames = audio.byte_count() / format.frame_width() as u64;
        Self { format, frames: first_frame..first_frame.saturating_add(frames) }
    }
}
