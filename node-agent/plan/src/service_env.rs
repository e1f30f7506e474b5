//! The variables that tell a container where services are, as Kubernetes has them.

use std::collections::BTreeMap;

use crate::nft::{Port, Service, ServiceName};

/// The service by which pods of every namespace find the API.
const API_SERVICE: (&str, &str) = ("default", "kubernetes");

/// The variables for a pod of `namespace`: for each service of it that has an address, and for the API.
pub fn variables(services: &BTreeMap<ServiceName, Service>, namespace: &str) -> Vec<(String, String)> {
    let seen = |name: &ServiceName| {
        name.namespace == namespace || (name.namespace.as_str(), name.name.as_str()) == API_SERVICE
    };
    let seen = services.iter().filter(|(name, _)| seen(name));
    seen.flat_map(|(name, service)| of_service(&name.name, service)).collect()
}

fn of_service(name: &str, service: &Service) -> Vec<(String, String)> {
    let (Some(address), Some(first)) = (service.cluster_ip, service.ports.first()) else { return Vec::new() };
    let prefix = upper(name);
    let mut variables = vec![
        (format!("{prefix}_SERVICE_HOST"), address.to_string()),
        (format!("{prefix}_SERVICE_PORT"), first.port.to_string()),
    ];
    let named = service.ports.iter().filter(|port| !port.name.is_empty());
    variables.extend(named.map(|port| (format!("{prefix}_SERVICE_PORT_{}", upper(&port.name)), port.port.to_string())));
    let url = |port: &Port| format!("{}://{address}:{}", port.protocol, port.port);
    variables.push((format!("{prefix}_PORT"), url(first)));
    for port in &service.ports {
        let prefix = format!("{prefix}_PORT_{}_{}", port.port, upper(port.protocol.lower_case()));
        variables.push((prefix.clone(), url(port)));
        variables.push((format!("{prefix}_PROTO"), port.protocol.to_string()));
        variables.push((format!("{prefix}_PORT"), port.port.to_string()));
        variables.push((format!("{prefix}_ADDR"), address.to_string()));
    }
    variables
}

fn upper(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::nft::Protocol;

    fn service(address: Option<&str>, port: u16) -> Service {
        let port = Port { name: "http".into(), protocol: Protocol::Tcp, port, node_port: 0, endpoints: Vec::new() };
        Service { cluster_ip: address.map(|text| text.parse().unwrap()), affinity_seconds: 0, ports: vec![port] }
    }

    #[test]
    fn own_namespace_and_the_api() {
        let name = |namespace: &str, name: &str| ServiceName { namespace: namespace.into(), name: name.into() };
        let services = BTreeMap::from([
            (name("default", "kubernetes"), service(Some("10.43.0.1"), 443)),
            (name("default", "other"), service(Some("10.43.0.2"), 80)),
            (name("shop", "headless"), service(None, 80)),
            (name("shop", "my-till"), service(Some("10.43.0.3"), 80)),
        ]);
        let text: String = variables(&services, "shop").iter().map(|(k, v)| format!("{k}={v}\n")).collect();
        expect![[r#"
            KUBERNETES_SERVICE_HOST=10.43.0.1
            KUBERNETES_SERVICE_PORT=443
            KUBERNETES_SERVICE_PORT_HTTP=443
            KUBERNETES_PORT=tcp://10.43.0.1:443
            KUBERNETES_PORT_443_TCP=tcp://10.43.0.1:443
            KUBERNETES_PORT_443_TCP_PROTO=tcp
            KUBERNETES_PORT_443_TCP_PORT=443
            KUBERNETES_PORT_443_TCP_ADDR=10.43.0.1
            MY_TILL_SERVICE_HOST=10.43.0.3
            MY_TILL_SERVICE_PORT=80
            MY_TILL_SERVICE_PORT_HTTP=80
            MY_TILL_PORT=tcp://10.43.0.3:80
            MY_TILL_PORT_80_TCP=tcp://10.43.0.3:80
            MY_TILL_PORT_80_TCP_PROTO=tcp
            MY_TILL_PORT_80_TCP_PORT=80
            MY_TILL_PORT_80_TCP_ADDR=10.43.0.3
        "#]]
        .assert_eq(&text);
    }
}
