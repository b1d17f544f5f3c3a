//! The program with its socket: `audiopool serve` from start to end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use assert_cmd::cargo::cargo_bin;

/// A server that listens on a port of its own.
struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Served {
    fn start() -> Self {
        let mut child = Command::new(cargo_bin!("audiopool"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env_remove("AUDIOPOOL_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let (_, url) = line.split_once("http://").expect(&line);
        let address = url.split('/').next().unwrap().parse().unwrap();
        Self { child, out, address }
    }

    /// Sends a request as it stands and reads until the server closes the connection.
    fn say(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        let host = self.address;
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    /// Ends it by a signal; returns its exit code and what it said on standard error.
    #[cfg(unix)]
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line and no more");
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (code, told)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already, unless a test has failed.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn the_setting_lasts_for_the_life_of_the_server() {
    let served = Served::start();
    assert!(served.get("/healthz").starts_with("HTTP/1.1 200"), "{}", served.get("/healthz"));
    assert!(served.get("/").contains("<h1>audiopool</h1>"));
    let body = r#"{"num_threads": 1}"#;
    let answer = served.say(&format!(
        "POST /settings/threads HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        served.address,
        body.len(),
    ));
    assert!(answer.contains(r#""current_threads":1"#), "{answer}");
    assert!(served.get("/settings/threads").contains(r#""current_threads":1"#));
}

#[test]
fn what_is_no_http_ends_its_own_connection_and_nothing_else() {
    let served = Served::start();
    let garbage = served.say("\x16\x03\x01 this is no HTTP\r\n\r\n");
    assert!(garbage.is_empty() || garbage.starts_with("HTTP/1.1 400"), "{garbage}");
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(50_000));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(200));
    assert!(served.say(&many).starts_with("HTTP/1.1 431"), "too many headers");
    let mut torn = TcpStream::connect(served.address).unwrap();
    torn.write_all(&long.as_bytes()[..20_000]).unwrap();
    drop(torn);
    assert!(served.get("/healthz").ends_with("ok\n"));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_zero_even_while_clients_say_nothing() {
    for signal in ["-TERM", "-INT"] {
        let served = Served::start();
        let silent = TcpStream::connect(served.address).unwrap();
        let mut half = TcpStream::connect(served.address).unwrap();
        half.write_all(b"GET /healthz HTTP/1.1\r\nHost").unwrap();
        let (code, told) = served.end(signal);
        assert_eq!((code, told.as_str()), (Some(0), ""), "{signal}");
        drop((silent, half));
    }
}

#[test]
fn an_address_that_is_taken_is_told_with_a_way_out() {
    let served = Served::start();
    let listen = served.address.to_string();
    let second = Command::new(cargo_bin!("audiopool"))
        .args(["serve", "--listen", &listen])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(told.contains(&format!("cannot listen at `--listen {listen}`")), "{told}");
    assert!(told.contains("127.0.0.1:0"), "{told}");
    assert!(second.stdout.is_empty());
}

#[test]
fn listening_to_everyone_is_said_aloud() {
    let mut child = Command::new(cargo_bin!("audiopool"))
        .args(["serve", "--listen", "0.0.0.0:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("there is no password"), "{line}");
}
