//! A peer that is not there and says that it has written everything: [`crate::Mutant::ShortQuorum`].

use std::pin::Pin;

use futures::{Stream, StreamExt, stream};
use prost::Message;
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

/// As much of an AppendEntries request as it takes to agree to it.
#[derive(Clone, PartialEq, Message)]
struct Append {
    #[prost(message, optional, tag = "2")]
    previous: Option<Name>,
    #[prost(message, repeated, tag = "3")]
    entries: Vec<Name>,
}

/// What a follower answers that has written all entries: the name of the last.
#[derive(Clone, PartialEq, Message)]
struct Appended {
    #[prost(message, optional, tag = "1")]
    matched: Option<Name>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Name {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(uint64, tag = "3")]
    index: u64,
}

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

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn written(request: &RaftMessage) -> Result<RaftMessage, Status> {
    let append = Append::decode(&request.payload[..]).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let matched = append.entries.last().copied().or(append.previous);
    Ok(RaftMessage { envelope: None, payload: Appended { matched }.encode_to_vec().into() })
}

fn absent<T>() -> Result<Response<T>, Status> {
    Err(Status::unavailable("there is nobody"))
}

#[tonic::async_trait]
impl Peer for YesMan {
    type AppendEntriesStream = Answers<RaftMessage>;
    type ProposeStream = Answers<ProposeResponse>;

    async fn append_entries(
        &self,
        request: Request<Streaming<RaftMessage>>,
    ) -> Result<Response<Answers<RaftMessage>>, Status> {
        // The first message only says who calls.
        let requests = request.into_inner().skip(1);
        Ok(Response::new(requests.map(|request| written(&request?)).boxed()))
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

    async fn propose(
        &self,
        _request: Request<Streaming<ProposeRequest>>,
    ) -> Result<Response<Answers<ProposeResponse>>, Status> {
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
