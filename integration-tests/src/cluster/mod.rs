//! A real cluster on hosts of one machine: started, joined by token, broken and mended.

mod daemon;
mod faults;
mod master;
mod worker;

pub use daemon::Daemon;
pub use master::Master;
pub use worker::Worker;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::artifacts::Artifacts;
use crate::cleanup;
use crate::cli::Client;
use crate::hosts::{self, Plan};
use crate::images;
use crate::process::Process;
use crate::record::{Record, Started};
use crate::wait;

/// A master that needs longer than this to serve has failed. On a loaded two-core machine a debug build needs a few seconds.
pub const START: Duration = Duration::from_secs(60);
/// How long a process may take to end when asked.
const PATIENCE: Duration = Duration::from_secs(15);

/// Masters, workers, and the files they run from.
pub struct Cluster {
    /// Names, addresses, directory.
    pub plan: Plan,
    /// m1, m2, ...
    pub masters: Vec<Master>,
    /// w1, w2, ...
    pub workers: Vec<Worker>,
    artifacts: Artifacts,
}

impl Cluster {
    /// Clears what an earlier run left, then builds the hosts. Nothing runs yet.
    pub fn prepare(plan: Plan, artifacts: Artifacts) -> Result<Cluster> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "building hosts needs root: network namespaces, mounts and containerd do"
        );
        cleanup::refuse_if_owned(&plan)?;
        cleanup::remove_everything(&plan)?;
        let directory = plan.directory();
        std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
        let own = i32::try_from(std::process::id()).context("this process's id")?;
        Record { owner: Started::of(own), processes: Vec::new() }.save(&directory)?;
        hosts::build(&plan).context("build the hosts")?;
        Ok(Cluster { plan, masters: Vec::new(), workers: Vec::new(), artifacts })
    }

    /// The first master makes the cluster; each further one joins it.
    pub fn add_master(&mut self) -> Result<()> {
        let index = u8::try_from(self.masters.len() + 1).context("too many masters")?;
        let token = if index == 1 { None } else { Some(self.token("server")?) };
        let mut master = Master::new(&self.plan, index);
        master.start(&self.artifacts.xebec, self.first_api(), token.as_deref())?;
        self.record(master.process()?)?;
        self.masters.push(master);
        let voters = self.masters.len();
        wait::until(&format!("m{index} to be a voter"), START, || {
            self.check_running()?;
            let seen = self.voters()?;
            ensure!(seen == voters, "{seen} of {voters} are voters");
            Ok(())
        })
    }

    /// A worker joins, with the images of the shop in its import folder.
    pub fn add_worker(&mut self) -> Result<()> {
        let index = u8::try_from(self.workers.len() + 1).context("too many workers")?;
        let token = self.token("agent")?;
        let mut worker = Worker::new(&self.plan, index);
        self.save_images(&worker)?;
        worker.start(&self.artifacts.xebec, &self.apis(), Some(&token))?;
        self.record(worker.process()?)?;
        self.workers.push(worker);
        Ok(())
    }

    /// Waits until every worker's node is Ready.
    pub fn wait_until_nodes_are_ready(&mut self, within: Duration) -> Result<()> {
        let client = self.client();
        let workers = self.workers.len();
        wait::until("all nodes to be ready", within, || {
            self.check_running()?;
            let ready = client.list(&["nodes"])?.iter().filter(|node| crate::shop::is_ready(node)).count();
            ensure!(ready == workers, "{ready} of {workers} nodes are ready");
            Ok(())
        })
    }

    /// A new join token, made by the administrator.
    pub fn token(&self, role: &str) -> Result<String> {
        Ok(self.client().run(&["token", "create", "--role", role])?.trim().to_owned())
    }

    /// The CLI as the administrator, who knows every master.
    pub fn client(&self) -> Client {
        Client::new(&self.artifacts.xebec, &self.kubeconfig())
    }

    /// The administrator's kubeconfig. It names the first master; `client_of` names another.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plan.directory().join("m1").join("admin.kubeconfig")
    }

    /// The CLI as the administrator, through the `index`-th master alone.
    pub fn client_of(&self, index: u8) -> Client {
        let directory = self.plan.directory().join(format!("m{index}"));
        Client::new(&self.artifacts.xebec, &directory.join("admin.kubeconfig"))
    }

    /// The program under test.
    pub fn program(&self) -> &std::path::Path {
        &self.artifacts.xebec
    }

    /// Fails, with the end of its log, if a process that should run does not.
    pub fn check_running(&mut self) -> Result<()> {
        self.masters.iter_mut().try_for_each(|master| master.check_running())?;
        self.workers.iter_mut().try_for_each(|worker| worker.check_running())
    }

    /// Ends every process in order and leaves the machine as it was.
    pub fn stop(mut self) -> Result<()> {
        self.workers.iter_mut().try_for_each(|worker| worker.end(PATIENCE))?;
        self.masters.iter_mut().rev().try_for_each(|master| master.end(PATIENCE))?;
        cleanup::remove_everything(&self.plan)
    }

    /// Notes a process for `cargo xtask down`.
    fn record(&self, process: &Process) -> Result<()> {
        let directory = self.plan.directory();
        let mut record = Record::load(&directory)?;
        record.processes.retain(Started::runs);
        record.processes.extend(Started::of(process.pid()));
        record.save(&directory)
    }

    fn first_api(&self) -> Option<String> {
        self.masters.first().map(Master::api)
    }

    fn apis(&self) -> Vec<String> {
        self.masters.iter().map(Master::api).collect()
    }

    fn voters(&self) -> Result<usize> {
        let output = self.client().run(&["cluster", "members", "-o", "json"])?;
        let members: serde_json::Value = serde_json::from_str(&output).context("members as JSON")?;
        let members = members["members"].as_array().context("a list of members")?;
        Ok(members.iter().filter(|member| member["voter"] == true).count())
    }

    fn save_images(&self, worker: &Worker) -> Result<()> {
        let folder = worker.images();
        images::till(&self.artifacts.till)?.save(&folder)?;
        images::busybox()?.save(&folder)?;
        Ok(())
    }
}
