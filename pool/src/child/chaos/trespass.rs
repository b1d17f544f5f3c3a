//! Trespass: what a sandbox is there to refuse, tried in earnest.
//!
//! Each deed succeeds in a process that is not confined, as far as its user may do it, and leaves
//! something behind by which that can be told. The place where comes in an environment variable.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{self, Command, Stdio};
use std::{env, fs};

use nix::sys::ptrace;
use nix::sys::signal::kill;
use nix::unistd::getppid;

use super::past;

/// Names the file, the socket or the port.
const TARGET: &str = "AUDIOPOOL_ROGUE_TARGET";

/// What a sandbox is there to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trespass {
    /// Reads a file.
    ReadFile,
    /// Makes a file.
    MakeFile,
    /// Connects to a port.
    ConnectTcp,
    /// Connects to a socket with a name.
    ConnectUnix,
    /// Becomes another program.
    Exec,
    /// Starts another program.
    StartProgram,
    /// Looks into its parent.
    TraceParent,
    /// Sends its parent a signal, which would change nothing.
    SignalParent,
    /// Starts many processes, which start others, and hangs.
    ForkBomb,
    /// Leaves a process behind that holds every descriptor, and aborts.
    Grandchild,
    /// Takes every descriptor there is.
    ExhaustDescriptors,
    /// Takes more and more memory.
    HoardMemory,
    /// Makes its input shorter.
    TruncateInput,
    /// Writes into its input.
    WriteInput,
    /// Writes into its input, and dies.
    WriteInputAndAbort,
}

impl Trespass {
    /// The deed of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "read-file" => Self::ReadFile,
            "make-file" => Self::MakeFile,
            "connect-tcp" => Self::ConnectTcp,
            "connect-unix" => Self::ConnectUnix,
            "exec" => Self::Exec,
            "start-program" => Self::StartProgram,
            "trace-parent" => Self::TraceParent,
            "signal-parent" => Self::SignalParent,
            "fork-bomb" => Self::ForkBomb,
            "grandchild" => Self::Grandchild,
            "exhaust-descriptors" => Self::ExhaustDescriptors,
            "hoard-memory" => Self::HoardMemory,
            "truncate-input" => Self::TruncateInput,
            "write-input" => Self::WriteInput,
            "write-input-and-abort" => Self::WriteInputAndAbort,
            _ => return None,
        })
    }

    /// Does it; an error is what the system says to it.
    pub(super) fn commit(self, input: Option<&[u8]>) -> io::Result<()> {
        match self {
            Self::ReadFile => fs::read(target()?).map(drop),
            Self::MakeFile => File::create(target()?)?.write_all(b"made"),
            Self::ConnectTcp => TcpStream::connect(target()?).map(drop),
            Self::ConnectUnix => UnixStream::connect(target()?).map(drop),
            Self::Exec => Err(touch()?.exec()),
            Self::StartProgram => touch()?.status().map(drop),
            Self::TraceParent => {
                ptrace::seize(getppid(), ptrace::Options::empty())?;
                ptrace::detach(getppid(), None).or(Ok(()))
            }
            Self::SignalParent => Ok(kill(getppid(), None)?),
            Self::ForkBomb => {
                let mut bomb = Command::new("sh");
                bomb.args(["-c", "for i in 1 2 3 4 5 6 7 8; do (sleep 1000 & sleep 1000) & done"]);
                for _ in 0..4 {
                    bomb.status()?;
                }
                process::abort()
            }
            Self::Grandchild => {
                let kept = past::inheritable_sockets()?;
                let grandchild = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn()?;
                black_box((kept, grandchild));
                process::abort()
            }
            Self::ExhaustDescriptors => {
                let mut taken: Vec<OwnedFd> = Vec::new();
                loop {
                    taken.push(io::stderr().as_fd().try_clone_to_owned()?);
                }
            }
            Self::HoardMemory => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(vec![0_u8; 16 << 20]);
                }
            }
            Self::TruncateInput => mapped_file(input)?.set_len(0),
            Self::WriteInput => write_into(input),
            Self::WriteInputAndAbort => {
                write_into(input)?;
                process::abort()
            }
        }
    }
}

fn target() -> io::Result<String> {
    env::var(TARGET).map_err(|error| io::Error::other(format!("{TARGET}: {error}")))
}

fn touch() -> io::Result<Command> {
    let mut command = Command::new("/usr/bin/touch");
    command.arg(target()?);
    Ok(command)
}

/// The file behind the memory in which the input lies.
fn mapped_file(input: Option<&[u8]>) -> io::Result<File> {
    let at = input.ok_or_else(|| io::Error::other("no input"))?.as_ptr().addr();
    let maps = fs::read_to_string("/proc/self/maps")?;
    let range = maps.lines().filter_map(|line| line.split(' ').next()).find(|range| {
        let ends = range.split_once('-').and_then(|(from, to)| {
            let end = |text| usize::from_str_radix(text, 16).ok();
            Some(end(from)?..end(to)?)
        });
        ends.is_some_and(|ends| ends.contains(&at))
    });
    let range = range.ok_or_else(|| io::Error::other("the input is nowhere"))?;
    OpenOptions::new().write(true).open(format!("/proc/self/map_files/{range}"))
}

/// Makes the page in which the input begins writable, and changes its first byte.
fn write_into(input: Option<&[u8]>) -> io::Result<()> {
    const PAGE: usize = 4096;
    use nix::libc::{PROT_READ, PROT_WRITE, mprotect};

    let first = input.and_then(<[u8]>::first).ok_or_else(|| io::Error::other("no input"))?;
    let address = std::ptr::from_ref(first).cast_mut();
    let page = address.map_addr(|at| at & !(PAGE - 1));
    #[expect(unsafe_code, reason = "doing wrong is the purpose of this module")]
    // SAFETY: the page is mapped, for the input lies in it. To write to what others read is what is
    // being tried; where it succeeds, the byte is a plain one and the process has no further use
    // for it.
    unsafe {
        if mprotect(page.cast(), PAGE, PROT_READ | PROT_WRITE) != 0 {
            return Err(io::Error::last_os_error());
        }
        address.write_volatile(!address.read_volatile());
    }
    Ok(())
}
