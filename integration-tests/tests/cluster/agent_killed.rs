//! `kill -9` of an agent: its containers do not notice, and are its own again when it is back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{containers, shop, wait};

const BACK: Duration = Duration::from_secs(60);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    let node = cluster.workers[0].host.name.clone();
    let before = tills_of(&shop::tills(&client)?, &node)?;
    ensure!(!before.is_empty(), "no till runs on {node}");
    cluster.workers[0].kill()?;
    cluster.restart_worker(0)?;
    // A command in a till of that node runs only once the agent has it in hand again.
    let (name, _) = before.first_key_value().context("a till")?;
    let name = name.clone();
    wait::until("the agent to have its pods again", BACK, || {
        client.run(&["logs", &name, "-n", shop::NAMESPACE, "--tail", "1"])?;
        let tills = shop::tills(&client)?;
        ensure!(tills.iter().all(shop::is_ready), "not all tills are ready");
        Ok(())
    })?;
    let after = tills_of(&shop::tills(&client)?, &node)?;
    ensure!(before == after, "before: {before:?}, after: {after:?}");
    Ok(())
}

/// Name, processes and restarts of the tills on `node`.
fn tills_of(tills: &[Value], node: &str) -> Result<BTreeMap<String, (Vec<i32>, i64)>> {
    let own = tills.iter().filter(|till| till["spec"]["nodeName"] == node);
    let describe = |till: &Value| {
        let name = till["metadata"]["name"].as_str().context("a pod has a name")?.to_owned();
        Ok((name, (containers::pids(till, "/till")?.into_iter().collect(), containers::restarts(till))))
    };
    own.map(describe).collect()
}
