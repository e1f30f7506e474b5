//! The seccomp profile that `RuntimeDefault` stands for: the system calls that a container is refused.
//!
//! Refused is what reaches beyond the container: kernel modules, mounts, clocks, other processes' memory, keys, new namespaces,
//! and interfaces of the kernel that few programs need and many exploits use. A capability that is there for such calls gives
//! them back. Everything else is allowed, and what a program was refused it sees as `EPERM`; what is newer than the list, such as
//! `clone3`, as `ENOSYS`, for programs fall back then.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// What is refused to a container without the capability.
struct Reserved {
    /// Any of these gives it back; none: nothing does.
    capabilities: &'static [&'static str],
    calls: &'static [&'static str],
}

const RESERVED: [Reserved; 11] = [
    Reserved {
        capabilities: &["CAP_SYS_ADMIN"],
        calls: &[
            "fsconfig",
            "fsmount",
            "fsopen",
            "fspick",
            "lookup_dcookie",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "pivot_root",
            "quotactl",
            "quotactl_fd",
            "setns",
            "swapoff",
            "swapon",
            "umount",
            "umount2",
            "unshare",
        ],
    },
    Reserved { capabilities: &["CAP_SYS_ADMIN", "CAP_BPF"], calls: &["bpf"] },
    Reserved { capabilities: &["CAP_SYS_ADMIN", "CAP_PERFMON"], calls: &["perf_event_open"] },
    Reserved { capabilities: &["CAP_SYS_BOOT"], calls: &["kexec_file_load", "kexec_load", "reboot"] },
    Reserved { capabilities: &["CAP_SYS_MODULE"], calls: &["delete_module", "finit_module", "init_module"] },
    Reserved { capabilities: &["CAP_SYS_PACCT"], calls: &["acct"] },
    Reserved { capabilities: &["CAP_SYS_PTRACE"], calls: &["kcmp", "process_madvise"] },
    Reserved { capabilities: &["CAP_SYS_RAWIO"], calls: &["ioperm", "iopl"] },
    Reserved { capabilities: &["CAP_SYS_TIME"], calls: &["clock_adjtime", "clock_settime", "settimeofday", "stime"] },
    Reserved { capabilities: &["CAP_DAC_READ_SEARCH"], calls: &["open_by_handle_at"] },
    Reserved {
        capabilities: &[],
        calls: &[
            "_sysctl",
            "add_key",
            "create_module",
            "get_kernel_syms",
            "io_uring_enter",
            "io_uring_register",
            "io_uring_setup",
            "keyctl",
            "nfsservctl",
            "query_module",
            "request_key",
            "sysfs",
            "uselib",
            "userfaultfd",
            "ustat",
            "vm86",
            "vm86old",
        ],
    },
];

/// Whether the container runs under the profile: its own wish, or its pod's.
pub fn wanted(spec: &PodSpec, container: &Container) -> bool {
    let own = container.security_context.as_ref();
    let pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    let profile = own.and_then(|context| context.seccomp_profile.as_ref()).or(pod);
    let privileged = own.and_then(|context| context.privileged) == Some(true);
    !privileged && profile.is_some_and(|profile| profile.type_ == "RuntimeDefault")
}

/// The system calls refused to a container with these capabilities.
pub fn refused(capabilities: &BTreeSet<String>) -> Vec<&'static str> {
    let held = |reserved: &&Reserved| !reserved.capabilities.iter().any(|name| capabilities.contains(*name));
    RESERVED.iter().filter(held).flat_map(|reserved| reserved.calls).copied().collect()
}

/// Whether a container with these capabilities may make namespaces.
pub fn may_make_namespaces(capabilities: &BTreeSet<String>) -> bool {
    capabilities.contains("CAP_SYS_ADMIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_gives_its_calls_back() {
        let none = refused(&BTreeSet::new());
        assert!(["mount", "bpf", "keyctl", "reboot"].iter().all(|call| none.contains(call)));
        let admin = refused(&BTreeSet::from(["CAP_SYS_ADMIN".to_owned()]));
        assert!(!admin.contains(&"mount") && !admin.contains(&"bpf"));
        assert!(admin.contains(&"keyctl") && admin.contains(&"reboot"));
    }

    #[test]
    fn the_containers_wish_wins_and_the_privileged_are_free() {
        let wants = |pod: &str, own: serde_json::Value| {
            let spec = serde_json::json!({"securityContext": {"seccompProfile": {"type": pod}}, "containers": []});
            let container = serde_json::json!({"name": "c", "securityContext": own});
            wanted(&serde_json::from_value(spec).unwrap(), &serde_json::from_value(container).unwrap())
        };
        assert!(wants("RuntimeDefault", serde_json::json!({})));
        assert!(!wants("RuntimeDefault", serde_json::json!({"seccompProfile": {"type": "Unconfined"}})));
        assert!(wants("Unconfined", serde_json::json!({"seccompProfile": {"type": "RuntimeDefault"}})));
        assert!(!wants("RuntimeDefault", serde_json::json!({"privileged": true})));
    }
}
