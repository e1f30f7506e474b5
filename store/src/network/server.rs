//! What this member answers to its peers.

use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tonic::{Request, Response, Status, Streaming};
use xebec_proto::peer::peer_server::Peer;
use xebec_proto::peer::{
    Envelope, ProposeRequest, ProposeResponse, RaftMessage, ReadIndexRequest, ReadIndexResponse, RoomRequest,
    RoomResponse, SnapshotChunk, StateHashRequest, StateHashResponse, TooLarge, propose_response, read_index_response,
};

use crate::core::Core;
use crate::error::StoreError;
use crate::hash_check;
use crate::propose::{Draft, NO_SPACE, Purpose};
use crate::raft::codec;
use crate::raft::types::{SnapshotMeta, Vote};
use crate::snapshot::Incoming;

/// A forwarded request that takes longer has a proposer that no longer waits.
const FORWARDED: Duration = Duration::from_secs(10);
/// Of one follower; more wait in its stream.
const FORWARDED_AT_ONCE: usize = 4096;
/// From the opening of a stream to its first message.
const HEAD: Duration = Duration::from_secs(2);
/// Between two chunks of a snapshot.
const CHUNK: Duration = Duration::from_secs(10);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The peer service of one member.
pub(crate) struct PeerService {
    core: Arc<Core>,
    stop: watch::Receiver<bool>,
}

