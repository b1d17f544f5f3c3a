//! The worker program: serves tasks until its supervisor is done.

use std::process;

use audiopool_worker::invitation::Invitation;
use audiopool_worker::measure::Measure;
use audiopool_worker::serve;
use audiopool_worker::task::Registry;

fn main() {
    let code = match Invitation::of_this_process() {
        Some(Ok(invitation)) => serve::run(&invitation, &Registry::new().with::<Measure>()),
        _ => {
            #[expect(clippy::print_stderr, reason = "the only word to a person who starts it")]
            {
                eprintln!("audiopool-worker is started by audiopool, not by hand");
            }
            serve::EXIT_BOOT
        }
    };
    #[expect(clippy::exit, reason = "main is the place to leave from")]
    process::exit(code);
}
