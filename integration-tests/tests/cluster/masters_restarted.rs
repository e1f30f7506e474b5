//! All masters stopped and started again: the same objects, no smaller revision, no pod restarted.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{containers, shop, wait};

const SETTLED: Duration = Duration::from_secs(60);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    let (before, revision) = (pods(&client)?, revision(cluster)?);
    cluster.restart_all_masters()?;
    ensure!(self::revision(cluster)? >= revision, "the revision fell from {revision} to {}", self::revision(cluster)?);
    cluster.wait_until_nodes_are_ready(SETTLED)?;
    wait::until("the same pods to be ready again", SETTLED, || {
        let after = pods(&client)?;
        ensure!(after == before, "before: {before:?}, after: {after:?}");
        ensure!(shop::ready(&client)? == shop::TILLS, "not all tills are ready");
        Ok(())
    })
}

fn revision(cluster: &Cluster) -> Result<u64> {
    cluster.status()?["revision"].as_u64().context("a status has a revision")
}

/// Uid, node and restarts by name.
fn pods(client: &Client) -> Result<BTreeMap<String, (String, String, i64)>> {
    let describe = |pod: &serde_json::Value| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &pod["metadata"];
        (text(&metadata["name"]), (text(&metadata["uid"]), text(&pod["spec"]["nodeName"]), containers::restarts(pod)))
    };
    Ok(client.list(&["pods", "-A"])?.iter().map(describe).collect())
}
