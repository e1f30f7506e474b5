//! Connections that go on without HTTP: bytes both ways, whatever they mean.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use xebec_api::Status;

use crate::rest::negotiate::words;
use crate::rest::streams::SESSIONS;

/// From the answer's head to the connection: the time to write a few hundred bytes.
const HANDOVER: Duration = Duration::from_secs(10);
/// As long as other streams may be idle.
const IDLE: Duration = Duration::from_secs(4 * 3600);
const LOOK: Duration = Duration::from_secs(60);

/// Whether a request wants its connection to become something else.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) && words(headers, CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade"))
}

/// The caller's end of a connection that may be upgraded.
pub(super) struct Wanted {
    protocol: HeaderValue,
    client: OnUpgrade,
    slot: SemaphorePermit<'static>,
}

impl Wanted {
    /// Reads the head of a request, which still has all its headers. Takes one of the places that streams have.
    pub(super) fn take(parts: &mut http::request::Parts) -> Result<Option<Wanted>, Status> {
        if !is_wanted(&parts.headers) {
            return Ok(None);
        }
        let client = parts.extensions.remove::<OnUpgrade>();
        let (Some(client), Some(protocol)) = (client, parts.headers.get(UPGRADE).cloned()) else {
            return Err(Status::bad_request("unable to upgrade: the request must come over HTTP/1.1"));
        };
        let slot = SESSIONS.try_acquire().map_err(|_| Status::too_many_requests("too many streams are open", 1))?;
        Ok(Some(Wanted { protocol, client, slot }))
    }

    /// Asks the server for the same.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
    }

    /// Joins the two ends, once both answers are on their way, on a task of its own.
    pub(super) fn join(self, server: OnUpgrade) {
        let Wanted { client, slot, .. } = self;
        tokio::spawn(async move {
            let both = async { tokio::try_join!(client, server) };
            match tokio::time::timeout(HANDOVER, both).await {
                Ok(Ok((client, server))) => carry(client, server).await,
                Ok(Err(error)) => tracing::debug!(%error, "an upgraded connection was lost"),
                Err(_) => tracing::debug!("an upgraded connection was not handed over in time"),
            }
            drop(slot);
        });
    }
}

async fn carry(client: Upgraded, server: Upgraded) {
    let pulse = Arc::new(Pulse { start: Instant::now(), moved: AtomicU64::new(0) });
    let mut client = Noted { inner: TokioIo::new(client), pulse: pulse.clone() };
    let mut server = Noted { inner: TokioIo::new(server), pulse: pulse.clone() };
    tokio::select! {
        carried = tokio::io::copy_bidirectional(&mut client, &mut server) => {
            if let Err(error) = carried {
                tracing::debug!(%error, "an upgraded connection ended");
            }
        }
        () = pulse.stops() => tracing::debug!("nothing was moved for hours: an upgraded connection is closed"),
    }
}

/// When bytes were last moved.
struct Pulse {
    start: Instant,
    /// Seconds since the start.
    moved: AtomicU64,
}

impl Pulse {
    fn beat(&self) {
        self.moved.store(self.start.elapsed().as_secs(), Ordering::Relaxed);
    }

    async fn stops(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let idle = self.start.elapsed().as_secs().saturating_sub(self.moved.load(Ordering::Relaxed));
            if idle > IDLE.as_secs() {
                return;
            }
        }
    }
}

/// An end whose reads are noted.
struct Noted<T> {
    inner: T,
    pulse: Arc<Pulse>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if polled.is_ready() {
            self.pulse.beat();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
