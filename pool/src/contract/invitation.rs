//! Invitation: how a process learns that it is a child, of whom, and where to connect.
//!
//! It travels in one environment variable, so that a program may run itself as its own child
//! whatever its arguments mean.

use std::env;
use std::fmt;
use std::str::FromStr;

use crate::protocol::Role;

/// The environment variable.
pub const VARIABLE: &str = "AUDIOPOOL_CHILD";

/// What a supervisor tells a process at its birth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What the child is for.
    pub role: Role,
    /// Process id of the supervisor.
    pub supervisor: u32,
    /// Name under which the supervisor listens for this child alone.
    pub server: String,
}

impl Invitation {
    /// The invitation of this process, if it has one: it is a child then.
    pub fn of_this_process() -> Option<Result<Self, InvalidInvitation>> {
        let text = env::var_os(VARIABLE)?;
        Some(text.to_str().ok_or(InvalidInvitation).and_then(str::parse))
    }
}

/// The variable is set, but not by a supervisor of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {VARIABLE} is not a valid invitation")]
pub struct InvalidInvitation;

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let streams = if self.role.streams() { "+" } else { "" };
        write!(f, "{}{streams} {} {}", self.role.name(), self.supervisor, self.server)
    }
}

impl FromStr for Invitation {
    type Err = InvalidInvitation;

    fn from_str(text: &str) -> Result<Self, InvalidInvitation> {
        let mut parts = text.splitn(3, ' ');
        let role = parts.next().and_then(role_named).ok_or(InvalidInvitation)?;
        let supervisor = parts.next().and_then(|pid| pid.parse().ok()).ok_or(InvalidInvitation)?;
        let server = parts.next().filter(|name| !name.is_empty()).ok_or(InvalidInvitation)?;
        Ok(Self { role, supervisor, server: server.to_owned() })
    }
}

/// `worker`, or the name of a role that streams and a `+`.
fn role_named(text: &str) -> Option<Role> {
    if text == Role::WORKER.name() {
        return Some(Role::WORKER);
    }
    let name = text.strip_suffix('+')?;
    let is_name = (1..=16).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_alphabetic());
    is_name.then(|| Role::streaming(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_survives_the_environment() {
        for role in [Role::WORKER, Role::streaming("reader")] {
            let server = "/tmp/with space/s".into();
            let invitation = Invitation { role, supervisor: 42, server };
            assert_eq!(invitation.to_string().parse(), Ok(invitation));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "worker", "worker 1", "worker 1 ", "worker x /s", "cook 1 /s", "+ 1 /s", "ä+ 1 /s"]
        {
            assert_eq!(text.parse::<Invitation>(), Err(InvalidInvitation), "{text}");
        }
    }
}
