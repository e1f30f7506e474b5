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
    tally: Tally,
}

/// What one client did.
#[derive(Default)]
pub(super) struct Tally {
    /// Of the operations that count, in microseconds.
    pub(super) latencies: Vec<u32>,
    /// All operations, those of the warm-up too.
    pub(super) done: usize,
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
        Clock { from, until: from + self.measured, tally: Tally::default() }
    }

    /// All clients' figures together.
    pub(super) fn figures(&self, tallies: Vec<Tally>) -> Figures {
        let done = tallies.iter().map(|tally| tally.done).sum();
        let latencies = tallies.into_iter().flat_map(|tally| tally.latencies).collect();
        Figures { done, ..Figures::new(latencies, self.measured) }
    }
}

impl Clock {
    pub(super) fn runs(&self) -> bool {
        Instant::now() < self.until
    }

    /// Counts an operation that began at `start` and has just ended.
    pub(super) fn note(&mut self, start: Instant) {
        let now = Instant::now();
        self.tally.done += 1;
        if now >= self.from && now < self.until {
            self.tally.latencies.push(micros(now - start));
        }
    }

    pub(super) fn tally(self) -> Tally {
        self.tally
    }
}
