//! Makes the ReplicaSet of a new template.

use serde_json::{Value, json};

use super::revision;
use super::rollout::{HASH_LABEL, REVISION, Rollout};
use crate::action::Action;
use crate::claim::owner_reference;
use crate::names::{digest, encode};
use crate::resource::Resource;

/// Characters of the template's hash.
const HASH_LENGTH: usize = 10;

/// Creates the set of the current template with so many replicas. Its name follows from the template. If another object
/// has the name, the Deployment's collision count goes up instead, and with it the next name.
pub(super) fn create(rollout: &Rollout<'_>, replicas: i64) -> Vec<Action> {
    let collisions = rollout.status.get("collisionCount").and_then(Value::as_i64).unwrap_or(0);
    let hash = hash(&rollout.spec.template, collisions);
    let name = format!("{}-{hash}", rollout.entry.reference.name);
    if rollout.world.get(&rollout.entry.reference.sibling(Resource::REPLICA_SETS, &name)).is_some() {
        let patch = json!({"status": {"collisionCount": collisions + 1}});
        return vec![Action::Patch { target: rollout.entry.exactly(), status: true, patch }];
    }
    let object = object(rollout, &name, &hash, replicas);
    let namespace = rollout.namespace().to_owned();
    let mut actions = vec![Action::Create { resource: Resource::REPLICA_SETS, namespace, object }];
    if replicas > 0 {
        actions.push(rollout.tell_scaled(&name, 0, replicas));
    }
    actions
}

fn object(rollout: &Rollout<'_>, name: &str, hash: &str, replicas: i64) -> Value {
    let mut template = rollout.spec.template.clone();
    let mut selector = rollout.spec.selector.clone();
    insert(&mut template, &["metadata", "labels"], hash);
    insert(&mut selector, &["matchLabels"], hash);
    let mut annotations = revision::inherited(rollout);
    annotations.insert(REVISION.into(), revision::next(rollout).to_string());
    annotations.extend(rollout.scale_annotations().into_iter().map(|(key, value)| (key.to_owned(), value)));
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": rollout.namespace(), "labels": template["metadata"]["labels"],
            "annotations": annotations, "ownerReferences": [owner_reference(rollout.entry)],
        },
        "spec": {
            "replicas": replicas, "minReadySeconds": rollout.spec.min_ready_seconds,
            "selector": selector, "template": template,
        },
    })
}

/// Sets the hash label in the map at a path, making what is missing on the way.
fn insert(value: &mut Value, path: &[&str], hash: &str) {
    let mut at = value;
    for step in path {
        if !at[*step].is_object() {
            at[*step] = json!({});
        }
        at = &mut at[*step];
    }
    at[HASH_LABEL] = json!(hash);
}

fn hash(template: &Value, collisions: i64) -> String {
    let template = template.to_string();
    encode(digest([template.as_bytes(), &collisions.to_le_bytes()]), HASH_LENGTH)
}
