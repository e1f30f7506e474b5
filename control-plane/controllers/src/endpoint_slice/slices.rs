//! Brings a Service's slices in line with the endpoints it should have.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ServiceSpec;
use serde::Deserialize;
use serde_json::{Value, json};

use super::endpoint::{Group, Groups};
use super::ports;
use super::{MANAGED_BY, MANAGED_BY_LABEL, SERVICE_LABEL, is_ours};
use crate::action::Action;
use crate::claim::{controlled, owner_reference};
use crate::diff::merge_diff;
use crate::names::{digest, encode};
use crate::resource::Resource;
use crate::world::{Entry, World};

/// Endpoints in a slice: enough that there are few slices, few enough that a change of one is small.
const CAPACITY: usize = 100;

/// A slice there is.
struct Slice<'a> {
    entry: &'a Entry,
    shape: Shape,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    address_type: String,
    #[serde(default)]
    endpoints: Option<Vec<Value>>,
    #[serde(default)]
    ports: Option<Vec<Value>>,
}

impl Slice<'_> {
    fn belongs_to(&self, family: &str, fingerprint: &[String]) -> bool {
        let ports = self.shape.ports.as_deref().unwrap_or_default();
        self.shape.address_type == family && ports::fingerprint(ports) == fingerprint
    }
}

struct Settling<'a> {
    world: &'a World,
    service: &'a Entry,
    labels: BTreeMap<String, String>,
    actions: Vec<Action>,
    /// Names that this outcome creates.
    created: usize,
}

/// The steps from the slices there are to those there should be. A Service without endpoints keeps one empty slice, so
/// that whoever watches sees that it is served by nobody rather than not looked at yet.
pub(super) fn settle(world: &World, service: &Entry, spec: &ServiceSpec, mut wanted: Groups) -> Vec<Action> {
    let ours =
        controlled(world, service, Resource::ENDPOINT_SLICES).filter(|slice| is_ours(slice) && !slice.is_deleting());
    let mut slices: Vec<Slice<'_>> =
        ours.filter_map(|entry| Some(Slice { entry, shape: entry.object.decode().ok()? })).collect();
    if wanted.is_empty() {
        wanted.insert(("IPv4", Vec::new()), Group::default());
    }
    let labels = labels(service, spec);
    let mut settling = Settling { world, service, labels, actions: Vec::new(), created: 0 };
    for ((family, fingerprint), group) in wanted {
        let (same, others) = slices.into_iter().partition(|slice| slice.belongs_to(family, &fingerprint));
        slices = others;
        settling.settle_group(family, same, group);
    }
    settling.actions.extend(slices.iter().map(|slice| delete(slice.entry)));
    settling.actions
}

impl Settling<'_> {
    fn settle_group(&mut self, family: &str, slices: Vec<Slice<'_>>, mut group: Group) {
        let mut kept: Vec<(Slice<'_>, Vec<Value>)> =
            slices.into_iter().map(|slice| stay(slice, &mut group.endpoints)).collect();
        let mut newcomers = group.endpoints.into_values();
        for (_, endpoints) in &mut kept {
            let room = CAPACITY.saturating_sub(endpoints.len());
            endpoints.extend(newcomers.by_ref().take(room));
        }
        let newcomers: Vec<Value> = newcomers.collect();
        let none = kept.is_empty() && newcomers.is_empty();
        let mut spare = kept.iter().filter(|(_, endpoints)| !endpoints.is_empty()).count() + newcomers.len();
        for (slice, endpoints) in &kept {
            // Of slices that are all empty, the first stays.
            if endpoints.is_empty() && spare > 0 {
                self.actions.push(delete(slice.entry));
            } else {
                spare += 1;
                self.update(slice, endpoints);
            }
        }
        for part in newcomers.chunks(CAPACITY) {
            self.create(family, &group.ports, part);
        }
        if none {
            self.create(family, &group.ports, &[]);
        }
    }

    fn update(&mut self, slice: &Slice<'_>, endpoints: &[Value]) {
        let current = json!({
            "endpoints": slice.shape.endpoints.clone().unwrap_or_default(),
            "metadata": {"labels": slice.entry.meta().labels},
        });
        let desired = json!({"endpoints": endpoints, "metadata": {"labels": self.labels}});
        if let Some(patch) = merge_diff(&current, &desired) {
            self.actions.push(Action::Patch { target: slice.entry.exactly(), status: false, patch });
        }
    }

    fn create(&mut self, family: &str, ports: &[Value], endpoints: &[Value]) {
        let namespace = self.service.reference.namespace.to_string();
        let object = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": self.next_name(), "namespace": namespace, "labels": self.labels,
                "ownerReferences": [owner_reference(self.service)],
            },
            "addressType": family, "ports": ports, "endpoints": endpoints,
        });
        self.actions.push(Action::Create { resource: Resource::ENDPOINT_SLICES, namespace, object });
    }

    /// The next name of the Service's own sequence that is free.
    fn next_name(&mut self) -> String {
        let service = &self.service.reference;
        loop {
            let number = self.created.to_le_bytes();
            self.created += 1;
            let suffix = encode(digest([self.service.meta().uid.as_bytes(), &number]), 5);
            let name = format!("{}-{suffix}", service.name);
            if self.world.get(&service.sibling(Resource::ENDPOINT_SLICES, &name)).is_none() {
                return name;
            }
        }
    }
}

/// The slice with those of its endpoints that should stay, as they should be. They are taken from `wanted`.
fn stay<'a>(slice: Slice<'a>, wanted: &mut BTreeMap<String, Value>) -> (Slice<'a>, Vec<Value>) {
    let present = slice.shape.endpoints.iter().flatten();
    let uid = |endpoint: &Value| endpoint.pointer("/targetRef/uid").and_then(Value::as_str).map(str::to_owned);
    let endpoints = present.filter_map(|endpoint| wanted.remove(&uid(endpoint)?)).collect();
    (slice, endpoints)
}

fn labels(service: &Entry, spec: &ServiceSpec) -> BTreeMap<String, String> {
    let mut labels = service.meta().labels.clone();
    labels.insert(SERVICE_LABEL.into(), service.reference.name.to_string());
    labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
    if spec.cluster_ip.as_deref() == Some("None") {
        labels.insert("service.kubernetes.io/headless".into(), String::new());
    }
    labels
}

fn delete(slice: &Entry) -> Action {
    Action::Delete { target: slice.exactly(), grace_seconds: None, propagation: None }
}
