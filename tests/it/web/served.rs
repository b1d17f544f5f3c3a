//! `audiopool serve` on a port of its own, and a client that sends what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

/// A server, and a folder for its temporary files.
pub(super) struct Served {
    pub(super) child: Child,
    out: BufReader<ChildStdout>,
    /// Takes what is said on standard error: a server whose log is not read waits for its reader.
    told: Option<JoinHandle<String>>,
    pub(super) address: SocketAddr,
    folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Served {
    pub(super) fn start() -> Self {
        Self::with(&[], &[])
    }

    pub(super) fn with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::behind("", args, variables)
    }

    /// After a shell has done that in the process that becomes the server.
    pub(super) fn behind(shell: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", &format!("{shell}\nexec \"$0\" \"$@\"")])
            .arg(cargo_bin!("audiopool"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .env_remove("AUDIOPOOL_LOG")
            .env("TMPDIR", folder.path().join("tmp"))
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = child.stderr.take().unwrap();
        let told = thread::spawn(move || {
            let mut told = String::new();
            log.read_to_string(&mut told).unwrap();
            told
        });
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let (_, url) = line.split_once("http://").expect(&line);
        let address = url.split('/').next().unwrap().parse().unwrap();
        Self { child, out, told: Some(told), address, folder }
    }

    /// Where it may have temporary files, in `tmp`.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What lies there.
    pub(super) fn temporary(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder().join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// A connection on which so much has been said.
    pub(super) fn begin(&self, words: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(words).unwrap();
        stream
    }

    /// Sends something as it stands and reads until the server closes the connection.
    pub(super) fn say(&self, words: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        self.begin(words).read_to_end(&mut answer).unwrap();
        answer
    }

    /// The beginning of a request, in a version of HTTP in which answers are not cut into pieces.
    pub(super) fn head(&self, method: &str, path: &str, headers: &str, length: usize) -> String {
        let length = if length == 0 && method != "POST" {
            String::new()
        } else {
            format!("Content-Length: {length}\r\n")
        };
        format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n{length}{headers}\r\n", self.address)
    }

    pub(super) fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let mut request = self.head(method, path, headers, body.len()).into_bytes();
        request.extend(body);
        let answer = self.say(&request);
        let gap = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(answer[..gap].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head, body: answer[gap + 4..].to_vec() }
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "", b"")
    }

    /// Sends files and settings as a browser's form does.
    pub(super) fn send(&self, parts: &[Part<'_>]) -> Reply {
        let headers = "Content-Type: multipart/form-data; boundary=seam\r\n";
        self.ask("POST", "/api/v1/jobs", headers, &form(parts))
    }

    /// Ends it by a signal; returns its exit code and what it said on standard error.
    pub(super) fn end(mut self, signal: &str) -> (Option<i32>, String, Vec<PathBuf>) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line and no more");
        let told = self.told.take().unwrap().join().unwrap();
        (code, told, self.temporary())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already, unless a test is through with it before.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Reply {
    #[track_caller]
    pub(super) fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{}\n{text}", self.head);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The sentence of a refusal.
    #[track_caller]
    pub(super) fn refusal(&self, status: u16) -> String {
        let json = self.json(status);
        assert_eq!(json["success"], false, "{json}");
        json["error"].as_str().unwrap().to_owned()
    }

    /// The events in it: number, kind, value.
    pub(super) fn events(&self) -> Vec<(u64, String, Value)> {
        let text = String::from_utf8(self.body.clone()).unwrap();
        let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
        let event = |block: &str| {
            let line = |name: &str| {
                let found = block.lines().find_map(|line| line.strip_prefix(name));
                found.unwrap_or_else(|| panic!("no {name} in {block}")).trim().to_owned()
            };
            let value = serde_json::from_str(&line("data:")).unwrap();
            (line("id:").parse().unwrap(), line("event:"), value)
        };
        blocks.map(event).collect()
    }
}

/// One part of a form.
pub(super) enum Part<'a> {
    File(&'a str, &'a [u8]),
    Text(&'a str, &'a str),
}

/// The body of a form, with the boundary `seam`.
pub(super) fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let (what, value) = match part {
            Part::File(name, bytes) => (format!("name=\"files\"; filename=\"{name}\""), *bytes),
            Part::Text(name, text) => (format!("name=\"{name}\""), text.as_bytes()),
        };
        body.extend(format!("--seam\r\nContent-Disposition: form-data; {what}\r\n\r\n").bytes());
        body.extend(value);
        body.extend(b"\r\n");
    }
    body.extend(b"--seam--\r\n");
    body
}
