//! The kernel's own guards: AppArmor, SELinux, masked parts of `/proc`, sysctls.

use k8s_openapi::api::core::v1::{AppArmorProfile, SELinuxOptions};

use super::super::policy::Policy;
use super::super::subject::Subject;
use super::{Violation, of_members, violation};

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Not without AppArmor, where there is any.
pub(super) fn app_armor(_: &Policy, subject: &Subject) -> Option<Violation> {
    let is_bad = |profile: &AppArmorProfile| !matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost");
    let mut parts = Vec::new();
    let pod = subject.spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    if pod.is_some_and(is_bad) {
        parts.push("pod must not set securityContext.appArmorProfile.type to \"Unconfined\"".to_owned());
    }
    let own = of_members(
        "appArmorProfile",
        subject,
        |member| member.security.and_then(|security| security.app_armor_profile.as_ref()).is_some_and(is_bad),
        |names| format!("{names} must not set securityContext.appArmorProfile.type to \"Unconfined\""),
    );
    parts.extend(own.map(|violation| violation.detail));
    let allowed = |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations = subject.annotations.iter().filter(|(key, _)| key.starts_with(APP_ARMOR_ANNOTATION));
    let annotations = annotations.filter(|(_, value)| !allowed(value));
    parts.extend(annotations.map(|(key, value)| format!("the annotation {key} must not be \"{value}\"")));
    violation("appArmorProfile", parts)
}

/// No SELinux identity of one's choice.
pub(super) fn se_linux(policy: &Policy, subject: &Subject) -> Option<Violation> {
    let known = |name: &str| match name {
        "" | "container_t" | "container_init_t" | "container_kvm_t" => true,
        "container_engine_t" => policy.knows(31),
        _ => false,
    };
    let is_bad = |options: &SELinuxOptions| {
        let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        !known(options.type_.as_deref().unwrap_or_default()) || is_set(&options.user) || is_set(&options.role)
    };
    let mut parts = Vec::new();
    let pod = subject.spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref());
    if pod.is_some_and(is_bad) {
        parts.push("pod sets forbidden securityContext.seLinuxOptions".to_owned());
    }
    let own = of_members(
        "seLinuxOptions",
        subject,
        |member| member.security.and_then(|security| security.se_linux_options.as_ref()).is_some_and(is_bad),
        |names| format!("{names} must not choose type, user or role in securityContext.seLinuxOptions"),
    );
    parts.extend(own.map(|violation| violation.detail));
    violation("seLinuxOptions", parts)
}

/// `/proc` stays masked.
pub(super) fn proc_mount(_: &Policy, subject: &Subject) -> Option<Violation> {
    let unmasked = |kind: &str| !kind.is_empty() && kind != "Default";
    of_members(
        "procMount",
        subject,
        |member| member.security.and_then(|security| security.proc_mount.as_deref()).is_some_and(unmasked),
        |names| format!("{names} must not set securityContext.procMount to \"Unmasked\""),
    )
}

/// Only sysctls that the kernel keeps apart for each pod.
pub(super) fn sysctls(policy: &Policy, subject: &Subject) -> Option<Violation> {
    let is_safe = |name: &str| SAFE_SYSCTLS.iter().any(|(safe, since)| *safe == name && policy.knows(*since));
    let set = subject.spec.security_context.iter().flat_map(|context| context.sysctls.iter().flatten());
    let unsafe_ones = set.map(|sysctl| sysctl.name.clone()).filter(|name| !is_safe(name));
    violation("forbidden sysctls", unsafe_ones.collect())
}

/// Each with the minor version that took it up.
const SAFE_SYSCTLS: [(&str, u32); 12] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
];
