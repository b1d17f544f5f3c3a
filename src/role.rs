//! Role: the part that this process plays. Most often it is the supervisor.

use std::process;

use audiopool_worker::measure::Measure;
use procpool::chaos::Rehearsal;
use procpool::invitation::Invitation;
use procpool::serve;
use procpool::{PoolBuilder, ProcessPool, Registry};

use crate::build_id::BUILD_ID;
use crate::decoder::DecodeFile;
use crate::event::DECODER;
use crate::settings::WorkerProgram;

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

/// A pool of workers that run this program.
pub(crate) fn workers(program: &WorkerProgram) -> PoolBuilder {
    let builder = ProcessPool::builder().build_id(audiopool_worker::BUILD_ID);
    match program {
        WorkerProgram::ThisProgram => builder,
        WorkerProgram::Preferred(path) => builder.preferred_program(path),
        WorkerProgram::At(path) => builder.worker_program(path),
    }
}

/// A pool of decoders, which run the running program itself.
pub(crate) fn decoders() -> PoolBuilder {
    ProcessPool::streaming(DECODER).build_id(BUILD_ID)
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
            let (registry, build) = if invitation.role == DECODER {
                (decoder_tasks(), BUILD_ID)
            } else {
                (tasks(), audiopool_worker::BUILD_ID)
            };
            serve::run(&invitation, &registry, build)
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
