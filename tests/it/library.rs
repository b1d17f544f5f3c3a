//! The library from outside: the pattern, the processor, and the programs that use them.

mod batches;
mod failing;
mod figures;
mod pattern;
#[path = "library/probes.rs"]
mod probes;
mod programs;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use audiopool::{AudioSegment, ChunkOptions, PcmFormat, SampleFormat};
use tempfile::TempDir;

/// A program built for one test alone, so that its processes can be told from those of others.
pub(crate) struct Program {
    folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Program {
    /// One of the examples, which `cargo test` builds.
    pub(crate) fn example(name: &str) -> Self {
        let built = std::env::current_exe().unwrap();
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let built = built.ancestors().nth(2).unwrap().join("examples").join(&file);
        let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        let places = ["examples", "tests/it/library", "tests/it/executor"];
        let sources = places.map(|place| format!("{place}/{name}.rs"));
        let newest = sources.iter().filter_map(|source| written(&in_the_repository(source))).max();
        assert!(
            newest.is_some() && written(&built) >= newest,
            "{} is not up to date: cargo build --examples",
            built.display()
        );
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().canonicalize().unwrap().join(file);
        // A link is the same file, which others may be running; on Linux only its name counts.
        if cfg!(windows) {
            fs::copy(built, &path).unwrap();
        } else {
            fs::hard_link(built, &path).unwrap();
        }
        Self { folder, path }
    }

    /// Cuts into so many chunks for it, however short.
    fn options(&self, threads: usize) -> ChunkOptions {
        ChunkOptions { worker_program: Some(self.path.clone()), ..cut_into(threads) }
    }

    /// A lock held while a program runs: a running program cannot be written.
    #[cfg(windows)]
    pub(crate) fn processes(&self) -> Vec<String> {
        let opened = fs::OpenOptions::new().write(true).open(&self.path);
        opened.err().map(|error| error.to_string()).into_iter().collect()
    }

    /// Held while it runs.
    #[cfg(unix)]
    pub(crate) fn processes(&self) -> Vec<String> {
        let runs_it = |process: &Path| fs::read_link(process.join("exe")).ok();
        fs::read_dir("/proc")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|process| runs_it(process).as_deref() == Some(self.path.as_path()))
            .map(|process| process.display().to_string())
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect_no_process_left(&self) {
        assert_eq!(self.processes(), [""; 0], "processes were left behind");
    }
}

#[test]
fn a_process_that_lives_is_seen() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let this = Program { folder, path: std::env::current_exe().unwrap() };
    let processes = this.processes();
    if cfg!(windows) {
        assert_eq!(processes.len(), 1);
    } else {
        assert!(processes.contains(&format!("/proc/{}", std::process::id())));
    }
}

/// So many chunks, however short.
fn cut_into(threads: usize) -> ChunkOptions {
    let num_threads = NonZeroUsize::new(threads);
    ChunkOptions { num_threads, min_chunk_size_ms: 0, ..ChunkOptions::default() }
}

/// Stereo of 8000 frames a second, whose left samples count up and whose right ones count down.
fn stairs(frames: i16) -> AudioSegment {
    let format = PcmFormat::new(SampleFormat::S16, 8000, 2);
    let samples = (0..frames).flat_map(|at| [at, -at]);
    AudioSegment::from_raw(samples.flat_map(i16::to_le_bytes).collect::<Vec<_>>(), format)
}

/// A file of `tests/data`.
fn fixture(name: &str) -> PathBuf {
    in_the_repository("tests/data").join(name)
}

fn in_the_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
