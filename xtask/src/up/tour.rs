//! What to try next, with this cluster's own addresses.

use anyhow::Result;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{command, shop};

/// The text that `up` ends with.
pub(super) fn text(cluster: &Cluster) -> Result<String> {
    let client = cluster.client();
    let xebec = cluster.program().display();
    let node = cluster.workers[0].host.address;
    let kubectl = if command::is_installed("kubectl") {
        "kubectl get nodes,pods -A"
    } else {
        "kubectl would work too, if it were installed"
    };
    Ok(format!(
        "
{pods}
Three masters, {workers} workers, {tills} tills. In another terminal, as root:

  export KUBECONFIG={kubeconfig}
  alias xebec={xebec}
  xebec cluster status                            who leads
  xebec get pods -n shop -o wide -w               watch, while you
  xebec delete pod -n shop -l app=till --no-wait  close all tills; new ones open
  xebec scale deployment/till -n shop --replicas=12
  xebec logs -n shop visitor; xebec exec -n shop visitor -- wget -qO- http://{service}/
  xebec events -n shop; xebec top nodes; xebec describe deployment/till -n shop
  {kubectl}
  curl http://{node}:{port}/                  the shop's door on a node
  curl http://{service}/                        its address in the cluster

Ctrl-C stops everything.",
        pods = client.run(&["get", "pods", "-n", shop::NAMESPACE, "-o", "wide"])?,
        workers = cluster.workers.len(),
        tills = shop::TILLS,
        kubeconfig = client.kubeconfig().display(),
        service = shop::cluster_address(&client)?,
        port = shop::NODE_PORT,
    ))
}
