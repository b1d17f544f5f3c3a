//! Child: a thread that does what a worker process does, as far as its supervisor can tell.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::codec;
use crate::confine::Confinement;
use crate::protocol::{Answer, FromChild, Payload, Role, Run, ToChild};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::mpsc::{self, Receiver, SendError};
use shuttle::thread;

use crate::parent::child::Handover;
pub(super) use crate::parent::child::Remains;
use crate::parent::process::Tie;
use crate::parent::vitals::Vitals;

/// As the product's, whose children talk through another kind of sender.
pub(super) trait Watcher: Send + Sync + 'static {
    fn connected(&self, sender: Sender<ToChild>);
    fn message(&self, generation: u32, message: FromChild);
    fn breach(&self, reason: String);
    fn ended(&self, remains: Remains);
}

/// What reaches a child: a message, or nothing if it is to die.
type Word<M> = Option<M>;

pub(super) struct Sender<M> {
    words: mpsc::Sender<Word<M>>,
    generation: Arc<AtomicU32>,
}

impl<M: Clone> Sender<M> {
    pub(super) fn with_generation(self, generation: u32) -> Self {
        self.generation.store(generation, Ordering::Relaxed);
        self
    }

    pub(super) fn send(&self, message: &M) -> Result<(), SendError<Word<M>>> {
        self.words.send(Some(message.clone()))
    }
}

pub(super) struct Child {
    words: mpsc::Sender<Word<ToChild>>,
}

impl Child {
    #[expect(clippy::unnecessary_wraps, reason = "a process may not come to be")]
    pub(super) fn spawn(
        _: (Role, &Path),
        _: Tie,
        _: Handover,
        watcher: Arc<dyn Watcher>,
    ) -> io::Result<Self> {
        let (words, heard) = mpsc::channel();
        let child = Self { words: words.clone() };
        let generation = Arc::default();
        let sender = Sender { words, generation: Arc::clone(&generation) };
        drop(thread::spawn(move || {
            watcher.connected(sender);
            live(&*watcher, generation.load(Ordering::Relaxed), &heard);
            let (status, stderr) = (ExitStatus::default(), Vec::new());
            watcher.ended(Remains { pid: 1, status, cpu: None, stderr });
        }));
        Ok(child)
    }

    #[expect(clippy::unused_self, reason = "a process has one of its own")]
    pub(super) fn pid(&self) -> u32 {
        1
    }

    pub(super) fn kill(&self) {
        // It may be dead already.
        drop(self.words.send(None));
    }

    pub(super) fn terminate(&self) {
        self.kill();
    }

    #[expect(clippy::unused_self, reason = "the explorer has no pauses")]
    pub(super) fn stop(&self) {}

    #[expect(clippy::unused_self, reason = "the explorer has no pauses")]
    pub(super) fn go_on(&self) {}

    #[expect(clippy::unused_self, reason = "a process has some")]
    pub(super) fn vitals(&self) -> Vitals {
        Vitals::default()
    }
}

/// Answers each task with its number; dies of one in eight, or when it is told to.
fn live(watcher: &dyn Watcher, generation: u32, heard: &Receiver<Word<ToChild>>) {
    if let Ok(None) = heard.try_recv() {
        return;
    }
    watcher.message(generation, FromChild::Ready(Confinement::OFF));
    while let Ok(Some(word)) = heard.recv() {
        let runs = match word {
            ToChild::Run(run) => vec![run],
            ToChild::Batch(runs) => runs,
            ToChild::Quit => return,
            ToChild::Welcome(_) | ToChild::Grant { .. } => continue,
        };
        if thread_rng().gen_ratio(1, 8) {
            return;
        }
        let answers = runs.iter().map(answer).collect();
        watcher.message(generation, FromChild::Answers { answers, gives_back: false });
    }
}

fn answer(run: &Run) -> Answer {
    let output = codec::encode(&run.task.0).expect("a number can be encoded");
    let Run { task, attempt, .. } = *run;
    Answer { task, attempt, outcome: Ok(Payload::Inline(output)), busy: Duration::from_micros(1) }
}
