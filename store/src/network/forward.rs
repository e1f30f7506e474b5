//! Proposals on their way to the leader: one stream carries all of a member's.
//!
//! ```text
//!  propose() ──► requests (bounded) ──► stream ──► leader
//!      ▲                                              │
//!      └───── waiting: id → who asked ◄── answers ◄───┘
//! ```
//!
//! When a stream breaks, all who wait on it are told that their outcome is unknown; the next proposal opens a new one.

use std::collections::BTreeMap;
use std::error::Error;
use std::iter::successors;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Status, Streaming};
use xebec_proto::peer::peer_client::PeerClient;
use xebec_proto::peer::{ProposeRequest, ProposeResponse};

use super::peers::{Lane, Peers};

/// Proposals that wait to be sent; more wait to be let in. Those under way are bounded by the store's limits.
const QUEUE: usize = 1024;

/// Why a proposal got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The leader has not taken it.
    Refused,
    /// It may have.
    Unknown,
}

/// This member's streams to leaders.
pub(crate) struct Forwarder {
    peers: Arc<Peers>,
    /// One to each member that led.
    lines: Mutex<BTreeMap<u64, Arc<Line>>>,
}

/// One stream.
struct Line {
    address: String,
    requests: mpsc::Sender<ProposeRequest>,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Whether the stream has ended.
    ended: bool,
    answers: BTreeMap<u64, oneshot::Sender<Result<ProposeResponse, Lost>>>,
}

/// A place among those who wait; given up when dropped.
struct Place<'a> {
    line: &'a Line,
    id: u64,
}

impl Forwarder {
    pub(crate) fn new(peers: Arc<Peers>) -> Forwarder {
        Forwarder { peers, lines: Mutex::default() }
    }

    /// Has the leader propose; the envelope is the stream's. Waits without a deadline: that is the caller's.
    pub(crate) async fn propose(
        &self,
        leader: u64,
        address: &str,
        request: ProposeRequest,
    ) -> Result<ProposeResponse, Lost> {
        let line = self.line(leader, address)?;
        let (place, answer) = line.wait().ok_or(Lost::Refused)?;
        let request = ProposeRequest { id: place.id, ..request };
        line.requests.send(request).await.map_err(|_| Lost::Refused)?;
        answer.await.unwrap_or(Err(Lost::Unknown))
    }

    fn line(&self, leader: u64, address: &str) -> Result<Arc<Line>, Lost> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&leader).filter(|line| line.address == address && !line.ended()) {
            return Ok(line.clone());
        }
        let client = self.peers.client(address, Lane::Forward).map_err(|_| Lost::Refused)?;
        let (requests, sent) = mpsc::channel(QUEUE);
        let address = address.to_owned();
        let line = Arc::new(Line { address, requests, next: AtomicU64::new(1), waiting: Mutex::default() });
        let head = ProposeRequest { envelope: Some(self.peers.envelope(leader)), ..ProposeRequest::default() };
        let requests = stream::iter([head]).chain(ReceiverStream::new(sent));
        tokio::spawn(run(client, requests, line.clone()));
        lines.insert(leader, line.clone());
        Ok(line)
    }
}

impl Line {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> bool {
        self.waiting().ended
    }

    /// `None`: the stream has ended.
    fn wait(&self) -> Option<(Place<'_>, oneshot::Receiver<Result<ProposeResponse, Lost>>)> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (waiter, answer) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.ended {
            return None;
        }
        waiting.answers.insert(id, waiter);
        Some((Place { line: self, id }, answer))
    }

    fn answer(&self, response: ProposeResponse) {
        let waiter = self.waiting().answers.remove(&response.id);
        // One who does not wait any more has had its deadline.
        waiter.into_iter().for_each(|waiter| drop(waiter.send(Ok(response.clone()))));
    }

    fn end(&self, lost: Lost) {
        let mut waiting = self.waiting();
        waiting.ended = true;
        std::mem::take(&mut waiting.answers).into_values().for_each(|waiter| drop(waiter.send(Err(lost))));
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.line.waiting().answers.remove(&self.id);
    }
}

async fn run(
    mut client: PeerClient<Channel>,
    requests: impl futures::Stream<Item = ProposeRequest> + Send + 'static,
    line: Arc<Line>,
) {
    let lost = match client.propose(requests).await {
        Ok(answers) => dispatch(answers.into_inner(), &line).await,
        Err(status) => lost(&status),
    };
    line.end(lost);
}

/// Until the stream ends.
async fn dispatch(mut answers: Streaming<ProposeResponse>, line: &Line) -> Lost {
    while let Ok(Some(response)) = answers.message().await {
        line.answer(response);
    }
    Lost::Unknown
}

/// A peer that refuses our envelope, or that cannot be connected with, has taken nothing.
fn lost(status: &Status) -> Lost {
    let mut causes = successors(status.source(), |cause| (*cause).source());
    match status.code() {
        Code::PermissionDenied | Code::InvalidArgument => Lost::Refused,
        _ if causes.any(|cause| cause.is::<ConnectError>()) => Lost::Refused,
        _ => Lost::Unknown,
    }
}
