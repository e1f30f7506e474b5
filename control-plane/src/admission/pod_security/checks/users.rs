//! Not as root.

use super::super::policy::Policy;
use super::super::subject::{Member, Subject};
use super::{Violation, of_members};

/// Everybody must be known not to be root, by the pod or by the container. Root of a user namespace of its own is not root.
pub(super) fn may_be_root(policy: &Policy, subject: &Subject) -> Option<Violation> {
    if has_own_users(policy, subject) {
        return None;
    }
    let by_pod = subject.spec.security_context.as_ref().and_then(|context| context.run_as_non_root) == Some(true);
    let own = |member: &Member<'_>| member.security.and_then(|security| security.run_as_non_root);
    of_members(
        "runAsNonRoot != true",
        subject,
        |member| !own(member).unwrap_or(by_pod),
        |names| format!("pod or {names} must set securityContext.runAsNonRoot=true"),
    )
}

/// Nobody may ask to be root.
pub(super) fn is_root(policy: &Policy, subject: &Subject) -> Option<Violation> {
    if has_own_users(policy, subject) {
        return None;
    }
    let pod = subject.spec.security_context.as_ref().and_then(|context| context.run_as_user);
    if pod == Some(0) {
        return Some(Violation { rule: "runAsUser=0", detail: "pod must not set runAsUser=0".to_owned() });
    }
    let own = |member: &Member<'_>| member.security.and_then(|security| security.run_as_user);
    of_members(
        "runAsUser=0",
        subject,
        |member| own(member) == Some(0),
        |names| format!("{names} must not set runAsUser=0"),
    )
}

fn has_own_users(policy: &Policy, subject: &Subject) -> bool {
    policy.knows(35) && subject.spec.host_users == Some(false)
}
