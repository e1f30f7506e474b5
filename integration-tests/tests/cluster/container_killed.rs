//! `kill -9` of a till: the same pod, a new process, one restart counted.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{containers, shop, wait};

const RESTART: Duration = Duration::from_secs(60);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    let till = shop::tills(&client)?.into_iter().next().context("there is a till")?;
    let name = till["metadata"]["name"].as_str().context("it has a name")?.to_owned();
    let (before, restarts) = (containers::pids(&till, "/till")?, containers::restarts(&till));
    let victim = *before.first().context("it has a process")?;
    containers::kill_hard(victim)?;
    wait::until("the till to be restarted", RESTART, || {
        let till = client.get(&["pod", &name, "-n", shop::NAMESPACE])?;
        ensure!(containers::restarts(&till) == restarts + 1, "{} restarts are counted", containers::restarts(&till));
        ensure!(shop::is_ready(&till), "it is not ready");
        let after = containers::pids(&till, "/till")?;
        ensure!(after.len() == 1 && after.is_disjoint(&before), "its processes are {after:?}");
        Ok(())
    })
}
