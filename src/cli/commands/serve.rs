//! `audiopool serve`: the page and the HTTP API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use audiopool::interrupt::Interrupt;
use audiopool::report::{Progress, escaped};
use audiopool::settings::RunSettings;
use audiopool::web::{Server, Site};
use clap::ValueHint;

use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::cli::log;
use crate::cli::options::messages::Verbosity;
use crate::cli::options::processes::Children;
use crate::cli::writing::output::speak;

/// The options of `audiopool serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Address to listen on; port 0 picks a free port, which is printed
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,

    /// Open the page in the browser
    #[arg(long)]
    open: bool,

    /// Further host name under which browsers may reach the page, besides `localhost` and addresses;
    /// may be repeated
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,

    /// Folder on this machine whose files requests may name by path; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    allow_path: Vec<PathBuf>,

    #[command(flatten)]
    children: Children,
}

/// Serves until a signal ends it.
pub(crate) fn run(asked: Serve, verbosity: Verbosity) -> Result<Exit, Fault> {
    let log_filter = log::filter(verbosity.verbose, verbosity.quiet)?;
    log::start(&log_filter, &Progress::hidden())?;
    let stop = Interrupt::on_signals().map_err(|error| Fault::of(Exit::Boot, &error))?;
    let run = RunSettings { log_filter, ..asked.children.settings() };
    let allowed = asked.allow_path.iter().map(|path| folder(path)).collect::<Result<_, _>>()?;
    let site = Site { host_names: asked.allow_host, allowed, run, ..Site::default() };
    let server = Server::bind(asked.listen, site).map_err(|error| {
        Fault::usage(format!("cannot listen at `--listen {}`: {error}", asked.listen))
            .with_help("`--listen 127.0.0.1:0` takes a free port and prints it")
    })?;
    let address = server.address();
    if !address.ip().is_loopback() {
        tracing::error!(
            "listening at {address}: everyone who can reach this address can use the page; there is no password"
        );
    }
    let url = format!("http://{}/", visible(address));
    speak(|out| writeln!(out, "audiopool is at {url} (Ctrl-C ends it)"))?;
    if asked.open
        && let Err(error) = open_in_browser::that_detached(&url)
    {
        tracing::error!("no browser could be opened: {}", escaped(&error.to_string()));
    }
    server.run(&stop).map_err(|error| Fault::of(Exit::Boot, &error))?;
    Ok(Exit::Ok)
}

/// A folder without links and `..`, so that what lies in it can be told.
fn folder(path: &Path) -> Result<PathBuf, Fault> {
    let shown = path.display();
    let real = path
        .canonicalize()
        .map_err(|error| Fault::usage(format!("cannot allow `--allow-path {shown}`: {error}")))?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(Fault::usage(format!("`--allow-path {shown}` is not a folder")))
    }
}

/// An address that a browser on this machine can be sent to.
fn visible(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Reads `ADDRESS:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().map_err(|_| {
        "must be an address and a port, as in `127.0.0.1:8080`, `[::1]:8080` or `0.0.0.0:0`"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_no_name_but_localhost() {
        assert_eq!(address("localhost:81").unwrap().to_string(), "127.0.0.1:81");
        assert_eq!(address("[::1]:0").unwrap().to_string(), "[::1]:0");
        for wrong in ["", "8080", "127.0.0.1", "example.org:80", "127.0.0.1:65536", "::1:80:"] {
            assert!(address(wrong).unwrap_err().starts_with("must be an address"), "{wrong}");
        }
    }

    #[test]
    fn every_interface_is_reached_through_this_machine() {
        assert_eq!(visible("0.0.0.0:81".parse().unwrap()).to_string(), "127.0.0.1:81");
        assert_eq!(visible("[::]:81".parse().unwrap()).to_string(), "[::1]:81");
        assert_eq!(visible("10.0.0.1:81".parse().unwrap()).to_string(), "10.0.0.1:81");
    }
}
