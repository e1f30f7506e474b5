//! What this member answers to its peers.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};
use tonic::{Request, Response, Status, Streaming};
use xebec_proto::peer::peer_server::Peer;
use xebec_proto::peer::{
    Envelope, ProposeRequest, ProposeResponse, RaftMessage, ReadIndexRequest, ReadIndexResponse, RoomRequest,
    RoomResponse, SnapshotChunk, StateHashRequest, StateHashResponse, propose_response, read_index_response,
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
/// Between two chunks of a snapshot.
const CHUNK: Duration = Duration::from_secs(10);

/// The peer service of one member.
pub(crate) struct PeerService {
    core: Arc<Core>,
}

impl PeerService {
    pub(crate) fn new(core: Arc<Core>) -> PeerService {
        PeerService { core }
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
    async fn append_entries(&self, request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        let append = codec::decode_append(self.open(request.into_inner())?).map_err(malformed)?;
        self.core.hear_leader();
        answer(&self.core.raft.append_entries(append).await.map_err(stopped)?)
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

    async fn propose(&self, request: Request<ProposeRequest>) -> Result<Response<ProposeResponse>, Status> {
        let ProposeRequest { envelope, command, freeing } = request.into_inner();
        self.admit(envelope.as_ref())?;
        let purpose = if freeing { Purpose::Freeing } else { Purpose::Any };
        let command = Draft { command: Bytes::copy_from_slice(&command), purpose };
        let outcome = match self.core.propose_here(command, Instant::now() + FORWARDED).await {
            Ok(outcome) => propose_response::Outcome::Result(xebec_kv::wire::encode_outcome(&outcome)),
            Err(StoreError::NotLeader { leader }) => propose_response::Outcome::NotLeader(leader.unwrap_or_default()),
            Err(StoreError::Overloaded) => propose_response::Outcome::Refused("overloaded".to_owned()),
            Err(StoreError::NoSpace) => propose_response::Outcome::Refused(NO_SPACE.to_owned()),
            Err(error @ StoreError::TooLarge { .. }) => return Err(Status::invalid_argument(error.to_string())),
            Err(error) => propose_response::Outcome::Unknown(error.to_string()),
        };
        Ok(Response::new(ProposeResponse { outcome: Some(outcome) }))
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
        self.admit(request.into_inner().envelope.as_ref())?;
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
