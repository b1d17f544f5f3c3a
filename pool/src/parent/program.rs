//! Program: which executable the children of a pool run.

use std::env;
use std::path::PathBuf;

use crate::invitation;
use crate::protocol::Role;

use super::fault::PoolError;

/// How the program is found.
#[derive(Clone, Debug)]
pub(crate) enum WorkerProgram {
    /// This one, unless it is of another build: else the running executable itself.
    Preferred(PathBuf),
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
                          run_child_role() in the first line of main";
            let program = "a child of a child".to_owned();
            return Err(PoolError::Boot { role, program, reason: reason.to_owned() });
        }
        if let Self::At(path) = self {
            return Ok((path.clone(), None));
        }
        let this = env::current_exe()?;
        match self {
            Self::Preferred(path) => Ok((path.clone(), Some(this))),
            Self::ThisProgram | Self::At(_) => Ok((this, None)),
        }
    }
}
