//! What waits to be told to the masters: the newest of each thing, never a history.
//!
//! Every entry carries the number it was put under; a session remembers the number up to which it has sent, so a new
//! session (which starts at 0) sends everything again. That makes a status survive the loss of the master that had
//! received but not yet written it. The size is bounded by the number of pods on the node, and by [`MAX_EVENTS`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use xebec_proto::v1::node_up::Message;
use xebec_proto::v1::{Heartbeat, NodeEvent, NodeUsage, PodStatus, PodTerminated};

/// Events wait no longer than this; older ones are dropped, for an event is a hint and not state.
pub(super) const MAX_EVENTS: usize = 256;

/// A status, its place in the sequence, and the Ready condition it carries.
struct Status {
    put: u64,
    ready: Option<String>,
    message: PodStatus,
}

/// How far one session has sent. A new session starts with the default.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cursor {
    work: u64,
    conditions: u64,
    usage: u64,
    network: u64,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Outbox {
    sequence: u64,
    statuses: BTreeMap<String, Status>,
    terminated: BTreeMap<String, (u64, PodTerminated)>,
    events: VecDeque<NodeEvent>,
    dropped_events: u64,
    conditions: (u64, Bytes),
    usage: (u64, Option<NodeUsage>),
    network: u64,
    /// The pods bound to this node, once a master has said which they are.
    assigned: Option<BTreeSet<String>>,
}

impl Outbox {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Statuses of pods that the masters do not know are of no use to them.
    fn wanted(&self, uid: &str) -> bool {
        self.assigned.as_ref().is_none_or(|assigned| assigned.contains(uid))
    }

    pub(super) fn put_status(&mut self, message: PodStatus, ready: Option<String>) {
        if !self.wanted(&message.uid) {
            return;
        }
        let same = |status: &Status| status.message == message;
        if self.statuses.get(&message.uid).is_some_and(same) {
            return;
        }
        let put = self.next();
        self.statuses.insert(message.uid.clone(), Status { put, ready, message });
    }

    pub(super) fn put_terminated(&mut self, message: PodTerminated) {
        if self.wanted(&message.uid) {
            let put = self.next();
            self.terminated.insert(message.uid.clone(), (put, message));
        }
    }

