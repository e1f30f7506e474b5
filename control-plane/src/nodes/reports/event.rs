//! Event objects from what an agent tells. The same event again is counted, not stored again.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xebec_proto::v1::NodeEvent;

/// Events of things outside any namespace live here, as in Kubernetes.
const CLUSTER_NAMESPACE: &str = "default";
/// How many different events are remembered for counting. When there are more, all are forgotten and counted anew.
const REMEMBERED: usize = 256;

/// Bytes of what an agent tells in one event. It tells in a sentence; what is remembered must be bounded in bytes too.
const LONGEST: usize = 16 * 1024;

/// What makes two events the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    involved: String,
    kind: String,
    reason: String,
    message: String,
}

/// An event that is in the cluster.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    count: u64,
}

/// What to do for an event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    /// Store it.
    Create { namespace: String, name: String, object: Value },
    /// It is there; merge this into it.
    Count { namespace: String, name: String, patch: Value },
}

/// Who tells, when, and a number that makes the name of a new event unique.
pub(super) struct Occasion<'a> {
    pub(super) node: &'a str,
    pub(super) now: &'a str,
    pub(super) unique: u64,
}

/// The events told lately.
#[derive(Default)]
pub(super) struct Recent {
    known: BTreeMap<Key, Known>,
}

impl Recent {
    /// What to write for this event; `None` when it cannot be read, or is too long.
    pub(super) fn take(&mut self, event: &NodeEvent, occasion: &Occasion<'_>) -> Option<Write> {
        if event.involved_object_json.len() + event.r#type.len() + event.reason.len() + event.message.len() > LONGEST {
            return None;
        }
        let involved: Value = serde_json::from_slice(&event.involved_object_json).ok()?;
        let namespace = if event.namespace.is_empty() { CLUSTER_NAMESPACE } else { &event.namespace }.to_owned();
        let key = Key {
            involved: involved.to_string(),
            kind: event.r#type.clone(),
            reason: event.reason.clone(),
            message: event.message.clone(),
        };
        if let Some(known) = self.known.get_mut(&key) {
            known.count += 1;
            let patch = json!({"count": known.count, "lastTimestamp": occasion.now});
            return Some(Write::Count { namespace, name: known.name.clone(), patch });
        }
        let about = involved["name"].as_str().unwrap_or("unknown");
        let name = format!("{about}.{:016x}", occasion.unique);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, Known { name: name.clone(), count: 1 });
        let object = object(event, involved, (&namespace, &name), occasion);
        Some(Write::Create { namespace, name, object })
    }

    /// The event is not in the cluster after all.
    pub(super) fn forget(&mut self, name: &str) {
        self.known.retain(|_, known| known.name != name);
    }
}

fn object(event: &NodeEvent, involved: Value, (namespace, name): (&str, &str), occasion: &Occasion<'_>) -> Value {
    let Occasion { node, now, .. } = occasion;
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": namespace, "name": name},
        "involvedObject": involved, "type": event.r#type, "reason": event.reason, "message": event.message,
        "count": 1, "firstTimestamp": now, "lastTimestamp": now,
        "source": {"component": "xebec-agent", "host": node},
        "reportingComponent": "xebec-agent", "reportingInstance": node,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> NodeEvent {
        NodeEvent {
            namespace: "shop".into(),
            involved_object_json: bytes::Bytes::from_static(br#"{"kind":"Pod","name":"a","namespace":"shop"}"#),
            r#type: "Normal".into(),
            reason: "Pulled".into(),
            message: message.into(),
        }
    }

    #[test]
    fn the_same_event_is_counted() {
        let mut recent = Recent::default();
        let occasion = Occasion { node: "n1", now: "2026-01-01T00:00:00Z", unique: 7 };
        let Some(Write::Create { name, object, .. }) = recent.take(&event("x"), &occasion) else { panic!() };
        assert_eq!((name.as_str(), &object["source"]["host"]), ("a.0000000000000007", &json!("n1")));
        let Some(Write::Count { name, patch, .. }) = recent.take(&event("x"), &occasion) else { panic!() };
        assert_eq!((name.as_str(), &patch["count"]), ("a.0000000000000007", &json!(2)));
        assert!(matches!(recent.take(&event("y"), &occasion), Some(Write::Create { .. })));
        recent.forget("a.0000000000000007");
        assert!(matches!(recent.take(&event("x"), &occasion), Some(Write::Create { .. })));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut recent = Recent::default();
        let occasion = Occasion { node: "n1", now: "", unique: 0 };
        (0..REMEMBERED + 9).for_each(|n| drop(recent.take(&event(&n.to_string()), &occasion)));
        assert!(recent.known.len() <= REMEMBERED);
        assert_eq!(recent.take(&event(&"x".repeat(LONGEST)), &occasion), None);
    }
}
