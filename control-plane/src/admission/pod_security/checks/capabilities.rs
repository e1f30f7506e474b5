//! Linux capabilities.

use super::super::policy::Policy;
use super::super::subject::Subject;
use super::{Violation, of_members};

/// What container runtimes give by default.
const DEFAULT: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Nothing beyond the runtime's default may be added.
pub(super) fn added(_: &Policy, subject: &Subject) -> Option<Violation> {
    let mut foreign: Vec<&str> = subject
        .members()
        .flat_map(|member| member.capabilities().and_then(|set| set.add.as_deref()).unwrap_or_default())
        .map(String::as_str)
        .filter(|name| !DEFAULT.contains(name))
        .collect();
    foreign.sort_unstable();
    foreign.dedup();
    let adds = |name: &String| foreign.contains(&name.as_str());
    of_members(
        "non-default capabilities",
        subject,
        |member| member.capabilities().is_some_and(|set| set.add.iter().flatten().any(adds)),
        |names| format!("{names} must not include {} in securityContext.capabilities.add", quoted(&foreign)),
    )
}

/// All must be dropped; only binding low ports may be taken back.
pub(super) fn not_dropped(policy: &Policy, subject: &Subject) -> Option<Violation> {
    if policy.knows(25) && subject.is_windows() {
        return None;
    }
    let is_well = |set: &k8s_openapi::api::core::v1::Capabilities| {
        let drops_all = set.drop.iter().flatten().any(|name| name == "ALL");
        drops_all && set.add.iter().flatten().all(|name| name == "NET_BIND_SERVICE")
    };
    of_members(
        "unrestricted capabilities",
        subject,
        |member| !member.capabilities().is_some_and(is_well),
        |names| {
            format!(
                "{names} must set securityContext.capabilities.drop=[\"ALL\"] and add nothing but \"NET_BIND_SERVICE\""
            )
        },
    )
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