impl PeerService {
    /// Long streams end when `stop` turns true.
    pub(crate) fn new(core: Arc<Core>, stop: watch::Receiver<bool>) -> PeerService {
        PeerService { core, stop }
    }

    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.clone();
        async move {
            // An error means that the sender is gone, which is a stop too.
            let _gone = stop.wait_for(|stop| *stop).await.is_err();
        }
    }

    /// Refuses messages of other clusters and for other members.
    fn admit(&self, envelope: Option<&Envelope>) -> Result<(), Status> {
        let envelope = envelope.ok_or_else(|| Status::invalid_argument("a message without an envelope"))?;
        if envelope.cluster_id != self.core.cluster_id {
            return Err(Status::permission_denied("a message of another cluster"));
        }
        if envelope.to != self.core.node_id {
            let text = format!("a message for member {}, this is member {}", envelope.to, self.core.node_id);
            return Err(Status::permission_denied(text));
        }
        Ok(())
    }

    /// Whether somebody is a member, of those that this one knows.
    fn knows(&self, id: u64) -> bool {
        self.core.roles.look(|roles| roles.membership_config.get_node(&id).is_some())
    }

    /// Refuses what only members may ask for: one that was put out keeps its certificate.
    fn admit_member(&self, envelope: Option<&Envelope>) -> Result<u64, Status> {
        self.admit(envelope)?;
        let from = envelope.map_or(0, |envelope| envelope.from);
        if self.knows(from) {
            return Ok(from);
        }
        Err(Status::permission_denied(format!("member {from} is not in this cluster, or not any more")))
    }

    /// Ends when a member is put out, or this one stops.
    fn dismissed(&self, id: u64) -> impl Future<Output = ()> + Send + 'static {
        let (stopped, mut roles) = (self.stopped(), self.core.roles.clone());
        async move {
            tokio::select! {
                () = stopped => {}
                _ended = roles.wait_for(|roles| roles.membership_config.get_node(&id).is_none()) => {}
            }
        }
    }

    fn open(&self, message: RaftMessage) -> Result<Bytes, Status> {
        self.admit(message.envelope.as_ref())?;
        Ok(message.payload)
    }

    fn open_json<T: DeserializeOwned>(&self, request: Request<RaftMessage>) -> Result<T, Status> {
        codec::decode_json(&self.open(request.into_inner())?).map_err(malformed)
    }

    async fn fill(&self, chunks: &mut Streaming<SnapshotChunk>, incoming: &mut Incoming) -> Result<(), Status> {
        while let Some(chunk) = next_chunk(chunks).await? {
            incoming.write(&chunk.data).map_err(|error| Status::unavailable(format!("cannot write: {error}")))?;
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    type AppendEntriesStream = Answers<RaftMessage>;
    type ProposeStream = Answers<ProposeResponse>;

    async fn append_entries(
        &self,
        request: Request<Streaming<RaftMessage>>,
    ) -> Result<Response<Answers<RaftMessage>>, Status> {
        let mut messages = request.into_inner();
        self.admit(next(&mut messages).await?.envelope.as_ref())?;
        let core = self.core.clone();
        let requests = map_while(messages.take_until(self.stopped()), move |message| {
            let append = message.and_then(|message| codec::decode_append(message.payload).map_err(malformed));
            readable(append).inspect(|_| core.hear_leader())
        });
        let answers = self.core.raft.stream_append(requests).map(|answer| {
            let payload = codec::encode_appended(&answer.map_err(stopped)?);
            Ok(RaftMessage { envelope: None, payload })
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn vote(&self, request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        let vote = self.open_json(request)?;
        answer(&self.core.raft.vote(vote).await.map_err(stopped)?)
    }

    async fn pre_vote(&self, request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        let vote = self.open_json(request)?;
        answer(&self.core.raft.pre_vote(vote).await.map_err(stopped)?)
    }

    async fn transfer_leader(&self, request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        let transfer = self.open_json(request)?;
        answer(&self.core.raft.handle_transfer_leader(transfer).await.map_err(stopped)?)
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<SnapshotChunk>>,
    ) -> Result<Response<RaftMessage>, Status> {
        let mut chunks = request.into_inner();
        let first = next_chunk(&mut chunks).await?.and_then(|chunk| chunk.head);
        let head = self.open(first.ok_or_else(|| Status::invalid_argument("a snapshot without a head"))?)?;
        let (vote, meta): (Vote, SnapshotMeta) = codec::decode_json(&head).map_err(malformed)?;
        let unwritable = |error: io::Error| Status::unavailable(format!("cannot take a snapshot: {error}"));
        let mut incoming = self.core.snapshots.receive().map_err(unwritable)?;
        if let Err(status) = self.fill(&mut chunks, &mut incoming).await {
            self.core.snapshots.abandon(&incoming);
            return Err(status);
        }
        let announced = meta.clone();
        let accepted = self.core.snapshots.work(move |snapshots| snapshots.accept(incoming, &announced)).await;
        let received = accepted.map_err(unwritable)?;
        let snapshot = crate::raft::types::Snapshot { meta, snapshot: received.clone() };
        let installed = self.core.raft.install_full_snapshot(vote, snapshot).await;
        // One that was not newer than our state was left where it is.
        self.core.snapshots.discard(&received);
        answer(&installed.map_err(stopped)?)
    }

    async fn propose(
        &self,
        request: Request<Streaming<ProposeRequest>>,
    ) -> Result<Response<Answers<ProposeResponse>>, Status> {
        let mut requests = request.into_inner();
        let from = self.admit_member(next(&mut requests).await?.envelope.as_ref())?;
        let core = self.core.clone();
        let answers = map_while(requests.take_until(self.dismissed(from)), readable)
            .map(move |request| propose(core.clone(), request))
            .buffer_unordered(FORWARDED_AT_ONCE);
        Ok(Response::new(answers.map(Ok).boxed()))
    }

    async fn state_hash(&self, request: Request<StateHashRequest>) -> Result<Response<StateHashResponse>, Status> {
        let StateHashRequest { envelope, id } = request.into_inner();
        self.admit(envelope.as_ref())?;
        let mark = self.core.board.mark(id, Instant::now() + hash_check::PATIENCE).await;
        Ok(Response::new(StateHashResponse { hash: mark.map(|mark| mark.hash) }))
    }

    async fn room(&self, request: Request<RoomRequest>) -> Result<Response<RoomResponse>, Status> {
        self.admit(request.into_inner().envelope.as_ref())?;
        Ok(Response::new(RoomResponse { short: self.core.space.short() }))
    }

    async fn read_index(&self, request: Request<ReadIndexRequest>) -> Result<Response<ReadIndexResponse>, Status> {
        self.admit_member(request.into_inner().envelope.as_ref())?;
        let outcome = match self.core.read_index_here(Instant::now() + FORWARDED).await {
            Ok(index) => read_index_response::Outcome::Index(index),
            Err(StoreError::NotLeader { leader }) => {
                read_index_response::Outcome::NotLeader(leader.unwrap_or_default())
            }
            Err(error) => read_index_response::Outcome::Refused(error.to_string()),
        };
        Ok(Response::new(ReadIndexResponse { outcome: Some(outcome) }))
    }
}

/// Does what a follower asks for.
async fn propose(core: Arc<Core>, request: ProposeRequest) -> ProposeResponse {
    let ProposeRequest { id, command, freeing, .. } = request;
    let purpose = if freeing { Purpose::Freeing } else { Purpose::Any };
    let outcome = match core.propose_here(Draft { command, purpose }, Instant::now() + FORWARDED).await {
        Ok(outcome) => propose_response::Outcome::Result(xebec_kv::wire::encode_outcome(&outcome)),
        Err(StoreError::NotLeader { leader }) => propose_response::Outcome::NotLeader(leader.unwrap_or_default()),
        Err(StoreError::Overloaded) => propose_response::Outcome::Refused("overloaded".to_owned()),
        Err(StoreError::NoSpace) => propose_response::Outcome::Refused(NO_SPACE.to_owned()),
        Err(StoreError::TooLarge { size, limit, .. }) => {
            propose_response::Outcome::TooLarge(TooLarge { size: size as u64, limit: limit as u64 })
        }
        Err(error) => propose_response::Outcome::Unknown(error.to_string()),
    };
    ProposeResponse { outcome: Some(outcome), id }
}

/// The head of a stream.
async fn next<T>(messages: &mut Streaming<T>) -> Result<T, Status> {
    let head = timeout(HEAD, messages.message()).await;
    let head = head.map_err(|_| Status::deadline_exceeded("the head of the stream did not come"))??;
    head.ok_or_else(|| Status::invalid_argument("a stream without a head"))
}

/// `futures` has none.
fn map_while<S: Stream, T>(stream: S, map: impl FnMut(S::Item) -> Option<T>) -> impl Stream<Item = T> {
    tokio_stream::StreamExt::map_while(stream, map)
}

/// A message of a stream, which ends with one that is none.
fn readable<T>(message: Result<T, Status>) -> Option<T> {
    message.inspect_err(|status| tracing::debug!(%status, "a peer's stream ends")).ok()
}

async fn next_chunk(chunks: &mut Streaming<SnapshotChunk>) -> Result<Option<SnapshotChunk>, Status> {
    let next = timeout(CHUNK, chunks.message()).await;
    next.map_err(|_| Status::deadline_exceeded("the next chunk of the snapshot did not come"))?
}

fn answer(message: &impl Serialize) -> Result<Response<RaftMessage>, Status> {
    let payload = codec::encode_json(message).map_err(|error| Status::internal(error.to_string()))?;
    Ok(Response::new(RaftMessage { envelope: None, payload }))
}

fn malformed(error: io::Error) -> Status {
    Status::invalid_argument(error.to_string())
}

fn stopped(error: impl Display) -> Status {
    Status::unavailable(error.to_string())
}
