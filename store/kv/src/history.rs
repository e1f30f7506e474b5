//! What happened since a revision: the source that a watch resumes from.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use imbl::ordmap::RangedIter;
use imbl::shared_ptr::DefaultSharedPtr;

use crate::model::{Event, Revision};
use crate::past::PastError;
use crate::state::State;

/// Batches of events, one a revision, without gaps.
pub struct EventBatches<'a> {
    state: &'a State,
    changes: RangedIter<'a, Revision, Arc<[Bytes]>, DefaultSharedPtr>,
}

impl State {
    /// Everything after `revision`, oldest first; `revision` must not be compacted.
    pub fn events_after(&self, revision: Revision) -> Result<EventBatches<'_>, PastError> {
        self.check_readable(revision)?;
        let changes = self.changes.range((Bound::Excluded(revision), Bound::Unbounded));
        Ok(EventBatches { state: self, changes })
    }

    fn event(&self, key: &Bytes, revision: Revision) -> Option<Event> {
        let chain = self.chains.get(key)?;
        let current = chain.written_at(revision)?.key_value(key);
        let previous = chain.at(revision - 1).and_then(|version| version.key_value(key));
        Some(Event { key: key.clone(), current, previous, revision })
    }
}

impl Iterator for EventBatches<'_> {
    type Item = Vec<Event>;

    fn next(&mut self) -> Option<Vec<Event>> {
        let (revision, keys) = self.changes.next()?;
        Some(keys.iter().filter_map(|key| self.state.event(key, *revision)).collect())
    }
}
