//! The files that tell a pod its name and where names are resolved: hostname, /etc/hosts, /etc/resolv.conf.

use std::fmt::Write as _;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Pod, PodSpec};

/// Host names are no longer than this; the kernel refuses more.
const LONGEST_HOSTNAME: usize = 63;

/// The pod's host name: what its spec says, else its own name; the node's if it shares the node's network.
pub fn hostname(pod: &Pod, node_name: &str) -> String {
    let spec = pod.spec.as_ref();
    if spec.and_then(|spec| spec.host_network) == Some(true) {
        return node_name.to_owned();
    }
    let own = spec.and_then(|spec| spec.hostname.as_deref()).filter(|name| !name.is_empty());
    let name = own.or(pod.metadata.name.as_deref()).unwrap_or("pod");
    name.chars().take(LONGEST_HOSTNAME).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}

/// `/etc/hosts`.
pub fn hosts_file(pod: &Pod, address: IpAddr, hostname: &str, cluster_domain: &str) -> String {
    let mut text = String::from(
        "# Written by xebec for this pod.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    );
    let subdomain = pod.spec.as_ref().and_then(|spec| spec.subdomain.as_deref()).filter(|name| !name.is_empty());
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let full = subdomain.map(|subdomain| format!("{hostname}.{subdomain}.{namespace}.svc.{cluster_domain}\t"));
    writeln!(text, "{address}\t{}{hostname}", full.unwrap_or_default()).expect("strings can be written to");
    for alias in pod.spec.iter().flat_map(|spec| spec.host_aliases.iter().flatten()) {
        let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
        writeln!(text, "{}\t{names}", alias.ip).expect("strings can be written to");
    }
    text
}

/// Where the cluster resolves names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterDns {
    /// The cluster's name server; without one, pods use the node's.
    pub server: Option<IpAddr>,
    /// Such as `cluster.local`.
    pub domain: String,
}

/// `/etc/resolv.conf`, from the pod's policy, the cluster's name server, and the node's own file.
pub fn resolv_conf(spec: &PodSpec, namespace: &str, cluster: &ClusterDns, of_node: &str) -> String {
    let mut conf = base(spec, namespace, cluster, of_node);
    if let Some(more) = &spec.dns_config {
        conf.servers.extend(more.nameservers.iter().flatten().cloned());
        conf.searches.extend(more.searches.iter().flatten().cloned());
        conf.options.extend(more.options.iter().flatten().map(|option| match &option.value {
            Some(value) => format!("{}:{value}", option.name.as_deref().unwrap_or_default()),
            None => option.name.clone().unwrap_or_default(),
        }));
    }
    conf.text()
}

#[derive(Default)]
struct Conf {
    servers: Vec<String>,
    searches: Vec<String>,
    options: Vec<String>,
}

impl Conf {
    fn parse(text: &str) -> Conf {
        let mut conf = Conf::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => conf.servers.extend(words.take(1).map(str::to_owned)),
                Some("search" | "domain") => conf.searches = words.map(str::to_owned).collect(),
                Some("options") => conf.options.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        conf
    }

    fn text(&self) -> String {
        let servers = self.servers.iter().map(|server| format!("nameserver {server}\n"));
        let search = (!self.searches.is_empty()).then(|| format!("search {}\n", self.searches.join(" ")));
        let options = (!self.options.is_empty()).then(|| format!("options {}\n", self.options.join(" ")));
        servers.chain(search).chain(options).collect()
    }
}

fn base(spec: &PodSpec, namespace: &str, cluster: &ClusterDns, of_node: &str) -> Conf {
    let host_network = spec.host_network == Some(true);
    let cluster_first = match spec.dns_policy.as_deref().unwrap_or("ClusterFirst") {
        "None" => return Conf::default(),
        "ClusterFirst" => !host_network,
        "ClusterFirstWithHostNet" => true,
        _ => false,
    };
    let node = Conf::parse(of_node);
    let Some(server) = cluster.server.filter(|_| cluster_first) else { return node };
    let domain = &cluster.domain;
    let own = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
    Conf {
        servers: vec![server.to_string()],
        searches: own.into_iter().chain(node.searches).collect(),
        options: vec!["ndots:5".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_names_come_first_and_the_node_is_the_fallback() {
        let cluster = ClusterDns { server: Some([10, 43, 0, 10].into()), domain: "cluster.local".into() };
        let of_node = "nameserver 1.1.1.1\nsearch corp\n";
        assert_eq!(
            resolv_conf(&PodSpec::default(), "shop", &cluster, of_node),
            "nameserver 10.43.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local corp\noptions ndots:5\n"
        );
        let none = ClusterDns { server: None, ..cluster.clone() };
        assert_eq!(resolv_conf(&PodSpec::default(), "shop", &none, of_node), of_node);
        let default = PodSpec { dns_policy: Some("Default".into()), ..PodSpec::default() };
        assert_eq!(resolv_conf(&default, "shop", &cluster, of_node), of_node);
    }
}
