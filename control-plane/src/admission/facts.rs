//! What expressions of webhooks and policies find: one write, taken over into their language.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;
use xebec_api::cel::{self, Bindings, Budget, Check, EvaluationError, Resource, Value};
use xebec_api::value;

use crate::authn::User;
use crate::authn::service_account::{groups, user_name};
use crate::authz::{Attributes, Authorizer, Decision};

/// What expressions about a write find: `object`, `oldObject`, `request`, `namespaceObject` and `authorizer`. Objects are taken over into the language
/// when they are first asked for.
pub struct Facts<'a> {
    object: Lazy<'a>,
    old: Lazy<'a>,
    request: Lazy<'a>,
    namespace: Value,
    asker: Arc<dyn cel::Authorizer>,
}

/// JSON, and what it is in the language.
struct Lazy<'a> {
    json: Option<&'a Json>,
    value: OnceLock<Value>,
}

impl<'a> Lazy<'a> {
    fn new(json: Option<&'a Json>) -> Lazy<'a> {
        Lazy { json, value: OnceLock::new() }
    }

    fn get(&self) -> Value {
        self.value.get_or_init(|| self.json.map_or(Value::Null, Value::from)).clone()
    }
}

impl<'a> Facts<'a> {
    /// Of a request of an AdmissionReview, without its objects, and its objects.
    pub fn new(
        request: &'a Json,
        (object, old): (Option<&'a Json>, Option<&'a Json>),
        user: Arc<User>,
        authorizer: Arc<dyn Authorizer>,
    ) -> Facts<'a> {
        let asker = Arc::new(Asker { user, authorizer });
        Facts {
            object: Lazy::new(object),
            old: Lazy::new(old),
            request: Lazy::new(Some(request)),
            namespace: Value::Null,
            asker,
        }
    }

    /// With the namespace that the object is in.
    #[must_use]
    pub fn within(self, namespace: Value) -> Facts<'a> {
        Facts { namespace, ..self }
    }

    /// The resource of the request, as `authorizer.requestResource` asks about it.
    fn resource(&self) -> Resource {
        let request = self.request.json.unwrap_or(&Json::Null);
        let word = |pointer: &str| value::text(request, pointer).unwrap_or_default().to_owned();
        Resource {
            group: word("/resource/group"),
            resource: word("/resource/resource"),
            subresource: word("/subResource"),
            namespace: word("/namespace"),
            name: word("/name"),
        }
    }
}

impl Bindings for Facts<'_> {
    fn value(&self, name: &str, _budget: &mut Budget) -> Result<Value, EvaluationError> {
        Ok(match name {
            "object" => self.object.get(),
            "oldObject" => self.old.get(),
            "request" => self.request.get(),
            "namespaceObject" => self.namespace.clone(),
            "authorizer" => cel::authorizer(self.asker.clone()),
            "authorizer.requestResource" => cel::request_resource(self.asker.clone(), self.resource()),
            other => return Err(EvaluationError::invalid(format!("no such attribute(s): {other}"))),
        })
    }
}

/// Asks on behalf of the caller, or of a service account that the expression names.
struct Asker {
    user: Arc<User>,
    authorizer: Arc<dyn Authorizer>,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("user", &self.user).finish_non_exhaustive()
    }
}

impl cel::Authorizer for Asker {
    fn decide(&self, check: &Check) -> cel::Decision {
        let account = check
            .service_account
            .as_ref()
            .map(|(namespace, name)| User::new(user_name(namespace, name), groups(namespace)));
        let blank = Attributes::blank(account.as_ref().unwrap_or(&self.user), &check.verb);
        fn given(text: &str) -> Option<&str> {
            Some(text).filter(|text| !text.is_empty())
        }
        let attributes = match &check.subject {
            cel::Subject::Path(path) => Attributes { path: Some(path), ..blank },
            cel::Subject::Resource(of) => Attributes {
                group: &of.group,
                resource: &of.resource,
                subresource: &of.subresource,
                namespace: given(&of.namespace),
                name: given(&of.name),
                ..blank
            },
        };
        match self.authorizer.authorize(&attributes) {
            Decision::Allow => cel::Decision { allowed: true, ..cel::Decision::default() },
            Decision::Deny { reason } => cel::Decision { reason, ..cel::Decision::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use xebec_api::cel::admission::match_conditions;
    use xebec_api::cel::policy::Conditions;

    use super::*;

    #[derive(Debug)]
    struct OnlyJaneReads;

    impl Authorizer for OnlyJaneReads {
        fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
            match (attributes.user.name.as_str(), attributes.verb, attributes.resource) {
                ("jane", "get", "pods") => Decision::Allow,
                _ => Decision::Deny { reason: "no".to_owned() },
            }
        }
    }

    fn holds(expressions: &[&str]) -> Result<bool, String> {
        let name = |(index, text): (usize, &&str)| json!({"name": format!("c{index}"), "expression": text});
        let listed: Vec<Json> = expressions.iter().enumerate().map(name).collect();
        let request = json!({"operation": "UPDATE", "name": "x", "namespace": "web", "dryRun": false,
            "resource": {"group": "", "version": "v1", "resource": "pods"}, "userInfo": {"username": "jane", "groups": ["dev"]}});
        let object = json!({"metadata": {"name": "x", "labels": {"a": "b"}}});
        let user = Arc::new(User::new("jane", []));
        let facts = Facts::new(&request, (Some(&object), None), user, Arc::new(OnlyJaneReads));
        Conditions::read(&listed, &match_conditions()).unwrap().hold(&facts)
    }

    #[test]
    fn all_conditions_must_hold() {
        assert_eq!(holds(&[]), Ok(true));
        assert_eq!(holds(&["request.operation == 'UPDATE'", "object.metadata.labels['a'] == 'b'"]), Ok(true));
        assert_eq!(holds(&["oldObject == null", "request.userInfo.username != 'jane'"]), Ok(false));
        assert_eq!(holds(&["authorizer.requestResource.check('get').allowed()"]), Ok(true));
        assert_eq!(holds(&["authorizer.group('').resource('secrets').check('get').allowed()"]), Ok(false));
        let account = "authorizer.serviceAccount('a', 'b').group('').resource('pods').check('get').allowed()";
        assert_eq!(holds(&[account]), Ok(false));
    }

    #[test]
    fn a_false_condition_decides_though_another_fails() {
        assert_eq!(holds(&["object.spec.nothing == 1", "1 == 2"]), Ok(false));
        let failed = holds(&["1 == 1", "object.spec.nothing == 1"]).unwrap_err();
        assert!(failed.contains("match condition 'c1': no such key"), "{failed}");
    }
}
