//! openraft's messages, sent to peers.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::transport::Channel;
use tonic::{Response, Status};
use xebec_proto::peer::peer_client::PeerClient;
use xebec_proto::peer::{RaftMessage, SnapshotChunk};

use super::codec;
use super::types::{Snapshot, TypeConfig, Vote};
use crate::disk::DiskFile;
use crate::member::MemberNode;
use crate::network::{Lane, Peers};
use crate::snapshot::{SnapshotDir, SnapshotFile};
use crate::watchdog::{Reign, Watchdog};

/// Entries wait for the follower's disk, unlike heartbeats; a disk that takes longer is as good as a dead one.
const APPEND: Duration = Duration::from_secs(3);
const CHUNK_BYTES: usize = 512 << 10;

type RpcError = RPCError<TypeConfig>;

/// Makes links to peers.
pub(crate) struct LinkFactory {
    pub(crate) peers: Arc<Peers>,
    pub(crate) snapshots: Arc<SnapshotDir>,
    pub(crate) watchdog: Arc<Watchdog>,
}

/// A link to one peer, for one kind of traffic.
pub(crate) struct Link {
    peers: Arc<Peers>,
    snapshots: Arc<SnapshotDir>,
    watchdog: Arc<Watchdog>,
    reign: Reign,
    target: u64,
    address: String,
    lane: Lane,
}

impl LinkFactory {
    fn link(&self, target: u64, node: &MemberNode, lane: Lane) -> Link {
        Link {
            peers: self.peers.clone(),
            snapshots: self.snapshots.clone(),
            watchdog: self.watchdog.clone(),
            reign: Reign::begin(),
            target,
            address: node.peer_address.clone(),
            lane,
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for LinkFactory {
    type Network = Link;

    async fn new_client(&mut self, target: u64, node: &MemberNode) -> Link {
        self.link(target, node, Lane::Log)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &MemberNode) -> Link {
        self.link(target, node, Lane::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &MemberNode) -> Link {
        self.link(target, node, Lane::Snapshot)
    }
}

impl Link {
    fn client(&self) -> Result<PeerClient<Channel>, RpcError> {
        self.peers.client(&self.address, self.lane).map_err(|error| unreachable_peer(&error))
    }

    fn message(&self, payload: Bytes) -> RaftMessage {
        RaftMessage { envelope: Some(self.peers.envelope(self.target)), payload }
    }

    fn json(&self, message: &impl Serialize) -> Result<RaftMessage, RpcError> {
        Ok(self.message(codec::encode_json(message).map_err(network)?))
    }
}

impl RaftNetworkV2<TypeConfig> for Link {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        if self.watchdog.silent(&self.reign) {
            return Err(unreachable_peer(&io::Error::other(
                "no majority answers: silent until the others had time to elect",
            )));
        }
        let deadline = if request.entries.is_empty() { option.hard_ttl() } else { APPEND.max(option.hard_ttl()) };
        let message = self.message(codec::encode_append(&request).map_err(network)?);
        let mut client = self.client()?;
        within(deadline, client.append_entries(message)).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let (mut client, message) = (self.client()?, self.json(&request)?);
        within(option.hard_ttl(), client.vote(message)).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        let (mut client, message) = (self.client()?, self.json(&request)?);
        within(option.hard_ttl(), client.pre_vote(message)).await
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        let (mut client, message) = (self.client()?, self.json(&request)?);
        within(option.hard_ttl(), client.transfer_leader(message)).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let head = self.json(&(vote, &snapshot.meta))?;
        let file = self.snapshots.open_file(&snapshot.snapshot).map_err(network)?;
        let length = file.length().map_err(network)?;
        let mut client = self.client()?;
        let sending = within(option.hard_ttl(), client.install_snapshot(chunks(head, file, length)));
        tokio::select! {
            sent = sending => Ok(sent?),
            closed = cancel => Err(closed.into()),
        }
    }
}

/// The head, then the file. A file that cannot be read ends the stream early, which the peer notices.
fn chunks(head: RaftMessage, file: Arc<dyn DiskFile>, length: u64) -> impl futures::Stream<Item = SnapshotChunk> {
    let first = SnapshotChunk { head: Some(head), data: Bytes::new() };
    let rest = stream::unfold(0, move |position: u64| {
        let file = file.clone();
        async move {
            let step = (length - position).min(CHUNK_BYTES as u64);
            let mut data = vec![0; step as usize];
            let read = step > 0 && file.read_at(position, &mut data).is_ok();
            read.then(|| (SnapshotChunk { head: None, data: data.into() }, position + step))
        }
    });
    futures::StreamExt::chain(stream::iter([first]), rest)
}

/// Waits for an answer, but not for ever.
async fn within<T: DeserializeOwned>(
    deadline: Duration,
    call: impl Future<Output = Result<Response<RaftMessage>, Status>>,
) -> Result<T, RpcError> {
    let answer = tokio::time::timeout(deadline, call).await;
    let answer = answer.map_err(|elapsed| network(io::Error::new(io::ErrorKind::TimedOut, elapsed)))?;
    let answer = answer.map_err(|status| match status.code() {
        tonic::Code::Unavailable => unreachable_peer(&status),
        _ => RPCError::Network(NetworkError::new(&status)),
    })?;
    codec::decode_json(&answer.into_inner().payload).map_err(network)
}

fn unreachable_peer(error: &(impl std::error::Error + 'static)) -> RpcError {
    RPCError::Unreachable(Unreachable::new(error))
}

fn network(error: io::Error) -> RpcError {
    RPCError::Network(NetworkError::new(&error))
}
