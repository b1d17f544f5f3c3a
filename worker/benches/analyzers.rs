//! What each analyzer takes by itself, from samples to figures: `scripts/bench/run --analyzers` makes a
//! table of it, `cargo bench --workspace` compares it with the last time.
//!
//! A sample is one of one channel. The audio is 10 s of stereo with 16 bits, in chunks of 1 s:
//! notes that begin and end, noise under them, and pauses, so that no analyzer has it easy.

use std::hint::black_box;
use std::time::Duration;

use audiopool_worker::analyze::{AnalysisSettings, Analyzers, Features};
use audiopool_worker::pcm::{Pcm, PcmFormat, SampleFormat};
use criterion::{Criterion, Throughput};

const FORMAT: PcmFormat = PcmFormat::new(SampleFormat::S16, 48_000, 2);
const SECONDS: u32 = 10;

fn main() {
    let mut bench = Criterion::default()
        .without_plots()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let audio = audio();
    let samples = u64::from(FORMAT.sample_rate * u32::from(FORMAT.channels) * SECONDS);
    let mut group = bench.benchmark_group("analyzers");
    group.throughput(Throughput::Elements(samples));
    for (name, analyzer) in Analyzers::one_by_one(&AnalysisSettings::default()) {
        group.bench_function(name, |bench| bench.iter(|| measured(black_box(&analyzer), &audio)));
    }
    group.finish();
    bench.final_summary();
}

/// What is measured and nothing else: a profiler finds it by its name.
#[inline(never)]
fn measured(analyzer: &Analyzers, audio: &[Vec<u8>]) -> Features {
    let whole = (0..).zip(audio).fold(analyzer.identity(), |so_far, (second, bytes)| {
        let first_frame = second * u64::from(FORMAT.sample_rate);
        analyzer.merge(so_far, analyzer.analyze(Pcm::new(FORMAT, first_frame, bytes)))
    });
    analyzer.finish(whole, FORMAT)
}

/// The same at every run and on every system: whole numbers, and no function of a library.
fn audio() -> Vec<Vec<u8>> {
    let mut noise = 1_u64;
    let mut sample = |frame: u32, channel: u32| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        // Triangles of 110 to 600 Hz, each for 150 ms; every third is a pause.
        let note = frame / 7200;
        let period = 80 + (note * 53 + channel * 7) % 360;
        let wave = i64::from((frame % period).abs_diff(period / 2)) * 48_000 / i64::from(period);
        let loud = if note % 3 == 2 { 0 } else { wave - 12_000 };
        let hiss = i64::try_from(noise >> 55).expect("nine bits") - 256;
        i16::try_from(loud + hiss).expect("at most 12,000 and 256")
    };
    (0..SECONDS)
        .map(|second| {
            let frames = second * FORMAT.sample_rate..(second + 1) * FORMAT.sample_rate;
            frames
                .flat_map(|frame| [sample(frame, 0), sample(frame, 1)])
                .flat_map(i16::to_le_bytes)
                .collect()
        })
        .collect()
}
