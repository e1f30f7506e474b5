//! What happened since a revision: the source that a watch resumes from.

use std::ops::Bound;

use bytes::Bytes;

use crate::keys::KeyRange;
use crate::model::{Event, Revision};
use crate::past::PastError;
use crate::state::State;

impl State {
    /// Everything after `revision`, oldest first, a batch for each revision, without gaps; `revision` must not be compacted.
    pub fn events_after(&self, revision: Revision) -> Result<impl Iterator<Item = Vec<Event>>, PastError> {
        Ok(self.changes_after(revision, KeyRange::all())?.map(|(_, events)| events))
    }

    /// Each revision after `revision`, oldest first, with what it changed in a range, which may be nothing.
    pub fn changes_after(
        &self,
        revision: Revision,
        range: KeyRange,
    ) -> Result<impl Iterator<Item = (Revision, Vec<Event>)>, PastError> {
        self.check_readable(revision)?;
        let changes = self.changes.range((Bound::Excluded(revision), Bound::Unbounded));
        Ok(changes.map(move |(revision, keys)| {
            let keys = keys.iter().filter(|key| range.contains(key));
            (*revision, keys.filter_map(|key| self.event(key, *revision)).collect())
        }))
    }

    fn event(&self, key: &Bytes, revision: Revision) -> Option<Event> {
        let chain = self.chains.get(key)?;
        let current = chain.written_at(revision)?.key_value(key);
        let previous = chain.at(revision - 1).and_then(|version| version.key_value(key));
        Some(Event { key: key.clone(), current, previous, revision })
    }
}
