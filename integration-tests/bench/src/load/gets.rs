//! Reads of single keys that [`super::fill`] wrote.

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fleet::{Clock, Tally};
use super::{Figures, Fleet, KeySpace, Span};
use crate::client::Connection;
use crate::wire::RangeRequest;

/// Reads for a while.
pub async fn gets(fleet: &Fleet, space: &KeySpace, serializable: bool, span: Span) -> Result<Figures> {
    let mut clients = JoinSet::new();
    for client in 0..fleet.clients() {
        let reader = Reader { connection: fleet.connection(client).clone(), space: space.clone(), serializable };
        clients.spawn(reader.read(client, span.clock()));
    }
    let mut tallies = Vec::new();
    while let Some(client) = clients.join_next().await {
        tallies.push(client.context("a client")??);
    }
    Ok(span.figures(tallies))
}

struct Reader {
    connection: Connection,
    space: KeySpace,
    serializable: bool,
}

impl Reader {
    async fn read(self, client: usize, mut clock: Clock) -> Result<Tally> {
        // Coprime to the number of keys, so that all are read, in no order.
        let mut slot = client * 7919 % self.space.keys;
        while clock.runs() {
            let key = self.space.key(slot);
            let request = RangeRequest { key, serializable: self.serializable, ..RangeRequest::default() };
            let start = Instant::now();
            let answer = self.connection.range(&request).await?;
            clock.note(start);
            self.space.check(slot, 0, answer.kvs.first())?;
            slot = (slot + 7919) % self.space.keys;
        }
        Ok(clock.tally())
    }
}
