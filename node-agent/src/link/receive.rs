//! The reading half of a session: what the master says becomes work.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc;
use tonic::Streaming;
use tonic::transport::Channel;
use xebec_node_plan::link::Event;
use xebec_proto::v1::node_down::Message;
use xebec_proto::v1::{NetworkChange, NodeDown, OpenStream, PodAssigned, PodRemoved, SyncComplete};

use super::session::{Context, Ended, Teller};
use super::{NetworkUpdate, StreamDialer, Work};

/// Masters say something each second. Longer, and fail-over from a master that lost its power takes longer; shorter, and a
/// master that is short of CPU for a moment loses its nodes.
const SILENCE: Duration = Duration::from_millis(2500);

/// How far the subscription of this session is.
enum Sync {
    /// Nothing has come yet.
    None,
    /// The whole state is coming; these pods were in it so far.
    Running(BTreeSet<String>),
    /// Changes are coming.
    Done,
}

/// See the module's documentation.
pub(super) struct Receiver {
    context: Context,
    teller: Teller,
    channel: Channel,
    sync: Sync,
    masters: Vec<String>,
}

impl Receiver {
    pub(super) fn new(context: Context, teller: Teller, channel: Channel) -> Receiver {
        Receiver { context, teller, channel, sync: Sync::None, masters: Vec::new() }
    }

    /// Reads until the session ends. Handing work on may wait; meanwhile nothing more is read, and the master notices.
    pub(super) async fn run(mut self, mut inbound: Streaming<NodeDown>) -> Result<(), Ended> {
        loop {
            let received = tokio::time::timeout(SILENCE, inbound.message()).await.map_err(|_| Ended::Silent)??;
            let Some(NodeDown { message }) = received else { return Ok(()) };
            if let Some(message) = message {
                self.take(message).await?;
            }
        }
    }

    async fn take(&mut self, message: Message) -> Result<(), Ended> {
        match message {
            Message::Welcome(_) => Ok(()),
            Message::MastersChanged(changed) => {
                self.set_masters(changed.masters).await;
                Ok(())
            }
            Message::OpenStream(open) => self.open_stream(open).await,
            Message::PodAssigned(assigned) => self.pod_assigned(assigned).await,
            Message::PodRemoved(removed) => self.pod_removed(removed).await,
            Message::ReferenceChanged(changed) => {
                let (revision, reference) = (changed.revision, changed.reference.unwrap_or_default());
                self.seen(revision);
                self.work(Work::Reference { revision, reference }).await
            }
            Message::NetworkChange(change) => self.network_change(change).await,
            Message::SyncComplete(complete) => self.sync_complete(complete).await,
        }
    }

    async fn set_masters(&mut self, masters: Vec<String>) {
        if self.masters != masters {
            self.masters.clone_from(&masters);
            self.teller.tell(Event::Masters(masters)).await;
        }
    }

    async fn open_stream(&self, open: OpenStream) -> Result<(), Ended> {
        let dialer = StreamDialer::new(self.channel.clone(), open.stream_id.clone());
        self.work(Work::OpenStream(open, dialer)).await
    }

    async fn pod_assigned(&mut self, assigned: PodAssigned) -> Result<(), Ended> {
        self.begin_sync().await?;
        self.seen(assigned.revision);
        let pod: Pod = match serde_json::from_slice(&assigned.pod_json) {
            Ok(pod) => pod,
            Err(error) => {
                tracing::error!(%error, "a pod that cannot be read is left as it is");
                self.mention(uid_of(&assigned.pod_json));
                return Ok(());
            }
        };
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        self.context.uplink.assigned(&uid, pod.status.as_ref());
        self.mention(Some(uid));
        let (revision, references) = (assigned.revision, assigned.references);
        self.work(Work::Pod { revision, pod: Box::new(pod), references }).await
    }

    async fn pod_removed(&mut self, removed: PodRemoved) -> Result<(), Ended> {
        self.begin_sync().await?;
        self.seen(removed.revision);
        self.context.uplink.removed(&removed.uid);
        if let Sync::Running(pods) = &mut self.sync {
            pods.remove(&removed.uid);
        }
        self.work(Work::PodRemoved(removed)).await
    }

    async fn network_change(&mut self, change: NetworkChange) -> Result<(), Ended> {
        self.begin_sync().await?;
        self.network(NetworkUpdate::Change(Box::new(change))).await
    }

    async fn sync_complete(&mut self, complete: SyncComplete) -> Result<(), Ended> {
        self.begin_sync().await?;
        let Sync::Running(pods) = std::mem::replace(&mut self.sync, Sync::Done) else { return Ok(()) };
        self.seen(complete.revision);
        self.context.uplink.synced(pods.clone());
        self.work(Work::Synced { revision: complete.revision, pods }).await?;
        self.teller.tell(Event::Synced(self.teller.master.clone())).await;
        Ok(())
    }

    /// The first message about the cluster's state begins the whole of it.
    async fn begin_sync(&mut self) -> Result<(), Ended> {
        if matches!(self.sync, Sync::None) {
            self.sync = Sync::Running(BTreeSet::new());
            self.network(NetworkUpdate::Resync).await?;
        }
        Ok(())
    }

    fn mention(&mut self, uid: Option<String>) {
        if let Sync::Running(pods) = &mut self.sync {
            pods.extend(uid);
        }
    }

    fn seen(&self, revision: u64) {
        self.context.last_revision.fetch_max(revision, Ordering::Relaxed);
    }

    async fn work(&self, work: Work) -> Result<(), Ended> {
        hand_on(&self.context.work, work).await
    }

    async fn network(&self, update: NetworkUpdate) -> Result<(), Ended> {
        hand_on(&self.context.network, update).await
    }
}

async fn hand_on<T>(channel: &mpsc::Sender<T>, item: T) -> Result<(), Ended> {
    channel.send(item).await.map_err(|_| Ended::Ending)
}

/// The uid alone, of a pod that is otherwise unreadable.
fn uid_of(json: &[u8]) -> Option<String> {
    let pod: serde_json::Value = serde_json::from_slice(json).ok()?;
    pod.pointer("/metadata/uid")?.as_str().map(str::to_owned)
}
