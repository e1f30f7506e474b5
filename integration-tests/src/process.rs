//! A real process on a host: started in its network namespace, killed, frozen, asked to end.
//!
//! `nsenter --net` enters the network namespace alone. `ip netns exec` would remount `/sys` and hide mounts made later, which
//! containerd does not survive. `nsenter` becomes the program, so the pid is the program's own.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::hosts::Host;
use crate::wait::{self, Hopeless};

/// A process that this run started, with its log.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts `program` on `host`; both its outputs go to `log`, appended.
    pub fn start(host: &Host, program: &Path, arguments: &[String], log: &Path) -> Result<Process> {
        let output =
            File::options().create(true).append(true).open(log).with_context(|| format!("open {}", log.display()))?;
        let errors = output.try_clone().context("duplicate the log's handle")?;
        let child = Command::new("nsenter")
            .arg(format!("--net={}", host.namespace_path().display()))
            .arg("--")
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0) // Ctrl-C is for the one who started us; we end the others in order.
            .spawn()
            .with_context(|| format!("start {} on {}", program.display(), host.name))?;
        Ok(Process { name: host.name.clone(), log: log.to_owned(), child })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("Linux pids fit in an i32")
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails with the end of its log if it has ended.
    pub fn check_running(&mut self) -> Result<()> {
        match self.child.try_wait().context("ask for a process's state")? {
            None => Ok(()),
            Some(status) => Err(Hopeless(format!("{} ended ({status}):\n{}", self.name, self.last_words())).into()),
        }
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        wait::until(&format!("{} to end", self.name), within, || child.try_wait()?.context("it still runs"))
    }

    /// SIGTERM, then SIGKILL when `patience` has passed.
    pub fn end(&mut self, patience: Duration) -> Result<()> {
        if self.child.try_wait().context("ask for a process's state")?.is_some() {
            return Ok(());
        }
        self.signal(Signal::SIGTERM)?;
        if self.wait(patience).is_err() {
            self.kill()?;
        }
        Ok(())
    }

    /// `kill -9`, and nothing left of it.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("kill {}", self.name))?;
        self.child.wait().with_context(|| format!("reap {}", self.name))?;
        Ok(())
    }

    /// No instruction runs until `thaw`.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Runs on, as if nothing had been.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// The end of its log: what to show when it failed.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no log: {error})"));
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.pid()), signal).with_context(|| format!("send {signal} to {}", self.name))
    }
}
