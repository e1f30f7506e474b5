//! One page of a list, object by object, so that a walk of any length gives way to others.

use std::sync::Arc;

use bytes::Bytes;

use super::continue_token::ContinueToken;
use super::{ListOptions, Listing, Scope, Stored, keys};
use crate::cache::Entry;

/// Objects that a page with a limit looks at. One that found too few by then is short and says where to go on, so that no
/// selector makes a request walk over everything there is.
pub(super) const LOOKS: usize = 5_000;
/// Objects looked at between two turns for others, where labels and names decide.
const STRIDE: usize = 512;
/// The same where an object may have to be read whole.
const SLOW_STRIDE: usize = 32;

/// A page in the making.
pub(super) struct Page<'a> {
    scope: &'a Scope,
    options: &'a ListOptions,
    items: Vec<Stored>,
    looked: usize,
    stride: usize,
    last: Bytes,
    more: bool,
}

impl<'a> Page<'a> {
    /// `reads_whole`: whether looking at an object may mean to parse it.
    pub(super) fn new(scope: &'a Scope, options: &'a ListOptions, reads_whole: bool) -> Page<'a> {
        let stride = if reads_whole || !options.fields.is_empty() { SLOW_STRIDE } else { STRIDE };
        Page { scope, options, items: Vec::new(), looked: 0, stride, last: Bytes::new(), more: false }
    }

    /// Looks at an object; false once the page is complete.
    pub(super) fn take(&mut self, key: Bytes, entry: &Arc<Entry>) -> bool {
        let limit = self.options.limit;
        let chosen = entry.matches(self.scope.kind, &self.options.labels, &self.options.fields);
        let is_full = limit > 0 && ((chosen && self.items.len() == limit) || self.looked >= LOOKS.max(limit));
        if is_full {
            self.more = true;
            return false;
        }
        if chosen {
            self.items.push(entry.stored().clone().seen_as(self.scope.kind));
        }
        self.looked += 1;
        self.last = key;
        true
    }

    /// Whether it is time to let others work.
    pub(super) fn gives_way(&self) -> bool {
        self.looked.is_multiple_of(self.stride)
    }

    /// The page, with where it goes on. `left`: how many objects there were from its beginning, if that is known.
    pub(super) fn finish(self, revision: u64, left: Option<u64>) -> Listing {
        let selects = !self.options.labels.is_everything() || !self.options.fields.is_empty();
        let left = left.filter(|_| self.more && !selects);
        let remaining = left.map(|left| left.saturating_sub(self.items.len() as u64));
        let token = || ContinueToken::new(revision, suffix(self.scope, &self.last), remaining).encode();
        Listing { continue_token: self.more.then(token), revision, items: self.items, remaining }
    }
}

/// A key without its kind's prefix.
fn suffix(scope: &Scope, key: &Bytes) -> String {
    let prefix = keys::prefix(scope.kind, None);
    String::from_utf8_lossy(&key[prefix.len().min(key.len())..]).into_owned()
}
