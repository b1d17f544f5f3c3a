//! Work: what the tasks of a selftest are. Two of three measure audio of a format and a length of
//! their own, as `analyze` does; the others have arguments and outputs of any length, some of which
//! do not fit into a message.

use std::sync::Arc;

use audiopool_worker::analyze::{AnalysisSettings, Analyzers, FrameSpan, METRICS, Partials};
use audiopool_worker::audio::{Audio, AudioDescription};
use audiopool_worker::measure::Measure;
use audiopool_worker::pcm::{PcmFormat, SampleFormat};
use procpool::chaos::Rehearsal;
use procpool::codec;
use procpool::protocol::TaskId;

use procpool::{Execute, TaskError, TaskHandle, TaskTerms};

/// One task, ready to be submitted.
pub(super) enum Work {
    Audio(Measure, Audio),
    Plain(Rehearsal),
}

/// A task that has been submitted.
pub(super) enum Pending {
    Audio(TaskHandle<Partials>),
    Plain(TaskHandle<Vec<u8>>),
}

/// The task of that number.
pub(super) fn of(seed: u64, task: TaskId) -> Work {
    let mut dice = Dice(seed.rotate_left(32) ^ task.0);
    if task.0.is_multiple_of(3) {
        // One in eight has arguments, and one in eight an output, that go through shared memory.
        let mut length = || if dice.below(8) == 0 { dice.below(200_000) } else { dice.below(600) };
        let (given, wanted) = (length(), length());
        let text = (0..given).map(|_| dice.byte()).collect();
        return Work::Plain(Rehearsal { text, wanted });
    }
    let formats = [
        SampleFormat::U8,
        SampleFormat::S16,
        SampleFormat::S24,
        SampleFormat::S32,
        SampleFormat::F32,
    ];
    let sample_format = formats[dice.below(5) as usize];
    let rates = [8000, 22_050, 44_100, 48_000];
    let format = PcmFormat::new(
        sample_format,
        rates[dice.below(4) as usize],
        if dice.below(2) == 0 { 1 } else { 2 },
    );
    let frames = dice.below(30_000);
    let samples = frames * u32::from(format.channels);
    let bytes: Vec<u8> = (0..samples).flat_map(|_| dice.sample(sample_format)).collect();
    let keys: Vec<_> = METRICS.iter().map(|metric| metric.key).collect();
    let analyzers = Analyzers::select(&keys, &AnalysisSettings::default());
    let analyzers = analyzers.expect("the keys are the catalogue's");
    let first_frame = u64::from(dice.below(1 << 20));
    let description = AudioDescription { format, first_frame };
    Work::Audio(Measure { analyzers }, Audio::owned(Arc::from(bytes), description))
}

impl Work {
    pub(super) fn submit(
        self,
        executor: &impl Execute,
        terms: TaskTerms,
    ) -> Result<Pending, TaskError> {
        Ok(match self {
            Self::Audio(measure, audio) => {
                let (analyzers, stretch) = (measure.analyzers.clone(), FrameSpan::from(&audio));
                let check = move |partials: &Partials| partials.check(&analyzers, &stretch);
                Pending::Audio(executor.submit_checked(&measure, Some(audio), terms, check)?)
            }
            Self::Plain(task) => Pending::Plain(executor.submit_with(&task, None, terms)?),
        })
    }
}

impl Pending {
    /// Waits for the output, and encodes it: two are equal if their bytes are.
    pub(super) fn outcome(self) -> Result<Vec<u8>, TaskError> {
        let encoded = match self {
            Self::Audio(future) => codec::encode(&future.result()?),
            Self::Plain(future) => codec::encode(&future.result()?),
        };
        encoded.map_err(|error| TaskError::InvalidOutput(error.to_string()))
    }
}

/// Numerical Recipes' generator; the upper bits count.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// A number below `end`.
    fn below(&mut self, end: u32) -> u32 {
        let product = u64::from(self.next()) * u64::from(end);
        u32::try_from(product >> 32).expect("less than 2^32 times as much")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// A sample of that format: any bits of an integer, a float from −1 to 1; and now and then
    /// silence.
    fn sample(&mut self, format: SampleFormat) -> Vec<u8> {
        let bits = if self.0 & 0x3000 == 0 { 0 } else { self.next() };
        let float = || f64::from(bits.cast_signed()) / f64::from(1_u32 << 31);
        match format {
            #[expect(clippy::cast_possible_truncation, reason = "any float is good")]
            SampleFormat::F32 => (float() as f32).to_le_bytes().to_vec(),
            SampleFormat::F64 => float().to_le_bytes().to_vec(),
            integers => bits.to_be_bytes()[..integers.sample_width()].to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role;
    use procpool::Inline;

    fn results(seed: u64) -> Vec<Vec<u8>> {
        let inline = Inline::new(role::all_tasks());
        let run = |task| of(seed, task).submit(&inline, TaskTerms::default())?.outcome();
        (1..40).map(|task| run(TaskId(task)).unwrap()).collect()
    }

    #[test]
    fn the_work_of_a_seed_is_always_the_same_and_no_two_tasks_are() {
        let once = results(5);
        assert_eq!(once, results(5));
        assert_ne!(once, results(6));
        let mut different = once.clone();
        different.sort();
        different.dedup();
        assert!(different.len() > once.len() - 3, "{}", different.len());
    }
}
