//! Boot: what goes wrong before the first task.

use std::error::Error;
use std::thread;

use audiopool_worker::BUILD_ID;
use audiopool_worker::measure::Measure;
use procpool::confine::Confinement;
use procpool::frame::encode_frame;
use procpool::invitation::Invitation;
use procpool::protocol::{FromChild, Hello, PROTOCOL_VERSION, Role};
use procpool::serve;
use procpool::task::Registry;
use procpool::{channel, lifeline};

use crate::request::Request;

/// What can go wrong before the first task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BootDeed {
    DieBeforeHello,
    HangBeforeHello,
    /// Boots as it should, but only after the gate.
    WaitBeforeHello,
    /// Boots as it should, but with a thread that is there before.
    StartThread,
    WrongBuild,
    WrongProtocol,
    /// Says hello in a frame of another version.
    WrongFrame,
    WrongRole,
    /// Dies each time it has said that it is ready, whatever it is given.
    DieWhenReady,
}

impl BootDeed {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "die-before-hello" => Self::DieBeforeHello,
            "hang-before-hello" => Self::HangBeforeHello,
            "wait-before-hello" => Self::WaitBeforeHello,
            "start-thread" => Self::StartThread,
            "wrong-build" => Self::WrongBuild,
            "wrong-protocol" => Self::WrongProtocol,
            "wrong-frame" => Self::WrongFrame,
            "wrong-role" => Self::WrongRole,
            "die-when-ready" => Self::DieWhenReady,
            _ => return None,
        })
    }
}

/// Boots in that way; serves like the real worker if it comes so far.
pub(crate) fn serve(
    deed: BootDeed,
    request: &Request,
    invitation: &Invitation,
) -> Result<u8, Box<dyn Error>> {
    let honest = Hello {
        protocol: PROTOCOL_VERSION,
        package: procpool::BUILD_ID.to_owned(),
        build_id: BUILD_ID.to_owned(),
        role: Role::WORKER,
        pid: std::process::id(),
    };
    match deed {
        BootDeed::DieBeforeHello => Err("asked to die before the hello".into()),
        BootDeed::HangBeforeHello => loop {
            thread::park();
        },
        BootDeed::WaitBeforeHello => {
            request.pass_gate()?;
            Ok(serve::run(invitation, &Registry::new().with::<Measure>(), BUILD_ID))
        }
        BootDeed::StartThread => {
            drop(thread::spawn(thread::park));
            Ok(serve::run(invitation, &Registry::new().with::<Measure>(), BUILD_ID))
        }
        BootDeed::WrongBuild => {
            introduce(Hello { build_id: "0ddba11".into(), ..honest }, invitation)
        }
        BootDeed::WrongProtocol => {
            introduce(Hello { protocol: PROTOCOL_VERSION + 1, ..honest }, invitation)
        }
        BootDeed::WrongFrame => {
            lifeline::tie(invitation.supervisor)?;
            let (sender, receiver, _arrivals) = channel::connect(&invitation.server)?;
            let mut frame = encode_frame(0, &FromChild::Hello(honest))?;
            frame[4] ^= 0x80;
            sender.send_raw(&frame)?;
            loop {
                receiver.recv()?;
            }
        }
        BootDeed::WrongRole => {
            introduce(Hello { role: Role::streaming("decoder"), ..honest }, invitation)
        }
        BootDeed::DieWhenReady => {
            lifeline::tie(invitation.supervisor)?;
            let (sender, receiver, _arrivals) = channel::connect(&invitation.server)?;
            sender.send(&FromChild::Hello(honest))?;
            let (_, welcome) = receiver.recv()?;
            let procpool::protocol::ToChild::Welcome(welcome) = welcome else {
                return Err("no welcome".into());
            };
            sender.with_generation(welcome.generation).send(&FromChild::Ready(Confinement::OFF))?;
            receiver.recv()?;
            Err("asked to die when ready".into())
        }
    }
}

/// Says hello and waits for what comes of it, which is the end.
fn introduce(hello: Hello, invitation: &Invitation) -> Result<u8, Box<dyn Error>> {
    lifeline::tie(invitation.supervisor)?;
    let (sender, receiver, _arrivals) = channel::connect(&invitation.server)?;
    sender.send(&FromChild::Hello(hello))?;
    loop {
        receiver.recv()?;
    }
}
