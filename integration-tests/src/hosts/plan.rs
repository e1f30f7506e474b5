//! Which hosts there are, and what they are called.

use std::net::Ipv4Addr;
use std::path::PathBuf;

/// The first masters' and workers' last address bytes.
const MACHINE: u8 = 1;
const FIRST_MASTER: u8 = 11;
const FIRST_WORKER: u8 = 101;

/// A machine's worth of hosts: a name, a /24, and how many of each.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Starts every namespace, interface, cgroup and directory name. At most 10 letters: interface names are short.
    pub prefix: String,
    /// The first three bytes of the /24.
    pub subnet: [u8; 3],
    /// How many masters: m1, m2, ...
    pub masters: u8,
    /// How many workers: w1, w2, ...
    pub workers: u8,
}

/// One host.
#[derive(Clone, Debug)]
pub struct Host {
    /// `m1`, `w2`; also its cable's name on the bridge.
    pub name: String,
    /// Its network namespace.
    pub namespace: String,
    /// Its address on the bridge.
    pub address: Ipv4Addr,
}

impl Host {
    /// Where the namespace is pinned; `nsenter --net=` takes it.
    pub fn namespace_path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.namespace)
    }
}

impl Plan {
    /// Everything under this directory belongs to the plan. It is short, for sockets live below it, and their paths are limited to
    /// 107 bytes; and only root can make it, so nobody can put something else in its place.
    pub fn directory(&self) -> PathBuf {
        PathBuf::from("/var/lib").join(&self.prefix)
    }

    /// The namespace of the bridge.
    pub fn bridge_namespace(&self) -> String {
        format!("{}-net", self.prefix)
    }

    /// The machine's own end of its cable.
    pub fn machine_interface(&self) -> String {
        format!("{}0", self.prefix)
    }

    /// The machine's address, which is every host's default route.
    pub fn machine_address(&self) -> Ipv4Addr {
        self.address(MACHINE)
    }

    /// The `index`-th master, from 1.
    pub fn master(&self, index: u8) -> Host {
        self.host(format!("m{index}"), FIRST_MASTER + index - 1)
    }

    /// The `index`-th worker, from 1.
    pub fn worker(&self, index: u8) -> Host {
        self.host(format!("w{index}"), FIRST_WORKER + index - 1)
    }

    /// Masters first.
    pub fn hosts(&self) -> Vec<Host> {
        let masters = (1..=self.masters).map(|index| self.master(index));
        masters.chain((1..=self.workers).map(|index| self.worker(index))).collect()
    }

    /// Whether a namespace of this name is one of ours.
    pub fn owns(&self, namespace: &str) -> bool {
        namespace.strip_prefix(self.prefix.as_str()).is_some_and(|rest| rest.starts_with('-'))
    }

    fn host(&self, name: String, last: u8) -> Host {
        Host { namespace: format!("{}-{name}", self.prefix), name, address: self.address(last) }
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(a, b, c, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan { prefix: "xb".to_owned(), subnet: [10, 89, 0], masters: 3, workers: 2 }
    }

    #[test]
    fn every_host_has_a_name_and_an_address_of_its_own() {
        let named: Vec<_> = plan().hosts().iter().map(|host| format!("{} {}", host.namespace, host.address)).collect();
        assert_eq!(
            named,
            ["xb-m1 10.89.0.11", "xb-m2 10.89.0.12", "xb-m3 10.89.0.13", "xb-w1 10.89.0.101", "xb-w2 10.89.0.102"]
        );
    }

    #[test]
    fn a_plan_owns_only_what_starts_with_its_prefix_and_a_dash() {
        assert!(plan().owns("xb-net"));
        assert!(!plan().owns("xbtest-net"));
        assert!(!plan().owns("other"));
    }
}
