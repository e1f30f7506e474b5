//! Reads of all keys of a prefix at once.

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fleet::{Clock, Tally};
use super::{Figures, Fleet, KeySpace, Span};
use crate::client::{Connection, prefix_request};

/// Lists the whole key space for a while, linearizably.
pub async fn ranges(fleet: &Fleet, space: &KeySpace, span: Span) -> Result<Figures> {
    let mut clients = JoinSet::new();
    for client in 0..fleet.clients() {
        clients.spawn(list(fleet.connection(client).clone(), space.clone(), span.clock()));
    }
    let mut tallies = Vec::new();
    while let Some(client) = clients.join_next().await {
        tallies.push(client.context("a client")??);
    }
    Ok(span.figures(tallies))
}

async fn list(connection: Connection, space: KeySpace, mut clock: Clock) -> Result<Tally> {
    let request = prefix_request(&space.prefix);
    while clock.runs() {
        let start = Instant::now();
        let answer = connection.range(&request).await?;
        clock.note(start);
        ensure!(answer.kvs.len() == space.keys, "{} keys of {} came", answer.kvs.len(), space.keys);
        answer.kvs.iter().enumerate().try_for_each(|(slot, kv)| space.check(slot, 0, Some(kv)))?;
    }
    Ok(clock.tally())
}
