//! One master: `xebec server` on a host of its own.

use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::path::Path;

use anyhow::Result;

use super::Daemon;
use crate::hosts::Plan;

const API_PORT: u16 = 6443;

/// A master and its host.
pub struct Master(Daemon);

impl Master {
    /// The `index`-th master, not started.
    pub fn new(plan: &Plan, index: u8) -> Master {
        Master(Daemon::new(plan, plan.master(index)))
    }

    /// `https://address:port`, as joiners are told.
    pub fn api(&self) -> String {
        format!("https://{}", self.api_address())
    }

    /// Where it serves.
    pub fn api_address(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.host.address), API_PORT)
    }

    /// Starts it: as the first of a new cluster, or joining `through` with `token`.
    pub fn start(&mut self, program: &Path, through: Option<String>, token: Option<&str>) -> Result<()> {
        let flags = [
            ("--name", self.host.name.clone()),
            ("--data-dir", self.directory().display().to_string()),
            ("--advertise-address", self.host.address.to_string()),
        ];
        let rest = match (through, token) {
            (Some(server), Some(token)) => vec!["--server".to_owned(), server, "--token".to_owned(), token.to_owned()],
            _ => vec!["--cluster-init".to_owned()],
        };
        self.start_as(program, "server", &flags, rest)
    }
}

impl Deref for Master {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.0
    }
}

impl DerefMut for Master {
    fn deref_mut(&mut self) -> &mut Daemon {
        &mut self.0
    }
}
