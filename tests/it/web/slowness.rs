//! Clients that take their time, with limits short enough to wait for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use audiopool::interrupt::{Interrupt, Reason};
use audiopool::web::{Limits, Server, Site};

/// Serves in this process while `visit` is at it.
fn serving(limits: Limits, visit: impl FnOnce(SocketAddr)) {
    let site = Site { limits, ..Site::default() };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), site).unwrap();
    let address = server.address();
    let stop = Interrupt::new();
    thread::scope(|scope| {
        let serving = scope.spawn(|| server.run(&stop));
        // Ends the server even if the visit fails.
        let ending = Ending(&stop);
        visit(address);
        drop(ending);
        serving.join().unwrap().unwrap();
    });
}

struct Ending<'a>(&'a Interrupt);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.request(Reason::Terminate);
    }
}

fn short() -> Limits {
    Limits {
        header_time: Duration::from_millis(100),
        body_silence: Duration::from_millis(100),
        ..Limits::default()
    }
}

/// Says so much, and reads until the server has had enough.
fn say(address: SocketAddr, words: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(words.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_that_never_ends_its_headers_is_let_go() {
    serving(short(), |address| {
        for words in ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "] {
            let answer = say(address, words);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
    });
}

#[test]
fn a_body_that_stops_coming_is_answered_with_408() {
    serving(short(), |address| {
        for (path, content_type, body) in [
            ("/settings/threads", "application/json", "{\"num"),
            ("/api/v1/jobs", "multipart/form-data; boundary=seam", "--seam\r\nContent-Disp"),
        ] {
            let answer = say(
                address,
                &format!(
                    "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n\
                     Content-Length: 1000\r\n\r\n{body}"
                ),
            );
            assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
            assert!(answer.contains("did not arrive in time"), "{answer}");
        }
    });
}

#[test]
fn one_client_too_many_waits_until_another_goes() {
    let limits = Limits { connections: 1, ..Limits::default() };
    serving(limits, |address| {
        let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut first = TcpStream::connect(address).unwrap();
        first.write_all(request.as_bytes()).unwrap();
        let mut piece = [0; 12];
        first.read_exact(&mut piece).unwrap();
        assert_eq!(&piece, b"HTTP/1.1 200");
        // The first one has its answer and keeps its connection; the second has none yet.
        let mut second = TcpStream::connect(address).unwrap();
        second.write_all(request.as_bytes()).unwrap();
        second.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(second.read(&mut piece).is_err(), "no answer");
        drop(first);
        second.set_read_timeout(None).unwrap();
        second.read_exact(&mut piece).unwrap();
        assert_eq!(&piece, b"HTTP/1.1 200");
    });
}
