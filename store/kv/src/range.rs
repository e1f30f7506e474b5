//! Walking keys in order, now or in the past.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use imbl::ordmap::RangedIter;
use imbl::shared_ptr::DefaultSharedPtr;

use crate::chain::Chain;
use crate::keys::KeyRange;
use crate::model::{KeyValue, Revision};
use crate::state::State;

/// The keys of a range, in order, as they stood at one revision.
pub struct Range<'a> {
    chains: RangedIter<'a, Bytes, Arc<Chain>, DefaultSharedPtr>,
    range: KeyRange,
    revision: Revision,
}

impl<'a> Range<'a> {
    pub(crate) fn new(state: &'a State, range: KeyRange, revision: Revision) -> Range<'a> {
        let start: &[u8] = range.start();
        let chains = state.chains.range::<_, [u8]>((Bound::Included(start), Bound::Unbounded));
        Range { chains, range, revision }
    }
}

impl Iterator for Range<'_> {
    type Item = KeyValue;

    fn next(&mut self) -> Option<KeyValue> {
        loop {
            let (key, chain) = self.chains.next()?;
            if !self.range.is_before_end(key) {
                return None;
            }
            if let Some(found) = chain.at(self.revision).and_then(|version| version.key_value(key)) {
                return Some(found);
            }
        }
    }
}
