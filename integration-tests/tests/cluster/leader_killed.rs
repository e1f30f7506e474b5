//! `kill -9` of the leading master during writes: writes go on within two seconds, none that was acknowledged is lost, and no
//! visitor of the shop notices.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::cluster::Cluster;
use xebec_integration_tests::{shop, wait};

/// The longest time without an acknowledged write.
const WITHOUT_WRITES: Duration = Duration::from_secs(2);
const WRITES_BEFORE: usize = 10;
const WRITES_AFTER: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// Each acknowledged write, and when.
type Acknowledged = Arc<std::sync::Mutex<Vec<(String, Instant)>>>;

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let leader = cluster.leader()?;
    let survivor = cluster.client_of(u8::try_from((leader + 1) % cluster.masters.len() + 1).context("few masters")?);
    let over = Arc::new(AtomicBool::new(false));
    let acknowledged = Acknowledged::default();
    let writer = write(survivor.clone(), Arc::clone(&acknowledged), Arc::clone(&over));
    let visitor = visit(IpAddr::V4(cluster.workers[0].host.address), Arc::clone(&over));
    let story = kill_in_the_middle(cluster, leader, &acknowledged);
    over.store(true, Ordering::Relaxed);
    let unserved = visitor.join().map_err(|_| anyhow!("the visitor panicked"))?;
    writer.join().map_err(|_| anyhow!("the writer panicked"))?;
    story?;
    ensure!(unserved.is_empty(), "{} visits failed, the first: {}", unserved.len(), unserved[0]);
    check(&survivor, &acknowledged)?;
    cluster.restart_master(leader)?;
    cluster.wait_until_all_masters_serve()
}

fn kill_in_the_middle(cluster: &mut Cluster, leader: usize, acknowledged: &Acknowledged) -> Result<()> {
    wait_for(acknowledged, WRITES_BEFORE)?;
    cluster.masters[leader].kill()?;
    let so_far = count(acknowledged)?;
    wait_for(acknowledged, so_far + WRITES_AFTER)
}

fn count(acknowledged: &Acknowledged) -> Result<usize> {
    acknowledged.lock().map(|writes| writes.len()).map_err(|_| anyhow!("the writer panicked"))
}

fn wait_for(acknowledged: &Acknowledged, wanted: usize) -> Result<()> {
    wait::until("writes to be acknowledged", PATIENCE, || {
        let so_far = count(acknowledged)?;
        ensure!(so_far >= wanted, "{so_far} of {wanted}");
        Ok(())
    })
}

/// One small object after the other, as fast as they are acknowledged. An error acknowledges nothing.
fn write(client: Client, acknowledged: Acknowledged, over: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let name = format!("write-{number}");
            let manifest = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop, labels: {{of: leader-test}}}}\n"
            );
            let answer = client.ask_with_input(&["create", "-f", "-", "--request-timeout", "1s"], &manifest);
            if answer.is_ok_and(|answer| answer.code == 0)
                && let Ok(mut writes) = acknowledged.lock()
            {
                writes.push((name, Instant::now()));
            }
        }
    })
}

/// Fetches the shop's page again and again; returns what failed.
fn visit(door: IpAddr, over: Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let mut unserved = Vec::new();
        while !over.load(Ordering::Relaxed) {
            unserved.extend(shop::visit_node(door).err().map(|error| format!("{error:#}")));
            std::thread::park_timeout(Duration::from_millis(20));
        }
        unserved
    })
}

fn check(client: &Client, acknowledged: &Acknowledged) -> Result<()> {
    let writes = acknowledged.lock().map_err(|_| anyhow!("the writer panicked"))?;
    let longest = writes.windows(2).map(|pair| pair[1].1 - pair[0].1).max().unwrap_or_default();
    let kept = client.list(&["configmaps", "-n", shop::NAMESPACE, "-l", "of=leader-test"])?;
    let is_kept = |name: &str| kept.iter().any(|object| object["metadata"]["name"] == name);
    let lost: Vec<_> = writes.iter().filter(|(name, _)| !is_kept(name)).map(|(name, _)| name).collect();
    ensure!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    ensure!(longest <= WITHOUT_WRITES, "{longest:?} passed without a write");
    eprintln!("  {} writes, none lost; the longest time without one: {longest:?}", writes.len());
    client.run(&["delete", "configmaps", "-n", shop::NAMESPACE, "-l", "of=leader-test"]).map(drop)
}
