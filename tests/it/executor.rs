//! The executor: what Python's own tests ask of a `ProcessPoolExecutor`, asked of ours in our own
//! words, and first of all what makes theirs hang.
//!
//! A test waits for a task to call at its [`Gate`], never for a time, and is ended if it is stuck.

#[path = "executor/chores.rs"]
mod chores;
mod deadlocks;
mod deaths;
mod futures;
mod initializing;
mod mapping;
mod recycling;
mod shutting_down;
mod submitting;
mod waiting;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{process, thread};

use audiopool::ProcessPool;
use audiopool::pool::PoolBuilder;

use crate::library::Program;
use chores::Hold;

/// Nothing here takes as long, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(100);

/// Has `test` run with a worker program of its own, and looks who is left. Where it is stuck, all
/// are ended.
#[track_caller]
fn in_time(test: impl FnOnce(&Program)) {
    let program = Program::example("chores");
    let (done, is_done) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            #[expect(clippy::print_stderr, reason = "the test harness cannot report it any more")]
            {
                eprintln!("{name} is stuck");
            }
            process::abort();
        }
    });
    test(&program);
    program.expect_no_process_left();
    drop(done);
}

fn builder(program: &Program, workers: usize) -> PoolBuilder {
    ProcessPool::builder().worker_program(&program.path).max_workers(workers)
}

fn pool(program: &Program, workers: usize) -> ProcessPool {
    builder(program, workers).build().unwrap()
}

/// Where tasks call and wait.
struct Gate {
    listener: TcpListener,
}

impl Gate {
    fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// A task that calls here.
    fn hold(&self) -> Hold {
        Hold { port: self.listener.local_addr().unwrap().port() }
    }

    /// Waits for the next that calls.
    fn next(&self) -> Held {
        let (mut call, _) = self.listener.accept().unwrap();
        let mut pid = [0; 4];
        call.read_exact(&mut pid).unwrap();
        Held { pid: u32::from_le_bytes(pid), call }
    }
}

/// A task that waits.
struct Held {
    pid: u32,
    call: TcpStream,
}

impl Held {
    /// Lets it go on, and tells its process.
    fn let_go(mut self) -> u32 {
        self.call.write_all(&[1]).unwrap();
        self.pid
    }

    /// Waits for the end of the process.
    fn wait_for_its_end(mut self) {
        let mut nothing = [0];
        // A process that is killed closes the connection, or resets it.
        assert!(matches!(self.call.read(&mut nothing), Ok(0) | Err(_)));
    }
}

/// Kills a process from outside of the pool.
fn kill(pid: u32) {
    #[cfg(unix)]
    signal("KILL", pid);
    #[cfg(windows)]
    {
        let pid = pid.to_string();
        let killed = process::Command::new("taskkill").args(["/F", "/PID", &pid]).output();
        assert!(killed.unwrap().status.success());
    }
}

#[cfg(unix)]
fn signal(name: &str, pid: u32) {
    let status = process::Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.unwrap().success());
}
