//! One agent's session: reads what the agent says and hands it on.
//!
//! Reading never waits for a write to the store: reports go to writers that keep the newest of each thing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::{Status, Streaming};
use xebec_proto::v1::node_down;
use xebec_proto::v1::node_up::Message;
use xebec_proto::v1::{Heartbeat, Hello, NodeUp, NodeUsage, Welcome};

use super::hub::Shared;
use super::outbox::Outbox;
use super::projector::Command;
use super::reports::{HelloNode, Reporter, Reports};
use crate::authn::User;

/// Heartbeats come each second.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a subscription waits for a master with a quorum. The agent tries elsewhere after about the same time.
const SUBSCRIBE: Duration = Duration::from_secs(8);
const BARRIER: Duration = Duration::from_secs(2);
const BARRIER_RETRY: Duration = Duration::from_millis(100);

/// A session that stands. Its end ends everything that belongs to it.
pub(super) struct Session {
    shared: Arc<Shared>,
    user: Arc<User>,
    node: String,
    id: u64,
    hello: HelloNode,
    outbox: Outbox,
    node_changed: Arc<Notify>,
    /// Present once the agent has subscribed.
    reports: Option<Reports>,
    subscribing: Option<JoinHandle<()>>,
    conditions: Option<Vec<serde_json::Value>>,
}

impl Session {
    /// Registers the session and welcomes the agent.
    pub(super) fn begin(shared: Arc<Shared>, user: Arc<User>, hello: Hello, outbox: Outbox) -> Result<Session, Status> {
        let node = hello.node_name.clone();
        let hello = HelloNode::parse(&hello).map_err(Status::invalid_argument)?;
        let node_changed = Arc::new(Notify::new());
        let id = shared.sessions.begin(&node, outbox.clone(), node_changed.clone());
        shared.liveness.connected(&node, id, Instant::now());
        outbox.send(vec![node_down::Message::Welcome(welcome(&shared))]);
        tracing::info!(node, id, "a node agent has connected");
        let (reports, subscribing, conditions) = (None, None, None);
        Ok(Session { shared, user, node, id, hello, outbox, node_changed, reports, subscribing, conditions })
    }

    /// Reads until the agent is gone, silent, or cut.
    pub(super) async fn run(mut self, mut inbound: Streaming<NodeUp>) {
        let outbox = self.outbox.clone();
        loop {
            let message = tokio::select! {
                message = tokio::time::timeout(SILENCE, inbound.message()) => message,
                () = outbox.ended() => return,
            };
            let Ok(Ok(Some(NodeUp { message }))) = message else { return };
            self.shared.liveness.heard(&self.node, Instant::now());
            if let Some(message) = message {
                self.take(message).await;
            }
        }
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Hello(_) => tracing::debug!(node = self.node, "a second Hello is ignored"),
            Message::Heartbeat(heartbeat) => self.heartbeat(heartbeat),
            Message::Subscribe(subscribe) => self.subscribe(subscribe.last_revision),
            Message::NetworkApplied(applied) => {
                self.shared.liveness.set_applied(&self.node, applied.generation);
                // A projector that is busy looks at the acknowledgements anyway.
                drop(self.shared.commands.try_send(Command::Applied));
            }
            report => {
                if let Some(reports) = &self.reports {
                    reports.take(report).await;
                }
            }
        }
    }

    fn heartbeat(&mut self, heartbeat: Heartbeat) {
        if let Some(mut usage) = heartbeat.usage {
            self.keep_own(&mut usage);
            self.shared.liveness.set_usage(&self.node, usage);
        }
        if heartbeat.conditions_json.is_empty() {
            return;
        }
        match serde_json::from_slice(&heartbeat.conditions_json) {
            Ok(conditions) => self.conditions = Some(conditions),
            Err(error) => tracing::warn!(node = self.node, %error, "conditions that cannot be read are ignored"),
        }
        if let (Some(reports), Some(conditions)) = (&self.reports, &self.conditions) {
            reports.conditions(conditions.clone());
        }
    }

    /// A node speaks for the pods that are bound to it, and for no others.
    fn keep_own(&self, usage: &mut NodeUsage) {
        let bound = self.shared.registry.cache().pods_on_node(&self.node);
        let metas = bound.iter().map(|stored| stored.object.meta());
        let own: BTreeSet<(&str, &str)> =
            metas.map(|meta| (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_str())).collect();
        usage.pods.retain(|pod| own.contains(&(pod.namespace.as_str(), pod.name.as_str())));
    }

    fn subscribe(&mut self, last_revision: u64) {
        let reporter = Reporter { shared: self.shared.clone(), user: self.user.clone(), node: self.node.clone() };
        let reports = Reports::start(reporter, self.hello.clone(), self.node_changed.clone());
        if let Some(conditions) = &self.conditions {
            reports.conditions(conditions.clone());
        }
        self.reports = Some(reports);
        let (shared, node, id) = (self.shared.clone(), self.node.clone(), self.id);
        let outbox = self.outbox.clone();
        let before = self.subscribing.replace(tokio::spawn(async move {
            if !subscribe(&shared, &node, id, last_revision).await {
                outbox.cut();
            }
        }));
        before.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.subscribing.iter().for_each(JoinHandle::abort);
        self.outbox.cut();
        self.shared.sessions.end(&self.node, self.id);
        self.shared.liveness.disconnected(&self.node, self.id);
        tracing::info!(node = self.node, id = self.id, "a node agent's session has ended");
    }
}

/// Waits until this master is known to have everything that any master has acknowledged, then has the state sent.
async fn subscribe(shared: &Shared, node: &str, session: u64, last_revision: u64) -> bool {
    let deadline = Instant::now() + SUBSCRIBE;
    let revision = loop {
        match shared.registry.read_barrier(deadline.min(Instant::now() + BARRIER)).await {
            Ok(revision) => break revision,
            Err(_) if Instant::now() >= deadline => return false,
            Err(_) => tokio::time::sleep(BARRIER_RETRY).await,
        }
    };
    if last_revision > revision {
        tracing::warn!(
            node,
            last_revision,
            revision,
            "the node has seen a later state than the cluster has: was it restored?"
        );
    }
    let command = Command::Subscribe { node: node.to_owned(), session };
    let sent = tokio::time::timeout_at(deadline, shared.commands.send(command)).await;
    matches!(sent, Ok(Ok(())))
}

fn welcome(shared: &Shared) -> Welcome {
    let config = &shared.config;
    Welcome {
        master_name: config.master_name.clone(),
        cluster_id: config.cluster_id.clone(),
        masters: shared.masters.borrow().clone(),
        cluster_cidr: config.cluster_cidr.clone(),
        service_cidr: config.service_cidr.clone(),
    }
}
