//! DELETE of many objects: a list, page by page, and a delete of each.

use futures::stream::{self, StreamExt, TryStreamExt};
use xebec_api::{Reason, Status};

use super::delete::Asked;
use super::{DeleteOptions, Deleted, ListOptions, Registry, RequestContext, Scope, Stored, Target};

/// Objects listed at a time.
const PAGE: usize = 500;
/// Deletes under way at once: the store takes several into one write of its log.
const TOGETHER: usize = 8;
/// Bytes of deleted objects that are kept to be shown.
const SHOWN_BYTES: usize = 16 << 20;

/// What a delete of many did.
#[derive(Debug, Default)]
pub struct DeletedMany {
    /// How many it has deleted or marked.
    pub count: usize,
    /// These, as the deletes left them; absent when they are too many to be kept.
    pub shown: Option<Vec<Stored>>,
}

/// Counts what is deleted, and keeps it while that is not too much.
struct Tally {
    count: usize,
    shown: Option<Vec<Stored>>,
    bytes: usize,
}

impl Tally {
    fn add(&mut self, stored: &Stored) {
        self.count += 1;
        self.bytes += stored.object.bytes().len();
        if self.bytes > SHOWN_BYTES {
            self.shown = None;
        }
        if let Some(shown) = &mut self.shown {
            shown.push(stored.clone());
        }
    }
}

impl Registry {
    /// Deletes what `list` selects in `scope`. An object that is gone already is no error. What it keeps in memory does not
    /// grow with the number of objects.
    pub async fn delete_collection(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<DeletedMany, Status> {
        self.authorize_scope(cx, "deletecollection", scope, &list.fields)?;
        let mut page = ListOptions { limit: PAGE, ..list.clone() };
        let mut tally = Tally { count: 0, shown: Some(Vec::new()), bytes: 0 };
        loop {
            let listing = self.list_allowed(cx, scope, &page).await?;
            let deletes = stream::iter(listing.items).map(|stored| self.delete_listed(cx, scope, stored, options));
            let mut deletes = deletes.buffered(TOGETHER);
            while let Some(deleted) = deletes.try_next().await? {
                deleted.iter().for_each(|deleted| tally.add(deleted.stored()));
            }
            match listing.continue_token {
                Some(token) => page.continue_token = Some(token),
                None => break,
            }
        }
        let Tally { count, shown, .. } = tally;
        let Some(shown) = shown else { return Ok(DeletedMany { count, shown: None }) };
        // They are gone: what its webhook cannot convert is shown as it was stored.
        let seen = self.seen_all(scope.kind, shown.clone(), cx.deadline).await.unwrap_or(shown);
        Ok(DeletedMany { count, shown: Some(seen) })
    }

    async fn delete_listed(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        stored: Stored,
        options: &DeleteOptions,
    ) -> Result<Option<Deleted>, Status> {
        let meta = stored.object.meta();
        let target = Target::new(scope.kind, meta.namespace.as_deref(), &meta.name);
        let mut options = options.clone();
        options.preconditions.uid = Some(meta.uid.clone());
        match self.remove(cx, &target, &options, Asked::Not).await {
            Ok(deleted) => Ok(Some(deleted)),
            // Gone, or replaced by another of its name, which was not selected.
            Err(status) if matches!(status.reason, Reason::NotFound | Reason::Conflict) => Ok(None),
            Err(status) => Err(status),
        }
    }
}
