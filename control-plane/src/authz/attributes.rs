//! The question that is put to an authorizer, and its answer.

use super::Held;
use crate::authn::User;

/// A request as authorization sees it: after names, kinds and paths have been normalised, never before.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who asks.
    pub user: &'a User,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`; for paths the HTTP method in lower case.
    pub verb: &'a str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// `status`, `log`, …, or empty.
    pub subresource: &'a str,
    /// `None` for cluster-scoped objects and requests over all namespaces.
    pub namespace: Option<&'a str>,
    /// `None` in lists, watches, and creates without a name.
    pub name: Option<&'a str>,
    /// Set for requests that are not about objects, such as `/metrics`; the fields about objects are empty then.
    pub path: Option<&'a str>,
}

/// An authorizer's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, or not known to be yes.
    Deny {
        /// Said to the caller beyond [`Attributes::refusal`]; may be empty.
        reason: String,
    },
}

/// Decides on requests without waiting for anything.
pub trait Authorizer: Send + Sync {
    /// Whether the request may go on.
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision;

    /// What the caller may do in a namespace, as far as this can be listed.
    fn rules(&self, _user: &User, _namespace: &str) -> Held {
        Held { rules: Vec::new(), incomplete: Some("this authorizer does not list its rules") }
    }
}

impl<'a> Attributes<'a> {
    /// A request about nothing yet: no object, no path.
    pub fn blank(user: &'a User, verb: &'a str) -> Attributes<'a> {
        let (group, resource, subresource) = ("", "", "");
        Attributes { user, verb, group, resource, subresource, namespace: None, name: None, path: None }
    }

    /// The sentence that a refused caller reads, in Kubernetes' words.
    pub fn refusal(&self) -> String {
        let user = &self.user.name;
        if let Some(path) = self.path {
            return format!("User \"{user}\" cannot {} path \"{path}\"", self.verb);
        }
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        let place = match self.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        format!(
            "User \"{user}\" cannot {} resource \"{}{slash}{}\" in API group \"{}\" {place}",
            self.verb, self.resource, self.subresource, self.group
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_user_verb_resource_and_place() {
        let user = User::new("jane", []);
        let mut question = Attributes {
            user: &user,
            verb: "get",
            group: "",
            resource: "pods",
            subresource: "log",
            namespace: Some("shop"),
            name: Some("till-0"),
            path: None,
        };
        let text = r#"User "jane" cannot get resource "pods/log" in API group "" in the namespace "shop""#;
        assert_eq!(question.refusal(), text);
        question.namespace = None;
        assert!(question.refusal().ends_with("at the cluster scope"));
        question.path = Some("/metrics");
        assert_eq!(question.refusal(), r#"User "jane" cannot get path "/metrics""#);
    }
}
