//! Which requests a webhook or a policy is about: a plain function of its rules and selectors, and of the request.
//!
//! Rules come first, as they cost a few comparisons; labels are read only where a selector asks for any. What is decided follows
//! `admissionregistration.k8s.io/v1`:
//!
//! * a rule names operations, groups, versions and resources. `*` is any of them; of resources, `*` means no subresource, `pods/*`
//!   a resource with all of its own, `*/*` everything;
//! * under `Equivalent` a rule that names another version of the same objects matches too, and the object is then to be shown in
//!   that version;
//! * the namespace selector is about the labels of the object's namespace, for a Namespace about its own, and never about what else
//!   belongs to no namespace;
//! * the object selector matches if either the old or the new object does.

use std::collections::BTreeMap;

use serde_json::Value;
use xebec_api::selectors::SelectorError;
use xebec_api::{Catalogue, Kind, LabelSelector, value};

use super::Operation;

const ADMISSION_GROUP: &str = "admissionregistration.k8s.io";

type Labels = BTreeMap<String, String>;

/// A request, as rules and selectors see it.
pub struct Subject<'a> {
    /// What is done.
    pub operation: Operation,
    /// The resource, in the version that the request is about.
    pub kind: &'static Kind,
    /// The subresource as paths name it; empty for the object itself.
    pub subresource: &'a str,
    /// Absent for cluster-scoped objects.
    pub namespace: Option<&'a str>,
    /// The object's name.
    pub name: &'a str,
    /// The object of the request; absent for deletes.
    pub object: Option<&'a Value>,
    /// The object as it was; absent for creates.
    pub old: Option<&'a Value>,
    /// Finds the labels of a namespace.
    pub namespaces: &'a (dyn Fn(&str) -> Labels + Send + Sync),
    /// The kinds that there are, to find other versions of this one.
    pub catalogue: &'a Catalogue,
}

impl Subject<'_> {
    /// Whether this is about a webhook configuration or an admission policy. Webhooks are not asked about those, so that one that
    /// fails can always be taken away.
    pub fn is_configuration(&self) -> bool {
        self.kind.group == ADMISSION_GROUP
    }

    /// Whether this is about an admission policy or a binding. Policies do not decide on those.
    pub fn is_policy(&self) -> bool {
        self.is_configuration() && self.kind.kind.contains("AdmissionPolicy")
    }

    fn is_namespace(&self) -> bool {
        self.kind.group.is_empty() && self.kind.plural == "namespaces"
    }

    /// The labels that a namespace selector is about; `None` where it is about nothing.
    fn namespace_labels(&self) -> Option<Labels> {
        if self.is_namespace() {
            let written =
                matches!(self.operation, Operation::Create | Operation::Update) && self.subresource.is_empty();
            let own = if written { self.object } else { self.old.or(self.object) };
            return own.map(labels);
        }
        self.namespace.map(self.namespaces)
    }

    /// The same objects in other versions, or other groups, that are served.
    fn equivalents(&self) -> impl Iterator<Item = &'static Kind> {
        let same = |other: &&'static Kind| *other != self.kind && other.stored() == self.kind.stored();
        self.catalogue.kinds().filter(same)
    }
}

/// Requests that a webhook or a policy is about.
#[derive(Clone, Debug)]
pub struct Criteria {
    rules: Vec<Rule>,
    excluded: Vec<Rule>,
    equivalent: bool,
    namespaces: LabelSelector,
    objects: LabelSelector,
}

impl Criteria {
    /// Of an entry of `webhooks` in a ValidatingWebhookConfiguration or MutatingWebhookConfiguration, defaults filled in.
    pub fn of_webhook(webhook: &Value) -> Result<Criteria, SelectorError> {
        Criteria::read(webhook, "/rules")
    }

    /// Of a policy's `spec.matchConstraints`, or a binding's `spec.matchResources`, defaults filled in. Without rules, a binding
    /// is about everything that its policy is about.
    pub fn of_policy(resources: &Value) -> Result<Criteria, SelectorError> {
        let mut criteria = Criteria::read(resources, "/resourceRules")?;
        if criteria.rules.is_empty() {
            criteria.rules.push(Rule::everything());
        }
        Ok(criteria)
    }

    fn read(from: &Value, rules: &str) -> Result<Criteria, SelectorError> {
        let read = |pointer: &str| value::list(from, pointer).iter().map(Rule::read).collect();
        let selector = |field: &str| match from.get(field) {
            None | Some(Value::Null) => Ok(LabelSelector::everything()),
            Some(selector) => LabelSelector::from_json(selector),
        };
        Ok(Criteria {
            rules: read(rules),
            excluded: read("/excludeResourceRules"),
            equivalent: value::text(from, "/matchPolicy") != Some("Exact"),
            namespaces: selector("namespaceSelector")?,
            objects: selector("objectSelector")?,
        })
    }

