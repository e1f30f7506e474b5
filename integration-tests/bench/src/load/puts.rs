//! Durable writes: each client overwrites keys of its own, one after another.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fleet::{Clock, Tally};
use super::{Figures, Fleet, KeySpace, Span, verify};
use crate::client::Connection;

/// So many numbers belong to one run: no two write the same value to a key.
const NUMBERS: u64 = 1 << 32;

static RUNS: AtomicU64 = AtomicU64::new(0);

/// Writes for a while, then reads everything back.
pub async fn puts(fleet: &Fleet, space: &KeySpace, span: Span) -> Result<Figures> {
    let mut clients = JoinSet::new();
    let first = RUNS.fetch_add(1, Ordering::Relaxed) * NUMBERS;
    for client in 0..fleet.clients() {
        let slots = (client..space.keys.max(fleet.clients())).step_by(fleet.clients()).collect();
        let writer = Writer { connection: fleet.connection(client).clone(), space: space.clone(), slots, first };
        clients.spawn(writer.write(span.clock()));
    }
    let mut last = vec![None; space.keys.max(fleet.clients())];
    let mut tallies = Vec::new();
    while let Some(client) = clients.join_next().await {
        let written = client.context("a client")??;
        tallies.push(written.tally);
        written.last.into_iter().for_each(|(slot, write)| last[slot] = Some(write));
    }
    verify(fleet, space, &last).await?;
    Ok(span.figures(tallies))
}

struct Writer {
    connection: Connection,
    space: KeySpace,
    slots: Vec<usize>,
    /// The number of its first write.
    first: u64,
}

struct Written {
    tally: Tally,
    last: Vec<(usize, u64)>,
}

impl Writer {
    async fn write(self, mut clock: Clock) -> Result<Written> {
        let mut last = vec![None; self.slots.len()];
        let (mut write, mut newest) = (self.first, 0);
        while clock.runs() {
            let place = (write - self.first) as usize % self.slots.len();
            let slot = self.slots[place];
            let start = Instant::now();
            let revision = self.connection.put(self.space.key(slot), self.space.value(slot, write)).await?;
            clock.note(start);
            ensure!(revision > newest, "a later write has revision {revision}, an earlier one had {newest}");
            newest = revision;
            last[place] = Some(write);
            write += 1;
        }
        let last = self.slots.iter().zip(last).filter_map(|(slot, last)| Some((*slot, last?))).collect();
        Ok(Written { tally: clock.tally(), last })
    }
}
