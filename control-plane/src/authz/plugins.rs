//! Authorization's share of admission: what depends on the object and not only on its name.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef};
use serde_json::Value;
use xebec_api::kinds::POD;
use xebec_api::{Status, Subresource};

use super::node_restriction::{self, NodeWrite, Restriction};
use super::{Attributes, Authorizer, Decision, Rbac, escalation, rbac};
use crate::admission::{Admission, AdmissionRequest, Operation, is_certificate_request, requested_subject};
use crate::authn::user::MASTERS;
use crate::cache::Cache;

/// Holds node agents to [`node_restriction`].
pub struct NodeRestriction {
    cache: Arc<Cache>,
}

impl NodeRestriction {
    /// Looks pods up in `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    fn check_token(&self, node: &str, request: &AdmissionRequest<'_>) -> Result<(), Restriction> {
        let bound = request.object.pointer("/spec/boundObjectRef/name").and_then(Value::as_str).unwrap_or_default();
        let pod = self.cache.get(&POD, request.namespace, bound).map(|stored| stored.object.to_value());
        node_restriction::check_token(node, request.object, pod.as_ref())
    }
}

impl Admission for NodeRestriction {
    fn name(&self) -> &'static str {
        "NodeRestriction"
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        let Some(node) = request.user.node_name() else { return Ok(()) };
        let new = if request.operation == Operation::Delete { &Value::Null } else { &*request.object };
        let write = NodeWrite { node, resource: request.kind.plural, new, old: request.old };
        let checked = match request.subresource {
            Some(Subresource::Token) => self.check_token(node, request),
            None if is_certificate_request(request) && request.operation == Operation::Create => {
                let signer = request.object.pointer("/spec/signerName").and_then(Value::as_str).unwrap_or_default();
                node_restriction::check_certificate(node, signer, requested_subject(request.object).as_ref())
            }
            _ => node_restriction::check(&write),
        };
        checked.map_err(|restriction| Status::forbidden(request.kind, request.name, restriction.to_string()))
    }
}

/// Nobody grants what they do not hold, unless they may `escalate` roles or `bind` the role.
pub struct NoEscalation {
    rbac: Arc<Rbac>,
    authorizer: Arc<dyn Authorizer>,
}

impl NoEscalation {
    /// By what these say that a caller holds.
    pub fn new(rbac: Arc<Rbac>, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { rbac, authorizer }
    }

    /// The rules that the write would give to somebody, the verb that allows it anyway, and the role that this verb is about.
    fn granted(&self, request: &AdmissionRequest<'_>) -> Result<Option<Grant>, Status> {
        if request.kind.plural.ends_with("bindings") {
            let role: RoleRef = field(request.object, "roleRef")?;
            let plural = if role.kind == "Role" { "roles" } else { "clusterroles" };
            let rules = self.rbac.resolve(&role, request.namespace).map(|rules| rules.to_vec());
            return Ok(Some(Grant { rules, verb: "bind", plural, name: role.name }));
        }
        let is_as_it_was = |field: &str| request.old.is_some_and(|old| old[field] == request.object[field]);
        let name = request.name.to_owned();
        let sums_up = !request.object["aggregationRule"].is_null() && !is_as_it_was("aggregationRule");
        if sums_up {
            // What others will add to a sum cannot be known.
            let rules = Some(super::union::everything().into());
            return Ok(Some(Grant { rules, verb: "escalate", plural: request.kind.plural, name }));
        }
        if is_as_it_was("rules") {
            return Ok(None);
        }
        let rules: Option<Vec<PolicyRule>> = field(request.object, "rules")?;
        Ok(Some(Grant { rules: Some(rules.unwrap_or_default()), verb: "escalate", plural: request.kind.plural, name }))
    }

    fn may(&self, request: &AdmissionRequest<'_>, grant: &Grant) -> bool {
        let attributes = Attributes {
            user: request.user,
            verb: grant.verb,
            group: rbac::GROUP,
            resource: grant.plural,
            subresource: "",
            namespace: request.namespace,
            name: Some(&grant.name),
            path: None,
        };
        self.authorizer.authorize(&attributes) == Decision::Allow
    }
}

/// What a role or binding would give away. No rules: the role does not exist, so nobody can say what it will be.
struct Grant {
    rules: Option<Vec<PolicyRule>>,
    verb: &'static str,
    plural: &'static str,
    name: String,
}

impl Admission for NoEscalation {
    fn name(&self) -> &'static str {
        "NoEscalation"
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        if request.kind.group != rbac::GROUP || request.operation == Operation::Delete || request.user.in_group(MASTERS)
        {
            return Ok(());
        }
        let Some(grant) = self.granted(request)? else { return Ok(()) };
        let held = self.rbac.rules(request.user, request.namespace);
        let missing = match &grant.rules {
            Some(rules) => escalation::missing(&held.iter().collect::<Vec<_>>(), rules),
            None => Some(format!("whatever {} \"{}\" will allow: it does not exist", grant.plural, grant.name)),
        };
        match missing {
            Some(missing) if !self.may(request, &grant) => {
                let reason = format!("user \"{}\" would grant what they do not hold: {missing}", request.user.name);
                Err(Status::forbidden(request.kind, request.name, reason))
            }
            _ => Ok(()),
        }
    }
}

fn field<T: serde::de::DeserializeOwned>(object: &Value, name: &str) -> Result<T, Status> {
    serde_json::from_value(object[name].clone())
        .map_err(|error| Status::bad_request(format!("{name} cannot be read: {error}")))
}

#[cfg(test)]
#[path = "plugins_tests.rs"]
mod tests;
