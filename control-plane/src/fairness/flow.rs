//! Which requests a FlowSchema is about.

use serde_json::Value;
use xebec_api::value;

use crate::authn::User;
use crate::request_info::RequestInfo;

/// What tells the flows of a schema apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distinguisher {
    /// All requests are one flow.
    None,
    /// A flow for each user.
    User,
    /// A flow for each namespace.
    Namespace,
}

/// A FlowSchema.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FlowSchema {
    pub(super) name: String,
    pub(super) uid: String,
    /// The lower, the earlier it is asked.
    pub(super) precedence: i64,
    pub(super) level: String,
    pub(super) distinguisher: Distinguisher,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    subjects: Vec<Subject>,
    resources: Vec<ResourceRule>,
    paths: Vec<PathRule>,
}

#[derive(Clone, Debug, PartialEq)]
enum Subject {
    User(String),
    Group(String),
}

#[derive(Clone, Debug, PartialEq)]
struct ResourceRule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    cluster_scope: bool,
    namespaces: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct PathRule {
    verbs: Vec<String>,
    paths: Vec<String>,
}

impl FlowSchema {
    /// Reads a FlowSchema; `None` when it names no level.
    pub(super) fn read(object: &Value) -> Option<FlowSchema> {
        let distinguisher = match value::text(object, "/spec/distinguisherMethod/type") {
            Some("ByUser") => Distinguisher::User,
            Some("ByNamespace") => Distinguisher::Namespace,
            _ => Distinguisher::None,
        };
        Some(FlowSchema {
            name: value::text(object, "/metadata/name")?.to_owned(),
            uid: value::text(object, "/metadata/uid").unwrap_or_default().to_owned(),
            precedence: value::number(object, "/spec/matchingPrecedence").unwrap_or(1_000),
            level: value::text(object, "/spec/priorityLevelConfiguration/name")?.to_owned(),
            distinguisher,
            rules: value::list(object, "/spec/rules").iter().map(Rule::read).collect(),
        })
    }

    /// Whether the request is one of its own.
    pub(super) fn matches(&self, user: &User, request: &RequestInfo) -> bool {
        self.rules.iter().any(|rule| rule.matches(user, request))
    }

    /// The name of the flow that the request belongs to.
    pub(super) fn flow<'a>(&self, user: &'a User, request: &'a RequestInfo) -> &'a str {
        match self.distinguisher {
            Distinguisher::None => "",
            Distinguisher::User => &user.name,
            Distinguisher::Namespace => request.namespace.as_deref().unwrap_or_default(),
        }
    }
}

fn texts(of: &Value, pointer: &str) -> Vec<String> {
    value::list(of, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn takes(list: &[String], word: &str) -> bool {
    list.iter().any(|own| own == "*" || own == word)
}

impl Rule {
    fn read(rule: &Value) -> Rule {
        Rule {
            subjects: value::list(rule, "/subjects").iter().filter_map(Subject::read).collect(),
            resources: value::list(rule, "/resourceRules").iter().map(ResourceRule::read).collect(),
            paths: value::list(rule, "/nonResourceRules").iter().map(PathRule::read).collect(),
        }
    }

    fn matches(&self, user: &User, request: &RequestInfo) -> bool {
        self.subjects.iter().any(|subject| subject.matches(user))
            && match request.is_resource {
                true => self.resources.iter().any(|rule| rule.matches(request)),
                false => self.paths.iter().any(|rule| rule.matches(request)),
            }
    }
}

impl Subject {
    fn read(subject: &Value) -> Option<Subject> {
        let text = |pointer| value::text(subject, pointer);
        match text("/kind")? {
            "User" => text("/user/name").map(|name| Subject::User(name.to_owned())),
            "Group" => text("/group/name").map(|name| Subject::Group(name.to_owned())),
            "ServiceAccount" => {
                let (namespace, name) = (text("/serviceAccount/namespace")?, text("/serviceAccount/name")?);
                Some(match name {
                    "*" => Subject::Group(format!("system:serviceaccounts:{namespace}")),
                    name => Subject::User(format!("system:serviceaccount:{namespace}:{name}")),
                })
            }
            _ => None,
        }
    }

    fn matches(&self, user: &User) -> bool {
        match self {
            Subject::User(name) => name == "*" || *name == user.name,
            Subject::Group(name) => name == "*" || user.in_group(name),
        }
    }
}

impl ResourceRule {
    fn read(rule: &Value) -> ResourceRule {
        ResourceRule {
            verbs: texts(rule, "/verbs"),
            groups: texts(rule, "/apiGroups"),
            resources: texts(rule, "/resources"),
            cluster_scope: rule.get("clusterScope").and_then(Value::as_bool).unwrap_or_default(),
            namespaces: texts(rule, "/namespaces"),
        }
    }

    fn matches(&self, request: &RequestInfo) -> bool {
        takes(&self.verbs, request.verb)
            && takes(&self.groups, &request.group)
            && takes(&self.resources, &request.resource_path())
            && match &request.namespace {
                Some(namespace) => takes(&self.namespaces, namespace),
                None => self.cluster_scope,
            }
    }
}

impl PathRule {
    fn read(rule: &Value) -> PathRule {
        PathRule { verbs: texts(rule, "/verbs"), paths: texts(rule, "/nonResourceURLs") }
    }

    fn matches(&self, request: &RequestInfo) -> bool {
        let leads = |own: &String| match own.strip_suffix('*') {
            Some(prefix) => request.path.starts_with(prefix),
            None => *own == request.path,
        };
        takes(&self.verbs, request.verb) && self.paths.iter().any(leads)
    }
}
