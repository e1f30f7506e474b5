//! What a subscribed agent reports, written through the registry as that node.
//!
//! Three writers a session, so that none waits for another: pods (several at once, the newest report of each), the Node
//! object, events. A write that fails for want of a leader is tried again until it succeeds or the session ends; the agent
//! says everything again to the next master.

mod event;
mod event_writer;
mod node;
mod node_writer;
mod pod;
mod pod_writer;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use xebec_api::Kind;
use xebec_proto::v1::NodeEvent;
use xebec_proto::v1::node_up::Message;

use super::hub::Shared;
use crate::authn::User;
use crate::registry::{RequestContext, Stored};

pub(super) use node::HelloNode;
use pod_writer::PodReport;

/// Who owns what nodes report, as Kubernetes names it.
const FIELD_MANAGER: &str = "kubelet";
/// Each attempt to write ends by then; more follow.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Reports that wait to be taken over by the pod writer, which always takes them at once.
const POD_REPORTS: usize = 64;
/// Events that wait; more are dropped.
const EVENTS: usize = 128;

/// On whose behalf reports are written.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) shared: Arc<Shared>,
    pub(super) user: Arc<User>,
    pub(super) node: String,
}

impl Reporter {
    fn context(&self) -> RequestContext {
        RequestContext::new(self.user.clone(), Instant::now() + ATTEMPT)
    }

    fn cached(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Option<Stored> {
        self.shared.registry.cache().get(kind, namespace, name)
    }

    fn now(&self) -> String {
        crate::registry::rfc3339(self.shared.registry.now())
    }
}

/// The writers of one session. They stop when this is dropped.
pub(super) struct Reports {
    pods: mpsc::Sender<PodReport>,
    events: mpsc::Sender<NodeEvent>,
    conditions: watch::Sender<Option<Vec<Value>>>,
    writers: [JoinHandle<()>; 3],
}

impl Reports {
    /// Starts the writers; the node writer registers the node first.
    pub(super) fn start(reporter: Reporter, hello: HelloNode, node_changed: Arc<Notify>) -> Reports {
        let (pods, pod_reports) = mpsc::channel(POD_REPORTS);
        let (events, event_reports) = mpsc::channel(EVENTS);
        let (conditions, reported) = watch::channel(None);
        let writers = [
            tokio::spawn(pod_writer::run(reporter.clone(), pod_reports)),
            tokio::spawn(event_writer::run(reporter.clone(), event_reports)),
            tokio::spawn(node_writer::run(reporter, hello, reported, node_changed)),
        ];
        Reports { pods, events, conditions, writers }
    }

    /// Hands a report to its writer.
    pub(super) async fn take(&self, report: Message) {
        match report {
            Message::PodStatus(status) => drop(self.pods.send(PodReport::Status(status)).await),
            Message::PodTerminated(ended) => drop(self.pods.send(PodReport::Terminated(ended)).await),
            Message::Event(event) => drop(self.events.try_send(event)),
            Message::Hello(_) | Message::Heartbeat(_) | Message::Subscribe(_) | Message::NetworkApplied(_) => {}
        }
    }

    /// The node's conditions, as it reports them.
    pub(super) fn conditions(&self, conditions: Vec<Value>) {
        self.conditions.send_replace(Some(conditions));
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.writers.iter().for_each(JoinHandle::abort);
    }
}

fn kind(name: &str) -> &'static Kind {
    xebec_api::find_kind("", "v1", name).expect("a kind of the core group")
}
