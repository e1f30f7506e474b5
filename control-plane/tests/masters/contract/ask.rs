//! A request in words that both faces can say, and what is expected of its answer.

use serde_json::{Value, json};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Create,
    Update,
    Patch(&'static str),
    Delete,
    DeleteCollection,
}

pub(crate) const MERGE: Verb = Verb::Patch("application/merge-patch+json");
pub(crate) const JSON_PATCH: Verb = Verb::Patch("application/json-patch+json");
pub(crate) const STRATEGIC: Verb = Verb::Patch("application/strategic-merge-patch+json");

/// Which kind; `group` is empty for core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespaced: bool,
}

pub(crate) const fn core(plural: &'static str) -> Resource {
    Resource { group: "", version: "v1", plural, namespaced: true }
}

pub(crate) const CONFIG_MAPS: Resource = core("configmaps");
pub(crate) const SECRETS: Resource = core("secrets");
pub(crate) const PODS: Resource = core("pods");
pub(crate) const SERVICES: Resource = core("services");
pub(crate) const NODES: Resource = Resource { namespaced: false, ..core("nodes") };
pub(crate) const NAMESPACES: Resource = Resource { namespaced: false, ..core("namespaces") };
pub(crate) const DEPLOYMENTS: Resource =
    Resource { group: "apps", version: "v1", plural: "deployments", namespaced: true };

/// A request. `{ns}` in texts stands for the namespace that the face plays in.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) verb: Verb,
    pub(crate) resource: Resource,
    pub(crate) name: String,
    pub(crate) subresource: &'static str,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    /// The namespace, where it is not the face's own; empty for all.
    pub(crate) namespace: Option<&'static str>,
}

pub(crate) fn ask(verb: Verb, resource: Resource, name: &str) -> Ask {
    Ask { verb, resource, name: name.to_owned(), subresource: "", query: Vec::new(), body: None, namespace: None }
}

pub(crate) fn get(resource: Resource, name: &str) -> Ask {
    ask(Verb::Get, resource, name)
}

pub(crate) fn list(resource: Resource) -> Ask {
    ask(Verb::List, resource, "")
}

pub(crate) fn create(resource: Resource, body: Value) -> Ask {
    ask(Verb::Create, resource, "").body(body)
}

pub(crate) fn update(resource: Resource, name: &str, body: Value) -> Ask {
    ask(Verb::Update, resource, name).body(body)
}

pub(crate) fn patch(kind: Verb, resource: Resource, name: &str, body: Value) -> Ask {
    ask(kind, resource, name).body(body)
}

pub(crate) fn delete(resource: Resource, name: &str) -> Ask {
    ask(Verb::Delete, resource, name)
}

impl Ask {
    pub(crate) fn body(self, body: Value) -> Ask {
        Ask { body: Some(body), ..self }
    }

    pub(crate) fn with(mut self, key: &'static str, value: &str) -> Ask {
        self.query.push((key, value.to_owned()));
        self
    }

    pub(crate) fn part(self, subresource: &'static str) -> Ask {
        Ask { subresource, ..self }
    }

    pub(crate) fn namespace(self, namespace: &'static str) -> Ask {
        Ask { namespace: Some(namespace), ..self }
    }

    /// The value of a query parameter; empty when it is not there.
    pub(crate) fn parameter(&self, key: &str) -> &str {
        self.query.iter().find(|(own, _)| *own == key).map_or("", |(_, value)| value)
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP's code; for gRPC the code of the Status, or 200.
    pub(crate) code: u16,
    /// The object, the list, or the Status.
    pub(crate) body: Value,
}

/// A request and what must come of it.
pub(crate) struct Case {
    pub(crate) ask: Ask,
    /// 0: any success.
    code: u16,
    reason: &'static str,
    says: Vec<&'static str>,
    field: &'static str,
    at: Vec<(&'static str, Value)>,
}

impl Ask {
    /// It must succeed.
    pub(crate) fn works(self) -> Case {
        Case { ask: self, code: 0, reason: "", says: Vec::new(), field: "", at: Vec::new() }
    }

    /// It must be refused.
    pub(crate) fn refused(self, code: u16, reason: &'static str) -> Case {
        Case { code, reason, ..self.works() }
    }
}

impl Case {
    /// The answer has this there.
    pub(crate) fn at(mut self, pointer: &'static str, value: impl Into<Value>) -> Case {
        self.at.push((pointer, value.into()));
        self
    }

    /// The message holds these words.
    pub(crate) fn says(mut self, words: &'static str) -> Case {
        self.says.push(words);
        self
    }

    /// One of the causes is this field.
    pub(crate) fn field(self, field: &'static str) -> Case {
        Case { field, ..self }
    }

    /// What is not as expected; `None` when all is.
    pub(crate) fn judge(&self, answer: &Answer, namespace: &str) -> Option<String> {
        let wrong = |what: String| Some(format!("{what}\n    {}", answer.body));
        if self.code == 0 && !(200..300).contains(&answer.code) {
            return wrong(format!("expected a success, got {}", answer.code));
        }
        if self.code != 0 && (answer.code != self.code || answer.body["reason"] != self.reason) {
            let (code, reason) = (answer.code, &answer.body["reason"]);
            return wrong(format!("expected {} {}, got {code} {reason}", self.code, self.reason));
        }
        if self.code != 0 && (answer.body["kind"] != "Status" || answer.body["status"] != "Failure") {
            return wrong("a refusal must be a Status".to_owned());
        }
        let message = answer.body["message"].as_str().unwrap_or_default();
        if let Some(words) = self.says.iter().find(|words| !message.contains(*words)) {
            return wrong(format!("the message does not say {words:?}"));
        }
        let causes = answer.body["details"]["causes"].as_array().cloned().unwrap_or_default();
        if !self.field.is_empty() && !causes.iter().any(|cause| cause["field"] == self.field) {
            return wrong(format!("no cause is about {}", self.field));
        }
        let other = self.at.iter().find_map(|(pointer, expect)| {
            let found = answer.body.pointer(pointer).cloned().unwrap_or_default();
            (found != filled(expect, namespace)).then(|| format!("{pointer} is {found}, expected {expect}"))
        });
        other.and_then(wrong)
    }
}

/// The value with `{ns}` filled in.
pub(crate) fn filled(value: &Value, namespace: &str) -> Value {
    match value {
        Value::String(text) => json!(text.replace("{ns}", namespace)),
        Value::Array(items) => items.iter().map(|item| filled(item, namespace)).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), filled(value, namespace))).collect(),
        other => other.clone(),
    }
}
