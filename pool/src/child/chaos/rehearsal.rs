//! Rehearsal: a task without an attachment, whose arguments and output have any length.

use serde::{Deserialize, Serialize};

use crate::attachment::Attachment;
use crate::task::{Task, TaskFailure};

/// Stretches or shrinks its text to a length; every byte depends on all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Any bytes.
    pub text: Vec<u8>,
    /// How many bytes are wanted.
    pub wanted: u32,
}

impl Task for Rehearsal {
    const NAME: &'static str = "audiopool.rehearsal";
    type Attachment = ();
    type Output = Vec<u8>;

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<Vec<u8>, TaskFailure> {
        // Fowler, Noll and Vo's hash, and a generator that begins with it.
        let mut state = self.text.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        Ok(std::iter::repeat_with(next).take(self.wanted as usize).collect())
    }
}
