//! DELETE of many objects: a list, page by page, and a delete of each.

use xebec_api::{Reason, Status};

use super::{DeleteOptions, Deleted, ListOptions, Registry, RequestContext, Scope, Stored, Target};

/// Objects listed at a time.
const PAGE: usize = 500;

impl Registry {
    /// Deletes what `list` selects in `scope`; returns what it has deleted or marked. An object that is gone already is
    /// no error.
    pub async fn delete_collection(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deleted>, Status> {
        self.authorize_scope(cx, "deletecollection", scope)?;
        let mut page = ListOptions { limit: PAGE, ..list.clone() };
        let mut deleted = Vec::new();
        loop {
            let listing = self.list_allowed(cx, scope, &page).await?;
            for stored in &listing.items {
                deleted.extend(self.delete_listed(cx, scope, stored, options).await?);
            }
            match listing.continue_token {
                Some(token) => page.continue_token = Some(token),
                None => return Ok(deleted),
            }
        }
    }

    async fn delete_listed(
        &self,
        cx: &RequestContext,
        scope: &Scope,
        stored: &Stored,
        options: &DeleteOptions,
    ) -> Result<Option<Deleted>, Status> {
        let meta = stored.object.meta();
        let target = Target::new(scope.kind, meta.namespace.as_deref(), &meta.name);
        let mut options = options.clone();
        options.preconditions.uid = Some(meta.uid.clone());
        match self.remove(cx, &target, &options).await {
            Ok(deleted) => Ok(Some(deleted.seen_as(scope.kind))),
            // Gone, or replaced by another of its name, which was not selected.
            Err(status) if matches!(status.reason, Reason::NotFound | Reason::Conflict) => Ok(None),
            Err(status) => Err(status),
        }
    }
}
