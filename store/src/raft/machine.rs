//! The state machine as openraft drives it: applies committed entries, publishes the state, tells the observer.
//!
//! Entries come in as a stream. Whatever of it is ready is applied as one batch: the state is published once, the
//! observer hears of each transaction, and only then do the proposers get their answers. So a proposer finds its own
//! write in [`Board::image`] and in everything the observer keeps.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::watch;
use tokio::time::Instant;
use xebec_kv::{Body, Command, Event, Op, Outcome, RangeRead, Rejection, State, Txn, wire};

use super::types::{Entry, LogId, Proposal, Reply, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};
use crate::disk::disk_is_full;
use crate::instruments::Instruments;
use crate::observer::ApplyObserver;
use crate::snapshot::{SnapshotDir, SnapshotFile};

/// Entries applied and published together, at most.
const BATCH: usize = 512;
/// Between two attempts to write a snapshot for which there is no space.
const SPACE_RETRY: Duration = Duration::from_secs(2);

/// A state and its place in the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) state: Arc<State>,
    pub(crate) applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
}

impl Image {
    pub(crate) fn applied_index(&self) -> u64 {
        self.applied.map_or(0, |applied| applied.index)
    }

    pub(crate) fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() }
    }
}

/// Where the newest state hangs for everybody to read.
pub(crate) struct Board {
    image: ArcSwap<Image>,
    /// The applied index, for those who wait for it.
    applied: watch::Sender<u64>,
    observer: Arc<dyn ApplyObserver>,
}

impl Board {
    pub(crate) fn new(image: Image, observer: Arc<dyn ApplyObserver>) -> Board {
        observer.restored(&image.state);
        let applied = watch::Sender::new(image.applied_index());
        Board { image: ArcSwap::from_pointee(image), applied, observer }
    }

    pub(crate) fn image(&self) -> Arc<Image> {
        self.image.load_full()
    }

    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    fn publish(&self, image: Image) {
        self.image.store(Arc::new(image));
    }

    fn announce(&self) {
        self.applied.send_replace(self.image.load().applied_index());
    }
}

/// What openraft applies to.
pub(crate) struct Machine {
    board: Arc<Board>,
    snapshots: Arc<SnapshotDir>,
    instruments: Instruments,
}

impl Machine {
    pub(crate) fn new(board: Arc<Board>, snapshots: Arc<SnapshotDir>, instruments: Instruments) -> Machine {
        Machine { board, snapshots, instruments }
    }

    fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) {
        let (start, count) = (Instant::now(), batch.len());
        let mut image = Image::clone(&self.board.image());
        let mut happened = Vec::new();
        let mut answers = Vec::new();
        for (entry, responder) in batch {
            let outcome = apply_entry(&mut image, entry, &mut happened, &self.instruments);
            answers.extend(responder.map(|responder| (responder, outcome)));
        }
        let state = image.state.clone();
        self.board.publish(image);
        happened.iter().for_each(|events| self.board.observer.applied(&state, events));
        self.board.announce();
        self.instruments.applied_batch(start, || format!("{count} entries, up to revision {}", state.revision()));
        answers.into_iter().for_each(|(responder, outcome): (ApplyResponder<TypeConfig>, Outcome)| {
            responder.send(Reply(outcome));
        });
    }
}

/// Applies entries to a state that nobody serves yet.
pub(crate) fn replay(image: &mut Image, entries: impl IntoIterator<Item = Entry>, instruments: &Instruments) {
    for entry in entries {
        apply_entry(image, entry, &mut Vec::new(), instruments);
    }
}

fn apply_entry(image: &mut Image, entry: Entry, happened: &mut Vec<Vec<Event>>, instruments: &Instruments) -> Outcome {
    image.applied = Some(entry.log_id);
    match entry.payload {
        EntryPayload::Blank => Outcome::Done { revision: image.state.revision() },
        EntryPayload::Membership(membership) => {
            image.membership = StoredMembership::new(Some(entry.log_id), membership);
            Outcome::Done { revision: image.state.revision() }
        }
        EntryPayload::Normal(proposal) => apply_proposal(image, &proposal, happened, instruments),
    }
}

fn apply_proposal(
    image: &mut Image,
    proposal: &Proposal,
    happened: &mut Vec<Vec<Event>>,
    instruments: &Instruments,
) -> Outcome {
    let start = Instant::now();
    let Ok((request_id, body)) = wire::decode_body(&proposal.command) else {
        return Outcome::Rejected(Rejection::Malformed);
    };
    let command = Command { request_id, time_ms: proposal.time_ms, body };
    let applied = Arc::make_mut(&mut image.state).apply(&command);
    instruments.applied(start.elapsed(), || describe(&command.body));
    if !applied.events.is_empty() {
        happened.push(applied.events);
    }
    applied.outcome
}

/// A command in the words of the log of slow operations: its kind, and its first key.
fn describe(body: &Body) -> String {
    match body {
        Body::Txn(txn) => {
            let operations = txn.success.len() + txn.failure.len();
            let key = first_key(txn).unwrap_or_default();
            format!("transaction of {operations} operations, the first on {}", key.escape_ascii())
        }
        Body::Compact { revision } => format!("compaction to revision {revision}"),
        Body::LeaseGrant { id, .. } | Body::LeaseRenew { id } | Body::LeaseRevoke { id } => format!("lease {id}"),
        Body::HashCheck { id } => format!("hash check {id:x}"),
    }
}

fn first_key(txn: &Txn) -> Option<&[u8]> {
    match txn.ops().next()? {
        Op::Put { key, .. } | Op::Delete { key } | Op::Get { key } => Some(key),
        Op::DeleteRange { range } | Op::Range(RangeRead { range, .. }) => Some(range.start()),
        Op::Txn(nested) => first_key(nested),
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let image = self.board.image();
        Ok((image.applied, image.membership.clone()))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut batches = entries.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            self.apply_batch(batch.into_iter().collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { image: self.board.image(), snapshots: self.snapshots.clone(), instruments: self.instruments.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> Result<(), io::Error> {
        let meta = meta.clone();
        let image = self.snapshots.work(move |snapshots| snapshots.install(&meta, &snapshot)).await?;
        let state = image.state.clone();
        self.board.publish(image);
        self.board.observer.restored(&state);
        self.board.announce();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self.snapshots.newest())
    }
}

/// Writes a snapshot of the state as it was when the builder was made; applying goes on meanwhile.
pub(crate) struct Builder {
    image: Arc<Image>,
    snapshots: Arc<SnapshotDir>,
    instruments: Instruments,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = SnapshotFile;

    /// Waits for space as long as there is none: an error would end the consensus engine.
    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        loop {
            let (image, start) = (self.image.clone(), Instant::now());
            match self.snapshots.work(move |snapshots| snapshots.save(&image)).await {
                Err(error) if disk_is_full(&error) => {
                    tracing::warn!(%error, "no space for a snapshot: it waits");
                    tokio::time::sleep(SPACE_RETRY).await;
                }
                saved => {
                    self.instruments.snapshotted(start.elapsed());
                    return saved;
                }
            }
        }
    }
}
