//! A Deployment with its ReplicaSets, as one look at the world shows them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::COMPONENT;
use crate::action::{Action, EventType, ObjectEvent};
use crate::resource::Resource;
use crate::world::{Entry, World};

/// The revision of a ReplicaSet, and the latest of a Deployment.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// How many replicas the Deployment had when the ReplicaSet was last scaled.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The same with its surge.
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// The label that keeps the pods of one template apart from those of another.
pub(super) const HASH_LABEL: &str = "pod-template-hash";

#[derive(Deserialize)]
pub(super) struct Shape {
    pub(super) spec: Spec,
    #[serde(default)]
    pub(super) status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) replicas: Option<i64>,
    #[serde(default)]
    pub(super) paused: bool,
    pub(super) progress_deadline_seconds: Option<u32>,
    pub(super) revision_history_limit: Option<usize>,
    #[serde(default)]
    pub(super) min_ready_seconds: u32,
    pub(super) selector: Value,
    pub(super) template: Value,
    #[serde(default)]
    pub(super) strategy: Strategy,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Strategy {
    #[serde(rename = "type")]
    name: Option<String>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RollingUpdate {
    max_surge: Option<IntOrString>,
    max_unavailable: Option<IntOrString>,
}

/// A ReplicaSet of the Deployment.
pub(super) struct Set<'a> {
    pub(super) entry: &'a Entry,
    /// Wanted.
    pub(super) replicas: i64,
    /// Its template without the label that names it.
    pub(super) template: Value,
    pub(super) status: SetStatus,
}

#[derive(Deserialize)]
struct SetShape {
    spec: SetSpec,
    #[serde(default)]
    status: SetStatus,
}

#[derive(Deserialize)]
struct SetSpec {
    replicas: Option<i64>,
    #[serde(default)]
    template: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SetStatus {
    pub(super) replicas: i64,
    pub(super) ready_replicas: i64,
    pub(super) available_replicas: i64,
    pub(super) terminating_replicas: i64,
    pub(super) observed_generation: i64,
    pub(super) conditions: Vec<Value>,
}

impl<'a> Set<'a> {
    fn read(entry: &'a Entry) -> Option<Self> {
        let shape: SetShape = entry.object.decode().ok()?;
        let mut template = shape.spec.template;
        if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(HASH_LABEL);
        }
        Some(Self { entry, replicas: shape.spec.replicas.unwrap_or(1), template, status: shape.status })
    }

    pub(super) fn name(&self) -> &str {
        &self.entry.reference.name
    }

    /// A number among its annotations.
    pub(super) fn number(&self, annotation: &str) -> Option<i64> {
        self.entry.meta().annotations.get(annotation)?.parse().ok()
    }

    pub(super) fn revision(&self) -> i64 {
        self.number(REVISION).unwrap_or(0)
    }

    /// Available pods it will keep: those beyond what it now wants are as good as gone.
    pub(super) fn available(&self) -> i64 {
        self.status.available_replicas.min(self.replicas)
    }

    fn created(&self) -> (&str, &str) {
        (self.entry.meta().creation_timestamp.as_deref().unwrap_or_default(), self.name())
    }
}

/// A Deployment and its ReplicaSets.
pub(super) struct Rollout<'a> {
    pub(super) world: &'a World,
    pub(super) entry: &'a Entry,
    pub(super) spec: Spec,
    pub(super) status: Value,
    /// The set of the current template.
    pub(super) new: Option<Set<'a>>,
    /// All others, oldest first.
    pub(super) old: Vec<Set<'a>>,
}

