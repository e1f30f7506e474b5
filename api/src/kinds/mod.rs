//! The kind table: what there is in the API.
//!
//! One row a kind, one file a row. Discovery, routing, the registry, the watch cache, the CLI and the printer all read
//! this table; nothing else knows which kinds exist. `docs/adding-a-kind.md` has the checklist.

mod kind;
mod strategy;

mod any_binding;
mod cluster_role;
mod cluster_role_binding;
mod config_map;
mod deployment;
mod endpoint_slice;
mod event;
mod lease;
mod namespace;
mod node;
mod pod;
mod replica_set;
mod review;
mod role;
mod role_binding;
mod secret;
mod service;
mod service_account;

pub use cluster_role::CLUSTER_ROLE;
pub use cluster_role_binding::CLUSTER_ROLE_BINDING;
pub use config_map::CONFIG_MAP;
pub use deployment::DEPLOYMENT;
pub use endpoint_slice::ENDPOINT_SLICE;
pub use event::EVENT;
pub use kind::{Kind, Scope, Subresource, Verb};
pub use lease::LEASE;
pub use namespace::NAMESPACE;
pub use node::NODE;
pub use pod::POD;
pub use replica_set::REPLICA_SET;
pub use review::{SELF_SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_REVIEW, SELF_SUBJECT_RULES_REVIEW, SUBJECT_ACCESS_REVIEW};
pub use role::ROLE;
pub use role_binding::ROLE_BINDING;
pub use secret::SECRET;
pub use service::SERVICE;
pub use service_account::SERVICE_ACCOUNT;
pub use strategy::{Plain, Strategy};

static KINDS: [&Kind; 20] = [
    &NAMESPACE,
    &NODE,
    &POD,
    &SERVICE,
    &CONFIG_MAP,
    &SECRET,
    &SERVICE_ACCOUNT,
    &EVENT,
    &DEPLOYMENT,
    &REPLICA_SET,
    &ENDPOINT_SLICE,
    &LEASE,
    &ROLE,
    &ROLE_BINDING,
    &CLUSTER_ROLE,
    &CLUSTER_ROLE_BINDING,
    &SELF_SUBJECT_ACCESS_REVIEW,
    &SUBJECT_ACCESS_REVIEW,
    &SELF_SUBJECT_RULES_REVIEW,
    &SELF_SUBJECT_REVIEW,
];

/// All kinds, in the order discovery shows them.
pub fn kinds() -> &'static [&'static Kind] {
    &KINDS
}

/// The kind behind a path such as `/apis/apps/v1/deployments`.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|k| k.group == group && k.version == version && k.plural == plural)
}

/// The kind an object says it is.
pub fn find_kind(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|k| k.group == group && k.version == version && k.kind == kind)
}

/// The kind an object says it is, by its `apiVersion` and `kind`.
pub fn find_api_version(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    find_kind(group, version, kind)
}

/// The kind a person means by a word: a plural, singular, kind or short name in any case, optionally followed by the
/// group (`deployments.apps`) or by version and group (`deployments.v1.apps`).
pub fn resolve(word: &str) -> Option<&'static Kind> {
    let word = word.to_ascii_lowercase();
    let (name, rest) = word.split_once('.').unwrap_or((&word, ""));
    KINDS.into_iter().find(|k| k.is_called(name) && k.is_in(rest))
}
