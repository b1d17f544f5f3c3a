//! Log: a child's `tracing` events travel to the supervisor, which knows where they belong.

use std::fmt::{self, Write};
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt;

use crate::channel::Sender;
use crate::protocol::{FromChild, LogLevel, LogLine};

/// Longest message that is sent; the rest is cut off.
const MAX_MESSAGE: usize = 4 << 10;

/// Sends this process's events from now on, those that `filter` lets through.
pub(crate) fn install(sender: Sender<FromChild>, filter: &str) {
    if filter.is_empty() || filter == "off" {
        return;
    }
    let filter = EnvFilter::builder().parse_lossy(filter);
    let layer = ToSupervisor { sender: Mutex::new(sender) };
    // A second call finds the first one's subscriber in place, which does the same.
    drop(tracing_subscriber::registry().with(layer).with(filter).try_init());
}

struct ToSupervisor {
    sender: Mutex<Sender<FromChild>>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToSupervisor {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Line::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Fields(fields.message));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line { target: event.metadata().target().to_owned(), ..Line::default() };
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<Fields>().map_or("", |fields| &fields.0);
            write!(line.message, "{}{{{fields}}}: ", span.name()).expect("writing into a string");
        }
        line.begun = line.message.len();
        event.record(&mut line);
        let Line { mut message, target, .. } = line;
        if message.len() > MAX_MESSAGE {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        }
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        };
        // A supervisor that no longer listens is noticed elsewhere.
        if let Ok(sender) = self.sender.lock() {
            drop(sender.send(&FromChild::Log(LogLine { level, target, message })));
        }
    }
}

/// The fields of a span, as text.
struct Fields(String);

#[derive(Default)]
struct Line {
    message: String,
    /// How long the message was before its first field.
    begun: usize,
    target: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Events of the `log` crate name their origin in fields.
        if field.name() == "log.target" {
            value.clone_into(&mut self.target);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let gap = if self.message.len() == self.begun { "" } else { " " };
        let written = match field.name() {
            "message" => write!(self.message, "{gap}{value:?}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.message, "{gap}{name}={value:?}"),
        };
        written.expect("writing into a string");
    }
}