    pub(super) fn put_event(&mut self, event: NodeEvent) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
            self.dropped_events += 1;
        }
        self.events.push_back(event);
    }

    pub(super) fn put_conditions(&mut self, json: Bytes) {
        if self.conditions.1 != json {
            self.conditions = (self.next(), json);
        }
    }

    pub(super) fn put_usage(&mut self, usage: NodeUsage) {
        self.usage = (self.next(), Some(usage));
    }

    pub(super) fn network(&self) -> u64 {
        self.network
    }

    pub(super) fn put_network(&mut self, generation: u64) {
        self.network = generation;
    }

    /// A master has assigned the pod and believes its Ready condition to be `ready`. When we said otherwise, we say it
    /// again: the masters mark the pods of a silent node as not ready, and that must not outlive the silence.
    pub(super) fn assigned(&mut self, uid: &str, ready: Option<&str>) {
        if let Some(assigned) = &mut self.assigned {
            assigned.insert(uid.to_owned());
        }
        let differs = |status: &Status| status.ready.is_some() && status.ready.as_deref() != ready;
        if self.statuses.get(uid).is_some_and(differs) {
            let put = self.next();
            self.statuses.get_mut(uid).expect("looked up above").put = put;
        }
    }

    /// The pod's object is gone.
    pub(super) fn removed(&mut self, uid: &str) {
        if let Some(assigned) = &mut self.assigned {
            assigned.remove(uid);
        }
        self.statuses.remove(uid);
        self.terminated.remove(uid);
    }

    /// These are all the pods of this node.
    pub(super) fn synced(&mut self, pods: BTreeSet<String>) {
        self.statuses.retain(|uid, _| pods.contains(uid));
        self.terminated.retain(|uid, _| pods.contains(uid));
        self.assigned = Some(pods);
    }

    /// What the subscribed master has not been told yet. Events leave the outbox with this.
    pub(super) fn take_work(&mut self, cursor: &mut Cursor) -> Vec<Message> {
        let after = cursor.work;
        let statuses = self.statuses.values().filter(|s| s.put > after).map(|s| Message::PodStatus(s.message.clone()));
        let ended = self.terminated.values().filter(|(put, _)| *put > after);
        let ended = ended.map(|(_, message)| Message::PodTerminated(message.clone()));
        let mut messages: Vec<Message> = statuses.chain(ended).collect();
        messages.extend(self.events.drain(..).map(Message::Event));
        cursor.work = self.sequence;
        messages
    }

    /// The heartbeat for a session: conditions and usage only when that master has not seen them.
    pub(super) fn heartbeat(&self, cursor: &mut Cursor, sequence: u64) -> Heartbeat {
        let conditions_json =
            if cursor.conditions < self.conditions.0 { self.conditions.1.clone() } else { Bytes::new() };
        let usage = if cursor.usage < self.usage.0 { self.usage.1.clone() } else { None };
        cursor.conditions = self.conditions.0;
        cursor.usage = self.usage.0;
        Heartbeat { sequence, conditions_json, usage }
    }

    /// Whether the conditions have changed since this session's last heartbeat.
    pub(super) fn conditions_due(&self, cursor: &Cursor) -> bool {
        cursor.conditions < self.conditions.0
    }

    /// The network generation, when this master has not been told of it.
    pub(super) fn take_network(&self, cursor: &mut Cursor) -> Option<u64> {
        let due = cursor.network != self.network;
        cursor.network = self.network;
        due.then_some(self.network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(uid: &str, text: &'static str) -> PodStatus {
        PodStatus { uid: uid.into(), status_json: Bytes::from_static(text.as_bytes()), ..Default::default() }
    }

    fn uids(messages: &[Message]) -> Vec<String> {
        let uid = |message: &Message| match message {
            Message::PodStatus(status) => format!("status {}", status.uid),
            Message::PodTerminated(ended) => format!("terminated {}", ended.uid),
            other => format!("{other:?}"),
        };
        messages.iter().map(uid).collect()
    }

    #[test]
    fn the_newest_status_wins_and_a_new_session_hears_everything() {
        let mut outbox = Outbox::default();
        let mut first = Cursor::default();
        outbox.put_status(status("a", "1"), None);
        outbox.put_status(status("a", "2"), None);
        outbox.put_status(status("b", "1"), None);
        assert_eq!(uids(&outbox.take_work(&mut first)), ["status a", "status b"]);
        assert!(outbox.take_work(&mut first).is_empty());
        outbox.put_status(status("a", "2"), None);
        assert!(outbox.take_work(&mut first).is_empty(), "an unchanged status is not sent again");
        assert_eq!(outbox.take_work(&mut Cursor::default()).len(), 2);
    }

    #[test]
    fn removed_and_unknown_pods_leave_nothing_behind() {
        let mut outbox = Outbox::default();
        outbox.put_status(status("a", "1"), None);
        outbox.put_status(status("gone", "1"), None);
        outbox.synced(BTreeSet::from(["a".to_owned()]));
        outbox.put_status(status("gone", "2"), None);
        outbox.put_terminated(PodTerminated { uid: "a".into(), ..Default::default() });
        assert_eq!(uids(&outbox.take_work(&mut Cursor::default())), ["status a", "terminated a"]);
        outbox.removed("a");
        outbox.put_status(status("a", "3"), None);
        assert!(outbox.take_work(&mut Cursor::default()).is_empty());
    }

    #[test]
    fn a_readiness_that_the_master_doubts_is_said_again() {
        let mut outbox = Outbox::default();
        let mut cursor = Cursor::default();
        outbox.put_status(status("a", "1"), Some("True".into()));
        outbox.take_work(&mut cursor);
        outbox.assigned("a", Some("True"));
        assert!(outbox.take_work(&mut cursor).is_empty());
        outbox.assigned("a", Some("False"));
        assert_eq!(uids(&outbox.take_work(&mut cursor)), ["status a"]);
    }

    #[test]
    fn events_are_bounded_and_sent_once() {
        let mut outbox = Outbox::default();
        (0..MAX_EVENTS + 3).for_each(|_| outbox.put_event(NodeEvent::default()));
        assert_eq!(outbox.take_work(&mut Cursor::default()).len(), MAX_EVENTS);
        assert_eq!(outbox.dropped_events, 3);
        assert!(outbox.take_work(&mut Cursor::default()).is_empty());
    }

    #[test]
    fn each_session_hears_conditions_usage_and_generation_once() {
        let mut outbox = Outbox::default();
        outbox.put_conditions(Bytes::from_static(b"[]"));
        outbox.put_usage(NodeUsage { cpu_nanocores: 1, ..Default::default() });
        outbox.put_network(7);
        let mut cursor = Cursor::default();
        assert!(outbox.conditions_due(&cursor));
        let first = outbox.heartbeat(&mut cursor, 1);
        assert_eq!((first.conditions_json.as_ref(), first.usage.is_some()), (b"[]".as_ref(), true));
        let second = outbox.heartbeat(&mut cursor, 2);
        assert_eq!((second.conditions_json.is_empty(), second.usage.is_none()), (true, true));
        assert_eq!((outbox.take_network(&mut cursor), outbox.take_network(&mut cursor)), (Some(7), None));
    }
}
