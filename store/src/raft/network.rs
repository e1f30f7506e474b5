//! openraft's messages, sent to peers.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendError, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Response, Status};
use xebec_proto::peer::peer_client::PeerClient;
use xebec_proto::peer::{RaftMessage, SnapshotChunk};

use super::codec;
use super::pipeline::{Pipeline, Session};
use super::types::{Snapshot, TypeConfig, Vote};
use crate::disk::DiskFile;
use crate::instruments::{Heartbeat, Instruments};
use crate::member::MemberNode;
use crate::network::{Lane, Peers};
use crate::snapshot::{SnapshotDir, SnapshotFile};
use crate::watchdog::{Reign, Watchdog};

/// Dialling and opening a stream.
const OPEN: Duration = Duration::from_secs(1);
const CHUNK_BYTES: usize = 512 << 10;

type RpcError = RPCError<TypeConfig>;

/// Makes links to peers.
pub(crate) struct LinkFactory {
    pub(crate) peers: Arc<Peers>,
    pub(crate) snapshots: Arc<SnapshotDir>,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) instruments: Instruments,
}

/// A link to one peer, for one kind of traffic.
pub(crate) struct Link {
    peers: Arc<Peers>,
    snapshots: Arc<SnapshotDir>,
    watchdog: Arc<Watchdog>,
    instruments: Instruments,
    reign: Reign,
    target: u64,
    address: String,
    lane: Lane,
    /// Between two sessions.
    idle: Option<Pipeline>,
}

impl LinkFactory {
    fn link(&self, target: u64, node: &MemberNode, lane: Lane) -> Link {
        Link {
            peers: self.peers.clone(),
            snapshots: self.snapshots.clone(),
            watchdog: self.watchdog.clone(),
            instruments: self.instruments.clone(),
            reign: Reign::begin(),
            target,
            address: node.peer_address.clone(),
            lane,
            idle: None,
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

    /// Whether AppendEntries is to be held back.
    pub(super) fn is_silent(&self) -> bool {
        self.watchdog.silent(&self.reign)
    }

    /// Keeps a stream on which nothing is under way.
    pub(super) fn keep(&mut self, pipeline: Pipeline) {
        self.idle = Some(pipeline);
    }

    /// The stream that was kept, if it still stands, or a new one.
    pub(super) async fn pipeline(&mut self) -> Result<Pipeline, RpcError> {
        if let Some(mut kept) = self.idle.take()
            && kept.is_idle()
        {
            return Ok(kept);
        }
        let mut client = self.client()?;
        let (requests, sent) = mpsc::channel(Pipeline::ROOM);
        let head = self.message(Bytes::new());
        let opening = async {
            let stream = stream::iter([head]).chain(ReceiverStream::new(sent));
            client.append_entries(stream).await.map_err(|status| failed(&status))
        };
        let opened = timeout(OPEN, opening).await.map_err(|elapsed| network(timed_out(elapsed)))?;
        Ok(Pipeline::new(requests, opened?.into_inner()))
    }

    fn json(&self, message: &impl Serialize) -> Result<RaftMessage, RpcError> {
        Ok(self.message(codec::encode_json(message).map_err(network)?))
    }
}

impl RaftNetworkV2<TypeConfig> for Link {
    type SnapshotData = SnapshotFile;

    /// One request as a stream of one.
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        let one = stream::iter([request]);
        let mut answers = RaftNetworkV2::stream_append(self, one, option).await?;
        let none = || network(io::Error::from(io::ErrorKind::UnexpectedEof));
        let answer = answers.next().await.ok_or_else(none)??;
        Ok(match answer {
            Ok(_) => AppendEntriesResponse::Success,
            Err(StreamAppendError::Conflict(_)) => AppendEntriesResponse::Conflict,
            Err(StreamAppendError::HigherVote(vote)) => AppendEntriesResponse::HigherVote(vote),
        })
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RpcError>>, RpcError>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let mut beat = (self.lane == Lane::Heartbeat).then(|| self.instruments.heartbeat());
            let session = Session::new(self, input);
            let answers = stream::unfold(Some(session), |session| async { Session::step(session?).await });
            let answers = answers.inspect(move |answer| {
                let answered = beat.take_if(|_| answer.is_ok());
                answered.into_iter().for_each(Heartbeat::answered);
            });
            Ok::<BoxStream<'s, _>, _>(Box::pin(answers))
        })
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
fn chunks(head: RaftMessage, file: Arc<dyn DiskFile>, length: u64) -> impl Stream<Item = SnapshotChunk> {
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
    stream::iter([first]).chain(rest)
}

/// Waits for an answer, but not for ever.
async fn within<T: DeserializeOwned>(
    deadline: Duration,
    call: impl Future<Output = Result<Response<RaftMessage>, Status>>,
) -> Result<T, RpcError> {
    let answer = timeout(deadline, call).await.map_err(|elapsed| network(timed_out(elapsed)))?;
    let answer = answer.map_err(|status| failed(&status))?;
    codec::decode_json(&answer.into_inner().payload).map_err(network)
}

fn timed_out(elapsed: tokio::time::error::Elapsed) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, elapsed)
}

/// What a status means to openraft.
pub(super) fn failed(status: &Status) -> RpcError {
    match status.code() {
        tonic::Code::Unavailable => unreachable_peer(status),
        _ => RPCError::Network(NetworkError::new(status)),
    }
}

/// AppendEntries is held back, see `watchdog.rs`.
pub(super) fn silenced() -> RpcError {
    unreachable_peer(&io::Error::other("no majority answers: silent until the others had time to elect"))
}

fn unreachable_peer(error: &(impl std::error::Error + 'static)) -> RpcError {
    RPCError::Unreachable(Unreachable::new(error))
}

pub(super) fn network(error: io::Error) -> RpcError {
    RPCError::Network(NetworkError::new(&error))
}