    /// Whether the request is meant, and then in which version its objects are to be shown.
    pub fn matches(&self, subject: &Subject<'_>) -> Option<&'static Kind> {
        let shown = self.find(&self.rules, subject)?;
        let taken = self.find(&self.excluded, subject).is_none() && self.namespace(subject) && self.object(subject);
        taken.then_some(shown)
    }

    /// The version of the object that one of the rules names.
    fn find(&self, rules: &[Rule], subject: &Subject<'_>) -> Option<&'static Kind> {
        if rules.iter().any(|rule| rule.matches(subject, subject.kind)) {
            return Some(subject.kind);
        }
        let named = |kind: &&'static Kind| rules.iter().any(|rule| rule.matches(subject, kind));
        let worth_looking = self.equivalent && rules.iter().any(|rule| rule.concerns(subject));
        worth_looking.then(|| subject.equivalents().find(named)).flatten()
    }

    fn namespace(&self, subject: &Subject<'_>) -> bool {
        let selector = &self.namespaces;
        selector.is_everything() || subject.namespace_labels().is_none_or(|labels| selector.matches(&labels))
    }

    fn object(&self, subject: &Subject<'_>) -> bool {
        let selected = |object: Option<&Value>| object.is_some_and(|object| self.selects(object));
        self.objects.is_everything() || selected(subject.object) || selected(subject.old)
    }

    /// What has no metadata, such as the options of an exec, has no labels that could be selected.
    fn selects(&self, object: &Value) -> bool {
        object.get("metadata").is_some_and(Value::is_object) && self.objects.matches(&labels(object))
    }
}

/// One rule: all of its parts must match.
#[derive(Clone, Debug)]
struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// Resource and subresource.
    resources: Vec<(String, String)>,
    scope: Scope,
    /// Names of objects; none means all.
    names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Any,
    Cluster,
    Namespaced,
}

impl Rule {
    fn everything() -> Rule {
        let star = || vec!["*".to_owned()];
        let resources = vec![("*".to_owned(), "*".to_owned())];
        Rule { operations: star(), groups: star(), versions: star(), resources, scope: Scope::Any, names: Vec::new() }
    }

    fn read(rule: &Value) -> Rule {
        let words = |pointer: &str| -> Vec<String> {
            value::list(rule, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let split = |resource: String| match resource.split_once('/') {
            Some((resource, subresource)) => (resource.to_owned(), subresource.to_owned()),
            None => (resource, String::new()),
        };
        Rule {
            operations: words("/operations"),
            groups: words("/apiGroups"),
            versions: words("/apiVersions"),
            resources: words("/resources").into_iter().map(split).collect(),
            scope: match value::text(rule, "/scope") {
                Some("Cluster") => Scope::Cluster,
                Some("Namespaced") => Scope::Namespaced,
                _ => Scope::Any,
            },
            names: words("/resourceNames"),
        }
    }

    fn matches(&self, subject: &Subject<'_>, kind: &Kind) -> bool {
        any(&self.groups, kind.group) && any(&self.versions, kind.version) && self.concerns(subject)
    }

    /// Whether the parts match that are the same for every version of the objects.
    fn concerns(&self, subject: &Subject<'_>) -> bool {
        any(&self.operations, subject.operation.as_str())
            && self.resource(subject.kind.plural, subject.subresource)
            && self.in_scope(subject)
            && (self.names.is_empty() || self.names.iter().any(|name| name == subject.name))
    }

    fn resource(&self, plural: &str, subresource: &str) -> bool {
        let is = |word: &str, asked: &str| word == "*" || word == asked;
        self.resources.iter().any(|(resource, part)| is(resource, plural) && is(part, subresource))
    }

    /// A Namespace is no object in a namespace, whatever its path looks like.
    fn in_scope(&self, subject: &Subject<'_>) -> bool {
        let namespaced = subject.namespace.is_some() && !subject.is_namespace();
        match self.scope {
            Scope::Any => true,
            Scope::Cluster => !namespaced,
            Scope::Namespaced => namespaced,
        }
    }
}

fn any(words: &[String], asked: &str) -> bool {
    words.iter().any(|word| word == "*" || word == asked)
}

fn labels(object: &Value) -> Labels {
    let text = |(key, label): (&String, &Value)| Some((key.clone(), label.as_str()?.to_owned()));
    value::entries(object, "/metadata/labels").filter_map(text).collect()
}
