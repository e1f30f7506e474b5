//! The controllers, one row each, and how they are called.

use std::collections::BTreeSet;
use std::fmt;

use crate::action::Outcome;
use crate::resource::ObjectRef;
use crate::time::Moment;
use crate::world::{Transition, World};
use crate::{
    cluster_role_aggregation, definition, deployment, endpoint_slice, garbage_collector, namespace, node_ipam,
    node_lifecycle, pod_gc, replica_set, resource_quota, root_ca, service_account,
};

/// A controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Rolls ReplicaSets over for Deployments.
    Deployment,
    /// Keeps the number of pods.
    ReplicaSet,
    /// Notices lost nodes, taints them, evicts their pods.
    NodeLifecycle,
    /// Gives nodes their pod address ranges. One key serves all nodes.
    NodeIpam,
    /// Writes who answers for a Service.
    EndpointSlice,
    /// Empties namespaces that are being deleted.
    Namespace,
    /// Follows owner references.
    GarbageCollector,
    /// Gives each namespace its default account.
    ServiceAccount,
    /// Deletes the objects of kinds that go.
    Definition,
    /// Gives each namespace the API's CA.
    RootCa,
    /// Counts what new quotas are about.
    ResourceQuota,
    /// Sums up aggregated roles.
    ClusterRoleAggregation,
    /// Removes pods that no node will ever report on again.
    PodGc,
}

/// What to reconcile: a controller, and the object it should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The controller.
    pub controller: Controller,
    /// The object.
    pub object: ObjectRef,
}

impl Key {
    /// Names a key.
    pub fn new(controller: Controller, object: ObjectRef) -> Self {
        Self { controller, object }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.controller, self.object)
    }
}

/// Says which keys of one controller a change concerns.
pub(crate) type Interest = fn(&World, &Transition<'_>, &mut BTreeSet<Key>);

/// Every controller's interest. A new controller is a row here and one in [`reconcile`].
pub(crate) const INTERESTS: &[Interest] = &[
    deployment::interest,
    replica_set::interest,
    node_lifecycle::interest,
    node_ipam::interest,
    endpoint_slice::interest,
    namespace::interest,
    garbage_collector::interest,
    service_account::interest,
    definition::interest,
    root_ca::interest,
    resource_quota::interest,
    cluster_role_aggregation::interest,
    pod_gc::interest,
];

/// What to do about a key now.
pub fn reconcile(world: &World, key: &Key, now: Moment) -> Outcome {
    match key.controller {
        Controller::Deployment => deployment::reconcile(world, &key.object, now),
        Controller::ReplicaSet => replica_set::reconcile(world, &key.object, now),
        Controller::NodeLifecycle => node_lifecycle::reconcile(world, &key.object, now),
        Controller::NodeIpam => node_ipam::reconcile(world),
        Controller::EndpointSlice => endpoint_slice::reconcile(world, &key.object),
        Controller::Namespace => namespace::reconcile(world, &key.object),
        Controller::GarbageCollector => garbage_collector::reconcile(world, &key.object),
        Controller::ServiceAccount => service_account::reconcile(world, &key.object),
        Controller::Definition => definition::reconcile(world, &key.object),
        Controller::RootCa => root_ca::reconcile(world, &key.object),
        Controller::ResourceQuota => resource_quota::reconcile(world, &key.object),
        Controller::ClusterRoleAggregation => cluster_role_aggregation::reconcile(world, &key.object),
        Controller::PodGc => pod_gc::reconcile(world, &key.object, now),
    }
}
