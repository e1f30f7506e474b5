//! The writing half of a session: heartbeats to every master, reports to the subscribed one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use xebec_proto::v1::node_up::Message;
use xebec_proto::v1::{NetworkApplied, NodeUp, Subscribe};

use super::outbox::Cursor;
use super::session::{Context, Ended};

const HEARTBEAT: Duration = Duration::from_secs(1);
/// A connection that takes nothing for so long is dead.
const STUCK: Duration = Duration::from_secs(5);

pub(super) async fn send(outbound: &mpsc::Sender<NodeUp>, message: Message) -> Result<(), Ended> {
    outbound.send_timeout(NodeUp { message: Some(message) }, STUCK).await.map_err(|_| Ended::Stuck)
}

/// Writes until the connection fails.
pub(super) async fn run(
    context: &Context,
    outbound: mpsc::Sender<NodeUp>,
    subscribed: watch::Receiver<bool>,
) -> Result<(), Ended> {
    let (cursor, beats) = (Cursor::default(), 0);
    Transmitter { context, outbound, cursor, beats }.run(subscribed).await
}

struct Transmitter<'a> {
    context: &'a Context,
    outbound: mpsc::Sender<NodeUp>,
    cursor: Cursor,
    beats: u64,
}

impl Transmitter<'_> {
    async fn run(mut self, mut subscribed: watch::Receiver<bool>) -> Result<(), Ended> {
        let mut changed = self.context.uplink.watch();
        let mut tick = tokio::time::interval(HEARTBEAT);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reporting = false;
        loop {
            tokio::select! {
                _ = tick.tick() => self.heartbeat().await?,
                moved = changed.changed() => moved.map_err(|_| Ended::Ending)?,
                moved = subscribed.changed(), if !reporting => {
                    moved.map_err(|_| Ended::Ending)?;
                    reporting = *subscribed.borrow_and_update();
                    if reporting {
                        self.subscribe().await?;
                    }
                }
            }
            self.report(reporting).await?;
        }
    }

    async fn heartbeat(&mut self) -> Result<(), Ended> {
        self.beats += 1;
        let heartbeat = self.context.uplink.lock().heartbeat(&mut self.cursor, self.beats);
        send(&self.outbound, Message::Heartbeat(heartbeat)).await
    }

    async fn subscribe(&mut self) -> Result<(), Ended> {
        let last_revision = self.context.last_revision.load(Ordering::Relaxed);
        send(&self.outbound, Message::Subscribe(Subscribe { last_revision })).await
    }

    /// Sends what is due: to every master what all must know, work to the subscribed one only.
    async fn report(&mut self, reporting: bool) -> Result<(), Ended> {
        let conditions_due = self.context.uplink.lock().conditions_due(&self.cursor);
        if conditions_due {
            self.heartbeat().await?;
        }
        let applied = self.context.uplink.lock().take_network(&mut self.cursor);
        if let Some(generation) = applied {
            send(&self.outbound, Message::NetworkApplied(NetworkApplied { generation })).await?;
        }
        if !reporting {
            return Ok(());
        }
        let due = self.context.uplink.lock().take_work(&mut self.cursor);
        for message in due {
            send(&self.outbound, message).await?;
        }
        Ok(())
    }
}
