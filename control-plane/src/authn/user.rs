//! A name and groups: all that authorization and admission know of a caller.

use std::collections::BTreeMap;

/// Everyone who has proved to be somebody.
pub const AUTHENTICATED: &str = "system:authenticated";
/// May do everything. Only the bootstrap admin's certificate and the masters' own work carry it.
pub const MASTERS: &str = "system:masters";

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The certificate's common name, what a token says, or the name of a component in process.
    pub name: String,
    /// Set for callers that outlive their name's reuse, such as service accounts.
    pub uid: Option<String>,
    /// The certificate's organisations or the token's groups, and `system:authenticated`, sorted.
    pub groups: Vec<String>,
    /// What else is known of the caller, such as the pod that a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A caller with these groups and `system:authenticated`.
    pub fn new(name: impl Into<String>, groups: impl IntoIterator<Item = String>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().collect();
        groups.push(AUTHENTICATED.to_owned());
        groups.sort();
        groups.dedup();
        Self { name: name.into(), uid: None, groups, extra: BTreeMap::new() }
    }

    /// The masters themselves: default objects, the `kubernetes` Service.
    pub fn api_server() -> Self {
        Self::new("system:apiserver", [MASTERS.to_owned()])
    }

    /// The masters, as they ask servers of aggregated APIs what they serve.
    pub fn aggregator() -> Self {
        Self::new("system:kube-aggregator", [MASTERS.to_owned()])
    }

    /// The scheduler, on the leader.
    pub fn scheduler() -> Self {
        Self::new("system:kube-scheduler", [])
    }

    /// The controllers, on the leader.
    pub fn controller_manager() -> Self {
        Self::new("system:kube-controller-manager", [])
    }

    /// The agent of a node.
    pub fn node(name: &str) -> Self {
        use xebec_proto::{join, v1::Role};
        Self::new(join::user_name(Role::Agent, name), [join::NODES_GROUP.to_owned()])
    }

    /// The node that this caller is the agent of. Name and group must both say so.
    pub fn node_name(&self) -> Option<&str> {
        let name = self.name.strip_prefix("system:node:").filter(|name| !name.is_empty())?;
        self.in_group(xebec_proto::join::NODES_GROUP).then_some(name)
    }

    /// Whether the caller belongs to this group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_needs_both_name_and_group() {
        assert_eq!(User::node("n1").node_name(), Some("n1"));
        assert_eq!(User::new("system:node:n1", []).node_name(), None);
        assert_eq!(User::new("n1", ["system:nodes".to_owned()]).node_name(), None);
        assert_eq!(User::new("system:node:", ["system:nodes".to_owned()]).node_name(), None);
    }

    #[test]
    fn everybody_is_authenticated_once() {
        let user = User::new("jane", [AUTHENTICATED.to_owned(), "dev".to_owned()]);
        assert_eq!(user.groups, ["dev", AUTHENTICATED]);
    }
}
