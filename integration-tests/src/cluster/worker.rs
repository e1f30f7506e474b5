//! One worker: `xebec agent` on a host of its own, with a containerd of its own.
//!
//! Several on one machine share nothing: data directory, containerd's root, state and socket, and cgroup root all follow from
//! the host's name.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Daemon;
use crate::hosts::Plan;

/// A worker and its host.
pub struct Worker(Daemon);

impl Worker {
    /// The `index`-th worker, not started.
    pub fn new(plan: &Plan, index: u8) -> Worker {
        Worker(Daemon::new(plan, plan.worker(index)))
    }

    /// Where it looks for image archives.
    pub fn images(&self) -> PathBuf {
        self.directory().join("images")
    }

    /// Starts it. Without a token it must have joined before.
    pub fn start(&mut self, program: &Path, servers: &[String], token: Option<&str>) -> Result<()> {
        let flags = [
            ("--node-name", self.host.name.clone()),
            ("--data-dir", self.directory().display().to_string()),
            ("--node-address", self.host.address.to_string()),
            ("--root-cgroup", self.host.namespace.clone()),
        ];
        let servers = servers.iter().flat_map(|server| ["--server".to_owned(), server.clone()]);
        let token = token.into_iter().flat_map(|token| ["--token".to_owned(), token.to_owned()]);
        self.start_as(program, "agent", &flags, servers.chain(token).collect())
    }
}

impl Deref for Worker {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.0
    }
}

impl DerefMut for Worker {
    fn deref_mut(&mut self) -> &mut Daemon {
        &mut self.0
    }
}
