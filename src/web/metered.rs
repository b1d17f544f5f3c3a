//! Metered: a form as it comes in, with a bound on what lies between its parts.
//!
//! ```text
//!   preamble │ --seam │ headers │ the content of a part │ --seam │ headers │ …
//!   └────────── counted ────────┘                       └─── counted ──────┘
//! ```
//!
//! The parser of forms takes all that there is, and looks through all that it has each time that more
//! comes, until it finds a seam and headers. So it gets one piece at a time, none before it has looked
//! at what it has, and no more than a few before it must have found them; the content of a part it
//! passes on at once, however long that is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use futures_util::stream::{Stream, StreamExt};

/// Bytes before the first part, and headers of each.
pub(super) const MOST_BETWEEN: usize = 16 << 10;

/// Where nothing is counted.
const WITHIN: usize = usize::MAX;

/// How much has come since the end of a part.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<State>);

#[derive(Debug)]
struct State {
    bytes: AtomicUsize,
    /// Whether the parser is to look at what it has before it gets more.
    looks_first: AtomicBool,
    /// Whether it has been given its last look: it asks twice before it looks at the preamble.
    has_looked: AtomicBool,
}

/// There is more between two parts than any browser sends.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("more than {MOST_BETWEEN} bytes between two parts of a form")]
pub(super) struct TooMuchBetween;

struct Metered {
    body: BodyDataStream,
    meter: Meter,
}

impl Meter {
    /// A request whose body is counted, and what counts.
    pub(super) fn of(request: Request) -> (Request, Self) {
        let [looks_first, has_looked] = [(); 2].map(|()| AtomicBool::new(false));
        let state = State { bytes: AtomicUsize::new(WITHIN), looks_first, has_looked };
        let meter = Self(Arc::new(state));
        let counting = meter.clone();
        let request = request.map(|body| {
            let body = body.into_data_stream();
            Body::from_stream(Metered { body, meter: counting })
        });
        (request, meter)
    }

    /// A part has ended, or the form begins.
    pub(super) fn between(&self) {
        self.0.bytes.store(0, Ordering::Relaxed);
        self.0.has_looked.store(false, Ordering::Relaxed);
        self.look_first();
    }

    /// A part has begun.
    pub(super) fn within(&self) {
        self.0.bytes.store(WITHIN, Ordering::Relaxed);
        self.look_first();
    }

    fn look_first(&self) {
        self.0.looks_first.store(true, Ordering::Relaxed);
    }

    fn is_spent(&self) -> bool {
        (MOST_BETWEEN..WITHIN).contains(&self.0.bytes.load(Ordering::Relaxed))
    }

    fn add(&self, bytes: usize) {
        let so_far = self.0.bytes.load(Ordering::Relaxed);
        if so_far != WITHIN {
            self.0.bytes.store(so_far.saturating_add(bytes).min(WITHIN - 1), Ordering::Relaxed);
        }
    }
}

impl Stream for Metered {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.meter.0.looks_first.swap(false, Ordering::Relaxed) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.meter.is_spent() {
            if !self.meter.0.has_looked.swap(true, Ordering::Relaxed) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(axum::Error::new(TooMuchBetween))));
        }
        let polled = self.body.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.meter.add(bytes.len());
            self.meter.look_first();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::extract::{FromRequest, Multipart};
    use futures_util::stream;

    use super::*;

    /// The contents of the parts of a form that comes in such pieces.
    async fn read(form: &[u8], length: usize) -> Vec<Vec<u8>> {
        let pieces: Vec<_> = form.chunks(length).map(<[u8]>::to_vec).collect();
        let pieces = pieces.into_iter().map(Ok::<_, Infallible>);
        let request =
            Request::post("/").header("content-type", "multipart/form-data; boundary=seam");
        let request = request.body(Body::from_stream(stream::iter(pieces))).unwrap();
        let (request, meter) = Meter::of(request);
        let mut form = Multipart::from_request(request, &()).await.unwrap();
        let mut parts = Vec::new();
        loop {
            meter.between();
            let part = form.next_field().await;
            let part = part.unwrap_or_else(|error| panic!("in pieces of {length}: {error:?}"));
            let Some(mut part) = part else { return parts };
            meter.within();
            let mut content = Vec::new();
            while let Some(piece) = part.chunk().await.unwrap() {
                content.extend_from_slice(&piece);
            }
            parts.push(content);
        }
    }

    #[test]
    fn a_form_in_pieces_of_any_length_is_read_as_one_in_a_single_piece() {
        let audio: Vec<u8> = (0..50_000).map(|at| b"\r\n--sea"[at % 7]).collect();
        let (head, name) =
            ("--seam\r\nContent-Disposition: form-data; name=\"a\"", "x".repeat(9000));
        let part = |content: &[u8]| {
            [head.as_bytes(), b"; y=\"", name.as_bytes(), b"\"\r\n\r\n", content, b"\r\n"].concat()
        };
        let form = [&part(&audio)[..], &part(b""), &part(&audio), b"--seam--\r\n"].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for length in [1, 7, 1000, 40_000, form.len()] {
            let parts = runtime.block_on(read(&form, length));
            assert!(parts == [&audio[..], b"", &audio], "in pieces of {length}");
        }
    }
}
