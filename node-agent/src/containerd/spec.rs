//! The OCI runtime specification of a container.

use std::collections::BTreeSet;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use serde_json::{Value, json};
use xebec_node_plan::seccomp::{may_make_namespaces, refused};

use super::runtime::{ContainerSpec, Mount};
use super::users::User;

/// Containers of one pod share a shim by this annotation.
const GROUP: &str = "io.containerd.runc.v2.group";

/// Kernel files that containers neither see nor need.
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];

/// Kernel files that containers must not change.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What this process may hand on. Asking for more fails the container, so specs are clamped to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Names of capabilities.
    pub(super) capabilities: BTreeSet<String>,
    /// Lowest score that may be set.
    pub(super) oom_score_adj: i32,
    /// Whether cgroups are version 2 only.
    pub(super) unified_cgroups: bool,
}

/// The specification.
pub(super) fn oci_spec(spec: &ContainerSpec, user: &User, bounds: &Bounds) -> Value {
    let mut oci = json!({
        "ociVersion": "1.0.2",
        "process": process(spec, user, bounds),
        "root": { "path": "rootfs", "readonly": spec.security.read_only_root },
        "mounts": mounts(spec, bounds),
        "annotations": { GROUP: spec.owner.pod_uid },
        "linux": linux(spec, bounds),
    });
    // Without a UTS namespace of its own the container would rename the node.
    if let (Some(hostname), Some(_)) = (&spec.hostname, &spec.namespaces.uts) {
        oci["hostname"] = json!(hostname);
    }
    oci
}

fn process(spec: &ContainerSpec, user: &User, bounds: &Bounds) -> Value {
    let capabilities: Vec<&String> = spec.security.capabilities.intersection(&bounds.capabilities).collect();
    let mut env: Vec<String> = spec.process.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if spec.terminal {
        env.push("TERM=xterm".to_owned());
    }
    let usable = if user.uid == 0 { capabilities.clone() } else { Vec::new() };
    json!({
        "terminal": spec.terminal,
        "user": { "uid": user.uid, "gid": user.gid, "additionalGids": user.additional },
        "args": spec.process.args,
        "env": env,
        "cwd": spec.process.cwd,
        "capabilities": { "bounding": capabilities, "effective": usable, "permitted": usable },
        "noNewPrivileges": spec.security.no_new_privileges,
        "oomScoreAdj": spec.oom_score_adj.max(bounds.oom_score_adj),
    })
}

