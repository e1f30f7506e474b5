//! A world written down as JSON, the actions of a controller as text, and a tiny cluster that carries them out.

// Each test file uses a part of this.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use xebec_api::{Object, kinds};
use xebec_controllers::action::Target;
use xebec_controllers::{
    Action, Change, Controller, Key, Moment, ObjectRef, Outcome, Precondition, Propagation, Resource, Settings, World,
    reconcile,
};

pub const START: &str = "2030-01-01T00:00:00Z";

pub fn settings() -> Settings {
    Settings {
        cluster_cidr: "10.42.0.0/16".parse().unwrap(),
        node_monitor_grace: Duration::from_secs(4),
        serving_ca: "the CA".into(),
    }
}

/// So many seconds after the start, on both clocks.
pub fn at(seconds: u64) -> Moment {
    let uptime = Duration::from_secs(seconds);
    let start: Timestamp = START.parse().unwrap();
    Moment { wall: start + SignedDuration::try_from(uptime).unwrap(), uptime }
}

/// The name of an object given as JSON.
pub fn reference(object: &Value) -> ObjectRef {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = kinds::find_api_version(text("/apiVersion"), text("/kind")).expect("a kind we serve");
    ObjectRef::new(Resource::from(kind), text("/metadata/namespace"), text("/metadata/name"))
}

/// Objects and a world that shows them: what the registry and the cache do, in a few lines. Applies preconditions, merge
/// patches and finalizers as the registry does; knows no defaults and no validation.
pub struct Cluster {
    pub world: World,
    pub objects: BTreeMap<ObjectRef, (Value, u64)>,
    pub revision: u64,
    pub now: u64,
    pub due: BTreeSet<Key>,
    /// When keys asked to be looked at again.
    pub timers: BTreeMap<Key, u64>,
    uids: u64,
}

impl Cluster {
    pub fn new() -> Self {
        Self {
            world: World::new(settings()),
            objects: BTreeMap::new(),
            revision: 1,
            now: 0,
            due: BTreeSet::new(),
            timers: BTreeMap::new(),
            uids: 0,
        }
    }

    /// A cluster of these objects; what is missing of their metadata is made up.
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut cluster = Self::new();
        for object in objects {
            cluster.create(object).expect("objects have different names");
        }
        cluster
    }

    pub fn get(&self, object: &ObjectRef) -> Option<&Value> {
        self.objects.get(object).map(|(value, _)| value)
    }

    pub fn all(&self, resource: Resource) -> Vec<&Value> {
        self.objects.iter().filter(|(object, _)| object.resource == resource).map(|(_, (value, _))| value).collect()
    }

    /// Creates an object; refused if there is one of the name.
    pub fn create(&mut self, mut object: Value) -> Result<(), String> {
        let name = reference(&object);
        if self.objects.contains_key(&name) {
            return Err(format!("{name} already exists"));
        }
        self.uids += 1;
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.entry("uid").or_insert_with(|| json!(format!("uid-{}", self.uids)));
        metadata.entry("creationTimestamp").or_insert_with(|| json!(at(self.now).stamp()));
        metadata.entry("generation").or_insert(json!(1));
        self.put(name, object);
        Ok(())
    }

    /// Stores an object as it is.
    pub fn put(&mut self, name: ObjectRef, object: Value) {
        self.revision += 1;
        let deleting = !object["metadata"]["deletionTimestamp"].is_null();
        let held = object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
            || object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
            || name.resource == Resource::PODS;
        if deleting && !held {
            return self.remove(&name);
        }
        let current = Some(Object::from_value(object.clone()).expect("an object"));
        self.objects.insert(name.clone(), (object, self.revision));
        self.show(Change { object: name, current, revision: self.revision });
    }

    /// Removes an object at once.
    pub fn remove(&mut self, name: &ObjectRef) {
        self.revision += 1;
        self.objects.remove(name);
        self.show(Change { object: name.clone(), current: None, revision: self.revision });
    }

    fn show(&mut self, change: Change) {
        let applied = self.world.apply(change, at(self.now));
        assert!(applied.unreadable.is_none(), "{:?}", applied.unreadable);
        self.due.extend(applied.keys);
    }

    /// Changes an object by a merge patch, as its owner would.
    pub fn edit(&mut self, name: &ObjectRef, patch: Value) {
        let (mut object, _) = self.objects[name].clone();
        let before = object["spec"].clone();
        merge(&mut object, &patch);
        if object["spec"] != before {
            object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        self.put(name.clone(), object);
    }

    fn check(&self, target: &Target) -> Result<(), String> {
        let (object, revision) = self.objects.get(&target.object).ok_or("not found")?;
        if object["metadata"]["uid"] != json!(target.uid) {
            return Err("another uid".into());
        }
        match target.precondition {
            Precondition::Revision(wanted) if wanted != *revision => Err("conflict".into()),
            _ => Ok(()),
        }
    }

    /// Carries out one action, or says why not.
    pub fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Create { object, .. } => self.create(object.clone()),
            Action::Patch { target, patch, .. } => {
                self.check(target)?;
                self.edit(&target.object, patch.clone());
                Ok(())
            }
            Action::Delete { target, grace_seconds, propagation } => {
                self.check(target)?;
                self.delete(&target.object, *grace_seconds, *propagation);
                Ok(())
            }
            Action::Emit(_) => Ok(()),
        }
    }

    pub fn delete(&mut self, name: &ObjectRef, grace: Option<i64>, propagation: Option<Propagation>) {
        let (mut object, _) = self.objects[name].clone();
        let bound = object["spec"]["nodeName"].is_string();
        if name.resource == Resource::PODS && (grace == Some(0) || !bound) {
            return self.remove(name);
        }
        let finalizer = match propagation {
            Some(Propagation::Foreground) => Some("foregroundDeletion"),
            Some(Propagation::Orphan) => Some("orphan"),
            _ => None,
        };
        if let Some(finalizer) = finalizer {
            object["metadata"]["finalizers"] = json!([finalizer]);
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!(at(self.now + 30).stamp());
        }
        self.put(name.clone(), object);
    }

    /// Reconciles whatever is due, in order, until nothing is. A refused action fails the test.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let Some(key) = self.due.pop_first() else { return };
            let actions = self.look(&key).actions;
            actions.iter().for_each(|action| self.act(action).unwrap_or_else(|why| panic!("{key}: {action:?}: {why}")));
        }
        panic!("the controllers do not come to rest: {:?}", self.due);
    }

    /// One look at a key, and its timer.
    pub fn look(&mut self, key: &Key) -> Outcome {
        let outcome = reconcile(&self.world, key, at(self.now));
        match outcome.requeue {
            Some(wait) => self.timers.insert(key.clone(), self.now + wait.as_secs().max(1)),
            None => self.timers.remove(key),
        };
        outcome
    }

    /// Lets time pass, second by second, with timers and `each` in between.
    pub fn pass(&mut self, seconds: u64, mut each: impl FnMut(&mut Self)) {
        for _ in 0..seconds {
            self.now += 1;
            let now = self.now;
            self.due.extend(self.timers.iter().filter(|(_, due)| **due <= now).map(|(key, _)| key.clone()));
            each(self);
            self.settle();
        }
    }

    /// What a controller would do about an object, as text.
    pub fn would(&self, controller: Controller, object: &ObjectRef) -> String {
        let outcome = reconcile(&self.world, &Key::new(controller, object.clone()), at(self.now));
        let mut lines: Vec<String> = outcome.actions.iter().map(describe).collect();
        lines.extend(outcome.requeue.map(|wait| format!("again in {wait:?}")));
        if lines.is_empty() { "nothing\n".into() } else { lines.join("\n") + "\n" }
    }
}

