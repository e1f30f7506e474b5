//! The one authorizer of a master: whoever one of its parts allows may.

use std::sync::Arc;

use k8s_openapi::api::core::v1::PersistentVolume;
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use xebec_api::kinds::{PERSISTENT_VOLUME, POD, VOLUME_ATTACHMENT};
use xebec_proto::join::MASTERS_GROUP;

use super::node::{self, NodePods};
use super::{Attributes, Authorizer, Decision, Held, Rbac};
use crate::authn::User;
use crate::authn::user::MASTERS;
use crate::cache::Cache;
use crate::cluster::access;
use crate::registry::keys;

/// Masters, nodes, RBAC.
pub struct Union {
    rbac: Arc<Rbac>,
    pods: CachedPods,
}

impl Union {
    /// Over this cache.
    pub fn new(cache: Arc<Cache>, rbac: Arc<Rbac>) -> Self {
        Self { rbac, pods: CachedPods { cache } }
    }

    fn allows(&self, attributes: &Attributes<'_>) -> bool {
        let user = attributes.user;
        user.in_group(MASTERS)
            || (user.in_group(MASTERS_GROUP) && is_masters_business(attributes))
            || user.node_name().is_some_and(|node| node::allows(node, attributes, &self.pods))
            || self.rbac.allows(attributes)
    }
}

impl Authorizer for Union {
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        if self.allows(attributes) { Decision::Allow } else { Decision::Deny { reason: String::new() } }
    }

    fn rules(&self, user: &User, namespace: &str) -> Held {
        if user.in_group(MASTERS) {
            return Held { rules: everything().into(), incomplete: None };
        }
        let by_pods = user.node_name().map(|_| "what a node agent may do follows from the pods on its node");
        Held { rules: self.rbac.rules(user, Some(namespace)), incomplete: by_pods }
    }
}

/// Every verb on everything.
pub(super) fn everything() -> [PolicyRule; 2] {
    let all = || vec!["*".to_owned()];
    let resources = PolicyRule { api_groups: Some(all()), resources: Some(all()), verbs: all(), ..Default::default() };
    let paths = PolicyRule { non_resource_urls: Some(all()), verbs: all(), ..Default::default() };
    [resources, paths]
}

/// What one master asks of another, for itself or for a caller whom it has examined. It must not hang on roles: a master joins before anything else works.
fn is_masters_business(attributes: &Attributes<'_>) -> bool {
    attributes.group == access::GROUP
        && matches!(
            (attributes.verb, attributes.resource),
            ("get", "status") | ("create" | "delete", "members") | ("update", "leader")
        )
}

struct CachedPods {
    cache: Arc<Cache>,
}

impl NodePods for CachedPods {
    fn node_of(&self, namespace: &str, pod: &str) -> Option<Option<String>> {
        let entry = self.cache.entry(&POD, &keys::object(&POD, Some(namespace), pod))?;
        Some(entry.bound().node.clone())
    }

    fn refers(&self, node: &str, plural: &'static str, namespace: &str, name: &str) -> bool {
        self.cache.node_refers(node, plural, namespace, name)
    }

    fn claim_of(&self, volume: &str) -> Option<(String, String)> {
        let volume = self.cache.get(&PERSISTENT_VOLUME, None, volume)?.object.decode::<PersistentVolume>().ok()?;
        let claim = volume.spec?.claim_ref?;
        claim.namespace.zip(claim.name)
    }

    fn attached_to(&self, attachment: &str) -> Option<String> {
        let attachment = self.cache.get(&VOLUME_ATTACHMENT, None, attachment)?.object.decode::<VolumeAttachment>();
        Some(attachment.ok()?.spec.node_name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::*;

    fn check(request: &str, expect: bool) {
        let cache = Cache::new(crate::cache::Limits::default());
        let union = Union::new(cache.clone(), Arc::new(Rbac::new(cache)));
        let allowed = ask(request, |question| union.authorize(question) == Decision::Allow);
        assert_eq!(allowed, expect, "{request}");
    }

    #[test]
    fn an_empty_cluster_allows_masters_and_nodes_their_own_and_nobody_else() {
        check("admin+system:masters delete core/nodes - n1", true);
        check("admin+system:masters get /metrics", true);
        check("system:node:n1+system:nodes get core/nodes - n1", true);
        check("system:node:n1+system:nodes get core/nodes - n2", false);
        check("system:node:n1 get core/nodes - n1", false);
        check("jane get core/pods shop", false);
    }

    #[test]
    fn a_master_may_change_who_is_a_member_and_who_leads_and_nothing_else() {
        check("system:master:m2+system:master-servers create cluster.xebec.dev/members", true);
        check("system:master:m2+system:master-servers delete cluster.xebec.dev/members - m3", true);
        check("system:master:m2+system:master-servers update cluster.xebec.dev/leader", true);
        check("system:master:m2+system:master-servers create cluster.xebec.dev/snapshots", false);
        check("system:master:m2+system:master-servers get cluster.xebec.dev/status", true);
        check("system:master:m2+system:master-servers create cluster.xebec.dev/tokens", false);
        check("system:master:m2+system:master-servers get core/secrets shop s", false);
    }
}
