//! The downward API: fields of the pod as text, for environment variables and files.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, ObjectFieldSelector, Pod, ResourceFieldSelector};

use crate::resources::{NodeSize, shown};

/// What a container may be told of its pod and node.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The pod's address.
    pub address: Option<IpAddr>,
    /// The node's address.
    pub host: IpAddr,
    /// The node's name.
    pub node_name: &'a str,
    /// The node's size.
    pub node: NodeSize,
}

impl Surroundings<'_> {
    /// The value of a field; absent if there is no such field.
    pub fn field(&self, selector: &ObjectFieldSelector) -> Option<String> {
        let metadata = &self.pod.metadata;
        let spec = self.pod.spec.as_ref();
        let address = || self.address.map(|address| address.to_string()).unwrap_or_default();
        match selector.field_path.as_str() {
            "metadata.name" => metadata.name.clone(),
            "metadata.namespace" => metadata.namespace.clone(),
            "metadata.uid" => metadata.uid.clone(),
            "metadata.labels" => Some(lines(metadata.labels.as_ref())),
            "metadata.annotations" => Some(lines(metadata.annotations.as_ref())),
            "spec.nodeName" => Some(self.node_name.to_owned()),
            "spec.serviceAccountName" => Some(spec?.service_account_name.clone().unwrap_or_default()),
            "status.hostIP" | "status.hostIPs" => Some(self.host.to_string()),
            "status.podIP" | "status.podIPs" => Some(address()),
            path => self.keyed(path),
        }
    }

    /// `metadata.labels['key']` and `metadata.annotations['key']`.
    fn keyed(&self, path: &str) -> Option<String> {
        let (map, rest) = if let Some(rest) = path.strip_prefix("metadata.labels['") {
            (self.pod.metadata.labels.as_ref(), rest)
        } else {
            (self.pod.metadata.annotations.as_ref(), path.strip_prefix("metadata.annotations['")?)
        };
        let key = rest.strip_suffix("']")?;
        Some(map.and_then(|map| map.get(key)).cloned().unwrap_or_default())
    }

    /// The value of a container's request or limit; absent if there is no such resource or container.
    pub fn resource(&self, selector: &ResourceFieldSelector, container: Option<&Container>) -> Option<String> {
        let spec = self.pod.spec.as_ref()?;
        let named = selector.container_name.as_deref().filter(|name| !name.is_empty());
        let container = match named {
            Some(name) => crate::pod::event::container_of(spec, name),
            None => container,
        }?;
        shown(container, &selector.resource, selector.divisor.as_ref(), &self.node)
    }
}

/// One `key="value"` a line, the value escaped.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let line = |(key, value): (&String, &String)| format!("{key}={value:?}");
    map.into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}
