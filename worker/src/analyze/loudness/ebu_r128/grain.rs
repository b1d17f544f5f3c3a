//! Grain: the energy of one second, in cells of 10 ms, from a filter that begins it empty.
//!
//! A grain is measured without knowing what came before it. How much of each cell's energy depends
//! on that is kept beside it (its *bend*), and settled when the filter's state at the end of the
//! grain before is known. As every grain of every file is measured and settled in this one way,
//! the bits cannot depend on where the audio was cut.

use serde::{Deserialize, Serialize};

use super::kweighting::{BENT, CELLS, Kernel, State, cell_start};

/// A grain that has been begun, with all that is needed to go on. The default is that of no frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) frames: u64,
    /// Energies of the cells that are complete, over all channels.
    pub(super) cells: Vec<f64>,
    /// Of each of the first of them and of each channel, how the energy depends on what was before.
    pub(super) bends: Vec<State>,
    /// What goes on, channel by channel.
    pub(super) channels: Vec<Running>,
}

/// A channel in the middle of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) state: State,
    pub(super) energy: f64,
    pub(super) bend: State,
}

/// A grain, or what there is of the last one of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Grain {
    pub(super) cells: Vec<f64>,
    pub(super) bends: Vec<State>,
    /// What the filter of each channel remembers at its end.
    pub(super) ends: Vec<State>,
}

impl Open {
    /// Goes on with interleaved samples, none of them beyond the end of the grain.
    pub(super) fn feed(&mut self, kernel: &Kernel, samples: &[f64], weights: &[f64]) {
        let channels = weights.len();
        if samples.is_empty() {
            return;
        }
        self.channels.resize(channels, Running::default());
        let mut rest = samples;
        while !rest.is_empty() {
            let at = usize::try_from(self.frames).expect("a grain has 32 bits of frames");
            let cell = self.cells.len();
            let end = kernel.cell(cell).end;
            let (now, later) = rest.split_at((rest.len()).min((end - at) * channels));
            let frames = now.len() / channels;
            self.run(kernel, now, at..at + frames, weights);
            self.frames += frames as u64;
            rest = later;
            if at + frames == end {
                self.close_cell(cell, weights);
            }
        }
    }

    /// The channels one or two at a time: each waits for itself, two at once do not wait longer.
    fn run(
        &mut self,
        kernel: &Kernel,
        samples: &[f64],
        frames: std::ops::Range<usize>,
        weights: &[f64],
    ) {
        let channels = weights.len();
        let memory = kernel.memory(frames);
        let heard: Vec<usize> = (0..channels).filter(|&channel| weights[channel] > 0.0).collect();
        for pair in heard.chunks(2) {
            match *pair {
                [one, other] => {
                    let [first, second] = self
                        .channels
                        .get_disjoint_mut([one, other])
                        .expect("two channels of the same frame");
                    let mut both = [*first, *second];
                    pass(kernel, samples, channels, [one, other], memory, &mut both);
                    [*first, *second] = both;
                }
                [one] => {
                    let mut alone = [self.channels[one]];
                    pass(kernel, samples, channels, [one], memory, &mut alone);
                    [self.channels[one]] = alone;
                }
                _ => {}
            }
        }
    }

    fn close_cell(&mut self, cell: usize, weights: &[f64]) {
        let mut energy = 0.0;
        for (running, weight) in self.channels.iter_mut().zip(weights) {
            energy += weight * running.energy;
            if cell < BENT {
                self.bends.push(running.bend);
            }
            *running = Running { state: running.state, ..Running::default() };
        }
        self.cells.push(energy);
    }

    /// Whether it can be what there is of a grain of that rate after so many frames.
    pub(super) fn is_possible(&self, frames: u64, rate: u32, channels: usize) -> bool {
        if frames == 0 {
            return *self == Self::default();
        }
        let cells = (1..CELLS as u64).filter(|&cell| cell_start(rate, cell) <= frames).count();
        self.frames == frames
            && self.cells.len() == cells
            && self.bends.len() == cells.min(BENT) * channels
            && self.channels.len() == channels
            && self.cells.iter().all(|&energy| is_energy(energy))
            && self.bends.iter().flatten().all(|&number| is_number(number))
            && self.channels.iter().all(Running::is_possible)
    }

    /// No more is to come of it.
    pub(super) fn close(self) -> Grain {
        let ends = self.channels.iter().map(|running| running.state).collect();
        Grain { cells: self.cells, bends: self.bends, ends }
    }
}

impl Running {
    fn is_possible(&self) -> bool {
        is_energy(self.energy) && self.state.iter().chain(&self.bend).all(|&x| is_number(x))
    }
}

impl Grain {
    /// The energies of the cells, now that it is known what the filters remember of the grain
    /// before; nothing of a grain that is the first of its file.
    pub(super) fn settle(self, kernel: &Kernel, before: &[State], weights: &[f64]) -> Vec<f64> {
        let mut cells = self.cells;
        let channels = before.len();
        if channels == 0 {
            return cells;
        }
        let bends = self.bends.chunks_exact(channels);
        for (cell, (energy, bends)) in cells.iter_mut().zip(bends).enumerate().take(BENT) {
            let mut correction = 0.0;
            for ((bend, state), weight) in bends.iter().zip(before).zip(weights) {
                correction += weight * kernel.correction(cell, bend, state);
            }
            *energy = (*energy + correction).max(0.0);
        }
        cells
    }

    /// Whether it can be a whole grain of so many channels.
    pub(super) fn is_possible(&self, channels: usize) -> bool {
        self.cells.len() == CELLS
            && self.bends.len() == BENT * channels
            && self.ends.len() == channels
            && self.cells.iter().all(|&energy| is_energy(energy))
            && self.bends.iter().chain(&self.ends).flatten().all(|&number| is_number(number))
    }
}

/// Energies beyond this are none: the loudest float makes 10¹⁷ in the longest cell.
pub(super) fn is_energy(energy: f64) -> bool {
    (0.0..1e24).contains(&energy)
}

/// What a filter can remember.
pub(super) fn is_number(number: f64) -> bool {
    number.abs() < 1e24
}

/// Some frames of `N` channels through their filters.
fn pass<const N: usize>(
    kernel: &Kernel,
    samples: &[f64],
    stride: usize,
    channels: [usize; N],
    memory: &[State],
    running: &mut [Running; N],
) {
    let filter = kernel.filter;
    let mut now = *running;
    let frames = samples.chunks_exact(stride);
    if memory.is_empty() {
        for frame in frames {
            for (running, channel) in now.iter_mut().zip(channels) {
                let y = filter.step(&mut running.state, frame[channel]);
                running.energy += y * y;
            }
        }
    } else {
        for (frame, memory) in frames.zip(memory) {
            for (running, channel) in now.iter_mut().zip(channels) {
                let y = filter.step(&mut running.state, frame[channel]);
                running.energy += y * y;
                for (bend, memory) in running.bend.iter_mut().zip(memory) {
                    *bend += y * memory;
                }
            }
        }
    }
    *running = now;
}
