//! Walking keys in order, now or in the past.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use imbl::ordmap::RangedIter;
use imbl::shared_ptr::DefaultSharedPtr;

use crate::chain::Chain;
use crate::model::{KeyValue, Revision};
use crate::state::State;

/// The keys of a prefix, in order, as they stood at one revision.
pub struct Range<'a> {
    chains: RangedIter<'a, Bytes, Arc<Chain>, DefaultSharedPtr>,
    prefix: Bytes,
    revision: Revision,
}

impl<'a> Range<'a> {
    pub(crate) fn new(state: &'a State, prefix: &[u8], start_after: Option<&[u8]>, revision: Revision) -> Range<'a> {
        let start = match start_after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let chains = state.chains.range::<_, [u8]>((start, Bound::Unbounded));
        Range { chains, prefix: Bytes::copy_from_slice(prefix), revision }
    }
}

impl Iterator for Range<'_> {
    type Item = KeyValue;

    fn next(&mut self) -> Option<KeyValue> {
        loop {
            let (key, chain) = self.chains.next()?;
            if !key.starts_with(&self.prefix) {
                return None;
            }
            if let Some(found) = chain.at(self.revision).and_then(|version| version.key_value(key)) {
                return Some(found);
            }
        }
    }
}
