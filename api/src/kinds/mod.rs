//! The kind table: what there is in the API.
//!
//! One row a kind, one folder or file a group. Discovery, routing, the registry, the watch cache, the CLI and the printer all
//! read this table; nothing else knows which kinds exist. Kinds that definitions add at run time stand beside it in a
//! [`Catalogue`]. `docs/adding-a-kind.md` has the checklist.

mod catalogue;
mod kind;
mod strategy;
mod subresource;
mod version;

mod admission;
mod api_service;
mod apps;
mod batch;
mod certificate_signing_request;
mod core;
mod custom_resource_definition;
mod devices;
mod endpoint_slice;
mod events;
mod flow_control;
mod horizontal_pod_autoscaler;
mod lease;
mod networking;
mod pod_disruption_budget;
mod priority_class;
mod rbac;
mod review;
mod runtime_class;
mod storage;

pub use admission::*;
pub use api_service::API_SERVICE;
pub use apps::*;
pub use batch::*;
pub use catalogue::Catalogue;
pub use certificate_signing_request::CERTIFICATE_SIGNING_REQUEST;
pub use core::*;
pub use custom_resource_definition::CUSTOM_RESOURCE_DEFINITION;
pub use devices::{DEVICE_CLASS, RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE, RESOURCE_SLICE};
pub use endpoint_slice::ENDPOINT_SLICE;
pub use events::EVENT_V1;
pub use flow_control::{FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION};
pub use horizontal_pod_autoscaler::{HORIZONTAL_POD_AUTOSCALER, HORIZONTAL_POD_AUTOSCALER_V1};
pub use kind::{Kind, Scope, Verb};
pub use lease::LEASE;
pub use networking::*;
pub use pod_disruption_budget::POD_DISRUPTION_BUDGET;
pub use priority_class::PRIORITY_CLASS;
pub use rbac::*;
pub use review::{
    LOCAL_SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_ACCESS_REVIEW, SELF_SUBJECT_REVIEW, SELF_SUBJECT_RULES_REVIEW,
    SUBJECT_ACCESS_REVIEW, TOKEN_REVIEW,
};
pub use runtime_class::RUNTIME_CLASS;
pub use storage::*;
pub use strategy::{Plain, Strategy};
pub use subresource::Subresource;
pub use version::KeptAs;

/// Of kinds with several versions the preferred one comes first.
static KINDS: &[&Kind] = &[
    &NAMESPACE,
    &NODE,
    &POD,
    &SERVICE,
    &CONFIG_MAP,
    &SECRET,
    &SERVICE_ACCOUNT,
    &EVENT,
    &ENDPOINTS,
    &LIMIT_RANGE,
    &PERSISTENT_VOLUME,
    &PERSISTENT_VOLUME_CLAIM,
    &POD_TEMPLATE,
    &REPLICATION_CONTROLLER,
    &RESOURCE_QUOTA,
    &DEPLOYMENT,
    &REPLICA_SET,
    &STATEFUL_SET,
    &DAEMON_SET,
    &CONTROLLER_REVISION,
    &JOB,
    &CRON_JOB,
    &HORIZONTAL_POD_AUTOSCALER,
    &HORIZONTAL_POD_AUTOSCALER_V1,
    &POD_DISRUPTION_BUDGET,
    &ENDPOINT_SLICE,
    &INGRESS,
    &INGRESS_CLASS,
    &NETWORK_POLICY,
    &IP_ADDRESS,
    &SERVICE_CIDR,
    &STORAGE_CLASS,
    &VOLUME_ATTACHMENT,
    &CSI_DRIVER,
    &CSI_NODE,
    &CSI_STORAGE_CAPACITY,
    &VOLUME_ATTRIBUTES_CLASS,
    &EVENT_V1,
    &LEASE,
    &PRIORITY_CLASS,
    &RUNTIME_CLASS,
    &ROLE,
    &ROLE_BINDING,
    &CLUSTER_ROLE,
    &CLUSTER_ROLE_BINDING,
    &CERTIFICATE_SIGNING_REQUEST,
    &FLOW_SCHEMA,
    &PRIORITY_LEVEL_CONFIGURATION,
    &DEVICE_CLASS,
    &RESOURCE_CLAIM,
    &RESOURCE_CLAIM_TEMPLATE,
    &RESOURCE_SLICE,
    &MUTATING_WEBHOOK_CONFIGURATION,
    &VALIDATING_WEBHOOK_CONFIGURATION,
    &VALIDATING_ADMISSION_POLICY,
    &VALIDATING_ADMISSION_POLICY_BINDING,
    &MUTATING_ADMISSION_POLICY,
    &MUTATING_ADMISSION_POLICY_BINDING,
    &CUSTOM_RESOURCE_DEFINITION,
    &API_SERVICE,
    &SELF_SUBJECT_ACCESS_REVIEW,
    &SUBJECT_ACCESS_REVIEW,
    &LOCAL_SUBJECT_ACCESS_REVIEW,
    &SELF_SUBJECT_RULES_REVIEW,
    &SELF_SUBJECT_REVIEW,
    &TOKEN_REVIEW,
];

/// All built-in kinds, in the order discovery shows them.
pub fn kinds() -> &'static [&'static Kind] {
    KINDS
}

/// The built-in kind behind a path such as `/apis/apps/v1/deployments`.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|k| k.group == group && k.version == version && k.plural == plural)
}

/// The built-in kind an object says it is.
pub fn find_kind(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|k| k.group == group && k.version == version && k.kind == kind)
}

/// The built-in kind an object says it is, by its `apiVersion` and `kind`.
pub fn find_api_version(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    find_kind(group, version, kind)
}

/// The built-in kind a person means by a word: a plural, singular, kind or short name in any case, optionally followed by the
/// group (`deployments.apps`) or by version and group (`deployments.v1.apps`).
pub fn resolve(word: &str) -> Option<&'static Kind> {
    let word = word.to_ascii_lowercase();
    let (name, rest) = word.split_once('.').unwrap_or((&word, ""));
    KINDS.iter().copied().find(|k| k.is_called(name) && k.is_in(rest))
}
