//! One session with one master: dial, introduce, then read and write until either fails.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use xebec_node_plan::link::Event;
use xebec_proto::dial::{DialError, dial};
use xebec_proto::endpoint::{Endpoint, EndpointError};
use xebec_proto::v1::node_down::Message as Down;
use xebec_proto::v1::node_up::Message as Up;
use xebec_proto::v1::nodes_client::NodesClient;
use xebec_proto::v1::{Hello, NodeDown, NodeUp, Welcome};

use super::receive::Receiver;
use super::{NetworkUpdate, Uplink, Work, transmit};

const DIAL: Duration = Duration::from_secs(3);
const WELCOME: Duration = Duration::from_secs(5);
/// A pod comes with its ConfigMaps and Secrets, of up to a mebibyte each.
const LARGEST_MESSAGE: usize = 64 << 20;
/// Reports that wait for the connection.
const OUTBOUND: usize = 64;

/// What all sessions share.
#[derive(Clone)]
pub(super) struct Context {
    /// What to dial with: the newest certificate.
    pub(super) tls: watch::Receiver<Arc<ClientConfig>>,
    pub(super) hello: Hello,
    pub(super) uplink: Uplink,
    pub(super) work: mpsc::Sender<Work>,
    pub(super) network: mpsc::Sender<NetworkUpdate>,
    /// The highest revision that any master has told.
    pub(super) last_revision: Arc<AtomicU64>,
}

/// Something that happened to a session.
pub(super) struct Told {
    pub(super) master: String,
    pub(super) session: u64,
    pub(super) event: Event,
}

/// By which a session tells the supervisor.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) master: String,
    pub(super) session: u64,
    pub(super) told: mpsc::Sender<Told>,
}

impl Teller {
    pub(super) async fn tell(&self, event: Event) {
        let (master, session) = (self.master.clone(), self.session);
        // Without a supervisor there is nobody to tell, and this task is about to be ended.
        drop(self.told.send(Told { master, session, event }).await);
    }
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Address(#[from] EndpointError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the master ended the session: {}", .0.message())]
    Status(Box<Status>),
    #[error("the master did not welcome this node in time")]
    NoWelcome,
    #[error("the master is silent")]
    Silent,
    #[error("the connection takes nothing any more")]
    Stuck,
    #[error("the agent is ending")]
    Ending,
}

impl From<Status> for Ended {
    fn from(status: Status) -> Ended {
        Ended::Status(Box::new(status))
    }
}

/// Waits, connects, and keeps the session until it breaks; then says so.
pub(super) async fn run(context: Context, teller: Teller, subscribed: watch::Receiver<bool>, after: Duration) {
    tokio::time::sleep(after).await;
    if let Err(ended) = keep(&context, &teller, subscribed).await {
        let master = teller.master.as_str();
        tracing::info!(master, error = &ended as &dyn std::error::Error, "no session with this master");
    }
    teller.tell(Event::Lost(teller.master.clone())).await;
}

async fn keep(context: &Context, teller: &Teller, subscribed: watch::Receiver<bool>) -> Result<(), Ended> {
    let endpoint: Endpoint = teller.master.parse()?;
    let tls = context.tls.borrow().clone();
    let channel = dial(&endpoint, tls, DIAL).await?;
    let (outbound, messages) = mpsc::channel(OUTBOUND);
    transmit::send(&outbound, Up::Hello(context.hello.clone())).await?;
    let (welcome, inbound) = open(channel.clone(), messages).await?;
    tracing::info!(master = teller.master, name = welcome.master_name, "session with this master");
    teller.tell(Event::Connected(teller.master.clone())).await;
    teller.tell(Event::Masters(welcome.masters)).await;
    let receiver = Receiver::new(context.clone(), teller.clone(), channel);
    tokio::select! {
        ended = receiver.run(inbound) => ended,
        ended = transmit::run(context, outbound, subscribed) => ended,
    }
}

async fn open(channel: Channel, messages: mpsc::Receiver<NodeUp>) -> Result<(Welcome, Streaming<NodeDown>), Ended> {
    let mut client = NodesClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE);
    let opened = async {
        let mut inbound = client.session(ReceiverStream::new(messages)).await?.into_inner();
        let first = inbound.message().await?;
        Ok::<_, Status>((first, inbound))
    };
    let (first, inbound) = tokio::time::timeout(WELCOME, opened).await.map_err(|_| Ended::NoWelcome)??;
    match first.and_then(|first| first.message) {
        Some(Down::Welcome(welcome)) => Ok((welcome, inbound)),
        _ => Err(Ended::NoWelcome),
    }
}
