//! `serviceaccounts/token`: a TokenRequest is answered with a token, and nothing is kept.

use serde_json::{Value, json};
use xebec_api::kinds::{NODE, POD, SECRET};
use xebec_api::{Kind, Object, Reason, Status, value};

use super::ownership::Ownership;
use super::pipeline::Passage;
use super::{Registry, RequestContext, Stored, Target, WriteOptions, rfc3339};
use crate::admission::Operation;
use crate::authn::service_account::ISSUER;
use crate::authn::service_account::claims::{Bound, Draft, Reference};
use crate::authn::service_account::request::{self, Binding, BindingKind};

impl Registry {
    /// Makes a token of the ServiceAccount that `target` names.
    pub(super) async fn issue_token(
        &self,
        cx: &RequestContext,
        target: &Target,
        mut body: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        self.authorize(cx, "create", target)?;
        envelope(target, &mut body)?;
        let call = ("authentication.k8s.io", "v1", "TokenRequest");
        let mut body = self.ask_about_call(cx, target, call, body, options).await?;
        let asked = request::read(&body, ISSUER)?.map_err(|errors| invalid(&target.name, &errors))?;
        self.read_barrier(cx.deadline).await?;
        let account = self.cached(target).ok_or_else(|| Status::not_found(target.kind, &target.name))?;
        let passage = Passage { cx, target, options, old: None, ownership: Ownership::ByChange };
        self.admit(&passage, Operation::Create, &mut body)?;
        let bound = match &asked.bound {
            Some(binding) => self.bound(target, binding)?,
            None => Bound::Account,
        };
        let now = self.now();
        let draft = Draft {
            namespace: target.namespace.clone().unwrap_or_default(),
            account: reference(&account),
            audiences: asked.audiences.clone(),
            seconds: asked.seconds,
            bound,
            now: now.as_second(),
            id: self.parts.environment.uid(),
        };
        let claims = draft.claims();
        let token = self.parts.tokens.accounts().sign(&claims).map_err(Status::internal)?;
        let ends = jiff::Timestamp::from_second(claims.exp).map_err(Status::internal)?;
        body["metadata"]["creationTimestamp"] = json!(rfc3339(now));
        body["spec"]["audiences"] = json!(asked.audiences);
        body["spec"]["expirationSeconds"] = json!(asked.seconds);
        body["status"] = json!({"token": token, "expirationTimestamp": rfc3339(ends)});
        Ok(Stored { object: Object::from_value(body)?, revision: 0 })
    }

    /// What the token is to be bound to, as it is now.
    fn bound(&self, target: &Target, binding: &Binding) -> Result<Bound, Status> {
        let (kind, namespace): (&'static Kind, _) = match binding.kind {
            BindingKind::Pod => (&POD, target.namespace.as_deref()),
            BindingKind::Secret => (&SECRET, target.namespace.as_deref()),
            BindingKind::Node => (&NODE, None),
        };
        let object = Target::new(kind, namespace, &binding.name);
        let found = self.cached(&object).ok_or_else(|| Status::not_found(kind, &binding.name))?;
        let uid = &found.object.meta().uid;
        if !binding.uid.is_empty() && binding.uid != *uid {
            let why = format!(
                "the UID in the bound object reference ({}) does not match the UID in record. \
                 The object might have been deleted and then recreated",
                binding.uid
            );
            return Err(Status::conflict(kind, &binding.name, why));
        }
        match binding.kind {
            BindingKind::Secret => Ok(Bound::Secret(reference(&found))),
            BindingKind::Node => Ok(Bound::Node(reference(&found))),
            BindingKind::Pod => self.bound_to_pod(target, &found),
        }
    }

    fn bound_to_pod(&self, target: &Target, stored: &Stored) -> Result<Bound, Status> {
        let pod = stored.to_value();
        if value::text(&pod, "/spec/serviceAccountName") != Some(target.name.as_str()) {
            return Err(Status::bad_request(format!(
                "cannot bind token for serviceaccount \"{}\" to pod running with different serviceaccount name.",
                target.name
            )));
        }
        let node = value::text(&pod, "/spec/nodeName").map(|name| {
            let stored = self.cached(&Target::new(&NODE, None, name));
            stored.map_or_else(|| Reference { name: name.to_owned(), uid: String::new() }, |node| reference(&node))
        });
        Ok(Bound::Pod { pod: reference(stored), node })
    }
}

fn reference(stored: &Stored) -> Reference {
    let meta = stored.object.meta();
    Reference { name: meta.name.clone(), uid: meta.uid.clone() }
}

/// What the body leaves out is the account that the path names; what it says must be that.
fn envelope(target: &Target, body: &mut Value) -> Result<(), Status> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let expected = [
        ("/apiVersion", "authentication.k8s.io/v1"),
        ("/kind", "TokenRequest"),
        ("/metadata/name", target.name.as_str()),
        ("/metadata/namespace", namespace),
    ];
    for (pointer, expected) in expected {
        if let Some(found) = value::text(body, pointer).filter(|found| *found != expected) {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Err(Status::bad_request(format!("{field}: {found} must be {expected}, or left out")));
        }
    }
    if !body.is_object() {
        return Err(Status::bad_request("the body must be an object"));
    }
    let spec = body.get("spec").cloned().filter(|spec| !spec.is_null()).unwrap_or_else(|| json!({}));
    *body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "metadata": {"name": target.name, "namespace": namespace}, "spec": spec,
    });
    Ok(())
}

fn invalid(name: &str, errors: &xebec_api::FieldErrors) -> Status {
    let message = format!("TokenRequest.authentication.k8s.io \"{name}\" is invalid: {errors}");
    Status::new(Reason::Invalid, message)
}
