//! States out of the cluster and back: exporting, looking into a file, and making a directory for a new beginning.
//!
//! Two disasters end here. A cluster is *restored* from an exported file, or *recovered* from the directory of one
//! survivor that lost its majority. Both make a new directory in which one member, with an id that nobody had, is the
//! whole of a new cluster: the old members, which may come back and hold a majority of the old cluster, cannot mix with
//! it, because each peer message names its cluster. Both advance the revision, so that nobody who saw what was lost is
//! ever told of an earlier revision as if it were the newest.

mod export;
mod rebuild;
mod summary;

pub(crate) use export::export;
pub use rebuild::{Rebuild, recover, restore};
pub use summary::{Summary, Usage, inspect};
