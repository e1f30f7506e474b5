//! What the kernel and the distribution say of this machine.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use xebec_node_plan::resources::NodeSize;

/// CPU and memory of the node.
pub fn node_size() -> NodeSize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    NodeSize {
        cpu_milli: i64::try_from(cores).unwrap_or(1) * 1000,
        memory_bytes: i64::try_from(memory("MemTotal:").unwrap_or(0)).unwrap_or(i64::MAX),
    }
}

/// Bytes of a line of /proc/meminfo.
pub(super) fn memory(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Bytes of a file system: all, and available.
pub(super) fn disk(path: &Path) -> Option<(u64, u64)> {
    let stat = statvfs(path).ok()?;
    let unit = stat.fragment_size();
    Some((stat.blocks().saturating_mul(unit), stat.blocks_available().saturating_mul(unit)))
}

/// Processes that exist, and the most that may.
pub(super) fn processes() -> Option<(u64, u64)> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    let now = load.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()?;
    let most = line("/proc/sys/kernel/pid_max").parse().ok()?;
    Some((now, most))
}

/// A file of one line; empty if it cannot be read.
pub(super) fn line(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The distribution's name.
pub(super) fn os_image() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "Linux".to_owned(), |name| name.trim_matches('"').to_owned())
}
