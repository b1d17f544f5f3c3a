//! The fuzz targets, for any toolchain: every function of `tests/fuzz/targets.rs` is run over its
//! seeds, over values of ours and over a few thousand mutations of them, the same at every run.
//!
//! Whatever fuzzing has found lies among the seeds, so it cannot come back. Each target runs in a
//! process of its own: it may find something that ends a process, and must not start `ffmpeg` for
//! each broken file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, panic};

use audiopool_worker::analyze::{AnalysisSettings, Analyzers, METRICS};
use audiopool_worker::audio::AudioDescription;
use audiopool_worker::pcm::{Pcm, PcmFormat, SampleFormat};
use procpool::codec;
use procpool::confine::Confinement;
use procpool::protocol::{
    AttachmentRef, Attempt, FromChild, Hello, LogLevel, LogLine, Payload, RingId, Role, Run,
    SlotRef, TaskId, ToChild, Usage, WorkerFault,
};

#[path = "../fuzz/targets.rs"]
#[expect(unreachable_pub, reason = "a library in the package that is fuzzed")]
mod targets;

/// Set in the process that runs a target.
const WITHIN: &str = "AUDIOPOOL_FUZZ_WITHIN";

/// Longer seeds are cut: what is broken shows in the first kilobytes, and thousands are read.
const LONGEST: usize = 24 << 10;

#[test]
fn any_bytes_are_a_value_or_an_error() {
    bounded("any_bytes_are_a_value_or_an_error", "codec", targets::codec, messages, 20_000);
}

#[test]
fn any_frame_is_a_message_or_an_error() {
    bounded("any_frame_is_a_message_or_an_error", "frame", targets::frame, messages, 20_000);
}

#[test]
fn any_partials_are_merged_or_refused() {
    bounded("any_partials_are_merged_or_refused", "partials", targets::partials, told, 20_000);
}

#[test]
fn any_file_can_be_looked_at() {
    bounded("any_file_can_be_looked_at", "header", targets::header, songs, 4000);
}

#[test]
fn any_file_is_decoded_or_refused_and_the_same_on_every_try() {
    let test = "any_file_is_decoded_or_refused_and_the_same_on_every_try";
    bounded(test, "decoder", targets::decoder, songs, 1000);
}

