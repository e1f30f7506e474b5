//! The sample shop: opened, waited for, visited.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::artifacts::workspace;
use crate::cli::Client;
use crate::http;
use crate::wait;

/// Tills in the shop's manifest.
pub const TILLS: usize = 6;
/// The shop's door on every node.
pub const NODE_PORT: u16 = 30080;
/// Where everything of the shop lives.
pub const NAMESPACE: &str = "shop";

/// Applies the manifest.
pub fn open(client: &Client) -> Result<String> {
    let manifest = workspace().join("examples/shop/shop.yaml");
    client.run(&["apply", "-f", &manifest.display().to_string()])
}

/// The tills, ready or not.
pub fn tills(client: &Client) -> Result<Vec<Value>> {
    client.list(&["pods", "-n", NAMESPACE, "-l", "app=till"])
}

/// Whether a pod's Ready condition is true and it is not on its way out.
pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready && pod["metadata"]["deletionTimestamp"].is_null()
}

/// How many tills are ready now.
pub fn ready(client: &Client) -> Result<usize> {
    Ok(tills(client)?.iter().filter(|pod| is_ready(pod)).count())
}

/// Waits until all tills and the visitor are ready.
pub fn wait_until_ready(client: &Client, within: Duration) -> Result<()> {
    wait::until("the shop to be ready", within, || {
        let ready = ready(client)?;
        ensure!(ready == TILLS, "{ready} of {TILLS} tills are ready");
        let visitor = client.get(&["pod", "visitor", "-n", NAMESPACE])?;
        ensure!(is_ready(&visitor), "the visitor is not ready: {}", visitor["status"]);
        Ok(())
    })
}

/// The nodes that tills run on.
pub fn nodes(client: &Client) -> Result<BTreeSet<String>> {
    let tills = tills(client)?;
    Ok(tills.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned)).collect())
}

/// The shop's one address inside the cluster.
pub fn cluster_address(client: &Client) -> Result<String> {
    let service = client.get(&["service", "till", "-n", NAMESPACE])?;
    service["spec"]["clusterIP"].as_str().map(str::to_owned).context("the service has no cluster address")
}

/// Comes in through a node's door, and says who answered.
pub fn visit_node(node: IpAddr) -> Result<String> {
    http::get(SocketAddr::new(node, NODE_PORT), "/")
}

/// The visitor pod fetches the shop's page by its cluster address.
pub fn visit_from_pod(client: &Client) -> Result<String> {
    let url = format!("http://{}/", cluster_address(client)?);
    client.run(&["exec", "visitor", "-n", NAMESPACE, "--", "timeout", "2", "wget", "-q", "-O", "-", &url])
}

/// The till's name in its greeting: `Ahoy from till-abc`.
pub fn till_of(greeting: &str) -> Option<&str> {
    greeting.trim().rsplit_once(" from ").map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_till_says_who_it_is() {
        assert_eq!(till_of("Ahoy from till-1\n"), Some("till-1"));
        assert_eq!(till_of("nonsense"), None);
    }

    #[test]
    fn a_pod_that_leaves_is_not_ready() {
        let mut pod = json!({"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(is_ready(&pod));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!is_ready(&pod));
    }
}