/// RFC 7386.
pub fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in changes {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

/// An action in a line.
pub fn describe(action: &Action) -> String {
    match action {
        Action::Create { resource, namespace, object } => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let mut brief = object.clone();
            for field in ["apiVersion", "kind"] {
                brief.as_object_mut().unwrap().remove(field);
            }
            for field in ["name", "namespace", "ownerReferences"] {
                brief["metadata"].as_object_mut().unwrap().remove(field);
            }
            format!("create {resource}/{namespace}/{name} {brief}")
        }
        Action::Patch { target, status, patch } => {
            let part = if *status { " status" } else { "" };
            format!("patch{part} {}{} {patch}", target.object, precondition(target))
        }
        Action::Delete { target, grace_seconds, propagation } => {
            let grace = grace_seconds.map(|grace| format!(" grace {grace}")).unwrap_or_default();
            let propagation = propagation.map(|how| format!(" {how:?}")).unwrap_or_default();
            format!("delete {}{}{grace}{propagation}", target.object, precondition(target))
        }
        Action::Emit(event) => {
            format!("tell {} {} {}: {}", event.regarding, event.kind.as_str(), event.reason, event.message)
        }
    }
}

fn precondition(target: &Target) -> String {
    match target.precondition {
        Precondition::Uid => String::new(),
        Precondition::Revision(revision) => format!("@{revision}"),
    }
}

// Objects to build worlds from.

pub fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })
}

pub fn node(name: &str, ready: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": START}]},
    })
}

/// A pod with label `app: <app>`; `with` is merged into it.
pub fn pod(name: &str, app: &str, with: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": "shop"}]},
        "status": {"phase": "Pending"},
    });
    merge(&mut pod, &with);
    pod
}

/// What makes a pod run and be ready on a node.
pub fn running(node: &str, address: &str) -> Value {
    json!({
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running", "podIP": address,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": START}],
        },
    })
}

pub fn owned_by(kind: &str, name: &str, uid: &str) -> Value {
    let api_version = if kind == "Service" || kind == "Pod" { "v1" } else { "apps/v1" };
    json!({"metadata": {"ownerReferences": [{
        "apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true,
    }]}})
}

pub fn replica_set(name: &str, app: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-of-set-{name}"), "labels": {"app": app}},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "main", "image": "shop"}]},
            },
        },
    })
}

pub fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-of-{name}")},
        "spec": {
            "replicas": replicas, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

pub fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-of-service-{name}")},
        "spec": {"selector": {"app": app}, "clusterIP": "10.43.0.9", "ports": [{"port": 80, "targetPort": 8080}]},
    })
}

pub fn with(mut object: Value, patch: Value) -> Value {
    merge(&mut object, &patch);
    object
}
