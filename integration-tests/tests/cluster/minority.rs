//! Two of three masters die: the third shows what it has to whoever is content with that, and refuses all else soon. When they
//! are back, all three hold the same.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{shop, wait};

/// In which a fresh read is refused, the start of the program included.
const REFUSED: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let left = cluster.leader()?;
    let client = cluster.client_of(u8::try_from(left + 1).context("few masters")?);
    let others: Vec<usize> = (0..cluster.masters.len()).filter(|index| *index != left).collect();
    for index in &others {
        cluster.masters[*index].kill()?;
    }
    let story = read_alone(&client);
    for index in others {
        cluster.restart_master(index)?;
    }
    cluster.wait_until_all_masters_serve()?;
    story?;
    all_hold_the_same(&client)
}

fn read_alone(client: &Client) -> Result<()> {
    let start = Instant::now();
    let refused = client.ask(&["get", "pods", "-n", shop::NAMESPACE])?;
    ensure!(refused.code != 0, "a fresh read was answered: {}", refused.output);
    ensure!(refused.errors.contains("no majority"), "it does not say why: {}", refused.errors);
    ensure!(start.elapsed() < REFUSED, "it was refused after {:?}", start.elapsed());
    let stale = client.run(&["get", "pods", "-n", shop::NAMESPACE, "--stale"])?;
    ensure!(stale.contains("till"), "the pods are not shown: {stale}");
    let unchecked = client.ask(&["cluster", "hash-check"])?;
    ensure!(unchecked.code != 0, "nothing was compared: {}", unchecked.output);
    Ok(())
}

/// Masters that were just started may lag for a moment.
fn all_hold_the_same(client: &Client) -> Result<()> {
    wait::until("all masters to be compared", PATIENCE, || {
        let compared = client.run(&["cluster", "hash-check"])?;
        ensure!(compared.matches("equal").count() == 3, "{compared}");
        Ok(())
    })
}
