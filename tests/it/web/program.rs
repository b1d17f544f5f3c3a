//! The program with its socket: `audiopool serve` from start to end.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;

use super::served::Served;

#[test]
fn the_setting_lasts_for_the_life_of_the_server() {
    let served = Served::start();
    assert_eq!(served.get("/healthz").body, b"ok\n");
    let page = String::from_utf8(served.get("/").body).unwrap();
    assert!(page.contains("<h1>audiopool</h1>"));
    let json = "Content-Type: application/json\r\n";
    let body = br#"{"num_threads": 1}"#;
    let set = served.ask("POST", "/settings/threads", json, body).json(200);
    assert_eq!(set["current_threads"], 1);
    assert_eq!(served.get("/settings/threads").json(200)["current_threads"], 1);
}

#[test]
fn what_is_no_http_ends_its_own_connection_and_nothing_else() {
    let served = Served::start();
    let garbage = served.say(b"\x16\x03\x01 this is no HTTP\r\n\r\n");
    assert!(garbage.is_empty() || garbage.starts_with(b"HTTP/1.1 400"), "{garbage:?}");
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(200));
    assert!(served.say(many.as_bytes()).starts_with(b"HTTP/1.1 431"), "too many headers");
    drop(served.begin(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: torn"));
    assert_eq!(served.get("/healthz").body, b"ok\n");
}

#[test]
fn a_signal_ends_it_with_zero_even_while_clients_say_nothing() {
    for signal in ["-TERM", "-INT"] {
        let served = Served::start();
        let silent = TcpStream::connect(served.address).unwrap();
        let mut half = TcpStream::connect(served.address).unwrap();
        half.write_all(b"GET /healthz HTTP/1.1\r\nHost").unwrap();
        let (code, told, _) = served.end(signal);
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

#[test]
fn a_folder_that_is_none_cannot_be_allowed() {
    for (path, what) in [("/no/such", "No such file"), ("Cargo.toml", "is not a folder")] {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("audiopool");
        let output =
            command.args(["serve", "--listen", "127.0.0.1:0", "--allow-path", path]).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(&format!("--allow-path {path}")) && told.contains(what), "{told}");
    }
}
