//! What distinguishes two states, found without looking at what they share.
//!
//! A checkpoint writes only this. Both states stem from one history, so their maps share every node that no change
//! has touched.

use std::sync::Arc;

use bytes::Bytes;
use imbl::ordmap::DiffItem;

use crate::chain::Chain;
use crate::model::Revision;
use crate::restore::VersionRecord;
use crate::state::State;

/// A step from an older state to a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The newer state has this version.
    Added(VersionRecord),
    /// The newer state has forgotten this version.
    Removed {
        /// Its key.
        key: Bytes,
        /// The revision that had written it.
        mod_revision: Revision,
    },
}

impl State {
    /// The steps that lead from `older` to this state.
    pub fn changes_since<'a>(&'a self, older: &'a State) -> impl Iterator<Item = Change> + 'a {
        older.chains.diff(&self.chains).flat_map(|item| match item {
            DiffItem::Add(key, chain) => between(key, None, Some(chain)),
            DiffItem::Update { old: (key, old), new: (_, new) } => between(key, Some(old), Some(new)),
            DiffItem::Remove(key, chain) => between(key, Some(chain), None),
        })
    }
}

/// Versions are only ever added at the new end and removed at the old one.
fn between(key: &Bytes, old: Option<&Arc<Chain>>, new: Option<&Arc<Chain>>) -> Vec<Change> {
    let newest_old = old.map_or(0, |chain| chain.latest().mod_revision);
    let oldest_new = new.map_or(Revision::MAX, |chain| chain.oldest().mod_revision);
    let removed = old.into_iter().flat_map(|chain| chain.up_to(oldest_new - 1));
    let removed = removed.map(|version| Change::Removed { key: key.clone(), mod_revision: version.mod_revision });
    let added = new.into_iter().flat_map(|chain| chain.after(newest_old));
    removed.chain(added.map(|version| Change::Added(VersionRecord::new(key, version)))).collect()
}
