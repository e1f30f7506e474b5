//! AppendEntries to one peer over one long stream, several under way.
//!
//! While the follower writes one batch to its disk, the next ones are already on their way. How many is bounded: what
//! has not been sent yet gathers and goes as one larger batch, which costs everybody less.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use openraft::errors::RPCError;
use openraft::raft::{AppendEntriesRequest, StreamAppendResult};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
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
    requests: mpsc::Sender<RaftMessage>,
    answers: Streaming<RaftMessage>,
    /// When each unanswered request was sent.
    waiting: VecDeque<Instant>,
}

/// One run of openraft's over the stream; ends with its requests, or with an error.
pub(super) struct Session<'a, S> {
    link: &'a mut Link,
    /// Opened for the first request: openraft holds that back after errors, so that nobody dials without a pause.
    pipeline: Option<Pipeline>,
    requests: S,
    /// There are no more requests.
    ended: bool,
}

type Answer = Result<StreamAppendResult<TypeConfig>, RPCError<TypeConfig>>;

impl Pipeline {
    /// Room for what is under way.
    pub(super) const ROOM: usize = WINDOW;

    pub(super) fn new(requests: mpsc::Sender<RaftMessage>, answers: Streaming<RaftMessage>) -> Pipeline {
        Pipeline { requests, answers, waiting: VecDeque::new() }
    }

    /// Whether it stands, with nothing under way.
    pub(super) fn is_idle(&mut self) -> bool {
        self.answers.message().now_or_never().is_none()
    }

    /// The answer to the oldest request, in time.
    async fn answer(pipeline: &mut Option<Pipeline>) -> Answer {
        let Some((pipeline, since)) = pipeline.as_mut().and_then(Pipeline::oldest) else { return pending().await };
        let answer = timeout_at(since + PATIENCE, pipeline.answers.message()).await;
        let answer = answer.map_err(|_| network(io::Error::new(io::ErrorKind::TimedOut, "the follower is silent")))?;
        pipeline.waiting.pop_front();
        let message = answer.map_err(|status| failed(&status))?;
        let message = message.ok_or_else(|| network(io::Error::from(io::ErrorKind::UnexpectedEof)))?;
        codec::decode_appended(message.payload).map_err(network)
    }

    fn oldest(&mut self) -> Option<(&mut Pipeline, Instant)> {
        let since = self.waiting.front().copied()?;
        Some((self, since))
    }
}

impl<'a, S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Unpin> Session<'a, S> {
    pub(super) fn new(link: &'a mut Link, requests: S) -> Self {
        Session { link, pipeline: None, requests, ended: false }
    }

    /// The next answer. The stream is kept for the next session if this one ends in order.
    pub(super) async fn step(mut session: Self) -> Option<(Answer, Option<Self>)> {
        match session.next().await {
            Some(answer) => {
                let goes_on = matches!(answer, Ok(Ok(_)));
                Some((answer, goes_on.then_some(session)))
            }
            None => {
                session.pipeline.into_iter().for_each(|pipeline| session.link.keep(pipeline));
                None
            }
        }
    }

    async fn next(&mut self) -> Option<Answer> {
        loop {
            let under_way = self.pipeline.as_ref().map_or(0, |pipeline| pipeline.waiting.len());
            if self.ended && under_way == 0 {
                return None;
            }
            tokio::select! {
                biased;
                answer = Pipeline::answer(&mut self.pipeline) => return Some(answer),
                request = self.requests.next(), if !self.ended && under_way < WINDOW => match request {
                    Some(request) => if let Err(error) = self.send(&request).await {
                        return Some(Err(error));
                    },
                    None => self.ended = true,
                },
            }
        }
    }

    async fn send(&mut self, request: &AppendEntriesRequest<TypeConfig>) -> Result<(), RPCError<TypeConfig>> {
        if self.link.is_silent() {
            return Err(silenced());
        }
        let pipeline = match self.pipeline.take() {
            Some(pipeline) => pipeline,
            None => self.link.pipeline().await?,
        };
        let pipeline = self.pipeline.insert(pipeline);
        let payload = codec::encode_append(request).map_err(network)?;
        let sent = pipeline.requests.send(RaftMessage { envelope: None, payload }).await;
        sent.map_err(|_| network(io::Error::from(io::ErrorKind::BrokenPipe)))?;
        pipeline.waiting.push_back(Instant::now());
        Ok(())
    }
}
