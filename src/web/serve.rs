//! `Server`: the socket, its connections, and their end.
//!
//! A client can be slow, silent or gone: its headers and the pauses in its body have their time,
//! and connections their number. When it is time to stop, nothing new is accepted, answers in the
//! making have a grace time, and then all is over.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::{AppState, Site, folder, routes};
use crate::interrupt::Interrupt;

/// Headers and whatever waits to be read of one connection.
const CONNECTION_BUFFER: usize = 64 << 10;

/// How long answers in the making may still take when it is time to stop.
const GRACE: Duration = Duration::from_secs(3);

/// How long nothing is accepted after the system could not.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);

/// What a slow client is allowed, and how many clients there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may take for the headers of a request, and to begin the next one.
    pub header_time: Duration,
    /// The longest silence within a body.
    pub body_silence: Duration,
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
}

/// A site that is about to be served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    state: Arc<AppState>,
    limits: Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_time: Duration::from_secs(15),
            body_silence: Duration::from_secs(30),
            connections: 512,
        }
    }
}

impl Server {
    /// Takes the address; from here on connections wait to be served. With port 0 the system
    /// chooses one. Deletes what servers that were killed have left.
    pub fn bind(listen: SocketAddr, site: Site) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let limits = site.limits;
        folder::sweep();
        let state = Arc::new(AppState::of(site));
        let router = routes(&state).layer(RequestBodyTimeoutLayer::new(limits.body_silence));
        Ok(Self { listener, address, router, state, limits })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is asked for.
    pub fn run(self, stop: &Interrupt) -> io::Result<()> {
        let runtime = runtime()?;
        let (stopping, stopped) = watch::channel(false);
        let _told = stop.on_change(move |_| {
            stopping.send_replace(true);
        });
        let _paused = stop.on_pause({
            let queue = Arc::clone(&self.state.queue);
            move |pause| queue.all().iter().for_each(|batch| batch.stop().pause(pause))
        });
        let served = runtime.block_on(self.accept(stopped));
        runtime.shutdown_timeout(GRACE);
        served
    }

    async fn accept(self, mut stopped: watch::Receiver<bool>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let connections = GracefulShutdown::new();
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place.expect("the semaphore is never closed"), listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepted => accepted,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                // The client has gone, or we have too many files open: neither is the end.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(AFTER_A_FAILURE).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(self.router.clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.header_time)
                .max_buf_size(CONNECTION_BUFFER)
                .serve_connection(TokioIo::new(stream), service);
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended badly");
                }
                drop(place);
            });
        }
        drop(listener);
        // Clients that follow a job receive its end, and their connections end too.
        let queue = Arc::clone(&self.state.queue);
        let closed = tokio::task::spawn_blocking(move || queue.close(GRACE));
        closed.await.map_err(io::Error::other)?;
        if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
            tracing::info!("some answers were not finished");
        }
        Ok(())
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).thread_name("web").enable_all().build()
}
