//! One master: `xebec server` on a host of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::hosts::{Cable, Host, Plan};
use crate::process::Process;

const API_PORT: u16 = 6443;

/// A master and its host.
pub struct Master {
    /// Its host.
    pub host: Host,
    /// Its connection to the others.
    pub cable: Cable,
    directory: PathBuf,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Master {
    /// The `index`-th master, not started.
    pub fn new(plan: &Plan, index: u8) -> Master {
        let host = plan.master(index);
        let directory = plan.directory().join(&host.name);
        Master { cable: Cable::of(plan, &host), host, directory, arguments: Vec::new(), process: None }
    }

    /// `https://address:port`, as joiners are told.
    pub fn api(&self) -> String {
        format!("https://{}", self.api_address())
    }

    /// Where it serves.
    pub fn api_address(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.host.address), API_PORT)
    }

    /// Its data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts it: as the first of a new cluster, or joining `through` with `token`.
    pub fn start(&mut self, program: &Path, through: Option<String>, token: Option<&str>) -> Result<()> {
        std::fs::create_dir_all(&self.directory).with_context(|| format!("make {}", self.directory.display()))?;
        self.arguments = self.own_arguments();
        match (through, token) {
            (Some(server), Some(token)) => {
                self.arguments.extend(["--server".to_owned(), server, "--token".to_owned(), token.to_owned()]);
            }
            _ => self.arguments.push("--cluster-init".to_owned()),
        }
        self.restart(program)
    }

    /// Starts it again as it was started first: what it finds in its data directory counts.
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

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Asks it to end, and makes it after `patience`.
    pub fn end(&mut self, patience: Duration) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.end(patience))
    }

    fn own_arguments(&self) -> Vec<String> {
        let name = &self.host.name;
        let pairs = [
            ("--name", name.clone()),
            ("--data-dir", self.directory.display().to_string()),
            ("--advertise-address", self.host.address.to_string()),
        ];
        let pairs = pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        std::iter::once("server".to_owned()).chain(pairs).collect()
    }
}