/// Runs a target in a process of its own.
#[track_caller]
fn bounded(
    test: &str,
    target: &str,
    run: fn(&[u8]),
    values: fn() -> Vec<Vec<u8>>,
    mutations: usize,
) {
    if env::var_os(WITHIN).is_some() {
        return within(target, run, values(), mutations);
    }
    let module = module_path!().split_once("::").expect("a module of this program").1;
    let output = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", &format!("{module}::{test}"), "--nocapture"])
        .env(WITHIN, "1")
        .env("AUDIOPOOL_FFMPEG", "")
        .output()
        .expect("this program can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{}, with the bytes in {}\n{said}\n{}",
        output.status,
        last_bytes(target).display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where the bytes are kept that a target is looking at.
fn last_bytes(target: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{target}"))
}

fn within(target: &str, run: fn(&[u8]), values: Vec<Vec<u8>>, mutations: usize) {
    let last = last_bytes(target);
    let mut file = fs::File::create(&last).expect("the folder for tests can be written");
    let mut run = |bytes: &[u8]| {
        targets::rewrite(&mut file, bytes);
        run(bytes);
    };
    let seeds = seeds(target);
    for seed in &seeds {
        run(seed);
    }
    let mut pool = [seeds, values].concat();
    for seed in &mut pool {
        seed.truncate(LONGEST);
    }
    let mut dice = Dice(0x5eed);
    for turn in 0..mutations {
        if turn < pool.len() {
            run(&pool[turn]);
        } else {
            run(&dice.mutated(&pool));
        }
    }
    fs::remove_file(&last).expect("it was written");
}

/// What is committed for a target: what fuzzing has found, and what it took to get far.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    read_all(&root().join("tests/fuzz/seeds").join(target), |_| true)
}

/// Files of every format, each as it is found among the fixtures.
fn songs() -> Vec<Vec<u8>> {
    let is_audio = |path: &Path| {
        path.extension()
            .is_some_and(|extension| !["md", "tsv", "json"].iter().any(|other| extension == *other))
    };
    let data = root().join("tests/data");
    [read_all(&data.join("traps"), is_audio), read_all(&data, is_audio)].concat()
}

/// Every file in a folder, in the order of their names.
fn read_all(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<Vec<u8>> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder of ours").path()).collect();
    paths.retain(|path| path.is_file() && wanted(path));
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of ours")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One of each message that matters.
fn messages() -> Vec<Vec<u8>> {
    let at = SlotRef { ring: RingId(3), slot: 1, len: 4096, checksum: 0x1234_5678 };
    let format = format(44_100, 2);
    let description = codec::encode(&AudioDescription { format, first_frame: 441_000 }).unwrap();
    let attachment = Some(AttachmentRef { at, description: description.clone() });
    let (task, attempt) = (TaskId(300), Attempt(2));
    let fault = |outcome| FromChild::Reply {
        task,
        attempt,
        outcome: Err(outcome),
        busy: Duration::from_millis(5),
    };
    let from_child = [
        FromChild::Hello(Hello {
            protocol: 1,
            package: "01234567".to_owned(),
            build_id: "89abcdef".to_owned(),
            role: Role::WORKER,
            pid: 4711,
        }),
        FromChild::Ready(Confinement::OFF),
        FromChild::Item {
            task,
            attempt,
            index: 7,
            item: vec![1, 2, 3],
            attachment: attachment.clone(),
        },
        fault(WorkerFault::Panic { message: "boom".to_owned(), location: "a.rs:1:2".to_owned() }),
        fault(WorkerFault::InputChanged { expected: 1, found: 2 }),
        FromChild::Reply {
            task,
            attempt,
            outcome: Ok(Payload::Inline(vec![7; 40])),
            busy: Duration::from_millis(5),
        },
        FromChild::Reply {
            task,
            attempt,
            outcome: Ok(Payload::Slot(at)),
            busy: Duration::from_millis(5),
        },
        FromChild::Log(LogLine {
            level: LogLevel::Warn,
            target: "here".to_owned(),
            message: "grün".to_owned(),
        }),
        FromChild::Goodbye(Usage::default()),
    ];
    let run = Run {
        task,
        attempt,
        name: "audiopool.measure".to_owned(),
        arguments: Payload::Inline(vec![1, 2, 3]),
        attachment,
        delivered: 2,
        slots: vec![0, 1, 2],
    };
    let to_child = [ToChild::Run(run), ToChild::Grant { slot: 2 }, ToChild::Quit];
    let values = from_child.iter().map(codec::encode);
    values
        .chain(to_child.iter().map(codec::encode))
        .map(Result::unwrap)
        .chain([description])
        .collect()
}

/// What honest workers tell of a file.
fn told() -> Vec<Vec<u8>> {
    let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
    let analyzers = Analyzers::select(&keys, &AnalysisSettings::default()).unwrap();
    let of = |format: PcmFormat, lengths: &[u32]| {
        let mut first = 0;
        let parts: Vec<_> = lengths
            .iter()
            .map(|&frames| {
                let bytes = frames as usize * format.frame_width();
                let saw: Vec<u8> = (0..=250).cycle().take(bytes).collect();
                let partials = analyzers.analyze(Pcm::new(format, first, &saw));
                first += u64::from(frames);
                (frames, partials)
            })
            .collect();
        codec::encode(&(format, parts)).unwrap()
    };
    vec![
        of(format(8000, 1), &[400]),
        of(format(8000, 2), &[800, 8]),
        of(format(300, 1), &[300, 600, 1]),
        of(
            PcmFormat { sample_format: SampleFormat::F32, lossy: true, ..format(11_025, 2) },
            &[999],
        ),
        of(format(1, 1), &[1, 1, 1]),
    ]
}

fn format(sample_rate: u32, channels: u16) -> PcmFormat {
    PcmFormat::new(SampleFormat::S16, sample_rate, channels)
}

/// Numbers that look like chance, the same at every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(usize::MAX) % bound.max(1)
    }

    /// One of the seeds after one to four changes.
    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            // Headers are short, and what is in them matters more.
            let reach = if self.below(2) == 0 { bytes.len().min(128) } else { bytes.len() };
            let at = self.below(reach);
            let other = self.below(seeds.len());
            self.change(&mut bytes, at, &seeds[other]);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, at: usize, other: &[u8]) {
        const TELLING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xff];
        let rest = bytes.len() - at;
        match self.below(8) {
            0 => bytes.truncate(at),
            1 if rest > 0 => bytes[at] ^= 1 << self.below(8),
            2 if rest > 0 => bytes[at] = TELLING[self.below(TELLING.len())],
            3 if rest > 0 => bytes[at] = bytes[at].wrapping_add(1),
            4 if rest >= 4 => bytes[at..at + 4].fill(TELLING[self.below(TELLING.len())]),
            5 => {
                let end = at + self.below(rest.min(64));
                drop(bytes.drain(at..end));
            }
            6 => {
                let again = bytes[at..at + self.below(rest.min(64))].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let from = self.below(other.len());
                let end = (at + 16).min(bytes.len());
                drop(bytes.splice(at..end, other[from..].iter().take(16).copied()));
            }
        }
    }
}
