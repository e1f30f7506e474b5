//! Logs and exec: streams between a client of this master and a node agent.
//!
//! A node has no open port. To open a stream the master asks over the node's session, and the agent dials back with the
//! stream's id. Until it does, the stream waits in [`Waiting`]; afterwards frames move through two bounded queues, and
//! whoever is slow holds the other end up.
//!
//! ```text
//! client ◀── output ─── NodeStream ◀── frames up ──── agent
//!        ──── input ──▶            ──── frames down ─▶
//! ```

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use xebec_api::Status;
use xebec_proto::v1::{OpenStream, StreamFrame};

/// Frames that wait in each direction.
pub(super) const QUEUE: usize = 32;

/// An open stream to a node. Dropping either half ends it.
#[derive(Debug)]
pub struct NodeStream {
    /// To the node: stdin, its end, window sizes.
    pub input: mpsc::Sender<StreamFrame>,
    /// From the node: output, then an exit code, an error or the end. `None` without one of these means that the node is gone.
    pub output: mpsc::Receiver<StreamFrame>,
}

/// Opens streams to nodes.
#[async_trait]
pub trait NodeStreams: Send + Sync {
    /// Asks the node to open the stream and waits until it has, but not longer than `deadline`. The stream's id is chosen here.
    async fn open(&self, node: &str, open: OpenStream, deadline: Instant) -> Result<NodeStream, Status>;
}

/// The agent's end of a stream that has been asked for.
#[derive(Debug)]
pub(super) struct AgentEnd {
    pub(super) down: mpsc::Receiver<StreamFrame>,
    pub(super) up: mpsc::Sender<StreamFrame>,
}

/// A stream that was asked for and not dialled yet.
struct Asked {
    node: String,
    end: AgentEnd,
    dialled: oneshot::Sender<()>,
}

/// All streams that were asked for and not dialled yet, by their id.
#[derive(Default)]
pub(super) struct Waiting {
    asked: Mutex<BTreeMap<String, Asked>>,
}

/// A stream that was asked for. Forgotten again when it is dropped before the agent dials.
pub(super) struct Request<'a> {
    waiting: &'a Waiting,
    id: String,
    pub(super) dialled: oneshot::Receiver<()>,
}

impl Waiting {
    /// Notes that the node is asked to dial with this id.
    pub(super) fn ask(&self, node: &str, id: &str) -> (Request<'_>, NodeStream) {
        let (input, down) = mpsc::channel(QUEUE);
        let (up, output) = mpsc::channel(QUEUE);
        let (dialled, receiver) = oneshot::channel();
        let asked = Asked { node: node.to_owned(), end: AgentEnd { down, up }, dialled };
        self.lock().insert(id.to_owned(), asked);
        (Request { waiting: self, id: id.to_owned(), dialled: receiver }, NodeStream { input, output })
    }

    /// The agent of `node` has dialled with this id. `None` when nobody asked that node for it.
    pub(super) fn answer(&self, node: &str, id: &str) -> Option<AgentEnd> {
        let mut asked = self.lock();
        if asked.get(id)?.node != node {
            return None;
        }
        let Asked { end, dialled, .. } = asked.remove(id)?;
        dialled.send(()).ok()?;
        Some(end)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_node_that_was_asked_gets_the_stream_and_only_once() {
        let waiting = Waiting::default();
        let (mut request, stream) = waiting.ask("n1", "s1");
        assert!(waiting.answer("n2", "s1").is_none());
        assert!(waiting.answer("n1", "s2").is_none());
        let mut end = waiting.answer("n1", "s1").unwrap();
        assert!(waiting.answer("n1", "s1").is_none());
        assert_eq!(request.dialled.try_recv(), Ok(()));
        stream.input.send(StreamFrame::default()).await.unwrap();
        assert!(end.down.recv().await.is_some());
    }

    #[test]
    fn a_request_that_is_given_up_is_forgotten() {
        let waiting = Waiting::default();
        drop(waiting.ask("n1", "s1"));
        assert!(waiting.lock().is_empty());
        assert!(waiting.answer("n1", "s1").is_none());
    }
}
