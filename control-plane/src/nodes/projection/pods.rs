//! The pods, by the node they are bound to, and who uses which ConfigMap or Secret.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::api::core::v1::Pod;
use xebec_api::{Object, conditions};

use super::At;
use super::references::{self, RefKey};

/// Namespace and name.
pub(super) type PodKey = (String, String);

/// A bound pod, as its node is to know it.
pub(super) struct Told {
    pub(super) node: String,
    pub(super) at: At,
    pub(super) references: BTreeSet<RefKey>,
    uid: String,
    /// Of everything but the status, which the node itself reports.
    signature: u64,
    ready: bool,
}

/// What became of a pod.
#[derive(Default)]
pub(super) struct Update {
    /// The node that had it and the uid it had there, when it has it no more.
    pub(super) removed: Option<(String, String)>,
    /// Its node does not know this state.
    pub(super) worth_telling: bool,
    /// It has just been asked to go.
    pub(super) began_terminating: bool,
}

/// All bound pods.
#[derive(Default)]
pub(super) struct Pods {
    pods: BTreeMap<PodKey, Told>,
    nodes: BTreeMap<String, BTreeSet<PodKey>>,
    /// How many pods of each node use a ConfigMap or Secret.
    users: BTreeMap<RefKey, BTreeMap<String, usize>>,
}

impl Pods {
    pub(super) fn get(&self, key: &PodKey) -> Option<&Told> {
        self.pods.get(key)
    }

    /// The pods of a node.
    pub(super) fn on(&self, node: &str) -> impl Iterator<Item = &Told> {
        self.nodes.get(node).into_iter().flatten().filter_map(|key| self.pods.get(key))
    }

    /// The nodes with pods that use this ConfigMap or Secret.
    pub(super) fn users_of(&self, key: &RefKey) -> impl Iterator<Item = &String> {
        self.users.get(key).into_iter().flat_map(BTreeMap::keys)
    }

    /// Takes in a pod's state; `None` when it is gone.
    pub(super) fn update(&mut self, key: &PodKey, current: Option<&At>) -> Update {
        let before = self.remove(key);
        let after = current.and_then(read);
        let same = |before: &&Told| after.as_ref().is_some_and(|after| continues(before, after));
        let kept = before.as_ref().filter(same);
        let removed = match (&before, kept) {
            (Some(before), None) => Some((before.node.clone(), before.uid.clone())),
            _ => None,
        };
        let Some(after) = after else { return Update { removed, ..Update::default() } };
        let terminating = |told: &Told| told.at.object.meta().deletion_timestamp.is_some();
        let worth_telling =
            kept.is_none_or(|before| before.signature != after.signature || before.ready != after.ready);
        let began_terminating = terminating(&after) && kept.is_some_and(|before| !terminating(before));
        self.insert(key.clone(), after);
        Update { removed, worth_telling, began_terminating }
    }

    fn insert(&mut self, key: PodKey, told: Told) {
        self.nodes.entry(told.node.clone()).or_default().insert(key.clone());
        for reference in &told.references {
            let users = self.users.entry(reference.clone()).or_default();
            *users.entry(told.node.clone()).or_default() += 1;
        }
        self.pods.insert(key, told);
    }

    fn remove(&mut self, key: &PodKey) -> Option<Told> {
        let told = self.pods.remove(key)?;
        remove_from(&mut self.nodes, &told.node, |keys| {
            keys.remove(key);
            keys.is_empty()
        });
        for reference in &told.references {
            remove_from(&mut self.users, reference, |users| leave(users, &told.node));
        }
        Some(told)
    }
}

/// One pod of the node fewer uses it. True when nobody does any more.
fn leave(users: &mut BTreeMap<String, usize>, node: &String) -> bool {
    remove_from(users, node, |count| {
        *count -= 1;
        *count == 0
    });
    users.is_empty()
}

/// Changes a value in place, and drops it when it is empty then.
fn remove_from<K: Ord, V>(map: &mut BTreeMap<K, V>, key: &K, change: impl FnOnce(&mut V) -> bool) {
    if map.get_mut(key).is_some_and(change) {
        map.remove(key);
    }
}

fn continues(before: &Told, after: &Told) -> bool {
    before.node == after.node && before.uid == after.uid
}

/// Absent when the pod is not bound, or cannot be read.
fn read(at: &At) -> Option<Told> {
    let meta = at.object.meta();
    let pod: Pod = at
        .object
        .decode()
        .inspect_err(|error| tracing::error!(name = meta.name, %error, "a stored pod cannot be decoded"))
        .ok()?;
    let node = pod.spec.as_ref()?.node_name.clone().filter(|node| !node.is_empty())?;
    let references = references::of(meta.namespace.as_deref().unwrap_or_default(), &pod);
    let (signature, ready) = digest(&at.object);
    Some(Told { node, at: at.clone(), references, uid: meta.uid.clone(), signature, ready })
}

/// Compared with digests of the same process only.
fn digest(object: &Object) -> (u64, bool) {
    let mut value = object.to_value();
    let ready = conditions::is_true(&value, "Ready");
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(|metadata| metadata.as_object_mut()) {
        metadata.remove("managedFields");
    }
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    (hasher.finish(), ready)
}
