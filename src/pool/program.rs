//! Program: which executable the children of a pool run.

use std::env;
use std::path::PathBuf;

use audiopool_worker::invitation;
use audiopool_worker::protocol::Role;

use super::fault::PoolError;

/// Name of the worker program.
const WORKER: &str = "audiopool-worker";

/// How the program is found.
#[derive(Clone, Debug)]
pub(crate) enum WorkerProgram {
    /// `audiopool-worker` beside the running executable, unless there is none or it is of another
    /// build: else the running executable itself.
    Found,
    /// The running executable itself.
    ThisProgram,
    /// This one.
    At(PathBuf),
}

impl WorkerProgram {
    /// The executable, and the one to fall back to if it turns out to be of another build.
    pub(super) fn find(&self, role: Role) -> Result<(PathBuf, Option<PathBuf>), PoolError> {
        if invitation::Invitation::of_this_process().is_some() {
            let reason = "this process is a child of a pool itself; call \
                          audiopool::run_child_role() in the first line of main";
            let program = "a child of a child".to_owned();
            return Err(PoolError::Boot { role, program, reason: reason.to_owned() });
        }
        if let Self::At(path) = self {
            return Ok((path.clone(), None));
        }
        let this = env::current_exe()?;
        if matches!(self, Self::Found) {
            let beside = this.with_file_name(format!("{WORKER}{}", env::consts::EXE_SUFFIX));
            if beside.is_file() {
                return Ok((beside, Some(this)));
            }
        }
        Ok((this, None))
    }
}
