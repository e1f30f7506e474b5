//! The files of cgroups, versions 1 and 2.

use std::path::Path;

use super::Usage;

pub(super) fn usage_v1(mount: &Path, cgroup: &str) -> Option<Usage> {
    let memory = mount.join("memory").join(cgroup);
    let used = number(&memory.join("memory.usage_in_bytes"))?;
    let cache = field(&memory.join("memory.stat"), "total_inactive_file").unwrap_or(0);
    let cpu_ns = number(&mount.join("cpuacct").join(cgroup).join("cpuacct.usage")).unwrap_or(0);
    Some(Usage { cpu_ns, memory_bytes: used.saturating_sub(cache) })
}

pub(super) fn usage_v2(directory: &Path) -> Option<Usage> {
    let used = number(&directory.join("memory.current"))?;
    let cache = field(&directory.join("memory.stat"), "inactive_file").unwrap_or(0);
    let cpu_us = field(&directory.join("cpu.stat"), "usage_usec").unwrap_or(0);
    Some(Usage { cpu_ns: cpu_us.saturating_mul(1000), memory_bytes: used.saturating_sub(cache) })
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number after `name` in a file of `name number` lines.
pub(super) fn field(path: &Path, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("memory/p/memory.usage_in_bytes", "1000\n");
        write("memory/p/memory.stat", "cache 1\ntotal_inactive_file 300\n");
        write("cpuacct/p/cpuacct.usage", "77\n");
        write("two/memory.current", "900\n");
        write("two/memory.stat", "inactive_file 100\n");
        write("two/cpu.stat", "usage_usec 5\nuser_usec 1\n");
        assert_eq!(usage_v1(root.path(), "p"), Some(Usage { cpu_ns: 77, memory_bytes: 700 }));
        assert_eq!(usage_v2(&root.path().join("two")), Some(Usage { cpu_ns: 5000, memory_bytes: 800 }));
        assert_eq!(usage_v2(&root.path().join("none")), None);
    }
}
