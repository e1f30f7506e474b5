//! What can happen to a cluster: who leads it, and how each part of it is broken and mended.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Cluster, PATIENCE, START};
use crate::wait;

impl Cluster {
    /// What `xebec cluster status` says, asked of whichever master answers.
    pub fn status(&self) -> Result<Value> {
        let numbers = 1..=u8::try_from(self.masters.len()).context("few masters")?;
        let mut last = None;
        for number in numbers {
            match self.client_of(number).run(&["cluster", "status", "-o", "json"]) {
                Ok(output) => return serde_json::from_str(&output).context("status as JSON"),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("there is no master")?)
    }

    /// Which of `masters` leads.
    pub fn leader(&self) -> Result<usize> {
        let status = self.status()?;
        let members = status["members"].as_array().context("a list of members")?;
        let leader = members.iter().find(|member| member["leader"] == true).context("nobody leads")?;
        let name = leader["name"].as_str().context("a member has a name")?;
        self.masters
            .iter()
            .position(|master| master.host.name == name)
            .with_context(|| format!("{name} is no master of ours"))
    }

    /// Starts the `index`-th master (from 0) again.
    pub fn restart_master(&mut self, index: usize) -> Result<()> {
        self.masters[index].restart(&self.artifacts.xebec)?;
        self.record(self.masters[index].process()?)
    }

    /// Starts the `index`-th worker's agent (from 0) again.
    pub fn restart_worker(&mut self, index: usize) -> Result<()> {
        self.workers[index].restart(&self.artifacts.xebec)?;
        self.record(self.workers[index].process()?)
    }

    /// Ends all masters, then starts all again.
    pub fn restart_all_masters(&mut self) -> Result<()> {
        self.masters.iter_mut().try_for_each(|master| master.end(PATIENCE))?;
        (0..self.masters.len()).try_for_each(|index| self.restart_master(index))?;
        self.wait_until_all_masters_serve()
    }

    /// Waits until each master answers by itself and knows a leader.
    pub fn wait_until_all_masters_serve(&mut self) -> Result<()> {
        let numbers = 1..=u8::try_from(self.masters.len()).context("few masters")?;
        let clients: Vec<_> = numbers.map(|number| self.client_of(number)).collect();
        wait::until("all masters to serve", START, || {
            self.check_running()?;
            for client in &clients {
                let status: Value = serde_json::from_str(&client.run(&["cluster", "status", "-o", "json"])?)?;
                ensure!(status["leaderId"] != 0, "one master knows no leader");
                client.run(&["get", "namespaces", "-o", "name"])?;
            }
            Ok(())
        })
    }

    /// As if the plug had been pulled: the agent stops dead, and no packet comes or goes.
    pub fn power_off(&mut self, worker: usize) -> Result<()> {
        self.workers[worker].cable.pull()?;
        self.workers[worker].process()?.freeze()
    }

    /// The host is back, its agent as it was.
    pub fn power_on(&mut self, worker: usize) -> Result<()> {
        self.workers[worker].cable.plug()?;
        self.workers[worker].process()?.thaw()
    }
}
