//! What waits to be sent to one agent.
//!
//! Messages come in batches: a whole state is one. When [`BATCHES`] wait, the agent is too slow to ever be up to date, and
//! its session is cut; it comes back and gets the whole state instead of the backlog.

use std::collections::VecDeque;
use std::pin::Pin;

use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use xebec_proto::v1::NodeDown;
use xebec_proto::v1::node_down::Message;

/// Changes come one a batch: a rollout of all of a node's pods, several times over.
const BATCHES: usize = 1024;

/// The stream of a session's messages, as tonic sends it.
pub(super) type Outgoing = Pin<Box<dyn Stream<Item = Result<NodeDown, tonic::Status>> + Send>>;

/// The sending half. Sending never waits.
#[derive(Clone)]
pub(super) struct Outbox {
    queue: mpsc::Sender<Vec<Message>>,
    cut: CancellationToken,
}

/// An outbox and the stream that it feeds.
pub(super) fn channel() -> (Outbox, Outgoing) {
    let (queue, batches) = mpsc::channel(BATCHES);
    let outbox = Outbox { queue, cut: CancellationToken::new() };
    let feed = Feed { batches, pending: VecDeque::new(), cut: outbox.cut.clone(), ended: false };
    (outbox, Box::pin(stream::unfold(feed, Feed::next)))
}

impl Outbox {
    /// Puts the messages behind all others; cuts the session when there is no place.
    pub(super) fn send(&self, messages: Vec<Message>) {
        if !messages.is_empty() && self.queue.try_send(messages).is_err() {
            self.cut();
        }
    }

    /// Ends the session.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Waits until the session has been cut, or the agent is gone.
    pub(super) async fn ended(&self) {
        tokio::select! {
            () = self.cut.cancelled() => {}
            () = self.queue.closed() => {}
        }
    }
}

struct Feed {
    batches: mpsc::Receiver<Vec<Message>>,
    pending: VecDeque<Message>,
    cut: CancellationToken,
    ended: bool,
}

impl Feed {
    async fn next(mut self) -> Option<(Result<NodeDown, tonic::Status>, Feed)> {
        if self.ended {
            return None;
        }
        while self.pending.is_empty() {
            let batch = tokio::select! {
                biased;
                () = self.cut.cancelled() => None,
                batch = self.batches.recv() => Some(batch?),
            };
            let Some(batch) = batch else {
                self.ended = true;
                return Some((Err(tonic::Status::unavailable("the session was ended: subscribe again")), self));
            };
            self.pending.extend(batch);
        }
        let message = self.pending.pop_front();
        Some((Ok(NodeDown { message }), self))
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use xebec_proto::v1::SyncComplete;

    use super::*;

    fn message(revision: u64) -> Message {
        Message::SyncComplete(SyncComplete { revision })
    }

    #[tokio::test]
    async fn order_is_kept_over_batches() {
        let (outbox, mut stream) = channel();
        outbox.send(vec![message(1), message(2)]);
        outbox.send(vec![message(3)]);
        for revision in 1..4 {
            assert_eq!(stream.next().await.unwrap().unwrap().message, Some(message(revision)));
        }
    }

    #[tokio::test]
    async fn an_agent_that_does_not_read_is_cut() {
        let (outbox, mut stream) = channel();
        (0..=BATCHES as u64).for_each(|revision| outbox.send(vec![message(revision)]));
        outbox.ended().await;
        assert_eq!(stream.next().await.unwrap().unwrap_err().code(), tonic::Code::Unavailable);
        assert!(stream.next().await.is_none());
    }
}
