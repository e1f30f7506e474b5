//! RBAC, decided from plain values: which roles are bound to a caller, and whether a rule of theirs covers the request.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::Attributes;
use crate::authn::User;

/// The rules of one role, shared by all its bindings.
pub type RoleRules = Arc<[PolicyRule]>;

/// All grants of the cluster, found by who they are for. Bindings whose role does not exist grant nothing.
#[derive(Default)]
pub struct Grants {
    cluster: BTreeMap<Who, Vec<RoleRules>>,
    namespaced: BTreeMap<String, BTreeMap<Who, Vec<RoleRules>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    User(String),
    Group(String),
}

/// Roles by where they live, to resolve `roleRef`s.
#[derive(Default)]
pub struct Roles {
    namespaced: BTreeMap<(String, String), RoleRules>,
    cluster: BTreeMap<String, RoleRules>,
}

impl Roles {
    /// From the objects.
    pub fn new(roles: Vec<Role>, cluster_roles: Vec<ClusterRole>) -> Self {
        let namespaced = roles.into_iter().filter_map(|role| {
            let key = (role.metadata.namespace?, role.metadata.name?);
            Some((key, role.rules.unwrap_or_default().into()))
        });
        let cluster = cluster_roles
            .into_iter()
            .filter_map(|role| Some((role.metadata.name?, role.rules.unwrap_or_default().into())));
        Self { namespaced: namespaced.collect(), cluster: cluster.collect() }
    }

    /// The role that a binding in this namespace (`None`: a ClusterRoleBinding) refers to.
    pub fn resolve(&self, role: &RoleRef, namespace: Option<&str>) -> Option<RoleRules> {
        match (role.kind.as_str(), namespace) {
            ("ClusterRole", _) => self.cluster.get(&role.name).cloned(),
            ("Role", Some(namespace)) => self.namespaced.get(&(namespace.to_owned(), role.name.clone())).cloned(),
            _ => None,
        }
    }
}

impl Grants {
    /// Resolves all bindings.
    pub fn new(roles: &Roles, bindings: Vec<RoleBinding>, cluster_bindings: Vec<ClusterRoleBinding>) -> Self {
        let mut grants = Self::default();
        for binding in cluster_bindings {
            let Some(rules) = roles.resolve(&binding.role_ref, None) else { continue };
            add(&mut grants.cluster, binding.subjects, None, &rules);
        }
        for binding in bindings {
            let Some(namespace) = binding.metadata.namespace else { continue };
            let Some(rules) = roles.resolve(&binding.role_ref, Some(&namespace)) else { continue };
            let place = grants.namespaced.entry(namespace.clone()).or_default();
            add(place, binding.subjects, Some(&namespace), &rules);
        }
        grants
    }

    /// Whether some rule bound to the caller covers the request.
    pub fn allow(&self, attributes: &Attributes<'_>) -> bool {
        self.rules(attributes.user, attributes.namespace).any(|rule| covers(rule, attributes))
    }

    /// Everything the caller holds in a namespace; `None`: everywhere.
    pub fn rules<'a>(&'a self, user: &User, namespace: Option<&str>) -> impl Iterator<Item = &'a PolicyRule> {
        let identities = identities(user);
        let here = namespace.and_then(|namespace| self.namespaced.get(namespace));
        let places: Vec<_> = std::iter::once(&self.cluster).chain(here).collect();
        let found =
            places.into_iter().flat_map(move |place| identities.clone().into_iter().filter_map(|who| place.get(&who)));
        found.flatten().flat_map(|rules| rules.iter())
    }
}

fn identities(user: &User) -> Vec<Who> {
    let groups = user.groups.iter().cloned().map(Who::Group);
    std::iter::once(Who::User(user.name.clone())).chain(groups).collect()
}

fn add(
    place: &mut BTreeMap<Who, Vec<RoleRules>>,
    subjects: Option<Vec<Subject>>,
    namespace: Option<&str>,
    rules: &RoleRules,
) {
    for subject in subjects.unwrap_or_default() {
        if let Some(who) = who(subject, namespace) {
            place.entry(who).or_default().push(rules.clone());
        }
    }
}

fn who(subject: Subject, binding_namespace: Option<&str>) -> Option<Who> {
    match subject.kind.as_str() {
        "User" => Some(Who::User(subject.name)),
        "Group" => Some(Who::Group(subject.name)),
        "ServiceAccount" => {
            let namespace =
                subject.namespace.as_deref().filter(|namespace| !namespace.is_empty()).or(binding_namespace)?;
            Some(Who::User(format!("system:serviceaccount:{namespace}:{}", subject.name)))
        }
        _ => None,
    }
}

/// Whether one rule covers a request.
pub fn covers(rule: &PolicyRule, attributes: &Attributes<'_>) -> bool {
    if !has(Some(&rule.verbs), attributes.verb) {
        return false;
    }
    match attributes.path {
        Some(path) => rule.non_resource_urls.iter().flatten().any(|pattern| path_matches(pattern, path)),
        None => {
            has(rule.api_groups.as_ref(), attributes.group)
                && resource_matches(rule, attributes.resource, attributes.subresource)
                && name_matches(rule, attributes.name)
        }
    }
}

fn has(words: Option<&Vec<String>>, word: &str) -> bool {
    words.is_some_and(|words| words.iter().any(|own| own == "*" || own == word))
}

fn resource_matches(rule: &PolicyRule, resource: &str, subresource: &str) -> bool {
    rule.resources.iter().flatten().any(|pattern| match pattern.split_once('/') {
        _ if pattern == "*" => true,
        Some((of, sub)) => (of == "*" || of == resource) && sub == subresource && !subresource.is_empty(),
        None => pattern == resource && subresource.is_empty(),
    })
}

fn name_matches(rule: &PolicyRule, name: Option<&str>) -> bool {
    match rule.resource_names.as_deref() {
        None | Some([]) => true,
        Some(names) => name.is_some_and(|name| names.iter().any(|own| own == name)),
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => pattern == path,
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
