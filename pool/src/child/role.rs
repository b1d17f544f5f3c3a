//! Role: whether this process is a supervisor or a child.

use std::process;

use crate::invitation::Invitation;
use crate::protocol::Role;
use crate::serve;
use crate::task::Registry;

/// To be the first line of `main` of every program whose pools run the program itself: it returns
/// at once in a supervisor, and never in a child, which serves the registered tasks.
pub fn run_child_role(tasks: impl FnOnce() -> Registry) {
    run_child_role_of("", |_| tasks());
}

/// The same for a program that says what it was built from
/// ([`PoolBuilder::build_id`](crate::PoolBuilder::build_id)), or whose children of different roles
/// have different tasks.
pub fn run_child_role_of(build: &str, tasks: impl FnOnce(Role) -> Registry) {
    let Some(invitation) = Invitation::of_this_process() else { return };
    let code = match invitation {
        Ok(invitation) => serve::run(&invitation, &tasks(invitation.role), build),
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
