//! A container's security context over its pod's: user, groups, capabilities, what is masked.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::seccomp;

/// What a container gets without asking.
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// Everything there is, for privileged containers; the agent leaves out what the kernel or its own bounds lack.
const ALL_CAPABILITIES: [&str; 41] = [
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

/// What a container may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// The user, if the spec names one; else the image's holds.
    pub user: Option<u32>,
    /// The group, if the spec names one.
    pub group: Option<u32>,
    /// Groups besides.
    pub additional_groups: Vec<u32>,
    /// Refuse to run as user 0.
    pub non_root: bool,
    /// All capabilities, all devices, nothing masked.
    pub privileged: bool,
    /// Its capabilities.
    pub capabilities: BTreeSet<String>,
    /// Whether its root file system is read-only.
    pub read_only_root: bool,
    /// Whether setuid programs gain nothing.
    pub no_new_privileges: bool,
    /// Show all of /proc and /sys.
    pub unmasked: bool,
    /// Refuse system calls that reach beyond the container.
    pub filtered: bool,
}

/// Combines the container's security context with its pod's.
pub fn security(spec: &PodSpec, container: &Container) -> Security {
    let pod = spec.security_context.clone().unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    let privileged = own.privileged == Some(true);
    let groups = pod.supplemental_groups.iter().flatten().chain(pod.fs_group.iter()).filter_map(id);
    let capabilities = own.capabilities.unwrap_or_default();
    let base: Vec<&str> = if privileged { ALL_CAPABILITIES.to_vec() } else { DEFAULT_CAPABILITIES.to_vec() };
    Security {
        user: own.run_as_user.or(pod.run_as_user).as_ref().and_then(id),
        group: own.run_as_group.or(pod.run_as_group).as_ref().and_then(id),
        additional_groups: groups.collect(),
        non_root: own.run_as_non_root.or(pod.run_as_non_root) == Some(true),
        privileged,
        capabilities: adjusted(&base, capabilities.add.as_deref(), capabilities.drop.as_deref()),
        read_only_root: own.read_only_root_filesystem == Some(true),
        no_new_privileges: own.allow_privilege_escalation == Some(false) && !privileged,
        unmasked: privileged || own.proc_mount.as_deref() == Some("Unmasked"),
        filtered: seccomp::wanted(spec, container),
    }
}

fn id(value: &i64) -> Option<u32> {
    u32::try_from(*value).ok()
}

fn adjusted(base: &[&str], add: Option<&[String]>, drop: Option<&[String]>) -> BTreeSet<String> {
    let (add, drop) = (add.unwrap_or_default(), drop.unwrap_or_default());
    let all = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case("ALL"));
    let base: &[&str] = match (all(add), all(drop)) {
        (true, _) => &ALL_CAPABILITIES,
        (false, true) => &[],
        (false, false) => base,
    };
    let named = |names: &[String]| -> BTreeSet<String> {
        names.iter().filter(|name| !name.eq_ignore_ascii_case("ALL")).map(|name| full_name(name)).collect()
    };
    let kept = base.iter().map(|name| (*name).to_owned()).filter(|name| !named(drop).contains(name));
    kept.chain(named(add)).collect()
}

fn full_name(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    if name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(add: &[&str], drop: &[&str]) -> BTreeSet<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        adjusted(&DEFAULT_CAPABILITIES, Some(&words(add)), Some(&words(drop)))
    }

    #[test]
    fn capabilities_are_dropped_then_added() {
        assert_eq!(capabilities(&[], &["ALL"]).len(), 0);
        assert_eq!(capabilities(&["NET_ADMIN"], &["ALL"]), BTreeSet::from(["CAP_NET_ADMIN".to_owned()]));
        assert_eq!(capabilities(&[], &["NET_RAW"]).len(), 13);
        assert_eq!(capabilities(&["ALL"], &[]).len(), 41);
    }
}
