//! Clients: their connections, and the time they work.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use tokio::time::Instant;

use super::figures::{Figures, micros};
use crate::client::Connection;

/// As in the runs that etcd documents: a thousand clients on a hundred connections.
const CLIENTS_PER_CONNECTION: usize = 10;

/// Clients of a cluster.
pub struct Fleet {
    connections: Vec<Connection>,
    clients: usize,
}

/// How long a load works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// One client's clock.
pub(super) struct Clock {
    from: Instant,
    until: Instant,
    latencies: Vec<u32>,
}

impl Fleet {
    /// Connects clients to all members evenly.
    pub async fn connect(members: &[SocketAddr], clients: usize) -> Result<Fleet> {
        let wanted = clients.div_ceil(CLIENTS_PER_CONNECTION).max(members.len().min(clients));
        let dials = members.iter().cycle().take(wanted).map(|address| Connection::open(*address));
        let connections = try_join_all(dials).await.context("connect the clients")?;
        Ok(Fleet { connections, clients })
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// The connection of a client.
    pub fn connection(&self, client: usize) -> &Connection {
        &self.connections[client % self.connections.len()]
    }
}

impl Span {
    pub(super) fn clock(&self) -> Clock {
        let from = Instant::now() + self.warm_up;
        Clock { from, until: from + self.measured, latencies: Vec::new() }
    }

    /// All clients' figures together.
    pub(super) fn figures(&self, latencies: impl IntoIterator<Item = Vec<u32>>) -> Figures {
        Figures::new(latencies.into_iter().flatten().collect(), self.measured)
    }
}

impl Clock {
    pub(super) fn runs(&self) -> bool {
        Instant::now() < self.until
    }

    /// Counts an operation that began at `start` and has just ended.
    pub(super) fn note(&mut self, start: Instant) {
        let now = Instant::now();
        if now >= self.from && now < self.until {
            self.latencies.push(micros(now - start));
        }
    }

    pub(super) fn latencies(self) -> Vec<u32> {
        self.latencies
    }
}
