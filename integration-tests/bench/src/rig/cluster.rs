//! Members that form a cluster, and their start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tempfile::TempDir;

use super::{Contestant, Process, Setup, Usage, free_address, write_certificates};
use crate::client::Connection;
use crate::wire::RangeRequest;

/// Time for a cluster to form, or to recover a large state.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(2);

/// A running cluster. Its data goes with it.
pub struct Cluster {
    /// Which store it is.
    pub contestant: Contestant,
    /// Its members.
    pub nodes: Vec<Node>,
    addresses: Vec<(SocketAddr, SocketAddr)>,
    dir: TempDir,
}

/// A running member.
pub struct Node {
    /// Where clients call.
    pub address: SocketAddr,
    process: Process,
}

impl Cluster {
    /// Starts `size` members with empty directories under `parent`, and waits until all serve.
    pub async fn start(contestant: &Contestant, size: usize, parent: &Path) -> Result<Cluster> {
        let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(parent);
        let dir = dir.with_context(|| format!("make a directory in {}", parent.display()))?;
        write_certificates(dir.path())?;
        let addresses = (0..size).map(|_| Ok((free_address()?, free_address()?))).collect::<Result<Vec<_>>>()?;
        let mut cluster = Cluster { contestant: contestant.clone(), nodes: Vec::new(), addresses, dir };
        for index in 0..size {
            let node = cluster.spawn(index)?;
            cluster.nodes.push(node);
        }
        cluster.ready().await?;
        Ok(cluster)
    }

    fn spawn(&self, index: usize) -> Result<Node> {
        let dir = self.member_dir(index);
        std::fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        let setup = Setup { dir: &dir, tls: self.dir.path(), addresses: &self.addresses, index };
        let process = Process::start(&self.contestant.program.command(&setup), &dir.join("log"))?;
        Ok(Node { address: self.addresses[index].0, process })
    }

    fn member_dir(&self, index: usize) -> PathBuf {
        self.dir.path().join(format!("m{}", index + 1))
    }

    /// Where clients call.
    pub fn client_addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Kills all members, starts them again, and waits until all serve. Gives the time from the start on.
    pub async fn restart(&mut self) -> Result<Duration> {
        self.nodes.iter_mut().try_for_each(|node| node.process.kill())?;
        let start = Instant::now();
        self.nodes = (0..self.addresses.len()).map(|index| self.spawn(index)).collect::<Result<_>>()?;
        self.ready().await?;
        Ok(start.elapsed())
    }

    /// What all members use together.
    pub fn usage(&self) -> Result<Usage> {
        let parts: Vec<Usage> = self.nodes.iter().map(|node| node.process.usage()).collect::<Result<_>>()?;
        Ok(parts.into_iter().sum())
    }

    /// Waits until each member votes, knows the same leader as the others, and answers a linearizable read.
    async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let addresses = self.client_addresses();
        while !settled(&addresses).await {
            ensure!(Instant::now() < deadline, "{} is not ready within {PATIENCE:?}; {}", self.name(), self.log()?);
            self.nodes.iter_mut().try_for_each(|node| node.process.check()).with_context(|| self.name().to_owned())?;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn name(&self) -> &str {
        &self.contestant.name
    }

    fn log(&self) -> Result<String> {
        let text = std::fs::read_to_string(self.member_dir(0).join("log")).context("read a member's log")?;
        let tail: Vec<&str> = text.lines().rev().take(5).collect();
        Ok(format!("the first member's log ends, newest first: {tail:#?}"))
    }
}

async fn settled(addresses: &[SocketAddr]) -> bool {
    let mut leaders = Vec::new();
    for address in addresses {
        match leader_after_read(*address).await {
            Some(leader) => leaders.push(leader),
            None => return false,
        }
    }
    leaders.iter().all(|leader| *leader == leaders[0] && *leader != 0)
}

async fn leader_after_read(address: SocketAddr) -> Option<u64> {
    let connection = Connection::open(address).await.ok()?;
    let read = RangeRequest { key: Bytes::from_static(b"/"), ..RangeRequest::default() };
    connection.range(&read).await.ok()?;
    let status = connection.status().await.ok()?;
    (!status.is_learner).then_some(status.leader)
}
