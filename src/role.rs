//! Role: the part that this process plays. Most often it is the supervisor.

use std::process;

use audiopool_worker::chaos::Rehearsal;
use audiopool_worker::invitation::Invitation;
use audiopool_worker::measure::Measure;
use audiopool_worker::protocol::Role;
use audiopool_worker::serve;
use audiopool_worker::task::Registry;

use crate::decoder::DecodeFile;

/// The tasks that a worker of audiopool itself can run.
pub fn worker_tasks() -> Registry {
    Registry::new().with::<Measure>().with::<Rehearsal>()
}

/// The tasks that a decoder can run.
pub(crate) fn decoder_tasks() -> Registry {
    Registry::new().with_stream::<DecodeFile>()
}

/// Both, for the inline twin.
pub(crate) fn all_tasks() -> Registry {
    worker_tasks().with_stream::<DecodeFile>()
}

/// To be the first line of `main` of every program that uses a pool and does not name another
/// worker program: it returns at once in a supervisor, and never in a child.
pub fn run_child_role() {
    run_child_role_with(worker_tasks);
}

/// The same for a program with tasks of its own.
pub fn run_child_role_with(tasks: impl FnOnce() -> Registry) {
    let Some(invitation) = Invitation::of_this_process() else { return };
    let code = match invitation {
        Ok(invitation) => {
            let registry = match invitation.role {
                Role::Worker => tasks(),
                Role::Decoder => decoder_tasks(),
            };
            serve::run(&invitation, &registry)
        }
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the only word to a person who has set it")]
            {
                eprintln!("error: {error}; unset it");
            }
            serve::EXIT_BOOT
        }
    };
    #[expect(clippy::exit, reason = "a child never comes to the main of its program")]
    process::exit(code.into());
}
