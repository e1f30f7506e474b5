//! System calls.

use k8s_openapi::api::core::v1::SeccompProfile;

use super::super::policy::Policy;
use super::super::subject::{Member, Subject};
use super::{Violation, of_members, violation};

fn confines(profile: &SeccompProfile) -> bool {
    matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost")
}

fn of_pod(subject: &Subject) -> Option<&SeccompProfile> {
    subject.spec.security_context.as_ref()?.seccomp_profile.as_ref()
}

fn of_member<'a>(member: &Member<'a>) -> Option<&'a SeccompProfile> {
    member.security?.seccomp_profile.as_ref()
}

/// Nobody may ask to be without a filter.
pub(super) fn unconfined(_: &Policy, subject: &Subject) -> Option<Violation> {
    let says_none = |profile: &SeccompProfile| !confines(profile);
    let mut parts = Vec::new();
    if of_pod(subject).is_some_and(says_none) {
        parts.push("pod must not set securityContext.seccompProfile.type to \"Unconfined\"".to_owned());
    }
    let own = of_members(
        "seccompProfile",
        subject,
        |member| of_member(member).is_some_and(says_none),
        |names| format!("{names} must not set securityContext.seccompProfile.type to \"Unconfined\""),
    );
    parts.extend(own.map(|violation| violation.detail));
    violation("seccompProfile", parts)
}

/// Everybody must ask for one, by the pod or by the container.
pub(super) fn not_set(policy: &Policy, subject: &Subject) -> Option<Violation> {
    if policy.knows(25) && subject.is_windows() {
        return None;
    }
    let by_pod = of_pod(subject).is_some_and(confines);
    let lacks = |member: &Member<'_>| of_member(member).map_or(!by_pod, |profile| !confines(profile));
    of_members("seccompProfile", subject, lacks, |names| {
        format!("pod or {names} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"")
    })
}
