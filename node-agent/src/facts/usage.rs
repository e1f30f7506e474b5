//! What node and pods use, from cgroup files: CPU as the difference between two looks.

use std::collections::BTreeMap;

use xebec_node_plan::moment::Moment;
use xebec_proto::v1::{NodeUsage, PodUsage};

use super::system::memory;
use crate::cgroups::{Cgroups, Usage};
use crate::pods::Pods;

/// Remembers the last look.
pub struct UsageMeter {
    cgroups: Cgroups,
    last: BTreeMap<String, (Moment, u64)>,
}

impl UsageMeter {
    /// A meter that has not looked yet.
    pub fn new(cgroups: Cgroups) -> UsageMeter {
        UsageMeter { cgroups, last: BTreeMap::new() }
    }

    /// What is used now.
    pub fn measure(&mut self, pods: &Pods, now: Moment) -> NodeUsage {
        let mut last = BTreeMap::new();
        let mut all = Vec::new();
        for view in pods.views() {
            let metadata = view.desired.borrow().pod.metadata.clone();
            let uid = metadata.uid.unwrap_or_default();
            let Some(usage) = self.cgroups.usage(&self.cgroups.pod(&uid)) else { continue };
            all.push(PodUsage {
                namespace: metadata.namespace.unwrap_or_default(),
                name: metadata.name.unwrap_or_default(),
                cpu_nanocores: self.rate(&uid, usage, now),
                memory_bytes: usage.memory_bytes,
            });
            last.insert(uid, (now, usage.cpu_ns));
        }
        let node = Usage { cpu_ns: node_cpu_ns(), memory_bytes: node_memory() };
        let cpu_nanocores = self.rate("", node, now);
        last.insert(String::new(), (now, node.cpu_ns));
        self.last = last;
        NodeUsage { cpu_nanocores, memory_bytes: node.memory_bytes, pods: all }
    }

    fn rate(&self, key: &str, usage: Usage, now: Moment) -> u64 {
        let Some((then, before)) = self.last.get(key) else { return 0 };
        let elapsed = u64::try_from(now.since(*then).as_millis()).unwrap_or(u64::MAX).max(1);
        usage.cpu_ns.saturating_sub(*before) / elapsed * 1000
    }
}

fn node_memory() -> u64 {
    memory("MemTotal:").unwrap_or(0).saturating_sub(memory("MemAvailable:").unwrap_or(0))
}

/// CPU time of the whole node: user, nice, system, irq, softirq and steal, in ticks of 10 ms.
fn node_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    let busy: u64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|index| ticks.get(*index)).sum();
    busy.saturating_mul(10_000_000)
}
