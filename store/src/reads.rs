//! Linearizable reads share rounds.
//!
//! A read needs the leader's commit index and the proof that it still leads, which costs a round of heartbeats. Whoever
//! asks while a round is under way waits for the next one, which then serves all who have gathered: a round that begins
//! after a read was asked for proves what that read needs. So reads cost the cluster no more than one round at a time
//! from each member, however many there are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::core::Core;
use crate::error::StoreError;

/// Reads that may wait for a round; more wait to be let in, each until its deadline.
const QUEUE: usize = 8192;
/// A round that takes longer has failed; those who waited ask again.
const ROUND: Duration = Duration::from_millis(1500);

/// Why a round gave no index.
#[derive(Clone, Debug)]
pub(crate) enum Missed {
    /// Nobody is known to lead, the member that was asked does not, or no majority answers it.
    Round,
    /// This member stops.
    Stopped,
}

/// Where reads wait.
pub(crate) struct ReadQueue(mpsc::Sender<Waiter>);

type Waiter = oneshot::Sender<Result<u64, Missed>>;

impl ReadQueue {
    /// And what [`serve`] takes from it.
    pub(crate) fn new() -> (ReadQueue, mpsc::Receiver<Waiter>) {
        let (queue, asked) = mpsc::channel(QUEUE);
        (ReadQueue(queue), asked)
    }

    /// The index that a read begun now must wait for, from one round; `None`: the deadline has come.
    pub(crate) async fn index(&self, deadline: Instant) -> Option<Result<u64, Missed>> {
        let (waiter, answer) = oneshot::channel();
        let asking = async {
            self.0.send(waiter).await.map_err(|_| Missed::Stopped)?;
            answer.await.map_err(|_| Missed::Stopped)?
        };
        timeout_at(deadline, asking).await.ok()
    }
}

/// Does the rounds, one after another.
pub(crate) async fn serve(core: Arc<Core>, mut asked: mpsc::Receiver<Waiter>) {
    let mut waiting = Vec::new();
    while asked.recv_many(&mut waiting, QUEUE).await > 0 {
        let outcome = round(&core).await;
        // Those whose deadline has come are gone.
        waiting.drain(..).for_each(|waiter| drop(waiter.send(outcome.clone())));
    }
}

async fn round(core: &Core) -> Result<u64, Missed> {
    match core.read_index(Instant::now() + ROUND).await {
        Ok(index) => Ok(index),
        Err(StoreError::Stopped { .. }) => Err(Missed::Stopped),
        Err(_) => Err(Missed::Round),
    }
}
