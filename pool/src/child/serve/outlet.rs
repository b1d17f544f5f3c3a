//! Outlet: a streaming task's way out of a child, through slots that the supervisor grants.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Child, lost};
use crate::confine::{self, Needs};
use crate::protocol::{AttachmentRef, FromChild, Run, ToChild, WorkerFault};
use crate::slots::Filling;
use crate::status_page;
use crate::task::RawOutlet;

/// The streaming task's way out of a child.
pub(super) struct ChildOutlet<'a> {
    child: &'a Child,
    run: &'a Run,
    index: u64,
    free: VecDeque<u16>,
    filling: Option<Filling>,
    told: Instant,
}

/// How often a task that has nothing to deliver says that it is getting on.
const ALIVE_INTERVAL: Duration = Duration::from_millis(200);

impl<'a> ChildOutlet<'a> {
    pub(super) fn new(child: &'a Child, run: &'a Run) -> Self {
        let free = run.slots.iter().copied().collect();
        let (index, told) = (run.delivered, Instant::now());
        Self { child, run, index, free, filling: None, told }
    }
}

impl RawOutlet for ChildOutlet<'_> {
    fn keep_to(&mut self, needs: &Needs) -> Result<(), WorkerFault> {
        if !self.child.keeps_files {
            return Ok(());
        }
        let refused =
            |why| lost(&format!("the process cannot be confined to the files of its task: {why}"));
        confine::keep_to(needs).map_err(refused)
    }

    fn delivered(&self) -> u64 {
        self.run.delivered
    }

    fn room(&self) -> u64 {
        self.child.outbox.as_ref().map_or(0, |outbox| outbox.geometry().slot_bytes)
    }

    fn begin_attachment(&mut self) -> Result<(), WorkerFault> {
        if self.filling.is_some() {
            return Ok(());
        }
        let slot = loop {
            if let Some(slot) = self.free.pop_front() {
                break slot;
            }
            match self.child.receiver.recv() {
                Ok((_, ToChild::Grant { slot })) => self.free.push_back(slot),
                Ok(_) => return Err(lost("unexpected message while waiting for a slot")),
                Err(error) => return Err(lost(&error.to_string())),
            }
        };
        self.filling = Some(Filling::new(slot));
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), WorkerFault> {
        self.begin_attachment()?;
        let outbox = self.child.outbox()?;
        let filling = self.filling.as_mut().expect("begun in the line above");
        Ok(filling.append(outbox, bytes)?)
    }

    fn fill(
        &mut self,
        most: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> usize,
    ) -> Result<bool, WorkerFault> {
        self.begin_attachment()?;
        let outbox = self.child.outbox()?;
        let filling = self.filling.as_mut().expect("begun in the line above");
        filling.fill(outbox, most, fill)?;
        Ok(true)
    }

    fn emit(&mut self, item: Vec<u8>, description: Option<Vec<u8>>) -> Result<(), WorkerFault> {
        let attachment = match (description, self.filling.take()) {
            (Some(description), Some(filling)) => {
                let at = filling.finish(self.child.outbox()?);
                Some(AttachmentRef { at, description })
            }
            (None, None) => None,
            _ => return Err(lost("an item whose attachment was not appended, or not described")),
        };
        let (task, attempt, index) = (self.run.task, self.run.attempt, self.index);
        self.index += 1;
        status_page::beat();
        let message = FromChild::Item { task, attempt, index, item, attachment };
        self.child.sender.send(&message).map_err(|error| lost(&error.to_string()))
    }

    fn skip(&mut self) -> Result<(), WorkerFault> {
        status_page::beat();
        if self.told.elapsed() < ALIVE_INTERVAL {
            return Ok(());
        }
        self.told = Instant::now();
        let message = FromChild::Alive { task: self.run.task };
        self.child.sender.send(&message).map_err(|error| lost(&error.to_string()))
    }
}
