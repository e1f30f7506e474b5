//! AppendEntries to one peer over one long stream, several under way.
//!
//! While the follower writes one batch to its disk, the next ones are already on their way. How many is bounded: what
//! has not been sent yet gathers and goes as one larger batch, which costs everybody less.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

use futures::{Stream, StreamExt};
use openraft::errors::RPCError;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tonic::Streaming;
use xebec_proto::peer::RaftMessage;

use super::codec;
use super::network::{Link, failed, network, silenced};
use super::types::TypeConfig;

/// Requests under way.
const WINDOW: usize = 8;
/// Entries wait for the follower's disk; one that takes longer is as good as a dead one.
const PATIENCE: Duration = Duration::from_secs(3);

/// A stream to a peer.
pub(super) struct Pipeline {
    pub(super) requests: mpsc::Sender<RaftMessage>,
    pub(super) answers: Streaming<RaftMessage>,
    /// When each unanswered request was sent.
    waiting: VecDeque<Instant>,
}

/// One run of openraft's over the stream; ends with its requests, or with an error.
pub(super) struct Session<'a, S> {
    pub(super) link: &'a mut Link,
    pub(super) pipeline: Pipeline,
    pub(super) requests: S,
    /// There are no more requests.
    pub(super) ended: bool,
}

type Answer = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>;

impl Pipeline {
    /// Room for the head of the stream and for what is under way.
    pub(super) const ROOM: usize = WINDOW + 1;

    pub(super) fn new(requests: mpsc::Sender<RaftMessage>, answers: Streaming<RaftMessage>) -> Pipeline {
        Pipeline { requests, answers, waiting: VecDeque::new() }
    }

    /// Waits for the oldest unanswered request's time to be up.
    async fn overdue(since: Option<Instant>) {
        match since {
            Some(since) => sleep_until(since + PATIENCE).await,
            None => pending().await,
        }
    }
}

impl<S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Unpin> Session<'_, S> {
    /// The next answer. The stream is kept for the next session if this one ends in order.
    pub(super) async fn step(mut session: Self) -> Option<(Answer, Option<Self>)> {
        match session.next().await {
            Some(answer) => {
                let goes_on = matches!(answer, Ok(Ok(_)));
                Some((answer, goes_on.then_some(session)))
            }
            None => {
                session.link.keep(session.pipeline);
                None
            }
        }
    }

    async fn next(&mut self) -> Option<Answer> {
        loop {
            let (under_way, since) = (self.pipeline.waiting.len(), self.pipeline.waiting.front().copied());
            if self.ended && under_way == 0 {
                return None;
            }
            tokio::select! {
                biased;
                answer = self.pipeline.answers.message(), if under_way > 0 => {
                    self.pipeline.waiting.pop_front();
                    return Some(understand(answer));
                }
                request = self.requests.next(), if !self.ended && under_way < WINDOW => match request {
                    Some(request) => if let Err(error) = self.send(&request).await {
                        return Some(Err(error));
                    },
                    None => self.ended = true,
                },
                () = Pipeline::overdue(since) => {
                    return Some(Err(network(io::Error::new(io::ErrorKind::TimedOut, "the follower does not answer"))));
                }
            }
        }
    }

    async fn send(&mut self, request: &AppendEntriesRequest<TypeConfig>) -> Result<(), RPCError<TypeConfig>> {
        if self.link.is_silent() {
            return Err(silenced());
        }
        let payload = codec::encode_append(request).map_err(network)?;
        let sent = self.pipeline.requests.send(RaftMessage { envelope: None, payload }).await;
        sent.map_err(|_| network(io::Error::from(io::ErrorKind::BrokenPipe)))?;
        self.pipeline.waiting.push_back(Instant::now());
        Ok(())
    }
}

fn understand(answer: Result<Option<RaftMessage>, tonic::Status>) -> Answer {
    let message = answer.map_err(|status| failed(&status))?;
    let message = message.ok_or_else(|| network(io::Error::from(io::ErrorKind::UnexpectedEof)))?;
    codec::decode_appended(message.payload).map_err(network)
}
