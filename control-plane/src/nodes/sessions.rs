//! The sessions that stand, one a node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use xebec_proto::v1::node_down::Message;

use super::outbox::Outbox;

struct Session {
    id: u64,
    outbox: Outbox,
    /// Told when the Node object has changed.
    node_changed: Arc<Notify>,
    subscribed: bool,
}

#[derive(Default)]
struct Table {
    last_id: u64,
    nodes: BTreeMap<String, Session>,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Sessions {
    table: Mutex<Table>,
}

impl Sessions {
    /// A session begins; an older one of the same node ends, for an agent has but one.
    pub(super) fn begin(&self, node: &str, outbox: Outbox, node_changed: Arc<Notify>) -> u64 {
        let mut table = self.lock();
        table.last_id += 1;
        let id = table.last_id;
        let session = Session { id, outbox, node_changed, subscribed: false };
        if let Some(older) = table.nodes.insert(node.to_owned(), session) {
            older.outbox.cut();
        }
        id
    }

    pub(super) fn end(&self, node: &str, id: u64) {
        let mut table = self.lock();
        if table.nodes.get(node).is_some_and(|session| session.id == id) {
            table.nodes.remove(node);
        }
    }

    /// From now on the session gets changes. Returns its outbox, unless it has ended meanwhile.
    pub(super) fn subscribe(&self, node: &str, id: u64) -> Option<Outbox> {
        let mut table = self.lock();
        let session = table.nodes.get_mut(node).filter(|session| session.id == id)?;
        session.subscribed = true;
        Some(session.outbox.clone())
    }

    pub(super) fn outbox(&self, node: &str) -> Option<Outbox> {
        self.lock().nodes.get(node).map(|session| session.outbox.clone())
    }

    pub(super) fn tell_all(&self, message: &Message) {
        self.lock().nodes.values().for_each(|session| session.outbox.send(vec![message.clone()]));
    }

    pub(super) fn tell_subscribed(&self, messages: &[Message]) {
        self.subscribed(|session| session.outbox.send(messages.to_vec()));
    }

    pub(super) fn tell_one(&self, node: &str, messages: Vec<Message>) {
        if let Some(session) = self.lock().nodes.get(node).filter(|session| session.subscribed) {
            session.outbox.send(messages);
        }
    }

    pub(super) fn cut_subscribed(&self) {
        self.subscribed(|session| session.outbox.cut());
    }

    pub(super) fn cut(&self, node: &str) {
        if let Some(session) = self.lock().nodes.get(node) {
            session.outbox.cut();
        }
    }

    pub(super) fn any_subscribed(&self) -> bool {
        self.lock().nodes.values().any(|session| session.subscribed)
    }

    pub(super) fn node_changed(&self, node: &str) {
        if let Some(session) = self.lock().nodes.get(node) {
            session.node_changed.notify_one();
        }
    }

    fn subscribed(&self, act: impl Fn(&Session)) {
        self.lock().nodes.values().filter(|session| session.subscribed).for_each(act);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
