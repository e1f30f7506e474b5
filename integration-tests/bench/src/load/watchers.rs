//! Many watchers of one prefix: every event to everybody, in order, without gaps.
//!
//! First a burst, which tells how many events a second get through; then single writes at a steady pace, which tell
//! how long one takes to everybody.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use super::figures::{Figures, micros};
use super::{Fleet, KeySpace};
use crate::client::Watcher;

/// Writes under way in the burst.
const WRITERS: usize = 8;
/// Between two writes of the steady part.
const PACE: Duration = Duration::from_millis(40);
/// A watcher that hears nothing for so long, while there is something to hear, has a gap.
const PATIENCE: Duration = Duration::from_secs(60);

/// What watchers saw.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Watched {
    /// Of the burst: all watchers' events, a second. Its quantiles are 0.
    pub burst: Figures,
    /// Of the steady part: from the write's sending to each watcher's hearing of it.
    pub steady: Figures,
}

/// Sends `burst` writes at once and `steady` ones in turn to as many watchers as the fleet has clients. A gap, a
/// repetition or a wrong value is an error.
pub async fn watchers(fleet: &Fleet, space: &KeySpace, burst: usize, steady: usize) -> Result<Watched> {
    let watches = (0..fleet.clients()).map(|client| fleet.connection(client).watch(&space.prefix, 0));
    let watches = try_join_all(watches).await.context("begin the watches")?;
    let watches: Vec<_> = watches.into_iter().map(|watcher| Arc::new(Mutex::new(watcher))).collect();
    let start = Instant::now();
    let hearing = hear_all(&watches, space, burst, start);
    let (heard, ()) = futures::try_join!(hearing, write_burst(fleet, space, burst))?;
    let burst = Figures::new(vec![0; heard.len()], start.elapsed());
    let start = Instant::now();
    let hearing = hear_all(&watches, space, steady, start);
    let (heard, sent) = futures::try_join!(hearing, write_steadily(fleet, space, steady, start))?;
    let latencies = heard.iter().map(|heard| micros(heard.at.saturating_sub(sent[heard.write]))).collect();
    Ok(Watched { burst, steady: Figures::new(latencies, start.elapsed()) })
}

/// A write, as a watcher heard of it.
struct Heard {
    write: usize,
    at: Duration,
}

async fn write_burst(fleet: &Fleet, space: &KeySpace, writes: usize) -> Result<()> {
    let writers = (0..WRITERS).map(|writer| async move {
        for write in (writer..writes).step_by(WRITERS) {
            fleet.connection(writer).put(space.key(write), space.value(write, 0)).await?;
        }
        Ok(())
    });
    try_join_all(writers).await.map(drop)
}

/// Gives when each was sent.
async fn write_steadily(fleet: &Fleet, space: &KeySpace, writes: usize, start: Instant) -> Result<Vec<Duration>> {
    let mut pace = interval(PACE);
    let mut sent = Vec::with_capacity(writes);
    for write in 0..writes {
        pace.tick().await;
        sent.push(start.elapsed());
        fleet.connection(write).put(space.key(write), space.value(write, 0)).await?;
    }
    Ok(sent)
}

async fn hear_all(
    watches: &[Arc<Mutex<Watcher>>],
    space: &KeySpace,
    writes: usize,
    start: Instant,
) -> Result<Vec<Heard>> {
    let mut clients = JoinSet::new();
    for watcher in watches {
        clients.spawn(hear(watcher.clone(), space.clone(), writes, start));
    }
    let mut all = Vec::with_capacity(watches.len() * writes);
    while let Some(heard) = clients.join_next().await {
        all.extend(heard.context("a watcher")??);
    }
    Ok(all)
}

/// Hears of each write once, in the order of revisions.
async fn hear(watcher: Arc<Mutex<Watcher>>, space: KeySpace, writes: usize, start: Instant) -> Result<Vec<Heard>> {
    let mut watcher = watcher.lock().await;
    let (mut heard, mut newest) = (Vec::with_capacity(writes), 0);
    let mut seen = vec![false; writes];
    while heard.len() < writes {
        let next = timeout(PATIENCE, watcher.next()).await.context("a watcher misses events")?;
        let Some(response) = next? else { bail!("a watch was ended") };
        ensure!(!response.canceled, "a watch was cancelled: {}", response.cancel_reason);
        for event in response.events {
            let kv = event.kv.context("an event without a key")?;
            ensure!(kv.mod_revision > newest, "revision {} comes after {newest}", kv.mod_revision);
            newest = kv.mod_revision;
            let write = slot(&kv.value).filter(|write| *write < writes).context("an event that nobody caused")?;
            space.check(write, 0, Some(&kv))?;
            ensure!(!std::mem::replace(&mut seen[write], true), "the same event came twice");
            heard.push(Heard { write, at: start.elapsed() });
        }
    }
    Ok(heard)
}

fn slot(value: &Bytes) -> Option<usize> {
    usize::try_from(u64::from_be_bytes(value.get(..8)?.try_into().ok()?)).ok()
}
