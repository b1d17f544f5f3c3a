//! Which program the worker processes run.

use std::path::PathBuf;

/// Which program the worker processes run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WorkerProgram {
    /// The running program itself: its `main` begins with
    /// [`run_child_role`](crate::run_child_role).
    #[default]
    ThisProgram,
    /// This one, or if it turns out to be of another build, the running program itself.
    Preferred(PathBuf),
    /// This one.
    At(PathBuf),
}
