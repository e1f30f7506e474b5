//! A peer that is not there and says that it has written everything: [`crate::Mutant::ShortQuorum`].

use bytes::Bytes;
use futures::stream;
use tokio::io::{DuplexStream, duplex};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use xebec_proto::peer::peer_server::{Peer, PeerServer};
use xebec_proto::peer::{
    ProposeRequest, ProposeResponse, RaftMessage, ReadIndexRequest, ReadIndexResponse, RoomRequest, RoomResponse,
    SnapshotChunk, StateHashRequest, StateHashResponse,
};
use xebec_store::world::PeerStream;

const BUFFER: usize = 1 << 20;
/// What a follower answers when it has written all entries.
const WRITTEN: &[u8] = b"\"Success\"";

/// A connection with it.
pub(crate) fn connect() -> DuplexStream {
    let (ours, its) = duplex(BUFFER);
    tokio::spawn(async move {
        let incoming = stream::iter([Ok::<_, std::io::Error>(PeerStream::new(its))]);
        let server = Server::builder().add_service(PeerServer::new(YesMan));
        let _served = server.serve_with_incoming(incoming).await.is_ok();
    });
    ours
}

struct YesMan;

fn absent<T>() -> Result<Response<T>, Status> {
    Err(Status::unavailable("there is nobody"))
}

#[tonic::async_trait]
impl Peer for YesMan {
    async fn append_entries(&self, _request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        Ok(Response::new(RaftMessage { envelope: None, payload: Bytes::from_static(WRITTEN) }))
    }

    async fn vote(&self, _request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        absent()
    }

    async fn pre_vote(&self, _request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        absent()
    }

    async fn transfer_leader(&self, _request: Request<RaftMessage>) -> Result<Response<RaftMessage>, Status> {
        absent()
    }

    async fn install_snapshot(
        &self,
        _request: Request<Streaming<SnapshotChunk>>,
    ) -> Result<Response<RaftMessage>, Status> {
        absent()
    }

    async fn propose(&self, _request: Request<ProposeRequest>) -> Result<Response<ProposeResponse>, Status> {
        absent()
    }

    async fn room(&self, _request: Request<RoomRequest>) -> Result<Response<RoomResponse>, Status> {
        absent()
    }

    async fn state_hash(&self, _request: Request<StateHashRequest>) -> Result<Response<StateHashResponse>, Status> {
        absent()
    }

    async fn read_index(&self, _request: Request<ReadIndexRequest>) -> Result<Response<ReadIndexResponse>, Status> {
        absent()
    }
}
