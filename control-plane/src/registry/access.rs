//! The first step of every verb: may this caller do it.

use xebec_api::{FieldSelector, Status, Subresource};

use super::{Registry, RequestContext, Scope, Target};
use crate::authz::{Attributes, Decision};

impl Registry {
    /// Refuses what the kind does not offer, and what the caller may not do to the target.
    pub(crate) fn authorize(&self, cx: &RequestContext, verb: &str, target: &Target) -> Result<(), Status> {
        if target.subresource.is_none() && !target.kind.allows(verb) {
            return Err(Status::method_not_supported(target.kind, verb));
        }
        let attributes = Attributes {
            user: &cx.user,
            verb,
            group: target.kind.group,
            resource: target.kind.plural,
            subresource: target.subresource.map_or("", Subresource::as_str),
            namespace: target.namespace.as_deref(),
            name: Some(target.name.as_str()).filter(|name| !name.is_empty()),
            path: None,
        };
        match self.parts.authorizer.authorize(&attributes) {
            Decision::Allow => Ok(()),
            Decision::Deny { reason } => {
                Err(Status::forbidden(target.kind, &target.name, refusal(&attributes, &reason)))
            }
        }
    }

    /// Refuses what the caller may not do to a whole kind or namespace, or to the one object of it that the selector names.
    pub(super) fn authorize_scope(
        &self,
        cx: &RequestContext,
        verb: &str,
        scope: &Scope,
        fields: &FieldSelector,
    ) -> Result<(), Status> {
        let name = fields.required("metadata.name").unwrap_or_default();
        self.authorize(cx, verb, &Target::new(scope.kind, scope.namespace.as_deref(), name))
    }

    /// Refuses what the caller may not do to something that is not kept here.
    pub fn authorize_attributes(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        match self.parts.authorizer.authorize(attributes) {
            Decision::Allow => Ok(()),
            Decision::Deny { reason } => {
                let message = format!("forbidden: {}", refusal(attributes, &reason));
                Err(Status::new(xebec_api::Reason::Forbidden, message))
            }
        }
    }

    /// Whether the caller may ask for a path that is no object, such as discovery.
    pub fn authorize_path(&self, cx: &RequestContext, verb: &str, path: &str) -> Result<(), Status> {
        let attributes = Attributes { path: Some(path), ..Attributes::blank(&cx.user, verb) };
        match self.parts.authorizer.authorize(&attributes) {
            Decision::Allow => Ok(()),
            Decision::Deny { .. } => {
                let message = format!("forbidden: {}", attributes.refusal());
                Err(Status::new(xebec_api::Reason::Forbidden, message))
            }
        }
    }
}

fn refusal(attributes: &Attributes<'_>, reason: &str) -> String {
    let mut text = attributes.refusal();
    if !reason.is_empty() && !text.contains(reason) {
        text.push_str(": ");
        text.push_str(reason);
    }
    text
}
