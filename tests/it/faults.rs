//! Faults: what a worker, a file or the system does wrong costs at most the file in work.
//!
//! Each test is named after its row of the fault matrix, F01 to F41, in `docs/src/faults.md`. It runs
//! the real program on real processes: rogue workers, or signals from outside. Two rules hold for
//! all: a fault that a retry cures leaves no trace in the report, and any other fault is one failed
//! record that says how each attempt ended.
//!
//! ```text
//!   crashes      the worker dies                      boot      there never was a worker
//!   silence      it lives, and says nothing           ending    signals to the program itself
//!   nonsense     it says what is no answer            pause     Ctrl-Z, and on again
//!   poison       every worker dies of the same task
//!   sandbox      it does what its tasks do not need
//!   files        it is no audio that is to be decoded
//!   scarcity     there is no more of what the program itself needs
//!   fire         all of that at once, from a seed
//! ```

mod boot;
mod crashes;
mod ending;
mod files;
mod fire;
mod nonsense;
mod pause;
mod poison;
mod sandbox;
mod scarcity;
mod silence;

use crate::scene::{Expected, Scene};

/// A deed that is done once costs a try and nothing else.
#[track_caller]
fn a_second_try_cures(deed: &str) {
    a_second_try_cures_in(Scene::rogue_in_the_middle(deed));
}

#[track_caller]
fn a_second_try_cures_in(scene: Scene) {
    let marker = scene.path("once");
    let ended = scene.once().run();
    assert!(marker.exists(), "nothing was done\n{ended}");
    ended.assert_nothing_lost(&Expected::all_well());
}
