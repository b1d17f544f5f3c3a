//! Rogue: a worker program that misbehaves on request. For tests only.
//!
//! ```text
//!   boot ─────────── before and in the handshake        false versions, no hello, late hello
//!   chaos, deed ──── inside a task of the real loop     crashes, hangs, floods
//!   chaos, wire ──── in place of a reply                garbage, wrong answers, closed channels
//! ```
//!
//! In all that it is not asked to do wrong it is the real worker: the same library, the same task.
//! The [request](request) comes in an environment variable, which a child inherits from the
//! supervisor and that from the test.

mod boot;
mod request;

use std::error::Error;
use std::process::ExitCode;

use audiopool_worker::BUILD_ID;
use audiopool_worker::measure::Measure;
use procpool::invitation::Invitation;
use procpool::serve;
use procpool::task::Registry;
use request::{Request, What};

audiopool_worker::export_mathematics!();

#[expect(clippy::print_stderr, reason = "the supervisor keeps what a child says last")]
fn main() -> ExitCode {
    let code = run().unwrap_or_else(|reason| {
        eprintln!("rogue: {reason}");
        serve::EXIT_BOOT
    });
    code.into()
}

fn run() -> Result<u8, Box<dyn Error>> {
    let invitation = Invitation::of_this_process().ok_or("started by hand")??;
    let request = Request::of_this_process()?;
    match request.what {
        What::Boot(deed) if request.is_due_now()? => boot::serve(deed, &request, &invitation),
        What::Boot(_) | What::Deed(_) => {
            let tasks = Registry::new().with::<Measure>();
            Ok(serve::run_with(&invitation, &tasks, BUILD_ID, Box::new(request)))
        }
    }
}
