//! The worker program: serves tasks until its supervisor is done.

use std::process::ExitCode;

use audiopool_worker::BUILD_ID;
use audiopool_worker::measure::Measure;
use procpool::Registry;
use procpool::chaos::Rehearsal;
use procpool::invitation::Invitation;
use procpool::serve;

audiopool_worker::export_mathematics!();

fn main() -> ExitCode {
    let code = if let Some(Ok(invitation)) = Invitation::of_this_process() {
        let tasks = Registry::new().with::<Measure>().with::<Rehearsal>();
        serve::run(&invitation, &tasks, BUILD_ID)
    } else {
        #[expect(clippy::print_stderr, reason = "the only word to a person who starts it")]
        {
            eprintln!("audiopool-worker is started by audiopool, not by hand");
        }
        serve::EXIT_BOOT
    };
    ExitCode::from(code)
}
