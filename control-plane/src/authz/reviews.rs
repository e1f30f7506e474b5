//! Answers to reviews: who the caller is, and what they or others may do. The same authorizer answers that decides on
//! requests, so the answer is what a request would meet.

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::TokenReview;
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use k8s_openapi::api::rbac::v1::PolicyRule;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use xebec_api::{Kind, Status};

use super::{Attributes, Authorizer, Decision};
use crate::authn::User;
use crate::authn::bearer::BearerTokens;
use crate::authn::service_account::TokenHolder;

/// What answers are made from.
pub struct Desk<'a> {
    /// Says who may do what.
    pub authorizer: &'a dyn Authorizer,
    /// Says whose a token is.
    pub tokens: &'a BearerTokens,
    /// The time.
    pub now: Timestamp,
}

impl Desk<'_> {
    /// The status of a valid review of this kind, put by `user`.
    pub fn answer(&self, kind: &Kind, review: &Value, user: &User) -> Result<Value, Status> {
        match kind.kind {
            "SelfSubjectReview" => Ok(json!({"userInfo": user_info(user)})),
            "SelfSubjectAccessReview" => {
                let spec = read::<SelfSubjectAccessReview>(review)?.spec;
                let asked = Asked { resource: spec.resource_attributes, path: spec.non_resource_attributes };
                Ok(asked.judge(user, self.authorizer))
            }
            "SubjectAccessReview" => self.subject_access(read::<SubjectAccessReview>(review)?.spec),
            "LocalSubjectAccessReview" => self.subject_access(read::<LocalSubjectAccessReview>(review)?.spec),
            "SelfSubjectRulesReview" => {
                let namespace = review["spec"]["namespace"].as_str().unwrap_or_default();
                Ok(rules(&self.authorizer.rules(user, namespace)))
            }
            "TokenReview" => Ok(self.token(&read::<TokenReview>(review)?)),
            other => Err(Status::internal(format!("nobody answers a {other}"))),
        }
    }

    fn subject_access(&self, spec: SubjectAccessReviewSpec) -> Result<Value, Status> {
        let subject = subject(&spec);
        let asked = Asked { resource: spec.resource_attributes, path: spec.non_resource_attributes };
        Ok(asked.judge(&subject, self.authorizer))
    }

    fn token(&self, review: &TokenReview) -> Value {
        let audiences = review.spec.audiences.clone().unwrap_or_default();
        match self.tokens.holder(review.spec.token.as_deref().unwrap_or_default(), &audiences, self.now) {
            Ok(TokenHolder { user, audiences }) => {
                json!({"authenticated": true, "user": user_info(&user), "audiences": audiences})
            }
            Err(refusal) => json!({"user": {}, "error": refusal.to_string()}),
        }
    }
}

/// What a caller may do in a namespace, as far as that can be listed.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// By these rules.
    pub rules: Vec<PolicyRule>,
    /// Why that may not be all.
    pub incomplete: Option<&'static str>,
}

fn read<T: DeserializeOwned>(review: &Value) -> Result<T, Status> {
    T::deserialize(review).map_err(|error| Status::bad_request(format!("the review cannot be read: {error}")))
}

