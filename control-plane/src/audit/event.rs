//! One audit event as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Annotations;
use crate::authn::User;
use crate::request_info::RequestInfo;

/// When in a request's life an event is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A stream has begun.
    ResponseStarted,
    /// All is said.
    ResponseComplete,
}

/// What is known of a request from its head.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) received: Timestamp,
    pub(super) uri: String,
    pub(super) user: User,
    /// As whom, where that is another.
    pub(super) impersonated: Option<User>,
    pub(super) source: String,
    pub(super) user_agent: String,
    pub(super) info: RequestInfo,
    pub(super) annotations: Annotations,
}

/// Of what a client says at most so much is kept: it must not be able to fill the disk with one request.
const LONGEST: usize = 4_096;

/// At most [`LONGEST`] bytes of a text.
pub(super) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// The line of an event.
pub(super) fn line(facts: &Facts, stage: Stage, code: u16, now: Timestamp) -> String {
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": facts.id,
        "stage": if stage == Stage::ResponseStarted { "ResponseStarted" } else { "ResponseComplete" },
        "requestURI": shortened(&facts.uri), "verb": facts.info.verb, "user": user(&facts.user),
        "responseStatus": {"metadata": {}, "code": code},
        "requestReceivedTimestamp": micros(facts.received), "stageTimestamp": micros(now),
    });
    if let Some(other) = &facts.impersonated {
        event["impersonatedUser"] = user(other);
    }
    if !facts.source.is_empty() {
        event["sourceIPs"] = json!([facts.source]);
    }
    if !facts.user_agent.is_empty() {
        event["userAgent"] = json!(shortened(&facts.user_agent));
    }
    if facts.info.is_resource {
        event["objectRef"] = object(&facts.info);
    }
    let annotations = facts.annotations.all();
    if !annotations.is_empty() {
        event["annotations"] = json!(annotations);
    }
    let mut line = event.to_string();
    line.push('\n');
    line
}

fn user(user: &User) -> Value {
    let mut out = json!({"username": user.name, "groups": user.groups});
    if let Some(uid) = &user.uid {
        out["uid"] = json!(uid);
    }
    if !user.extra.is_empty() {
        out["extra"] = json!(user.extra);
    }
    out
}

fn object(info: &RequestInfo) -> Value {
    let fields = [
        ("resource", info.resource.as_str()),
        ("namespace", info.namespace.as_deref().unwrap_or_default()),
        ("name", info.name.as_str()),
        ("apiGroup", info.group.as_str()),
        ("apiVersion", info.version.as_str()),
        ("subresource", info.subresource.as_str()),
    ];
    fields.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key.to_owned(), json!(text))).collect()
}

fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            id: "id".into(),
            received: "2030-01-01T00:00:00.5Z".parse().unwrap(),
            uri: "/api/v1/namespaces/a/secrets/b?x=y".into(),
            user: User::new("jane", ["dev".to_owned()]),
            impersonated: None,
            source: "10.0.0.1".into(),
            user_agent: "kubectl".into(),
            info: RequestInfo {
                verb: "get",
                is_resource: true,
                version: "v1".into(),
                resource: "secrets".into(),
                namespace: Some("a".into()),
                name: "b".into(),
                ..RequestInfo::default()
            },
            annotations: Annotations::default(),
        }
    }

    #[test]
    fn who_acts_as_another_is_named_beside_them() {
        let facts = Facts { impersonated: Some(User::new("root", [])), ..facts() };
        let line = line(&facts, Stage::ResponseComplete, 200, "2030-01-01T00:00:01Z".parse().unwrap());
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&event["user"]["username"], &event["impersonatedUser"]["username"]),
            (&json!("jane"), &json!("root"))
        );
    }

    #[test]
    fn what_admission_noted_is_in_the_event_and_the_first_word_counts() {
        let facts = facts();
        facts.annotations.add("a/b", "first");
        facts.annotations.add("a/b", "second");
        let line = line(&facts, Stage::ResponseComplete, 200, facts.received);
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["annotations"], json!({"a/b": "first"}));
    }

    #[test]
    fn an_event_says_who_did_what_and_what_came_of_it() {
        let line = line(&facts(), Stage::ResponseComplete, 403, "2030-01-01T00:00:01Z".parse().unwrap());
        assert!(line.ends_with('\n'));
        let expect = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "id",
            "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/a/secrets/b?x=y", "verb": "get",
            "user": {"username": "jane", "groups": ["dev", "system:authenticated"]}, "sourceIPs": ["10.0.0.1"],
            "userAgent": "kubectl", "responseStatus": {"metadata": {}, "code": 403},
            "objectRef": {"resource": "secrets", "namespace": "a", "name": "b", "apiVersion": "v1"},
            "requestReceivedTimestamp": "2030-01-01T00:00:00.500000Z", "stageTimestamp": "2030-01-01T00:00:01.000000Z",
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expect);
    }

    #[test]
    fn what_a_client_says_is_shortened() {
        let long = Facts { uri: "/é".repeat(10_000), user_agent: "x".repeat(10_000), ..facts() };
        let line = line(&long, Stage::ResponseStarted, 200, long.received);
        assert!(line.len() < 3 * LONGEST, "{}", line.len());
    }
}
