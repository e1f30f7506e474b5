//! A worker's power goes: its tills open again on the other one, and when it is back nothing of theirs is left on it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{containers, shop, wait};

/// 4 s until the silence counts, 10 s of toleration, and a start; the rest is for a busy machine.
const REPLACED: Duration = Duration::from_secs(60);
const BACK: Duration = Duration::from_secs(60);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    // The visitor is a bare pod: nobody would replace it. The worker without it is the one to lose.
    let visitor = client.get(&["pod", "visitor", "-n", shop::NAMESPACE])?;
    let home = visitor["spec"]["nodeName"].as_str().context("the visitor is somewhere")?.to_owned();
    let lost = cluster.workers.iter().position(|worker| worker.host.name != home).context("another worker")?;
    let gone = cluster.workers[lost].host.name.clone();
    let before =
        shop::tills(&client)?.into_iter().filter(|till| till["spec"]["nodeName"] == gone.as_str()).collect::<Vec<_>>();
    ensure!(!before.is_empty(), "no till ran on {gone}");
    cluster.power_off(lost)?;
    let replaced = wait::until("the lost tills to be replaced", REPLACED, || {
        let tills = shop::tills(&client)?;
        let ready =
            tills.iter().filter(|till| shop::is_ready(till) && till["spec"]["nodeName"] == home.as_str()).count();
        ensure!(ready == shop::TILLS, "{ready} of {} are ready on {home}", shop::TILLS);
        Ok(())
    });
    let open = cluster.workers.iter().find(|worker| worker.host.name == home).context("the worker that is left")?;
    let answered = replaced.and_then(|()| shop::visit_node(IpAddr::V4(open.host.address)));
    cluster.power_on(lost)?;
    answered.context("the shop after the loss")?;
    cluster.wait_until_nodes_are_ready(BACK)?;
    wait::until("the replaced tills to end", BACK, || {
        for till in &before {
            let left = containers::pids(till, "/till")?;
            ensure!(left.is_empty(), "{} still runs as {left:?}", till["metadata"]["name"]);
        }
        Ok(())
    })
}