impl<'a> Rollout<'a> {
    pub(super) fn read(world: &'a World, entry: &'a Entry, sets: &[&'a Entry]) -> Option<Self> {
        let shape: Shape = entry.object.decode().ok()?;
        let mut old: Vec<_> = sets.iter().filter_map(|set| Set::read(set)).collect();
        old.sort_by(|a, b| a.created().cmp(&b.created()));
        let current = old.iter().position(|set| same_template(&set.template, &shape.spec.template));
        let new = current.map(|at| old.remove(at));
        Some(Self { world, entry, spec: shape.spec, status: shape.status, new, old })
    }

    /// Wanted.
    pub(super) fn replicas(&self) -> i64 {
        self.spec.replicas.unwrap_or(1).max(0)
    }

    pub(super) fn paused(&self) -> bool {
        self.spec.paused
    }

    pub(super) fn recreates(&self) -> bool {
        self.spec.strategy.name.as_deref() == Some("Recreate")
    }

    /// How many pods there may be beyond those wanted; percentages round up.
    pub(super) fn max_surge(&self) -> i64 {
        let update = self.spec.strategy.rolling_update.as_ref();
        if self.recreates() {
            return 0;
        }
        resolve(update.and_then(|u| u.max_surge.as_ref()), self.replicas(), 99)
    }

    /// How many of those wanted may be missing; percentages round down. With no surge it is at least one: else nothing
    /// could ever move.
    pub(super) fn max_unavailable(&self) -> i64 {
        let update = self.spec.strategy.rolling_update.as_ref();
        if self.recreates() || self.replicas() == 0 {
            return 0;
        }
        let given = resolve(update.and_then(|u| u.max_unavailable.as_ref()), self.replicas(), 0);
        let floor = i64::from(self.max_surge() == 0);
        given.clamp(floor, self.replicas())
    }

    /// Wanted, with surge.
    pub(super) fn max_replicas(&self) -> i64 {
        self.replicas() + self.max_surge()
    }

    /// All sets, the current one last.
    pub(super) fn sets(&self) -> impl Iterator<Item = &Set<'a>> {
        self.old.iter().chain(&self.new)
    }

    /// Pods wanted by all sets together.
    pub(super) fn total(&self) -> i64 {
        self.sets().map(|set| set.replicas).sum()
    }

    pub(super) fn namespace(&self) -> &str {
        &self.entry.reference.namespace
    }

    /// The annotations by which a set remembers what it was scaled for.
    pub(super) fn scale_annotations(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([(DESIRED, self.replicas().to_string()), (MAX, self.max_replicas().to_string())])
    }

    /// Scales a set, and tells so.
    pub(super) fn scale(&self, set: &Set<'_>, to: i64) -> Vec<Action> {
        let patch = json!({"metadata": {"annotations": self.scale_annotations()}, "spec": {"replicas": to}});
        let patch = Action::Patch { target: set.entry.exactly(), status: false, patch };
        if to == set.replicas { vec![patch] } else { vec![patch, self.tell_scaled(set.name(), set.replicas, to)] }
    }

    pub(super) fn tell_scaled(&self, set: &str, from: i64, to: i64) -> Action {
        let direction = if to > from { "up" } else { "down" };
        Action::Emit(ObjectEvent {
            regarding: self.entry.reference.clone(),
            uid: self.entry.meta().uid.clone(),
            kind: EventType::Normal,
            reason: "ScalingReplicaSet",
            message: format!("Scaled {direction} replica set {set} from {from} to {to}"),
            component: COMPONENT,
        })
    }

    /// Pods of the old sets that have not ended, those being deleted included.
    pub(super) fn old_pods_remain(&self) -> bool {
        let pods = self.old.iter().flat_map(|set| self.world.dependents(&set.entry.meta().uid));
        pods.filter(|entry| entry.reference.resource == Resource::PODS)
            .any(|entry| entry.facts.pod().is_none_or(|pod| !pod.phase.is_final()))
    }
}

/// Whether both templates are one, but for the label that names it.
fn same_template(of_set: &Value, wanted: &Value) -> bool {
    let mut wanted = wanted.clone();
    if let Some(labels) = wanted.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH_LABEL);
    }
    *of_set == wanted
}

/// A number or a percentage of `of`, with `round` hundredths added before it is cut off. 25% if not given.
fn resolve(value: Option<&IntOrString>, of: i64, round: i64) -> i64 {
    let percent = |percent: i64| (of * percent + round) / 100;
    match value {
        None => percent(25),
        Some(IntOrString::Int(number)) => i64::from(*number).max(0),
        Some(IntOrString::String(text)) => percent(text.trim_end_matches('%').parse::<u16>().map_or(0, i64::from)),
    }
}
