//! Clusters of either store as processes of this machine, on the same disk.

mod certificates;
mod cluster;
mod etcd;
mod member;
mod process;

pub use certificates::write_certificates;
pub use cluster::{Cluster, Node};
pub use process::{Process, Usage};

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A store that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contestant {
    /// For people.
    pub name: String,
    /// Which, and its program.
    pub program: Program,
}

/// A program and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `xebec-store-member`.
    Xebec {
        /// Where it is.
        path: PathBuf,
        /// See [`crate::member::MemberOptions::threads`].
        threads: usize,
    },
    /// `etcd`.
    Etcd {
        /// Where it is.
        path: PathBuf,
    },
}

/// What it takes to start one member.
struct Setup<'a> {
    dir: &'a Path,
    tls: &'a Path,
    /// Of all members: their clients' and their peers' address.
    addresses: &'a [(SocketAddr, SocketAddr)],
    index: usize,
}

impl Program {
    fn command(&self, setup: &Setup<'_>) -> Command {
        match self {
            Program::Xebec { path, threads } => member::command(path, *threads, setup),
            Program::Etcd { path } => etcd::command(path, setup),
        }
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    listener.local_addr().context("find a free port")
}
