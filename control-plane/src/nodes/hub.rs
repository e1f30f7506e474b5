//! All nodes of the cluster, as this master sees them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use xebec_api::Status;
use xebec_proto::v1::node_down::Message;
use xebec_proto::v1::{MastersChanged, OpenStream};

use super::liveness::{Liveness, NodeLiveness, NodeUsageReport};
use super::projector::{Command, Projector};
use super::quorum;
use super::service::NodesService;
use super::sessions::Sessions;
use super::streams::{NodeStream, NodeStreams, Waiting};
use crate::registry::Registry;

/// Agents take a session that is silent for two and a half of these as lost.
const KEEPALIVE: Duration = Duration::from_secs(1);
/// Commands to the projector that wait; askers wait for a place.
const COMMANDS: usize = 64;

/// What agents are told of this master and its cluster.
#[derive(Debug, Clone)]
pub struct NodeHubConfig {
    /// This master.
    pub master_name: String,
    /// The cluster.
    pub cluster_id: String,
    /// The pods' addresses.
    pub cluster_cidr: String,
    /// The services' addresses.
    pub service_cidr: String,
}

/// What the tasks of the hub and its sessions share.
pub(super) struct Shared {
    pub(super) registry: Registry,
    pub(super) config: NodeHubConfig,
    pub(super) masters: watch::Receiver<Vec<String>>,
    pub(super) liveness: Liveness,
    pub(super) sessions: Sessions,
    pub(super) waiting: Waiting,
    pub(super) commands: mpsc::Sender<Command>,
}

/// The sessions of this master with the node agents. A clone is another handle; the last one that goes stops the hub.
#[derive(Clone)]
pub struct NodeHub {
    shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

struct Tasks(Vec<JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl NodeHub {
    /// Starts the hub's tasks on the current runtime. `masters` are the API addresses of all masters, `host:port`.
    pub fn new(registry: Registry, masters: watch::Receiver<Vec<String>>, config: NodeHubConfig) -> NodeHub {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (liveness, sessions, waiting) = Default::default();
        let shared = Arc::new(Shared { registry, config, masters, liveness, sessions, waiting, commands });
        let tasks = vec![
            tokio::spawn(Projector::new(shared.clone()).run(receiver)),
            tokio::spawn(keep_alive(shared.clone())),
            tokio::spawn(quorum::watch(shared.clone())),
        ];
        NodeHub { shared, _tasks: Arc::new(Tasks(tasks)) }
    }

    /// The gRPC service that agents call. Requests need an `Arc<User>` among their extensions.
    pub fn service(&self) -> NodesService {
        NodesService::new(self.shared.clone())
    }

    /// What this master has heard of each node.
    pub fn liveness(&self) -> Vec<NodeLiveness> {
        self.shared.liveness.list()
    }

    /// Moves when a node connects, leaves, or is heard again after a silence.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.liveness.changed()
    }

    /// What the nodes said that they and their pods use.
    pub fn usage(&self) -> Vec<NodeUsageReport> {
        self.shared.liveness.usage()
    }
}

/// Tells all agents who the masters are: at once when that changes, and each second, by which they know that this one lives.
async fn keep_alive(shared: Arc<Shared>) {
    let mut masters = shared.masters.clone();
    loop {
        let message = Message::MastersChanged(MastersChanged { masters: masters.borrow_and_update().clone() });
        shared.sessions.tell_all(&message);
        if let Ok(Err(_)) = tokio::time::timeout(KEEPALIVE, masters.changed()).await {
            return;
        }
    }
}

#[async_trait]
impl NodeStreams for NodeHub {
    async fn open(&self, node: &str, mut open: OpenStream, deadline: Instant) -> Result<NodeStream, Status> {
        let outbox = self
            .shared
            .sessions
            .outbox(node)
            .ok_or_else(|| Status::service_unavailable(format!("node {node} has no session with this master")))?;
        open.stream_id = uuid::Uuid::new_v4().to_string();
        let (mut request, stream) = self.shared.waiting.ask(node, &open.stream_id);
        outbox.send(vec![Message::OpenStream(open)]);
        match tokio::time::timeout_at(deadline, &mut request.dialled).await {
            Ok(Ok(())) => Ok(stream),
            Ok(Err(_)) | Err(_) => Err(Status::timeout(format!("node {node} did not open the stream in time"))),
        }
    }
}
