//! The state machine as openraft drives it: applies committed entries, publishes the state, tells the observer.
//!
//! Entries come in as a stream. Whatever of it is ready is applied as one batch: the state is published once, the
//! observer hears of each transaction, and only then do the proposers get their answers. So a proposer finds its own
//! write in [`Board::image`] and in everything the observer keeps.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tokio::time::Instant;
use xebec_kv::{Body, Command, Op, Outcome, RangeRead, Rejection, Txn, wire};

use super::types::{Entry, LogId, Proposal, Reply, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};
use super::{Board, Happened, Image};
use crate::disk::disk_is_full;
use crate::instruments::Instruments;
use crate::snapshot::{SnapshotDir, SnapshotFile};
use crate::wal::Wal;
use crate::watch::Batch;

/// Entries applied and published together, at most.
const BATCH: usize = 512;
/// Between two attempts to write a snapshot for which there is no space.
const SPACE_RETRY: Duration = Duration::from_secs(2);

/// What openraft applies to.
pub(crate) struct Machine {
    board: Arc<Board>,
    snapshots: Arc<SnapshotDir>,
    wal: Wal,
    instruments: Instruments,
}

impl Machine {
    pub(crate) fn new(board: Arc<Board>, snapshots: Arc<SnapshotDir>, wal: Wal, instruments: Instruments) -> Machine {
        Machine { board, snapshots, wal, instruments }
    }

    fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) {
        let (start, count) = (Instant::now(), batch.len());
        let mut image = Image::clone(&self.board.image());
        let mut happened = Happened::default();
        let mut answers = Vec::new();
        for (entry, responder) in batch {
            let outcome = apply_entry(&mut image, entry, &mut happened, &self.instruments);
            answers.extend(responder.map(|responder| (responder, outcome)));
        }
        let revision = image.state.revision();
        self.board.publish(image, happened);
        self.instruments.applied_batch(start, || format!("{count} entries, up to revision {revision}"));
        answers.into_iter().for_each(|(responder, outcome): (ApplyResponder<TypeConfig>, Outcome)| {
            responder.send(Reply(outcome));
        });
    }
}

/// Applies entries to a state that nobody serves yet.
pub(crate) fn replay(image: &mut Image, entries: impl IntoIterator<Item = Entry>, instruments: &Instruments) {
    for entry in entries {
        apply_entry(image, entry, &mut Happened::default(), instruments);
    }
}

fn apply_entry(image: &mut Image, entry: Entry, happened: &mut Happened, instruments: &Instruments) -> Outcome {
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
    happened: &mut Happened,
    instruments: &Instruments,
) -> Outcome {
    let start = Instant::now();
    let Ok((request_id, body)) = wire::decode_body(&proposal.command()) else {
        return Outcome::Rejected(Rejection::Malformed);
    };
    let command = Command { request_id, time_ms: proposal.time_ms(), body };
    let state = Arc::make_mut(&mut image.state);
    let versions = state.versions();
    let applied = state.apply(&command);
    instruments.applied(start.elapsed(), || describe(&command.body));
    if !matches!(applied.outcome, Outcome::Rejected(_)) {
        instruments.changed(&command.body, &applied.events);
    }
    instruments.compacted(versions.saturating_sub(state.versions()));
    happened.batches.extend(Batch::of(applied.events));
    if let Outcome::Hash(mark) = applied.outcome {
        happened.marks.push(mark);
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
        Builder {
            image: self.board.image(),
            snapshots: self.snapshots.clone(),
            wal: self.wal.clone(),
            instruments: self.instruments.clone(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> Result<(), io::Error> {
        let meta = meta.clone();
        let image = self.snapshots.work(move |snapshots| snapshots.install(&meta, &snapshot)).await?;
        self.board.replace(image);
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
    wal: Wal,
    instruments: Instruments,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = SnapshotFile;

    /// Waits for space as long as there is none: an error would end the consensus engine.
    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        self.wal.settle().await?;
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
