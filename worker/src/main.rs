//! The worker program: serves tasks until its supervisor is done.

use std::process::ExitCode;

use audiopool_worker::chaos::Rehearsal;
use audiopool_worker::invitation::Invitation;
use audiopool_worker::measure::Measure;
use audiopool_worker::serve;
use audiopool_worker::task::Registry;

fn main() -> ExitCode {
    let code = if let Some(Ok(invitation)) = Invitation::of_this_process() {
        serve::run(&invitation, &Registry::new().with::<Measure>().with::<Rehearsal>())
    } else {
        #[expect(clippy::print_stderr, reason = "the only word to a person who starts it")]
        {
            eprintln!("audiopool-worker is started by audiopool, not by hand");
        }
        serve::EXIT_BOOT
    };
    ExitCode::from(code)
}
