//! Power over the node: privileged containers, and processes that gain more than they began with.

use super::super::policy::Policy;
use super::super::subject::Subject;
use super::{Violation, of_members};

/// No privileged containers.
pub(super) fn privileged(_: &Policy, subject: &Subject) -> Option<Violation> {
    let is_privileged = |security: &k8s_openapi::api::core::v1::SecurityContext| security.privileged == Some(true);
    of_members(
        "privileged",
        subject,
        |member| member.security.is_some_and(is_privileged),
        |names| format!("{names} must not set securityContext.privileged=true"),
    )
}

/// Every container must give up gaining privileges. Windows has no such thing.
pub(super) fn escalation(policy: &Policy, subject: &Subject) -> Option<Violation> {
    if policy.knows(25) && subject.is_windows() {
        return None;
    }
    let gives_up =
        |security: &k8s_openapi::api::core::v1::SecurityContext| security.allow_privilege_escalation == Some(false);
    let rule = "allowPrivilegeEscalation != false";
    of_members(
        rule,
        subject,
        |member| !member.security.is_some_and(gives_up),
        |names| format!("{names} must set securityContext.allowPrivilegeEscalation=false"),
    )
}
