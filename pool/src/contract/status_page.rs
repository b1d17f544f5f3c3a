//! Status page: a page of shared memory on which a child writes what it is doing, for its supervisor to
//! read whenever it likes, above all when the child is dead.
//!
//! ```text
//!   child: begin(task) · beat · stage("true peak") · panic("file:line: message")
//!     │ writes, a few stores each, no system call
//!     ▼
//!   task │ attempt │ beats │ stage │ panic        one page
//!     ▲
//!     │ reads
//!   supervisor: Notes
//! ```
//!
//! Unlike a message, a word on the status page survives whatever happens next: an abort, a stack that
//! overflows, a signal. Unlike a message, too, nothing vouches for it: a sick child may have
//! written anything, so [`Notes`] are bounded and are hints, not facts.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::{Attempt, RingHandle, TaskId};
use crate::slots::{OwnPage, PAGE_WORDS, Page, Region, Share, Transport, open_page};

const TASK: usize = 0;
const ATTEMPT: usize = 1;
const BEATS: usize = 2;
const STAGE: Text = Text { length: 3, first: 4, words: 16 };
const PANIC: Text = Text { length: 20, first: 21, words: 256 };
const _: () = assert!(PANIC.first + PANIC.words <= PAGE_WORDS, "the page is large enough");

/// A child's own status page, to write.
#[derive(Debug)]
pub struct StatusPage {
    page: Box<dyn Page>,
}

/// The status page of this process, if it is a child.
static OWN: OnceLock<StatusPage> = OnceLock::new();

/// The status page of this process, if it is a child that has one. Its methods may be called from any
/// thread.
pub fn own() -> Option<&'static StatusPage> {
    OWN.get()
}

/// Says on this process's status page, if it has one, that work goes on.
pub fn beat() {
    if let Some(status_page) = own() {
        status_page.beat();
    }
}

/// Names on this process's status page, if it has one, what is being done; this is a sign of life, too.
pub fn stage(name: &str) {
    if let Some(status_page) = own() {
        status_page.stage(name);
    }
}

impl StatusPage {
    /// Opens the status page that was handed over under `handle`.
    pub fn open(handle: RingHandle, region: Option<Region>) -> io::Result<Self> {
        Ok(Self { page: open_page(handle, region)? })
    }

    /// Makes this the status page of this process, once and for all.
    pub fn install(self) {
        // A second one would be of the same supervisor.
        drop(OWN.set(self));
    }

    /// A task is about to begin; what was written of the one before is wiped off.
    pub fn begin(&self, task: TaskId, attempt: Attempt) {
        let words = self.page.words();
        STAGE.wipe(words);
        PANIC.wipe(words);
        words[ATTEMPT].store(attempt.0.into(), Ordering::Relaxed);
        words[TASK].store(task.0, Ordering::Release);
        self.beat();
    }

    /// The task is getting on.
    pub fn beat(&self) {
        self.page.words()[BEATS].fetch_add(1, Ordering::Relaxed);
    }

    /// What the task is at now, in a few words; the rest of a long name is left out.
    pub fn stage(&self, name: &str) {
        STAGE.write(self.page.words(), name);
        self.beat();
    }

    /// Where and of what a thread has panicked, `file:line: message`. The first of a task counts,
    /// most often the others follow from it.
    pub fn panic(&self, text: &str) {
        let words = self.page.words();
        let claimed =
            words[PANIC.length].compare_exchange(0, CLAIMED, Ordering::Relaxed, Ordering::Relaxed);
        if claimed.is_ok() {
            PANIC.write(words, text);
        }
    }
}

/// A length that stands for a text that is being written.
const CLAIMED: u64 = u64::MAX;

/// A place for a text: a word for its length, and the words that it is packed into.
struct Text {
    length: usize,
    first: usize,
    words: usize,
}

impl Text {
    fn wipe(&self, words: &[AtomicU64]) {
        words[self.length].store(0, Ordering::Relaxed);
    }

    fn write(&self, words: &[AtomicU64], text: &str) {
        let text = &text[..text.floor_char_boundary(self.words * 8)];
        words[self.length].store(CLAIMED, Ordering::Relaxed);
        for (word, bytes) in words[self.first..].iter().zip(text.as_bytes().chunks(8)) {
            let mut packed = [0; 8];
            packed[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(packed), Ordering::Relaxed);
        }
        words[self.length].store(text.len() as u64, Ordering::Release);
    }

    /// The text, if there is one and its length is possible.
    fn read(&self, words: &[AtomicU64]) -> Option<String> {
        let length = usize::try_from(words[self.length].load(Ordering::Acquire)).ok()?;
        if length == 0 || length > self.words * 8 {
            return None;
        }
        let packed = words[self.first..][..self.words].iter();
        let bytes = packed.flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes());
        let bytes: Vec<u8> = bytes.take(length).collect();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What a child has written on its status page. Hints: a sick child may have written anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The task that it began last, if it began any; it may have been answered since.
    pub task: Option<TaskId>,
    /// Which try at it.
    pub attempt: Attempt,
    /// Signs of life so far. It stands still while nothing goes on.
    pub beats: u64,
    /// What the task was at, in at most 128 bytes that may be of any kind.
    pub stage: Option<String>,
    /// `file:line: message` of the first panic in the task, in at most 2 KiB of any kind.
    pub panic: Option<String>,
}

