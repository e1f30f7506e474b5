//! What masters and workers have in common: one process on a host of its own, with a data directory and a log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::hosts::{Cable, Host, Plan};
use crate::process::Process;

/// A process of `xebec` and its host.
pub struct Daemon {
    /// Its host.
    pub host: Host,
    /// Its connection to the others.
    pub cable: Cable,
    directory: PathBuf,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Daemon {
    /// On this host, not started.
    pub(super) fn new(plan: &Plan, host: Host) -> Daemon {
        let directory = plan.directory().join(&host.name);
        Daemon { cable: Cable::of(plan, &host), host, directory, arguments: Vec::new(), process: None }
    }

    /// Its data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts it for the first time: the subcommand, flags with their values, and whatever follows.
    pub(super) fn start_as(
        &mut self,
        program: &Path,
        subcommand: &str,
        flags: &[(&str, String)],
        rest: Vec<String>,
    ) -> Result<()> {
        std::fs::create_dir_all(&self.directory).with_context(|| format!("make {}", self.directory.display()))?;
        let flags = flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]);
        self.arguments = std::iter::once(subcommand.to_owned()).chain(flags).chain(rest).collect();
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

    /// `kill -9` of the process alone: what it has started goes on.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Asks it to end, and makes it after `patience`. What it has started goes on.
    pub fn end(&mut self, patience: Duration) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.end(patience))
    }
}
