//! One worker: `xebec agent` on a host of its own, with a containerd of its own.
//!
//! Several on one machine share nothing: data directory, containerd's root, state and socket, and cgroup root all follow from
//! the host's name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::hosts::{Cable, Host, Plan};
use crate::process::Process;

/// A worker and its host.
pub struct Worker {
    /// Its host.
    pub host: Host,
    /// Its connection to the others.
    pub cable: Cable,
    directory: PathBuf,
    cgroup: String,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Worker {
    /// The `index`-th worker, not started.
    pub fn new(plan: &Plan, index: u8) -> Worker {
        let host = plan.worker(index);
        let directory = plan.directory().join(&host.name);
        let cgroup = host.namespace.clone();
        Worker { cable: Cable::of(plan, &host), host, directory, cgroup, arguments: Vec::new(), process: None }
    }

    /// Its data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it looks for image archives.
    pub fn images(&self) -> PathBuf {
        self.directory.join("images")
    }

    /// Starts it. Without a token it must have joined before.
    pub fn start(&mut self, program: &Path, servers: &[String], token: Option<&str>) -> Result<()> {
        std::fs::create_dir_all(&self.directory).with_context(|| format!("make {}", self.directory.display()))?;
        self.arguments = self.own_arguments();
        for server in servers {
            self.arguments.extend(["--server".to_owned(), server.clone()]);
        }
        if let Some(token) = token {
            self.arguments.extend(["--token".to_owned(), token.to_owned()]);
        }
        self.restart(program)
    }

    /// Starts it again as it was started first.
    pub fn restart(&mut self, program: &Path) -> Result<()> {
        let log = self.directory.with_extension("log");
        self.process = Some(Process::start(&self.host, program, &self.arguments, &log)?);
        Ok(())
    }

    /// Its process.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().with_context(|| format!("{} does not run", self.host.name))
    }

    /// Fails if it should run and does not.
    pub fn check_running(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), Process::check_running)
    }

    /// `kill -9` of the agent alone; its pods go on.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Asks the agent to end, and makes it after `patience`. Its pods go on.
    pub fn end(&mut self, patience: Duration) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.end(patience))
    }

    fn own_arguments(&self) -> Vec<String> {
        let name = &self.host.name;
        let pairs = [
            ("--node-name", name.clone()),
            ("--data-dir", self.directory.display().to_string()),
            ("--node-address", self.host.address.to_string()),
            ("--root-cgroup", self.cgroup.clone()),
        ];
        let pairs = pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        std::iter::once("agent".to_owned()).chain(pairs).collect()
    }
}