/// A child's status page as its supervisor has it, to read.
#[derive(Debug)]
pub struct StatusPageView {
    page: OwnPage,
}

impl StatusPageView {
    /// A blank status page, for one child.
    pub fn new(transport: Transport) -> io::Result<Self> {
        Ok(Self { page: OwnPage::new(transport)? })
    }

    /// The end for the child.
    pub fn share(&self) -> io::Result<Share> {
        self.page.share()
    }

    /// Where its memory lies.
    pub fn transport(&self) -> Transport {
        self.page.transport()
    }

    /// The task that the child began last, and nothing else: cheap.
    pub fn task(&self) -> Option<TaskId> {
        let task = self.page.words()[TASK].load(Ordering::Acquire);
        (task != 0).then_some(TaskId(task))
    }

    /// All that stands on it.
    pub fn read(&self) -> Notes {
        let words = self.page.words();
        let attempt = u32::try_from(words[ATTEMPT].load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        Notes {
            task: self.task(),
            attempt: Attempt(attempt),
            beats: words[BEATS].load(Ordering::Relaxed),
            stage: STAGE.read(words),
            panic: PANIC.read(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Both ends of a status page, of each kind that this system has.
    fn status_pages() -> Vec<(StatusPageView, StatusPage)> {
        let views = Transport::ALL.map(StatusPageView::new).into_iter().flatten();
        let status_pages: Vec<_> = views
            .map(|view| {
                let status_page = open(&view);
                (view, status_page)
            })
            .collect();
        assert!(status_pages.iter().any(|(view, _)| view.transport() == Transport::native()));
        status_pages
    }

    fn open(view: &StatusPageView) -> StatusPage {
        match view.share().unwrap() {
            #[cfg(target_os = "linux")]
            Share::Descriptor(descriptor) => {
                let number = std::os::fd::AsRawFd::as_raw_fd(&descriptor);
                StatusPage::open(RingHandle::Descriptor(number.try_into().unwrap()), None).unwrap()
            }
            Share::Region(region) => StatusPage::open(RingHandle::Region(0), Some(region)).unwrap(),
        }
    }

    #[test]
    fn a_blank_board_says_nothing() {
        for (view, _board) in status_pages() {
            assert_eq!(view.read(), Notes::default());
        }
    }

    #[test]
    fn what_a_child_writes_is_read_and_wiped_off_with_the_next_task() {
        for (view, status_page) in status_pages() {
            status_page.begin(TaskId(7), Attempt(2));
            status_page.stage("spectrum");
            status_page.beat();
            status_page.panic("src/lib.rs:3: no");
            status_page.panic("src/lib.rs:4: and so no");
            let notes = view.read();
            assert_eq!((notes.task, notes.attempt, notes.beats), (Some(TaskId(7)), Attempt(2), 3));
            assert_eq!(notes.stage.as_deref(), Some("spectrum"));
            assert_eq!(notes.panic.as_deref(), Some("src/lib.rs:3: no"), "the first counts");

            status_page.begin(TaskId(8), Attempt(1));
            let notes = view.read();
            assert_eq!((notes.task, notes.stage, notes.panic), (Some(TaskId(8)), None, None));
        }
    }

    #[test]
    fn a_long_word_is_cut_between_characters() {
        for (view, status_page) in status_pages() {
            status_page.stage(&"é".repeat(500));
            status_page.panic(&format!("x{}", "é".repeat(5000)));
            let notes = view.read();
            assert_eq!(notes.stage, Some("é".repeat(64)));
            assert_eq!(notes.panic, Some(format!("x{}", "é".repeat(1023))));
        }
    }

    #[test]
    fn a_board_that_did_not_come_is_refused() {
        assert!(StatusPage::open(RingHandle::Region(0), None).is_err());
        assert!(StatusPage::open(RingHandle::Descriptor(u32::MAX), None).is_err());
    }

    proptest! {
        #[test]
        fn any_words_at_all_can_be_read(words: Vec<(usize, u64)>, length in 0_u64..3000) {
            let (view, status_page) = status_pages().remove(0);
            for (at, word) in words {
                status_page.page.words()[at % PAGE_WORDS].store(word, Ordering::Relaxed);
            }
            status_page.page.words()[PANIC.length].store(length, Ordering::Relaxed);
            let notes = view.read();
            // What is no UTF-8 takes up three bytes for one.
            prop_assert!(notes.panic.is_none_or(|text| text.len() <= 3 * 2048));
            prop_assert!(notes.stage.is_none_or(|text| text.len() <= 3 * 128));
        }
    }
}
