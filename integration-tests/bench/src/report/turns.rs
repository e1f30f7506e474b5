//! Taking turns.

use std::time::Duration;

use anyhow::{Context, Result};

use super::row::{Column, Value};
use crate::load::{self, Fleet, KeySpace};
use crate::rig::Cluster;

/// Clusters that take turns.
pub(super) struct Turns {
    pub(super) clusters: Vec<Cluster>,
    pub(super) rounds: usize,
}

/// What the turns gave: for each contestant its name and its turns, each with the CPU time that all its members took for
/// it.
pub(super) struct Runs<T>(Vec<(String, Vec<(T, Duration)>)>);

impl Turns {
    /// Nodes in each cluster.
    pub(super) fn size(&self) -> usize {
        self.clusters.first().map_or(0, |cluster| cluster.nodes.len())
    }

    /// Fills all with the same.
    pub(super) async fn fill(&self, space: &KeySpace) -> Result<()> {
        for cluster in &self.clusters {
            load::fill(&Fleet::connect(&cluster.client_addresses(), 256).await?, space).await?;
        }
        Ok(())
    }

    /// Runs a load with so many clients on each in turn; every other round the other way round.
    pub(super) async fn run<T>(&self, clients: usize, run: impl AsyncFn(&Fleet) -> Result<T>) -> Result<Runs<T>> {
        let mut runs: Vec<(String, Vec<(T, Duration)>)> =
            self.clusters.iter().map(|cluster| (cluster.contestant.name.clone(), Vec::new())).collect();
        for round in 0..self.rounds {
            let mut order: Vec<usize> = (0..self.clusters.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let cluster = &self.clusters[index];
                let fleet = Fleet::connect(&cluster.client_addresses(), clients).await?;
                let before = cluster.usage()?.cpu;
                let run = run(&fleet).await.with_context(|| runs[index].0.clone())?;
                runs[index].1.push((run, cluster.usage()?.cpu - before));
            }
        }
        Ok(Runs(runs))
    }
}

impl<T> Runs<T> {
    pub(super) fn columns(&self, value: impl Fn(&T, Duration) -> Value) -> Vec<Column> {
        let values = |turns: &[(T, Duration)]| turns.iter().map(|(run, cpu)| value(run, *cpu)).collect::<Vec<_>>();
        self.0.iter().map(|(name, turns)| Column::of(name, values(turns))).collect()
    }
}
