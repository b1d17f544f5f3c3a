//! Grain: energies of one second in hops of 10 ms, from a filter that starts with an empty state.
//!
//! A grain is measured without the audio before it. A *cross term* for each hop records how its
//! energy depends on the initial state of the filter; the energies are corrected when the state at
//! the end of the previous grain is known. Every grain of every file is measured and corrected in
//! this way, so the result does not depend on the chunking, to the last bit.

use serde::{Deserialize, Serialize};

use super::kweighting::{HOPS, Kernel, State, TRANSIENT_HOPS, hop_start};

/// An incomplete grain, with all state needed to continue; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenGrain {
    pub(super) frames: u64,
    /// Energies of the complete hops, over all channels.
    pub(super) hops: Vec<f64>,
    /// Cross terms of the first hops, for each channel.
    pub(super) cross_terms: Vec<State>,
    /// State of each channel within the current hop.
    pub(super) channels: Vec<Accumulator>,
}

/// State of a channel within a hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Accumulator {
    pub(super) state: State,
    pub(super) energy: f64,
    pub(super) cross_term: State,
}

/// A grain; the last one of a file can be incomplete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Grain {
    pub(super) hops: Vec<f64>,
    pub(super) cross_terms: Vec<State>,
    /// Filter state of each channel at the end.
    pub(super) ends: Vec<State>,
}

impl OpenGrain {
    /// Continues with interleaved samples, which do not exceed the end of the grain.
    pub(super) fn feed(&mut self, kernel: &Kernel, samples: &[f64], weights: &[f64]) {
        let channels = weights.len();
        if samples.is_empty() {
            return;
        }
        self.channels.resize(channels, Accumulator::default());
        let mut rest = samples;
        while !rest.is_empty() {
            let at = usize::try_from(self.frames).expect("a grain has 32 bits of frames");
            let hop = self.hops.len();
            let end = kernel.hop(hop).end;
            let (now, later) = rest.split_at((rest.len()).min((end - at) * channels));
            let frames = now.len() / channels;
            self.run(kernel, now, at..at + frames, weights);
            self.frames += frames as u64;
            rest = later;
            if at + frames == end {
                self.close_hop(hop, weights);
            }
        }
    }

    /// Filters the channels in pairs: the recursion of one channel is bound by latency, so two take
    /// no longer than one.
    fn run(
        &mut self,
        kernel: &Kernel,
        samples: &[f64],
        frames: std::ops::Range<usize>,
        weights: &[f64],
    ) {
        let channels = weights.len();
        let zero_input = kernel.zero_input(frames);
        let heard: Vec<usize> = (0..channels).filter(|&channel| weights[channel] > 0.0).collect();
        for pair in heard.chunks(2) {
            match *pair {
                [one, other] => {
                    let [first, second] = self
                        .channels
                        .get_disjoint_mut([one, other])
                        .expect("two channels of the same frame");
                    let mut both = [*first, *second];
                    pass(kernel, samples, channels, [one, other], zero_input, &mut both);
                    [*first, *second] = both;
                }
                [one] => {
                    let mut alone = [self.channels[one]];
                    pass(kernel, samples, channels, [one], zero_input, &mut alone);
                    [self.channels[one]] = alone;
                }
                _ => {}
            }
        }
    }

    fn close_hop(&mut self, hop: usize, weights: &[f64]) {
        let mut energy = 0.0;
        for (accumulator, weight) in self.channels.iter_mut().zip(weights) {
            energy += weight * accumulator.energy;
            if hop < TRANSIENT_HOPS {
                self.cross_terms.push(accumulator.cross_term);
            }
            *accumulator = Accumulator { state: accumulator.state, ..Accumulator::default() };
        }
        self.hops.push(energy);
    }

    /// Whether this can be the state of a grain after `frames` frames.
    pub(super) fn is_possible(&self, frames: u64, rate: u32, channels: usize) -> bool {
        if frames == 0 {
            return *self == Self::default();
        }
        let hops = (1..HOPS as u64).filter(|&hop| hop_start(rate, hop) <= frames).count();
        self.frames == frames
            && self.hops.len() == hops
            && self.cross_terms.len() == hops.min(TRANSIENT_HOPS) * channels
            && self.channels.len() == channels
            && self.hops.iter().all(|&energy| is_valid_energy(energy))
            && self.cross_terms.iter().flatten().all(|&number| is_bounded(number))
            && self.channels.iter().all(Accumulator::is_possible)
    }

    /// Finishes the grain; no samples follow.
    pub(super) fn finish(self) -> Grain {
        let ends = self.channels.iter().map(|accumulator| accumulator.state).collect();
        Grain { hops: self.hops, cross_terms: self.cross_terms, ends }
    }
}

impl Accumulator {
    fn is_possible(&self) -> bool {
        is_valid_energy(self.energy)
            && self.state.iter().chain(&self.cross_term).all(|&x| is_bounded(x))
    }
}

impl Grain {
    /// Energies of the hops, corrected for the filter states at the end of the previous grain;
    /// without a correction in the first grain of a file.
    pub(super) fn correct(self, kernel: &Kernel, before: &[State], weights: &[f64]) -> Vec<f64> {
        let mut hops = self.hops;
        let channels = before.len();
        if channels == 0 {
            return hops;
        }
        let cross_terms = self.cross_terms.chunks_exact(channels);
        for (hop, (energy, cross_terms)) in
            hops.iter_mut().zip(cross_terms).enumerate().take(TRANSIENT_HOPS)
        {
            let mut correction = 0.0;
            for ((cross_term, state), weight) in cross_terms.iter().zip(before).zip(weights) {
                correction += weight * kernel.correction(hop, cross_term, state);
            }
            *energy = (*energy + correction).max(0.0);
        }
        hops
    }

    /// Whether this can be a complete grain of `channels` channels.
    pub(super) fn is_possible(&self, channels: usize) -> bool {
        self.hops.len() == HOPS
            && self.cross_terms.len() == TRANSIENT_HOPS * channels
            && self.ends.len() == channels
            && self.hops.iter().all(|&energy| is_valid_energy(energy))
            && self.cross_terms.iter().chain(&self.ends).flatten().all(|&number| is_bounded(number))
    }
}

/// Upper bound of an energy: the loudest float gives 10¹⁷ in the longest hop.
pub(super) fn is_valid_energy(energy: f64) -> bool {
    (0.0..1e24).contains(&energy)
}

/// Whether a filter state or a cross term is in bounds.
pub(super) fn is_bounded(number: f64) -> bool {
    number.abs() < 1e24
}

/// Filters frames of `N` channels.
fn pass<const N: usize>(
    kernel: &Kernel,
    samples: &[f64],
    stride: usize,
    channels: [usize; N],
    zero_input: &[State],
    accumulator: &mut [Accumulator; N],
) {
    let filter = kernel.filter;
    let mut now = *accumulator;
    let frames = samples.chunks_exact(stride);
    if zero_input.is_empty() {
        for frame in frames {
            for (accumulator, channel) in now.iter_mut().zip(channels) {
                let y = filter.step(&mut accumulator.state, frame[channel]);
                accumulator.energy += y * y;
            }
        }
    } else {
        for (frame, zero_input) in frames.zip(zero_input) {
            for (accumulator, channel) in now.iter_mut().zip(channels) {
                let y = filter.step(&mut accumulator.state, frame[channel]);
                accumulator.energy += y * y;
                for (cross_term, zero_input) in accumulator.cross_term.iter_mut().zip(zero_input) {
                    *cross_term += y * zero_input;
                }
            }
        }
    }
    *accumulator = now;
}
