//! The write-ahead log as openraft's log storage.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};

use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{OptionalSend, RaftLogReader};

use super::codec;
use super::types::{Entry, LogId, TypeConfig, Vote};
use crate::wal::{LogEntry, Wal};

/// What one read may return; replication and apply ask again for the rest.
const READ_BYTES: usize = 1 << 20;

/// openraft's handle to the log.
#[derive(Clone)]
pub(crate) struct RaftLog(Wal);

impl RaftLog {
    pub(crate) fn new(wal: Wal) -> RaftLog {
        RaftLog(wal)
    }

    fn read(&self, start: u64, end: u64, max_bytes: usize) -> io::Result<Vec<Entry>> {
        self.0.read(start, end, max_bytes)?.iter().map(codec::decode_entry).collect()
    }
}

impl RaftLogReader<TypeConfig> for RaftLog {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        self.read(start, end, usize::MAX)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.0.vote().map(codec::vote))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, READ_BYTES)
    }
}

impl RaftLogStorage<TypeConfig> for RaftLog {
    type LogReader = RaftLog;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let extent = self.0.extent();
        Ok(LogState {
            last_purged_log_id: extent.purged.map(codec::log_id),
            last_log_id: extent.last.map(codec::log_id),
        })
    }

    async fn get_log_reader(&mut self) -> RaftLog {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        self.0.save_vote(codec::saved_vote(vote)).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        match committed {
            Some(id) => self.0.save_committed(codec::entry_id(&id)).await,
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        // Not synced by itself, so it may name an entry that a power cut took.
        let (committed, last) = (self.0.committed(), self.0.extent().last);
        Ok(committed.min(last).map(codec::log_id))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<LogEntry> =
            entries.into_iter().map(|entry| codec::encode_entry(&entry)).collect::<Result<_, _>>()?;
        self.0.append(entries, || callback.io_completed(Ok(()))).await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        self.0.truncate(last.map_or(0, |last| last.index + 1)).await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        self.0.purge(codec::entry_id(&upto)).await
    }
}
