//! Six tills on two workers, and a visitor who is led to each of them by the shop's one address.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{shop, wait};

const ROUND: Duration = Duration::from_secs(60);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let client = cluster.client();
    let workers: BTreeSet<_> = cluster.workers.iter().map(|worker| worker.host.name.clone()).collect();
    ensure!(shop::nodes(&client)? == workers, "tills run on {:?} only", shop::nodes(&client)?);
    let tills: BTreeSet<_> =
        shop::tills(&client)?.iter().filter_map(|till| Some(till["metadata"]["name"].as_str()?.to_owned())).collect();
    let mut met = BTreeSet::new();
    wait::until("the visitor to meet every till", ROUND, || {
        let greeting = shop::visit_from_pod(&client)?;
        met.insert(shop::till_of(&greeting).context("a till says who it is")?.to_owned());
        ensure!(met.len() == tills.len(), "met {met:?} of {tills:?}");
        Ok(())
    })?;
    ensure!(met == tills, "{met:?} answered, {tills:?} are the tills");
    for worker in &cluster.workers {
        shop::visit_node(IpAddr::V4(worker.host.address))
            .with_context(|| format!("the door on {}", worker.host.name))?;
    }
    Ok(())
}
