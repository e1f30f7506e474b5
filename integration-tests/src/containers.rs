//! The processes of a pod, seen from the machine: found by the pod's uid in their cgroup, whoever manages them.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The processes of a pod that run `program`.
pub fn pids(pod: &Value, program: &str) -> Result<BTreeSet<i32>> {
    let uid = pod["metadata"]["uid"].as_str().context("a pod has a uid")?;
    let entries = std::fs::read_dir("/proc").context("list /proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    Ok(pids.filter(|pid| is_in_cgroup(*pid, uid) && runs(*pid, program)).collect())
}

/// `kill -9` of one of them.
pub fn kill_hard(pid: i32) -> Result<()> {
    kill(Pid::from_raw(pid), Signal::SIGKILL).with_context(|| format!("kill {pid}"))
}

/// How often the pod's containers were restarted, in sum.
pub fn restarts(pod: &Value) -> i64 {
    let statuses = pod["status"]["containerStatuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    statuses.iter().filter_map(|status| status["restartCount"].as_i64()).sum()
}

fn is_in_cgroup(pid: i32, uid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|cgroups| cgroups.contains(uid))
}

fn runs(pid: i32, program: &str) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).next() == Some(program.as_bytes())
}
