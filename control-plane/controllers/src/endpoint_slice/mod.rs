//! Writes who answers for a Service: its pods' addresses, in slices of up to a hundred.
//!
//! Pods are grouped by the ports they answer on, since a named port may be another number in each pod. A group's
//! endpoints stay in the slice they are in; newcomers fill the room there is, then new slices. So one pod's change
//! touches one slice. A Service without selector is somebody else's to fill.

mod endpoint;
mod ports;
mod slices;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;

use crate::action::Outcome;
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Entry, Transition, World};

/// Says which Service a slice belongs to.
pub(crate) const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGED_BY: &str = "endpointslice-controller.k8s.io";

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    match change.object.resource {
        Resource::SERVICES if change.after.is_some() => {
            keys.insert(key(change.object.clone()));
        }
        Resource::PODS => change.sides().for_each(|pod| services_of_pod(world, pod, keys)),
        Resource::ENDPOINT_SLICES => keys.extend(change.sides().filter_map(service_of).map(key)),
        _ => {}
    }
}

fn key(service: ObjectRef) -> Key {
    Key::new(Controller::EndpointSlice, service)
}

fn services_of_pod(world: &World, pod: &Entry, keys: &mut BTreeSet<Key>) {
    let services = world.in_namespace(Resource::SERVICES, &pod.reference.namespace);
    let serving = services.filter(|service| service.facts.serves(&pod.meta().labels));
    keys.extend(serving.map(|service| key(service.reference.clone())));
}

/// The Service a slice of ours belongs to.
fn service_of(slice: &Entry) -> Option<ObjectRef> {
    let service = slice.meta().labels.get(SERVICE_LABEL)?;
    is_ours(slice).then(|| slice.reference.sibling(Resource::SERVICES, service))
}

fn is_ours(slice: &Entry) -> bool {
    slice.meta().labels.get(MANAGED_BY_LABEL).map(String::as_str) == Some(MANAGED_BY)
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef) -> Outcome {
    let Some(entry) = world.get(object).filter(|entry| !entry.is_deleting()) else { return Outcome::default() };
    let Ok(service) = entry.object.decode::<Service>() else { return Outcome::default() };
    let spec = service.spec.unwrap_or_default();
    if spec.selector.as_ref().is_none_or(|selector| selector.is_empty())
        || spec.type_.as_deref() == Some("ExternalName")
    {
        return Outcome::default();
    }
    let wanted = endpoint::wanted(world, object, &spec);
    Outcome::of(slices::settle(world, entry, &spec, wanted))
}
