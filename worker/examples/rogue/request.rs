//! Request: what to do wrong, where, and how often.
//!
//! ```text
//!   AUDIOPOOL_ROGUE="abort frame=160000 once=/tmp/x/once gate=/tmp/x/gate"
//!                    what  where        how often        not before
//! ```
//!
//! - `frame=N`: at the chunk whose first frame is N; without it, at every chunk.
//! - `every=K tally=PATH`: at each K-th chunk that any rogue is given; PATH keeps the count.
//! - `attempt=N`: only at that try of a task.
//! - `once=PATH`: only the rogue that succeeds in creating PATH.
//! - `gate=PATH`: before it, wait at a named pipe: the rogue opens it for reading, which holds it
//!   until someone opens the other end, and reads until that is closed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::{env, str::FromStr};

use audiopool_worker::analyze::Partials;
use audiopool_worker::audio::AudioDescription;
use procpool::chaos::{Deed, Mischief};
use procpool::codec;
use procpool::protocol::Run;
use procpool::task::CANARY;

use crate::boot::BootDeed;

const VARIABLE: &str = "AUDIOPOOL_ROGUE";

/// What to do, by the place where it can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Boot(BootDeed),
    Deed(Deed),
}

/// What to do wrong, where, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) what: What,
    frame: Option<u64>,
    attempt: Option<u64>,
    every: Option<u64>,
    tally: Option<PathBuf>,
    once: Option<PathBuf>,
    gate: Option<PathBuf>,
}

impl Request {
    /// The request of this process; none at all is an error.
    pub(crate) fn of_this_process() -> Result<Self, String> {
        env::var(VARIABLE).map_err(|error| format!("{VARIABLE}: {error}"))?.parse()
    }

    /// Whether to do it at the chunk that begins there. The caller is expected to do it then.
    pub(crate) fn is_due(&self, first_frame: u64) -> io::Result<bool> {
        Ok(self.frame.is_none_or(|frame| frame == first_frame)
            && self.is_counted()?
            && self.is_due_now()?)
    }

    /// The same for what has nothing to do with chunks.
    pub(crate) fn is_due_now(&self) -> io::Result<bool> {
        let Some(marker) = &self.once else { return Ok(true) };
        match File::create_new(marker) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until the gate has been opened and closed.
    pub(crate) fn pass_gate(&self) -> io::Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        File::open(gate)?.read_to_end(&mut Vec::new())?;
        Ok(())
    }

    fn is_counted(&self) -> io::Result<bool> {
        let (Some(every), Some(tally)) = (self.every, &self.tally) else { return Ok(true) };
        Ok(count(tally)? % every == 0)
    }
}

/// How often this was called for the file, over all processes: an append is atomic, and leaves the
/// position behind what it wrote.
fn count(tally: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().create(true).append(true).open(tally)?;
    file.write_all(b".")?;
    file.stream_position()
}

impl Mischief for Request {
    fn deed(&self, run: &Run) -> Result<Option<Deed>, String> {
        let What::Deed(deed) = self.what else { return Ok(None) };
        let described = run.attachment.as_ref();
        let described =
            described.map(|audio| codec::decode::<AudioDescription>(&audio.description));
        let described = described.transpose().map_err(|error| error.to_string())?;
        let first_frame = described.map_or(0, |audio| audio.first_frame);
        let attempt = self.attempt.is_none_or(|attempt| attempt == u64::from(run.attempt.0));
        let due = || Ok(run.name != CANARY && attempt && self.is_due(first_frame)?);
        let is_due =
            due().and_then(|due| if due { self.pass_gate().map(|()| due) } else { Ok(due) });
        let is_due = is_due.map_err(|error: io::Error| error.to_string())?;
        Ok(is_due.then_some(deed))
    }

    /// The partials of no analyzer at all.
    fn wrong_output(&self) -> Vec<u8> {
        codec::encode(&Partials::default()).unwrap_or_default()
    }
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or("nothing is asked for")?;
        let what = BootDeed::named(name)
            .map(What::Boot)
            .or_else(|| Deed::named(name).map(What::Deed))
            .ok_or_else(|| format!("cannot `{name}`"))?;
        let mut request = Self {
            what,
            frame: None,
            attempt: None,
            every: None,
            tally: None,
            once: None,
            gate: None,
        };
        for word in words {
            let invalid = || format!("cannot make sense of `{word}`");
            let (key, value) = word.split_once('=').ok_or_else(invalid)?;
            let number = || value.parse::<u64>().map_err(|_| invalid());
            match key {
                "frame" => request.frame = Some(number()?),
                "attempt" => request.attempt = Some(number()?),
                "every" => request.every = Some(number()?.max(1)),
                "tally" => request.tally = Some(value.into()),
                "once" => request.once = Some(value.into()),
                "gate" => request.gate = Some(value.into()),
                _ => return Err(invalid()),
            }
        }
        Ok(request)
    }
}
