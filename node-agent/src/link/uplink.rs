//! The handle by which the rest of the agent reports. It never waits: the newest report replaces the one before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use k8s_openapi::api::core::v1::{NodeCondition, ObjectReference, PodStatus};
use tokio::sync::watch;
use xebec_proto::v1::{self, NodeUsage};

use super::outbox::Outbox;

/// Reports of this node to the masters. Whatever a master has not confirmed by a later state is told again on the next
/// session, so callers report once and forget.
#[derive(Clone)]
pub struct Uplink {
    outbox: Arc<Mutex<Outbox>>,
    changed: watch::Sender<()>,
}

impl Default for Uplink {
    fn default() -> Uplink {
        Uplink { outbox: Arc::default(), changed: watch::Sender::new(()) }
    }
}

impl Uplink {
    /// An uplink with nothing to report. Sessions come and go without it noticing.
    pub fn new() -> Uplink {
        Uplink::default()
    }

    /// The pod's status as this node sees it. Conditions of types that the status does not mention are left alone.
    pub fn pod_status(&self, namespace: &str, name: &str, uid: &str, status: &PodStatus) {
        let message = v1::PodStatus {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            status_json: json(status),
        };
        self.update(|outbox| outbox.put_status(message, ready_condition(status)));
    }

    /// Everything of a pod that is being deleted has stopped, and its sandbox is gone.
    pub fn pod_terminated(&self, namespace: &str, name: &str, uid: &str) {
        let (namespace, name, uid) = (namespace.to_owned(), name.to_owned(), uid.to_owned());
        self.update(|outbox| outbox.put_terminated(v1::PodTerminated { namespace, name, uid }));
    }

    /// All conditions that this node reports about itself.
    pub fn conditions(&self, conditions: &[NodeCondition]) {
        self.update(|outbox| outbox.put_conditions(json(&conditions)));
    }

    /// What node and pods use.
    pub fn usage(&self, usage: NodeUsage) {
        self.update(|outbox| outbox.put_usage(usage));
    }

    /// Something worth telling people: `kind` is Normal or Warning.
    pub fn event(&self, about: &ObjectReference, kind: &str, reason: &str, message: &str) {
        let event = v1::NodeEvent {
            namespace: about.namespace.clone().unwrap_or_default(),
            involved_object_json: json(about),
            r#type: kind.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        self.update(|outbox| outbox.put_event(event));
    }

    /// The highest network generation that this node has programmed.
    pub fn applied_generation(&self) -> u64 {
        self.lock().network()
    }

    pub(crate) fn network_applied(&self, generation: u64) {
        self.update(|outbox| outbox.put_network(generation));
    }

    pub(super) fn assigned(&self, uid: &str, status: Option<&PodStatus>) {
        let ready = status.and_then(ready_condition);
        self.update(|outbox| outbox.assigned(uid, ready.as_deref()));
    }

    pub(super) fn removed(&self, uid: &str) {
        self.update(|outbox| outbox.removed(uid));
    }

    pub(super) fn synced(&self, pods: BTreeSet<String>) {
        self.update(|outbox| outbox.synced(pods));
    }

    /// Wakes whenever there may be something new to send.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().expect("no holder of the outbox can panic")
    }

    fn update(&self, change: impl FnOnce(&mut Outbox)) {
        change(&mut self.lock());
        self.changed.send_replace(());
    }
}

fn ready_condition(status: &PodStatus) -> Option<String> {
    let conditions = status.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.status.clone())
}

fn json(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value).expect("API types have string keys only").into()
}