fn user_info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if let Some(uid) = &user.uid {
        info["uid"] = json!(uid);
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

/// Exactly who is named: nobody is authenticated by being asked about.
fn subject(spec: &SubjectAccessReviewSpec) -> User {
    let (name, groups) = (spec.user.clone().unwrap_or_default(), spec.groups.clone().unwrap_or_default());
    User { name, uid: spec.uid.clone(), groups, extra: spec.extra.clone().unwrap_or_default() }
}

/// One of the two.
struct Asked {
    resource: Option<ResourceAttributes>,
    path: Option<NonResourceAttributes>,
}

impl Asked {
    fn judge(&self, user: &User, authorizer: &dyn Authorizer) -> Value {
        match authorizer.authorize(&self.attributes(user)) {
            Decision::Allow => json!({"allowed": true}),
            Decision::Deny { reason } if reason.is_empty() => json!({"allowed": false}),
            Decision::Deny { reason } => json!({"allowed": false, "reason": reason}),
        }
    }

    fn attributes<'a>(&'a self, user: &'a User) -> Attributes<'a> {
        let word = |of: fn(&ResourceAttributes) -> &Option<String>| {
            self.resource.as_ref().and_then(|resource| of(resource).as_deref()).unwrap_or_default()
        };
        let named = |word: &'a str| Some(word).filter(|word| !word.is_empty());
        let path_verb = self.path.as_ref().and_then(|path| path.verb.as_deref()).unwrap_or_default();
        Attributes {
            user,
            verb: if self.path.is_some() { path_verb } else { word(|resource| &resource.verb) },
            group: word(|resource| &resource.group),
            resource: word(|resource| &resource.resource),
            subresource: word(|resource| &resource.subresource),
            namespace: named(word(|resource| &resource.namespace)),
            name: named(word(|resource| &resource.name)),
            path: self.path.as_ref().map(|path| path.path.as_deref().unwrap_or_default()),
        }
    }
}

fn rules(held: &Held) -> Value {
    let on_paths = |rule: &&PolicyRule| rule.non_resource_urls.is_some();
    let resources: Vec<Value> = held.rules.iter().filter(|rule| !on_paths(rule)).map(resource_rule).collect();
    let paths: Vec<Value> = held.rules.iter().filter(on_paths).map(path_rule).collect();
    let mut status =
        json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": held.incomplete.is_some()});
    if let Some(why) = held.incomplete {
        status["evaluationError"] = json!(why);
    }
    status
}

fn resource_rule(rule: &PolicyRule) -> Value {
    let mut out = json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
    if let Some(names) = &rule.resource_names {
        out["resourceNames"] = json!(names);
    }
    out
}

fn path_rule(rule: &PolicyRule) -> Value {
    json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls})
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use xebec_api::kinds;

    use super::super::{Rbac, Union};
    use super::*;
    use crate::cache::{Cache, Limits};
    use crate::registry::testing::tokens;

    fn status(kind: &Kind, user: &User, spec: Value) -> Value {
        let cache = Cache::new(Limits::default());
        let union = Union::new(cache.clone(), Arc::new(Rbac::new(cache.clone())));
        let desk = Desk { authorizer: &union, tokens: &tokens(cache), now: Timestamp::UNIX_EPOCH };
        desk.answer(kind, &json!({"metadata": {}, "spec": spec}), user).unwrap()
    }

    fn jane() -> User {
        User::new("jane", [])
    }

    fn admin() -> User {
        User::new("admin", ["system:masters".to_owned()])
    }

    #[test]
    fn a_caller_learns_who_they_are() {
        let expected = json!({"userInfo": {"username": "jane", "groups": ["system:authenticated"]}});
        assert_eq!(status(&kinds::SELF_SUBJECT_REVIEW, &jane(), Value::Null), expected);
    }

    #[test]
    fn the_answer_is_the_authorizers() {
        let pods = json!({"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "shop"}});
        let node = json!({"resourceAttributes": {"verb": "get", "resource": "nodes", "name": "n1"}});
        let metrics = json!({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}});
        let may = |user: &User, spec: &Value| {
            status(&kinds::SELF_SUBJECT_ACCESS_REVIEW, user, spec.clone())["allowed"] == true
        };
        for spec in [&pods, &node, &metrics] {
            assert!(may(&admin(), spec) && !may(&jane(), spec), "{spec}");
        }
        assert!(may(&User::node("n1"), &node) && !may(&User::node("n2"), &node));
    }

    #[test]
    fn others_are_exactly_who_is_named() {
        let about = |user: &str, groups: &[&str]| {
            let node = json!({"verb": "get", "resource": "nodes", "name": "n1"});
            let spec = json!({"user": user, "groups": groups, "resourceAttributes": node});
            status(&kinds::SUBJECT_ACCESS_REVIEW, &admin(), spec)["allowed"] == true
        };
        assert!(about("x", &["system:masters"]));
        assert!(about("system:node:n1", &["system:nodes"]));
        assert!(!about("system:node:n1", &[]));
        assert!(!about("admin", &[]));
    }

    #[test]
    fn rules_are_listed_and_gaps_named() {
        let all = status(&kinds::SELF_SUBJECT_RULES_REVIEW, &admin(), json!({"namespace": "shop"}));
        assert_eq!(all["resourceRules"], json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]));
        assert_eq!(all["nonResourceRules"], json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}]));
        assert_eq!(all["incomplete"], false);
        let none = status(&kinds::SELF_SUBJECT_RULES_REVIEW, &jane(), json!({"namespace": "shop"}));
        assert_eq!(none["resourceRules"], json!([]));
        assert_eq!(
            status(&kinds::SELF_SUBJECT_RULES_REVIEW, &User::node("n1"), json!({"namespace": "shop"}))["incomplete"],
            true
        );
    }
}
