//! Chunk functions that tell how they were run, or that go wrong. Compiled into the tests and into
//! the worker program that the tests name (`examples/probes.rs`).

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use audiopool::{Attachment, ChunkFunction, Pcm, PcmFormat, Task, TaskFailure};
use serde::{Deserialize, Serialize};

/// Tells what arrived, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tell {
    pub(crate) word: String,
    pub(crate) numbers: Vec<Option<f64>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) pid: u32,
    pub(crate) word: String,
    pub(crate) numbers: Vec<Option<f64>>,
    pub(crate) format: PcmFormat,
    pub(crate) first_frame: u64,
    pub(crate) bytes: Vec<u8>,
}

impl ChunkFunction for Tell {
    const NAME: &'static str = "probes.tell";
    type Output = Told;

    fn run(&self, chunk: Pcm<'_>) -> Result<Told, TaskFailure> {
        Ok(Told {
            pid: process::id(),
            word: self.word.clone(),
            numbers: self.numbers.clone(),
            format: chunk.format(),
            first_frame: chunk.first_frame(),
            bytes: chunk.bytes().to_vec(),
        })
    }
}

/// Waits until so many chunks are in work at the same time, then tells its process and program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Meet {
    pub(crate) folder: PathBuf,
    pub(crate) count: usize,
}

impl ChunkFunction for Meet {
    const NAME: &'static str = "probes.meet";
    type Output = (u32, PathBuf);

    fn run(&self, chunk: Pcm<'_>) -> Result<(u32, PathBuf), TaskFailure> {
        let name = chunk.first_frame().to_string();
        fs::write(self.folder.join(name), []).map_err(TaskFailure::new)?;
        let begun = Instant::now();
        while fs::read_dir(&self.folder).map_err(TaskFailure::new)?.count() < self.count {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(TaskFailure::new("the others do not come"));
            }
            thread::yield_now();
        }
        Ok((process::id(), env::current_exe().map_err(TaskFailure::new)?))
    }
}

/// Goes wrong in the chunk that holds a frame, and tells the length of the others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Misbehave {
    pub(crate) at_frame: u64,
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum How {
    Fail,
    Panic,
    Abort,
    Exit,
    Hang,
}

impl ChunkFunction for Misbehave {
    const NAME: &'static str = "probes.misbehave";
    type Output = u64;

    fn run(&self, chunk: Pcm<'_>) -> Result<u64, TaskFailure> {
        let frames = chunk.first_frame()..chunk.first_frame() + chunk.frames();
        if frames.contains(&self.at_frame) {
            match self.how {
                How::Fail => return Err(TaskFailure::new("I do not like it")),
                How::Panic => panic!("it is {} frames long", chunk.frames()),
                How::Abort => process::abort(),
                How::Exit => process::exit(7),
                How::Hang => loop {
                    thread::park();
                },
            }
        }
        Ok(chunk.frames())
    }
}

/// Tells its number and its process, or goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Small {
    pub(crate) number: u64,
    pub(crate) how: Option<How>,
}

impl Task for Small {
    const NAME: &'static str = "probes.small";
    type Attachment = ();
    type Output = (u64, u32);

    fn run(self, _: Option<Attachment<'_, ()>>) -> Result<(u64, u32), TaskFailure> {
        match self.how {
            None => Ok((self.number, process::id())),
            Some(How::Fail) => Err(TaskFailure::new("I do not like it")),
            Some(How::Panic) => panic!("at number {}", self.number),
            Some(How::Abort) => process::abort(),
            Some(How::Exit) => process::exit(7),
            Some(How::Hang) => loop {
                thread::park();
            },
        }
    }
}
