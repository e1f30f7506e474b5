//! The cluster's address ranges: what they must be, and what follows from them.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::error::ServerError;

/// Each node gets a /24 of the cluster's range.
const NODE_PREFIX: u8 = 24;
/// A service range smaller than this runs out at once.
const MAX_SERVICE_PREFIX: u8 = 28;

/// Names that every master's API answers to, besides its own.
const SHARED_NAMES: [&str; 7] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// Reads a range that somebody wrote.
pub(super) fn parse(what: &'static str, text: &str) -> Result<IpNetwork, ServerError> {
    text.parse().map_err(|_| ServerError::Network { what, cidr: text.to_owned(), reason: "it is not ADDRESS/PREFIX" })
}

/// Whether pods and services can live in these.
pub(super) fn check(cluster: &IpNetwork, service: &IpNetwork) -> Result<(), ServerError> {
    let refuse = |what, cidr: &IpNetwork, reason| Err(ServerError::Network { what, cidr: cidr.to_string(), reason });
    match (cluster, service) {
        (IpNetwork::V4(pods), _) if pods.prefix() > NODE_PREFIX => {
            refuse("cluster CIDR", cluster, "each node needs a /24 of it")
        }
        (_, IpNetwork::V4(services)) if services.prefix() > MAX_SERVICE_PREFIX => {
            refuse("service CIDR", service, "it must be /28 or larger")
        }
        (IpNetwork::V4(pods), IpNetwork::V4(services)) if pods.overlaps(*services) => {
            refuse("service CIDR", service, "it overlaps the cluster CIDR")
        }
        (IpNetwork::V4(_), IpNetwork::V4(_)) => Ok(()),
        (IpNetwork::V6(_), _) => refuse("cluster CIDR", cluster, "it must be IPv4"),
        (_, IpNetwork::V6(_)) => refuse("service CIDR", service, "it must be IPv4"),
    }
}

/// The cluster address of the `kubernetes` Service: the first of the range.
pub(super) fn kubernetes_address(service: &IpNetwork) -> Option<IpAddr> {
    service.iter().nth(1)
}

/// Names that every master's API answers to.
pub(super) fn shared_names(service: &IpNetwork) -> Vec<String> {
    let address = kubernetes_address(service).map(|address| address.to_string());
    SHARED_NAMES.iter().map(|name| (*name).to_owned()).chain(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_pair(cluster: &str, service: &str, expect: Option<&str>) {
        let refused = check(&cluster.parse().unwrap(), &service.parse().unwrap()).err();
        let reason = refused.map(|error| error.to_string());
        assert_eq!(reason.as_deref(), expect, "{cluster} {service}");
    }

    #[test]
    fn ranges_must_be_large_and_apart() {
        check_pair("10.42.0.0/16", "10.43.0.0/16", None);
        check_pair(
            "10.42.0.0/25",
            "10.43.0.0/16",
            Some("cluster CIDR 10.42.0.0/25 cannot be used: each node needs a /24 of it"),
        );
        check_pair(
            "10.42.0.0/16",
            "10.43.0.0/30",
            Some("service CIDR 10.43.0.0/30 cannot be used: it must be /28 or larger"),
        );
        check_pair(
            "10.0.0.0/8",
            "10.43.0.0/16",
            Some("service CIDR 10.43.0.0/16 cannot be used: it overlaps the cluster CIDR"),
        );
        check_pair("fd00::/56", "10.43.0.0/16", Some("cluster CIDR fd00::/56 cannot be used: it must be IPv4"));
    }

    #[test]
    fn the_kubernetes_service_has_the_first_address() {
        assert_eq!(kubernetes_address(&"10.43.0.0/16".parse().unwrap()), Some("10.43.0.1".parse().unwrap()));
        assert!(shared_names(&"10.43.0.0/16".parse().unwrap()).contains(&"10.43.0.1".to_owned()));
    }
}