fn mounts(spec: &ContainerSpec, bounds: &Bounds) -> Vec<Value> {
    let sys = if spec.security.privileged { "rw" } else { "ro" };
    let cgroup = if bounds.unified_cgroups { "cgroup2" } else { "cgroup" };
    let standard = [
        ("/proc", "proc", "proc", vec!["nosuid", "noexec", "nodev"]),
        ("/dev", "tmpfs", "tmpfs", vec!["nosuid", "strictatime", "mode=755", "size=65536k"]),
        (
            "/dev/pts",
            "devpts",
            "devpts",
            vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        ("/dev/mqueue", "mqueue", "mqueue", vec!["nosuid", "noexec", "nodev"]),
        ("/dev/shm", "tmpfs", "shm", vec!["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        ("/sys", "sysfs", "sysfs", vec!["nosuid", "noexec", "nodev", sys]),
        ("/sys/fs/cgroup", cgroup, "cgroup", vec!["nosuid", "noexec", "nodev", "relatime", sys]),
    ];
    // A volume may stand in for a standard mount, such as one for /dev/shm.
    let replaced = |destination: &str| spec.mounts.iter().any(|mount| mount.destination == destination);
    let standard = standard.into_iter().filter(|(destination, ..)| !replaced(destination));
    let standard = standard.map(|(destination, kind, source, options)| {
        json!({ "destination": destination, "type": kind, "source": source, "options": options })
    });
    standard.chain(spec.mounts.iter().map(bind)).collect()
}

fn bind(mount: &Mount) -> Value {
    let access = if mount.read_only { "ro" } else { "rw" };
    json!({
        "destination": mount.destination,
        "type": "bind",
        "source": mount.source,
        "options": ["rbind", mount.propagation, access],
    })
}

fn linux(spec: &ContainerSpec, bounds: &Bounds) -> Value {
    let masked: &[&str] = if spec.security.unmasked { &[] } else { &MASKED };
    let read_only: &[&str] = if spec.security.unmasked { &[] } else { &READ_ONLY };
    let devices = if spec.security.privileged { host_devices(Path::new("/dev")) } else { Vec::new() };
    let shared = spec.mounts.iter().any(|mount| mount.propagation == "rshared");
    let propagation = if shared { "rshared" } else { "rslave" };
    let mut linux = json!({
        "cgroupsPath": spec.cgroup,
        "namespaces": namespaces(spec, bounds),
        "resources": resources(spec),
        "devices": devices,
        "maskedPaths": masked,
        "readonlyPaths": read_only,
        "rootfsPropagation": propagation,
    });
    if spec.security.filtered {
        linux["seccomp"] = seccomp(&spec.security.capabilities);
    }
    linux
}

/// Everything is allowed but what the profile refuses, on the machine's own architecture and its older ones.
fn seccomp(capabilities: &BTreeSet<String>) -> Value {
    let architectures = match std::env::consts::ARCH {
        "x86_64" => vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "aarch64" => vec!["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => Vec::new(),
    };
    let refuse = |names: &[&str], errno: i32| json!({ "names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno });
    let mut calls = vec![refuse(&refused(capabilities), libc::EPERM)];
    if !may_make_namespaces(capabilities) {
        // Its flags lie in memory, where a filter cannot look; a program that sees this asks `clone` instead.
        calls.push(refuse(&["clone3"], libc::ENOSYS));
        calls.extend(NAMESPACES.map(|flag| {
            let mut one = refuse(&["clone"], libc::EPERM);
            one["args"] = json!([{ "index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ" }]);
            one
        }));
    }
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": architectures, "syscalls": calls })
}

/// Flags of `clone` that make namespaces.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

fn namespaces(spec: &ContainerSpec, bounds: &Bounds) -> Vec<Value> {
    let paths = &spec.namespaces;
    let pinned = [("network", &paths.net), ("ipc", &paths.ipc), ("uts", &paths.uts)];
    let pinned = pinned.into_iter().filter_map(|(kind, path)| Some(json!({ "type": kind, "path": path.as_ref()? })));
    let pid = (!paths.host_pid).then(|| json!({ "type": "pid" }));
    let cgroup = (bounds.unified_cgroups && !spec.security.privileged).then(|| json!({ "type": "cgroup" }));
    pinned.chain(pid).chain(cgroup).chain([json!({ "type": "mount" })]).collect()
}

fn resources(spec: &ContainerSpec) -> Value {
    let limits = &spec.limits;
    let mut cpu = json!({ "shares": limits.cpu_shares, "period": limits.cpu_period_us });
    if let Some(quota) = limits.cpu_quota_us {
        cpu["quota"] = json!(quota);
    }
    let devices = json!([{ "allow": spec.security.privileged, "access": "rwm" }]);
    match limits.memory_bytes {
        Some(bytes) => json!({ "devices": devices, "cpu": cpu, "memory": { "limit": bytes } }),
        None => json!({ "devices": devices, "cpu": cpu }),
    }
}

/// The node's devices, for privileged containers.
fn host_devices(directory: &Path) -> Vec<Value> {
    const OWN: [&str; 6] = ["pts", "shm", "mqueue", "fd", "console", "ptmx"];
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let named = entries.flatten().filter(|entry| !OWN.iter().any(|own| entry.file_name() == *own));
    named.flat_map(|entry| device(&entry)).collect()
}

fn device(entry: &std::fs::DirEntry) -> Vec<Value> {
    use std::os::unix::fs::MetadataExt;
    let Ok(kind) = entry.file_type() else { return Vec::new() };
    if kind.is_dir() {
        return host_devices(&entry.path());
    }
    let letter = match (kind.is_char_device(), kind.is_block_device()) {
        (true, _) => "c",
        (_, true) => "b",
        _ => return Vec::new(),
    };
    let Ok(metadata) = entry.metadata() else { return Vec::new() };
    let (major, minor) = (nix::sys::stat::major(metadata.rdev()), nix::sys::stat::minor(metadata.rdev()));
    vec![json!({
        "path": entry.path(), "type": letter, "major": major, "minor": minor,
        "fileMode": metadata.mode() & 0o777, "uid": metadata.uid(), "gid": metadata.gid(),
    })]
}

impl Bounds {
    /// What this process may hand on, read from /proc.
    pub(super) fn of_this_process() -> Bounds {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
        };
        let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
        let own = own.trim().parse().unwrap_or(0);
        Bounds {
            capabilities: names(mask("CapBnd:") & mask("CapPrm:")),
            oom_score_adj: if mask("CapEff:") & (1 << SYS_RESOURCE) == 0 { own } else { -1000 },
            unified_cgroups: Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        }
    }
}

const SYS_RESOURCE: u32 = 24;

/// Capabilities by their number in the kernel.
const BY_NUMBER: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

fn names(mask: u64) -> BTreeSet<String> {
    let held = BY_NUMBER.iter().enumerate().filter(|(number, _)| mask & (1 << number) != 0);
    held.map(|(_, name)| format!("CAP_{name}")).collect()
}
